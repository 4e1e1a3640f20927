package actors

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// expire verifies a batch that is not answered in time, and fails the test unless the caller is told at the deadline.
func expire(t *testing.T, n *Node, b *zhenni.Batch, patience time.Duration) {
	t.Helper()
	begun := time.Now()
	if err := n.Verify(b, begun.Add(patience)); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("verify: %v", err)
	}
	if waited := time.Since(begun); waited != patience {
		t.Errorf("told after %v, want %v", waited, patience)
	}
}

// A store that never answers: callers are told at their deadline, further work is refused at once, first by the bound
// and then by the watchdog; when the store answers again, nothing is left of it all.
//
// FAULTS: R6 O7
func TestBlockedShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(9, testDim, 2)
		w.cold = true
		n := startNode(t, w, Config{Shards: 1, Stall: 5 * time.Second})
		open := w.gate(w.ids[0])
		var callers sync.WaitGroup
		for _, items := range []int{1, zhenni.MaxBatchItems, zhenni.MaxBatchItems - 1} {
			callers.Go(func() { expire(t, n, w.repeated(w.ids[0], items), time.Second) })
		}
		synctest.Wait()
		late := w.mated(w.ids[1])
		if err := n.Verify(late, soon()); !errors.Is(err, zhenni.ErrOverloaded) {
			t.Errorf("a full shard: %v", err)
		}
		wantAll(t, late, zhenni.Pending)
		callers.Wait()
		if err := n.Ready(); err != nil {
			t.Errorf("before the stall: %v", err)
		}
		time.Sleep(2 * n.config.Stall)
		wantDown(t, n, late)

		open()
		time.Sleep(n.config.Stall)
		if err := n.Ready(); err != nil {
			t.Errorf("after the stall: %v", err)
		}
		verify(t, n, late)
		wantAll(t, late, zhenni.Match)
		if s := n.Stats(); s.Expired != 2*zhenni.MaxBatchItems || s.RefusedAtDoor != 2 {
			t.Errorf("%d expired, %d refused at the door", s.Expired, s.RefusedAtDoor)
		}
		checkLedger(t, n)
	})
}

// Parts whose deadline passes while they are queued are not run.
func TestExpiredPartIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(10, testDim, 2)
		w.cold = true
		n := startNode(t, w, Config{Shards: 1})
		open := w.gate(w.ids[0])
		held := w.mated(w.ids[0])
		wait := queue(t, n, soon(), held)
		expired := w.mated(w.ids[1])
		expire(t, n, expired, time.Second)
		open()
		wait()
		wantAll(t, held, zhenni.Match)
		drain(t, n)
		wantAll(t, expired, zhenni.Pending)
		if s := n.Stats(); s.Expired != 1 || s.Outcomes[zhenni.Match] != 1 {
			t.Errorf("%d expired, %d matched", s.Expired, s.Outcomes[zhenni.Match])
		}
	})
}

// An answer that is there when the caller looks, but after the deadline, is no answer: so a process that was stopped
// for a while accepts nothing on waking.
//
// FAULTS: R7
func TestLateAnswerIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJob(&sync.Pool{})
		j.deadline = time.Now().Add(time.Second)
		j.timer.Reset(time.Second)
		j.left.Store(1)
		(&part{job: j}).finish()
		time.Sleep(10 * time.Second)
		if err := j.wait(); !errors.Is(err, zhenni.ErrDeadline) {
			t.Errorf("wait: %v", err)
		}
	})
}

// A part that comes up after the deadline is not run, even if its caller has not noticed yet, and the batch is late
// whatever a clock says later.
func TestOverduePartMakesTheBatchLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJob(&sync.Pool{})
		j.deadline = time.Now()
		j.left.Store(1)
		p := &part{job: j}
		if !p.late() {
			t.Error("the part would be run")
		}
		p.finish()
		j.deadline = j.deadline.Add(time.Hour)
		if err := j.wait(); !errors.Is(err, zhenni.ErrDeadline) {
			t.Errorf("wait: %v", err)
		}
	})
}

// A store that takes ten seconds: the caller is told at the deadline, and what comes later counts as expired.
//
// FAULTS: R7
func TestSlowStoreMeetsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(11, testDim, 100)
		w.cold = true
		w.onRead(func(zhenni.CredentialID) { time.Sleep(10 * time.Second) })
		n := startNode(t, w, Config{Shards: 4, Stall: time.Hour})
		expire(t, n, w.mated(w.ids...), 3*time.Second)
		w.onRead(nil)
		drain(t, n)
		if s := n.Stats(); s.Expired != 100 {
			t.Errorf("%d expired, want 100", s.Expired)
		}
	})
}

func TestDeadlineOnArrival(t *testing.T) {
	w := newWorld(12, testDim, 1)
	n := startNode(t, w, Config{})
	if err := n.Verify(w.mated(w.ids...), time.Now()); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("verify: %v", err)
	}
	if s := n.Stats(); s.Admitted != 0 || s.RefusedAtDoor != 1 {
		t.Errorf("%d admitted, %d refused at the door", s.Admitted, s.RefusedAtDoor)
	}
}
