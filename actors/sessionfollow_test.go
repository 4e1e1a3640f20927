package actors

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// monthly is a proof of life that is due in ten days, and every month.
func monthly(t testing.TB) zhenni.Session {
	t.Helper()
	now := time.Now()
	s, err := zhenni.NewSession(zhenni.Session{
		ID: zhenni.SessionID{1}, Kind: zhenni.SessionLife, Tenant: 1, Party: "pension", Service: "life", Purpose: "alive", Secret: [32]byte{1},
		Seats: []zhenni.Seat{{Credential: zhenni.CredentialID{1}}}, Due: now.AddDate(0, 0, 10), Every: 1, Deadline: now.AddDate(0, 0, 15),
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// prove has the person of a session prove it.
func prove(t testing.TB, h *Sessions, s zhenni.Session) zhenni.Session {
	t.Helper()
	tell(t, h, s.ID, phone(1))
	return tell(t, h, s.ID, zhenni.SessionEvent{Kind: zhenni.EventAnswered, Outcome: zhenni.Match, Transaction: s.Transaction(0)})
}

// After each proof of life the next one is there, reminded of in its time, until one is cancelled or missed.
func TestProofsOfLifeFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, reminded := newKeptSessions(), map[zhenni.SessionID]int{} // changed by one actor at a time
		h := startSessions(t, SessionConfig{Changed: func(before, after zhenni.Session) {
			if after.Reminded > before.Reminded {
				reminded[after.ID]++
			}
		}}, kept)
		defer closeSessions(t, h)
		s := monthly(t)
		begin(t, h, s)
		for range 3 {
			time.Sleep(time.Until(s.Due))
			synctest.Wait()
			if reminded[s.ID] != len(zhenni.Reminders) {
				t.Errorf("%d reminders", reminded[s.ID])
			}
			id, _, more := prove(t, h, s).Following()
			next, there := kept.Session(id)
			if !more || !there || next.End != zhenni.SessionLive || !next.Due.After(s.Due) {
				t.Fatalf("after it: %v, %+v", there, next)
			}
			s = next
		}
		tell(t, h, s.ID, zhenni.SessionEvent{Kind: zhenni.EventCancelled})
		time.Sleep(100 * 24 * time.Hour)
		synctest.Wait()
		if len(kept.All()) != 4 || len(h.live) != 0 {
			t.Errorf("%d sessions, %d actors", len(kept.All()), len(h.live))
		}
	})
}

// Whatever cuts off the beginning of the next one, there is one in the end: a disk that fails for a while, or a start anew.
//
// FAULTS: C8 C10
func TestProofsOfLifeFollowOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		failing.Store(true)
		kept := newKeptSessions()
		kept.fault = func(s zhenni.Session) error {
			if failing.Load() && s.Version == 1 && s.ID != (zhenni.SessionID{1}) {
				return errors.New("no disk")
			}
			return nil
		}
		h := startSessions(t, SessionConfig{}, kept)
		s := monthly(t)
		begin(t, h, s)
		if s = prove(t, h, s); !s.Confirmed() {
			t.Fatalf("%+v", s)
		}
		synctest.Wait()
		if len(kept.All()) != 1 {
			t.Fatal("begun on no disk")
		}
		closeSessions(t, h) // as a crash would, between the end and what follows
		failing.Store(false)
		for range 2 {
			h = startSessions(t, SessionConfig{}, kept)
			synctest.Wait()
			id, _, _ := s.Following()
			if next, there := kept.Session(id); !there || next.Version != 1 || len(kept.All()) != 2 {
				t.Errorf("%v, %d sessions", there, len(kept.All()))
			}
			closeSessions(t, h)
		}
		other := monthly(t)
		other.ID, other.Secret = zhenni.SessionID{2}, [32]byte{2}
		h = startSessions(t, SessionConfig{}, kept)
		defer closeSessions(t, h)
		begin(t, h, other)
		failing.Store(true)
		other = prove(t, h, other)
		failing.Store(false)
		time.Sleep(followPause)
		synctest.Wait()
		id, _, _ := other.Following()
		if _, there := kept.Session(id); !there {
			t.Error("not tried again")
		}
	})
}
