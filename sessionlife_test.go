package zhenni_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

func dayOf(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t.Add(9 * time.Hour)
}

// recurring is a proof of life due on a day, and again after so many months, begun a fortnight before and ten days of grace behind.
func recurring(t interface{ Fatal(...any) }, due string, every uint8) zhenni.Session {
	s := sessionOf(zhenni.SessionLife, holderA)
	s.Due, s.Every = dayOf(due), every
	s.Deadline = s.Due.Add(10 * 24 * time.Hour)
	s, err := zhenni.NewSession(s, s.Due.Add(-14*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// proved is s as it is confirmed at a time.
func proved(t interface{ Fatal(...any) }, s zhenni.Session, at time.Time) zhenni.Session {
	for _, e := range []zhenni.SessionEvent{
		{Kind: zhenni.EventOpened, Credential: holderA, Phone: [32]byte{1}},
		{Kind: zhenni.EventAnswered, Outcome: zhenni.Match, Transaction: s.Transaction(0)},
	} {
		next, err := s.Next(e, at)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return s
}

// A proof of life is due on the same day of each month, and on the last of one that is too short, which shortens none after it.
func TestProofsOfLifeKeepTheirDay(t *testing.T) {
	for _, c := range []struct {
		due   string
		every uint8
		want  []string
	}{
		{"2026-01-31", 1, []string{"2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"}},
		{"2027-12-31", 2, []string{"2028-02-29", "2028-04-30"}},
		{"2028-02-29", 12, []string{"2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"}},
		{"2026-11-30", 3, []string{"2027-02-28", "2027-05-30"}},
		{"2026-06-15", 24, []string{"2028-06-15"}},
	} {
		s := recurring(t, c.due, c.every)
		for _, want := range c.want {
			s = proved(t, s, s.Due.Add(-time.Hour))
			next, more := s.Successor(s.ChangedAt)
			if !more || !next.Due.Equal(dayOf(want)) || next.Deadline.Sub(next.Due) != s.Deadline.Sub(s.Due) {
				t.Fatalf("after %s: %v %s until %s, want %s", s.Due, more, next.Due, next.Deadline, want)
			}
			s = next
		}
	}
}

// The session that follows is of the one before alone, whenever it is asked for, and another one; what is not over, not confirmed
// or not to recur has none.
//
// FAULTS: C8
func TestSuccessorIsOfItsSessionAlone(t *testing.T) {
	s := recurring(t, "2026-01-31", 1)
	done := proved(t, s, s.Due)
	first, _ := done.Successor(done.ChangedAt)
	later, more := done.Successor(done.ChangedAt.Add(time.Hour))
	id, seat, _ := done.Following()
	if !more || first.ID != later.ID || first.Secret != later.Secret || first.ID != id || !first.IsInvited(0, seat) || first.ID == s.ID || first.Secret == s.Secret {
		t.Errorf("%+v, %+v", first, later)
	}
	if seated := first.Seats[0]; seated.State != zhenni.SeatWaiting || seated.Credential != holderA || first.Version != 1 || first.Reminded != 0 {
		t.Errorf("%+v", first)
	}
	once := proved(t, begun(t, zhenni.SessionLife), sessionNow)
	cancelled, _ := s.Next(zhenni.SessionEvent{Kind: zhenni.EventCancelled}, s.CreatedAt)
	missed := s.Passed(s.Deadline)
	for name, none := range map[string]zhenni.Session{"live": s, "once": once, "cancelled": cancelled, "missed": missed} {
		if _, more := none.Successor(s.Due); more {
			t.Errorf("%s: there is one", name)
		}
	}
}

// Nobody proves today that they will be alive next year: one that recurs is taken from a month before it is due.
//
// FAULTS: C11
func TestProofsOfLifeOpenInTime(t *testing.T) {
	s := recurring(t, "2026-03-31", 12)
	s, _ = proved(t, s, s.Due).Successor(s.Due)
	open := zhenni.SessionEvent{Kind: zhenni.EventOpened, Credential: holderA, Phone: [32]byte{1}}
	if _, err := s.Next(open, dayOf("2027-02-28").Add(-time.Second)); !errors.Is(err, zhenni.ErrSessionStep) {
		t.Errorf("too early: %v", err)
	}
	if _, err := s.Next(open, dayOf("2027-02-28")); err != nil {
		t.Error(err)
	}
}

// What recurs otherwise than a proof of life, too rarely, or with more grace than a period is none.
func TestRecurrencesThatAreNone(t *testing.T) {
	for name, change := range map[string]func(*zhenni.Session){
		"a counter":    func(s *zhenni.Session) { *s = sessionOf(zhenni.SessionCounter); s.Every = 1 },
		"25 months":    func(s *zhenni.Session) { s.Every = 25 },
		"long grace":   func(s *zhenni.Session) { s.Deadline = s.Due.Add(32 * 24 * time.Hour) },
		"longer grace": func(s *zhenni.Session) { s.Every = 12; s.Deadline = s.Due.Add(93 * 24 * time.Hour) },
		"a keyed life": func(s *zhenni.Session) { s.Keyed = true },
	} {
		s := sessionOf(zhenni.SessionLife, holderA)
		s.Every = 1
		change(&s)
		if _, err := zhenni.NewSession(s, sessionNow); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However late or early each is proved, and however long nobody looked, the next one is one that still can be proved, is due a whole
// number of periods after, and no further ahead than one and a month.
func TestSuccessorsCanBeProved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := uint8(rapid.IntRange(1, zhenni.MaxEvery).Draw(t, "every"))
		s := recurring(t, rapid.SampledFrom([]string{"2026-01-31", "2026-11-30", "2027-02-28", "2028-02-29", "2026-07-14"}).Draw(t, "due"), every)
		for range 4 {
			from := s.Opens()
			if from.Before(s.CreatedAt) {
				from = s.CreatedAt
			}
			at := from.Add(time.Duration(rapid.Int64Range(0, int64(s.Deadline.Sub(from)-1)).Draw(t, "at")))
			done := proved(t, s, at)
			now := at.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "hours late")) * time.Hour)
			next, more := done.Successor(now)
			if !more || !next.Deadline.After(now) || !next.Due.After(s.Due) || next.DueDay != s.DueDay {
				t.Fatalf("%v: after %s at %s comes %s", more, s.Due, now, next.Due)
			}
			months := 12*(next.Due.Year()-s.Due.Year()) + int(next.Due.Month()-s.Due.Month())
			if months%int(every) != 0 || next.Due.Sub(now) > time.Duration(every+1)*31*24*time.Hour {
				t.Fatalf("every %d: after %s at %s comes %s", every, s.Due, now, next.Due)
			}
			s = next
		}
	})
}
