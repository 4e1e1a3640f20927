package zhenni_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// drawEvent draws any event at all, sensible or not.
func drawEvent(t *rapid.T, s zhenni.Session) zhenni.SessionEvent {
	seat := rapid.IntRange(-1, len(s.Seats)).Draw(t, "seat")
	e := zhenni.SessionEvent{
		Kind: zhenni.SessionEventKind(rapid.IntRange(0, 9).Draw(t, "event")), Seat: seat,
		Credential: rapid.SampledFrom([]zhenni.CredentialID{{}, holderA, holderB, holderC}).Draw(t, "credential"),
		Phone:      [32]byte{rapid.Byte().Draw(t, "phone") & 3},
		Code:       rapid.SampledFrom([]uint8{42, 24}).Draw(t, "code"),
		Outcome:    zhenni.Outcome(rapid.IntRange(0, 4).Draw(t, "outcome")),
	}
	if seat >= 0 && seat < len(s.Seats) {
		e.Transaction = s.Transaction(rapid.IntRange(0, len(s.Seats)-1).Draw(t, "of seat"))
	}
	return e
}

// drawSession draws a session of any kind.
func drawSession(t *rapid.T) zhenni.Session {
	kind := zhenni.SessionKind(rapid.IntRange(1, 8).Draw(t, "kind"))
	if kind != zhenni.SessionGroup {
		return begun(t, kind)
	}
	group := sessionOf(kind, holderA, holderB, holderC)
	group.Quorum = uint8(rapid.IntRange(1, 3).Draw(t, "quorum"))
	group, err := zhenni.NewSession(group, sessionNow)
	if err != nil {
		t.Fatal(err)
	}
	return group
}

// Whatever befalls a session, and whatever the clock does: what it was is not touched, its outcome stays once it has one, none
// comes after the deadline but that it has passed, and nobody is confirmed without a match recorded for their seat.
//
// FAULTS: C11 C12 C13
func TestSessionsHaveOneOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now, matched := drawSession(t), sessionNow, map[int]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(-60, 30).Draw(t, "seconds")) * time.Second)
			e, before := drawEvent(t, s), fmt.Sprintf("%+v", s)
			next, err := s.Next(e, now)
			if fmt.Sprintf("%+v", s) != before {
				t.Fatalf("the session itself changed")
			}
			checkStep(t, s, next, e, err, now)
			if err == nil && e.Kind == zhenni.EventAnswered && e.Outcome == zhenni.Match && next.Version > s.Version && next.End != zhenni.SessionTimeout {
				matched[e.Seat] = true
			}
			s = next
		}
		for i, seat := range s.Seats {
			if seat.State == zhenni.SeatConfirmed && !matched[i] {
				t.Fatalf("seat %d confirmed without a match", i)
			}
		}
		if s.Confirmed() && len(matched) < int(s.Quorum) {
			t.Fatalf("confirmed by %d of %d", len(matched), s.Quorum)
		}
	})
}

func checkStep(t *rapid.T, s, next zhenni.Session, e zhenni.SessionEvent, err error, now time.Time) {
	switch {
	case err != nil && fmt.Sprintf("%+v", next) != fmt.Sprintf("%+v", s):
		t.Fatalf("changed with an error: %v", err)
	case next.Collected && !s.Collected && s.Confirmed() && s.Kind == zhenni.SessionRemote && next.End == s.End:
		return
	case next.Collected != s.Collected:
		t.Fatal("collected without a yes")
	case s.End != zhenni.SessionLive && !errors.Is(err, zhenni.ErrSessionEnded):
		t.Fatalf("an event after the end: %v", err)
	case s.End == zhenni.SessionLive && !now.Before(s.Deadline) && next.End != zhenni.SessionTimeout:
		t.Fatalf("%s after the deadline", next.End)
	case next.Version > s.Version+1 || next.ChangedAt.Before(s.ChangedAt):
		t.Fatalf("version %d after %d", next.Version, s.Version)
	case next.Version > zhenni.MaxSessionEvents:
		t.Fatalf("%d changes", next.Version)
	case next.Version > s.Version && e.Kind == zhenni.EventCode && e.Code != s.Code && next.Confirmed():
		t.Fatal("confirmed by a wrong code")
	}
}

// The last answer counts up to the deadline, and not at it.
//
// FAULTS: C12
func TestLastApprovalAtTheDeadline(t *testing.T) {
	s := sessionOf(zhenni.SessionGroup, holderA, holderB)
	s.Quorum = 2
	s, err := zhenni.NewSession(s, sessionNow)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(zhenni.Session) zhenni.SessionEvent{
		plain(openedBy(0, holderA, phoneA)), answered(0, zhenni.Match), plain(openedBy(1, holderB, phoneB)),
	} {
		if s, err = s.Next(step(s), sessionNow); err != nil {
			t.Fatal(err)
		}
	}
	last := answered(1, zhenni.Match)(s)
	for at, want := range map[time.Time]zhenni.SessionEnd{
		s.Deadline.Add(-time.Nanosecond): zhenni.SessionCompleted, s.Deadline: zhenni.SessionTimeout,
	} {
		if got, err := s.Next(last, at); err != nil || got.End != want {
			t.Errorf("%s: %s, %v", at, got.End, err)
		}
		if passed := s.Passed(at); passed.End == zhenni.SessionTimeout != at.Equal(s.Deadline) {
			t.Errorf("%s: %s", at, passed.End)
		}
	}
}
