package actors

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// due is a DueState of credentials by the order of their ids, all in one slot.
type due struct {
	mu    sync.Mutex
	until map[zhenni.CredentialID]time.Time
	calls int
	err   error
}

func (d *due) Due(now time.Time, from, limit int) (found []zhenni.Credential, next int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.err != nil {
		return nil, from, d.err
	}
	for id, until := range d.until {
		if now.Before(until) {
			continue
		}
		if len(found) == limit {
			return found, from, nil
		}
		found = append(found, zhenni.Credential{ID: id, Tenant: testTenant})
	}
	return found, zhenni.Slots, nil
}

// expired takes a credential out, as the commit of its expiry does.
func (d *due) expired(id zhenni.CredentialID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.until, id)
}

func (d *due) left() (credentials, calls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.until), d.calls
}

// A sweeper expires what is due, in batches, and goes on after a failure. Nothing matches past its end before it came.
func TestSweeperExpiresWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(31, testDim, 10)
		state := &due{until: map[zhenni.CredentialID]time.Time{}}
		w.expire = state.expired
		for _, id := range w.ids {
			state.until[id] = time.Now().Add(90 * time.Second)
		}
		n := startNode(t, w, Config{Shards: 2})
		s, err := StartSweeper(SweeperConfig{Every: time.Minute, Batch: 3}, n, state)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		synctest.Wait()
		if left, calls := state.left(); left != 10 || calls != 1 {
			t.Errorf("at once %d are left after %d calls", left, calls)
		}
		state.fail(zhenni.ErrUnavailable)
		time.Sleep(2*time.Minute + time.Second)
		if left, calls := state.left(); left != 10 || calls != 3 {
			t.Errorf("while the store fails %d are left after %d calls", left, calls)
		}
		state.fail(nil)
		time.Sleep(time.Minute)
		if left, calls := state.left(); left != 0 || calls != 7 {
			t.Errorf("after the end %d are left after %d calls", left, calls)
		}
	})
}

func (d *due) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// A batch of which nothing can be expired does not hold the sweeper up.
func TestSweeperPassesOverWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(32, testDim, 4)
		w.failing = zhenni.ErrCorrupt
		state := &due{until: map[zhenni.CredentialID]time.Time{}}
		for _, id := range w.ids {
			state.until[id] = time.Now()
		}
		n := startNode(t, w, Config{Shards: 2})
		s, err := StartSweeper(SweeperConfig{Batch: 1, Now: time.Now}, n, slotted{state})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.Close()
		s.Close()
		if left, calls := state.left(); left != 4 || calls != 4 {
			t.Errorf("%d are left after %d calls", left, calls)
		}
	})
}

// slotted is a store of four slots.
type slotted struct{ *due }

func (s slotted) Due(now time.Time, from, limit int) ([]zhenni.Credential, int, error) {
	found, next, err := s.due.Due(now, from, limit)
	if from == 3 {
		next = zhenni.Slots
	}
	return found, next, err
}

func TestSweeperConfig(t *testing.T) {
	for _, c := range []SweeperConfig{{Every: time.Millisecond}, {Every: 48 * time.Hour}, {Batch: -1}, {Batch: 1025}} {
		if _, err := StartSweeper(c, nil, nil); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A verification begun at the end of validity, or later, is answered as if nobody were there; one begun before it is not.
// The sweeper has no part in it.
//
// FAULTS: C2
func TestNothingMatchesPastItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(33, testDim, 2)
		r, err := w.MemoryStore.Reference(w.ids[0], make([]int8, testDim))
		if err != nil {
			t.Fatal(err)
		}
		r.ValidUntil = time.Now().Add(time.Minute).Unix()
		w.Put(r)
		n := startNode(t, w, Config{Shards: 2})
		for _, want := range []zhenni.Outcome{zhenni.Match, zhenni.NoMatch} {
			b := w.mated(w.ids...)
			verify(t, n, b)
			if b.Outcomes[0] != want || b.Outcomes[1] != zhenni.Match {
				t.Errorf("%v, want %s first", b.Outcomes, want.Verdict())
			}
			time.Sleep(time.Minute)
		}
	})
}
