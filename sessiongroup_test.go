package zhenni_test

import (
	"testing"
	"time"

	"zhenni"
)

// How a group ended is said once it has, with what everybody may know: how many, and of nobody who; a credential of no use counts like a
// face that did not match.
//
// FAULTS: Z11 C12
func TestGroupOutcomes(t *testing.T) {
	members := []zhenni.CredentialID{holderA, holderB, holderC}
	yes := func(seat int) []func(zhenni.Session) zhenni.SessionEvent {
		return []func(zhenni.Session) zhenni.SessionEvent{plain(openedBy(seat, members[seat], phoneA)), answered(seat, zhenni.Match)}
	}
	no := func(seat int) []func(zhenni.Session) zhenni.SessionEvent {
		return []func(zhenni.Session) zhenni.SessionEvent{plain(openedBy(seat, members[seat], phoneA)), answered(seat, zhenni.NoMatch)}
	}
	unusable := func(seat int) []func(zhenni.Session) zhenni.SessionEvent {
		return []func(zhenni.Session) zhenni.SessionEvent{
			plain(openedBy(seat, members[seat], phoneA)), plain(zhenni.SessionEvent{Kind: zhenni.EventUnusable, Seat: seat}),
		}
	}
	cancelled := []func(zhenni.Session) zhenni.SessionEvent{plain(zhenni.SessionEvent{Kind: zhenni.EventCancelled})}
	for name, c := range map[string]struct {
		seats, quorum int
		steps         [][]func(zhenni.Session) zhenni.SessionEvent
		wait          time.Duration
		end           zhenni.SessionEnd
		confirmed     int
	}{
		"all":           {3, 3, [][]func(zhenni.Session) zhenni.SessionEvent{yes(0), yes(1), yes(2)}, 0, zhenni.SessionCompleted, 3},
		"two of three":  {3, 2, [][]func(zhenni.Session) zhenni.SessionEvent{yes(2), yes(0)}, 0, zhenni.SessionCompleted, 2},
		"not all":       {3, 3, [][]func(zhenni.Session) zhenni.SessionEvent{yes(0), no(1)}, 0, zhenni.SessionQuorumFailed, 1},
		"of no use":     {3, 3, [][]func(zhenni.Session) zhenni.SessionEvent{yes(0), unusable(1)}, 0, zhenni.SessionQuorumFailed, 1},
		"too late":      {3, 2, [][]func(zhenni.Session) zhenni.SessionEvent{yes(0)}, time.Hour, zhenni.SessionTimeout, 1},
		"taken back":    {3, 2, [][]func(zhenni.Session) zhenni.SessionEvent{yes(0), cancelled}, 0, zhenni.SessionCancelled, 1},
		"one, not them": {1, 1, [][]func(zhenni.Session) zhenni.SessionEvent{no(0)}, 0, zhenni.SessionCompleted, 0},
		"one, of no use": {
			1, 1, [][]func(zhenni.Session) zhenni.SessionEvent{unusable(0)}, 0, zhenni.SessionCompleted, 0,
		},
	} {
		group := sessionOf(zhenni.SessionGroup, members[:c.seats]...)
		group.Quorum, group.Tries = uint8(c.quorum), 1
		s, err := zhenni.NewSession(group, sessionNow)
		if err != nil {
			t.Fatal(err)
		}
		for _, steps := range c.steps {
			for _, step := range steps {
				if _, ended := s.GroupOutcome(); ended {
					t.Errorf("%s: an outcome before the end", name)
				}
				if s, err = s.Next(step(s), sessionNow); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		s = s.Passed(sessionNow.Add(c.wait))
		want := zhenni.GroupOutcome{
			Session: s.ID, Service: s.Service, Purpose: s.Purpose, End: c.end, Seats: c.seats, Quorum: c.quorum, Confirmed: c.confirmed, At: s.ChangedAt,
		}
		got, ended := s.GroupOutcome()
		if !ended || got != want || got.Yes() != s.Confirmed() {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	counter, err := begun(t, zhenni.SessionCounter).Next(zhenni.SessionEvent{Kind: zhenni.EventCancelled}, sessionNow)
	if _, ended := counter.GroupOutcome(); ended || err != nil {
		t.Errorf("a counter is no group: %v", err)
	}
}
