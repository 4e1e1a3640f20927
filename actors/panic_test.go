package actors

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// Every tenth credential makes the store panic; all others are answered as if it did not.
//
// FAULTS: R1
func TestPanicIsIsolated(t *testing.T) {
	w := newWorld(3, testDim, 3000)
	w.cold = true
	var poison []zhenni.CredentialID
	for i := 0; i < len(w.ids); i += 10 {
		poison = append(poison, w.ids[i])
	}
	w.panicOn(poison...)
	n := startNode(t, w, Config{Shards: 4, MessageItems: 16, PanicLimit: 1 << 16})
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for at := c * 100; at < len(w.ids); at += 400 {
				b := w.mated(w.ids[at : at+100]...)
				if err := n.Verify(b, soon()); err != nil {
					t.Error(err)
				}
				wantPoisoned(t, b, 10)
			}
		})
	}
	clients.Wait()
	if s := n.Stats(); s.Outcomes[zhenni.RefusedInternal] != 300 || s.Panics < 300 || s.Restarts == 0 {
		t.Errorf("%d refused, %d panics, %d restarts", s.Outcomes[zhenni.RefusedInternal], s.Panics, s.Restarts)
	}
}

// wantPoisoned wants every step-th item refused and the others matched.
func wantPoisoned(t *testing.T, b *zhenni.Batch, step int) {
	t.Helper()
	for i, o := range b.Outcomes {
		want := zhenni.Match
		if i%step == 0 {
			want = zhenni.RefusedInternal
		}
		if o != want {
			t.Errorf("item %d: %s %s", i, o.Verdict(), o.Reason())
		}
	}
}

// A credential that always panics is run three times and then refused unseen, until it is changed.
//
// FAULTS: R4
func TestPoisonIsParked(t *testing.T) {
	w := newWorld(4, testDim, 10)
	w.cold = true
	poison := w.ids[0]
	var reads atomic.Int64
	w.onRead(func(id zhenni.CredentialID) {
		if id == poison {
			reads.Add(1)
			panic("poison")
		}
	})
	n := startNode(t, w, Config{Shards: 2})
	for range strikeLimit {
		b := w.mated(poison)
		verify(t, n, b)
		wantAll(t, b, zhenni.RefusedInternal)
	}
	before := reads.Load()
	b := w.mated(poison, w.ids[1], poison)
	verify(t, n, b)
	if reads.Load() != before || n.Stats().Parked != 1 {
		t.Errorf("%d reads of a parked credential, %d parked", reads.Load()-before, n.Stats().Parked)
	}
	if b.Outcomes[0] != zhenni.RefusedInternal || b.Outcomes[1] != zhenni.Match {
		t.Errorf("outcomes %v", b.Outcomes)
	}

	w.onRead(nil)
	change(t, n, poison, zhenni.StatusActive)
	b = w.mated(poison)
	verify(t, n, b)
	wantAll(t, b, zhenni.Match)
}

// change applies one change of status.
func change(t testing.TB, n *Node, id zhenni.CredentialID, to zhenni.Status) {
	t.Helper()
	_, err := n.Apply(context.Background(), []zhenni.Command{zhenni.ChangeStatus{ID: id, Tenant: testTenant, To: to}})
	if err != nil {
		t.Error("apply:", err)
	}
}

// A thousand items of one poisonous credential in a batch make it panic no more often than it takes to park it.
func TestPoisonManyTimesInOneBatch(t *testing.T) {
	w := newWorld(5, testDim, 2)
	w.cold = true
	w.panicOn(w.ids[0])
	n := startNode(t, w, Config{Shards: 1})
	b := w.repeated(w.ids[0], 1000)
	b.IDs[999] = w.ids[1]
	verify(t, n, b)
	if s := n.Stats(); s.Panics != 1+strikeLimit || s.Outcomes[zhenni.RefusedInternal] != 999 {
		t.Errorf("%d panics, %d refused", s.Panics, s.Outcomes[zhenni.RefusedInternal])
	}
}

// Panics, restarts and changes of placement at once: every good item is answered as if alone.
//
// FAULTS: R1
func TestPanicsWhileResharding(t *testing.T) {
	w := newWorld(5, testDim, 1000)
	w.cold = true
	var poison []zhenni.CredentialID
	for i := 0; i < len(w.ids); i += 20 {
		poison = append(poison, w.ids[i])
	}
	w.panicOn(poison...)
	n := startNode(t, w, Config{Shards: 4, MessageItems: 4, PanicLimit: 1 << 16})
	stop, moved := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(moved)
		for shards := 1; !ended(stop); shards = shards%8 + 1 {
			if err := n.SetShards(context.Background(), shards); err != nil {
				t.Error("set shards:", err)
			}
		}
	}()
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for at := 0; at < len(w.ids); at += 100 {
				b := w.mated(w.ids[at : at+100]...)
				verify(t, n, b)
				wantPoisoned(t, b, 20)
			}
		})
	}
	clients.Wait()
	close(stop)
	<-moved
}

func TestStrikesAreBounded(t *testing.T) {
	w := newWorld(5, testDim, 1)
	n := startNode(t, w, Config{Shards: 1})
	h := &host{shard: newShard(n, "test")}
	var id zhenni.CredentialID
	for i := range strikeEntries + 100 {
		id[14], id[15] = byte(i>>8), byte(i)
		for range strikeLimit {
			h.strike(id)
		}
	}
	if got := len(n.strikes[0]); got != strikeEntries {
		t.Errorf("%d credentials remembered, want %d", got, strikeEntries)
	}
	if got := n.parked.Load(); got != strikeEntries {
		t.Errorf("%d credentials parked, want %d", got, strikeEntries)
	}
}

// queue starts a Verify for each batch, one after the other, and returns a wait for all of them. It needs a bubble, and
// a shard that is held up.
func queue(t *testing.T, n *Node, deadline time.Time, batches ...*zhenni.Batch) (wait func()) {
	t.Helper()
	var pending sync.WaitGroup
	for _, b := range batches {
		pending.Go(func() {
			if err := n.Verify(b, deadline); err != nil {
				t.Error("verify:", err)
			}
		})
		synctest.Wait()
	}
	return pending.Wait
}

// A hundred panics in no time at all: the library alone would stop the actor at the eleventh and lose the queue.
//
// FAULTS: R2
func TestPanicsLoseNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(6, testDim, 201)
		w.cold = true
		n := startNode(t, w, Config{Shards: 1, PanicLimit: 1000})
		held := w.ids[200]
		open := w.gate(held)
		batches := []*zhenni.Batch{w.mated(held)}
		for i := range 100 {
			batches = append(batches, w.mated(w.ids[i], w.ids[100+i]))
		}
		wait := queue(t, n, soon(), batches...)
		open(w.ids[:100]...)
		wait()
		wantAll(t, batches[0], zhenni.Match)
		for _, b := range batches[1:] {
			wantPoisoned(t, b, 2)
		}
		if err := n.Ready(); err != nil {
			t.Error(err)
		}
	})
}

// A shard that panics too often refuses its queue and what follows, says so, and serves again after a pause.
//
// FAULTS: R2
func TestShardFailsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(7, testDim, 20)
		w.cold = true
		n := startNode(t, w, Config{Shards: 1, PanicLimit: 3})
		open := w.gate(w.ids[19])
		batches := []*zhenni.Batch{w.mated(w.ids[19])}
		for _, id := range w.ids[:10] {
			batches = append(batches, w.mated(id))
		}
		wait := queue(t, n, soon(), batches...)
		open(w.ids[:10]...)
		wait()
		for i, b := range batches[1:] {
			want := zhenni.RefusedInternal
			if i > 3 {
				want = zhenni.RefusedUnavailable
			}
			wantAll(t, b, want)
		}
		wantDown(t, n, w.mated(w.ids[19]))

		w.onRead(nil)
		time.Sleep(2 * n.config.Cooldown)
		synctest.Wait()
		if err := n.Ready(); err != nil {
			t.Error("after the pause:", err)
		}
		b := w.mated(w.ids[:10]...)
		verify(t, n, b)
		wantAll(t, b, zhenni.Match)
	})
}

// Panics further apart than the window do not add up.
func TestRarePanicsDoNotFailTheShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(8, testDim, 10)
		w.cold = true
		w.panicOn(w.ids...)
		n := startNode(t, w, Config{Shards: 1, PanicLimit: 1})
		for _, id := range w.ids {
			b := w.mated(id)
			verify(t, n, b)
			wantAll(t, b, zhenni.RefusedInternal)
			time.Sleep(n.config.PanicWindow)
		}
		if err := n.Ready(); err != nil {
			t.Error(err)
		}
	})
}

// A panic that does not happen again when the items run alone costs no item its answer.
func TestPassingPanic(t *testing.T) {
	w := newWorld(8, testDim, 100)
	w.cold = true
	n := startNode(t, w, Config{Shards: 1})
	var reads atomic.Int64
	w.onRead(func(zhenni.CredentialID) {
		if reads.Add(1) == 50 {
			panic("passing")
		}
	})
	b := w.mated(w.ids...)
	verify(t, n, b)
	wantAll(t, b, zhenni.Match)
	drain(t, n)
	if s := n.Stats(); s.Panics != 1 || s.Restarts != 1 {
		t.Errorf("%d panics, %d restarts", s.Panics, s.Restarts)
	}
}

// wantDown wants the node not ready and the batch, of its only shard, refused.
func wantDown(t *testing.T, n *Node, b *zhenni.Batch) {
	t.Helper()
	if err := n.Ready(); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	if err := n.Verify(b, soon()); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("verify: %v", err)
	}
}

// Only the items of the failed shard are refused.
func TestOtherShardsServe(t *testing.T) {
	w := newWorld(8, testDim, 2000)
	n := startNode(t, w, Config{Shards: 2})
	n.place.shards[1].failed.Store(true)
	b := w.mated(w.ids...)
	verify(t, n, b)
	for i, o := range b.Outcomes {
		want := zhenni.Match
		if b.IDs[i][0] >= 0x80 {
			want = zhenni.RefusedUnavailable
		}
		if o != want {
			t.Fatalf("item %d: %s %s", i, o.Verdict(), o.Reason())
		}
	}
	checkLedger(t, n)
}

// A segment in which something panicked is read again: what was in it is not compared with any more.
func TestPanicMarksItsSegment(t *testing.T) {
	w := newWorld(43, testDim, 1)
	w.cold = true
	sound := w.ids[0]
	bad := sound
	bad[15]++
	w.enrol(bad, zhenni.StatusActive)
	var reads atomic.Int64
	w.onRead(func(id zhenni.CredentialID) {
		if id == bad {
			panic("poison")
		}
		reads.Add(1)
	})
	n := startNode(t, w, Config{Shards: 1})
	for _, want := range []int64{1, 1} {
		verify(t, n, w.mated(sound))
		if reads.Load() != want {
			t.Errorf("%d reads, want %d", reads.Load(), want)
		}
	}
	verify(t, n, w.mated(bad))
	b := w.mated(sound)
	verify(t, n, b)
	wantAll(t, b, zhenni.Match)
	if reads.Load() != 2 {
		t.Errorf("%d reads, want one more after a panic", reads.Load())
	}
}
