package actors

import (
	"context"
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
	"zhenni/engine"
)

// Verifications, resharding and revocations at once: no verification begun after a revocation was acknowledged
// matches, and none begun before the revocation was asked for fails to.
//
// FAULTS: C1 C2
func TestRevokeWhileResharding(t *testing.T) {
	w := newWorld(20, testDim, 400)
	n := startNode(t, w, Config{Shards: 3, MessageItems: 8})
	revoked := make([]struct{ asked, acknowledged atomic.Bool }, len(w.ids))
	stop := make(chan struct{})
	var background, revoking sync.WaitGroup
	for seed := range uint64(2) {
		background.Go(func() {
			r := rand.New(rand.NewPCG(seed, 20))
			for !ended(stop) {
				first := r.IntN(len(w.ids) - 50)
				b := w.mated(w.ids[first : first+50]...)
				begun := make([]bool, 50)
				for i := range begun {
					begun[i] = revoked[first+i].acknowledged.Load()
				}
				verify(t, n, b)
				for i, o := range b.Outcomes {
					if begun[i] && o != zhenni.NoMatch || !revoked[first+i].asked.Load() && o != zhenni.Match {
						t.Errorf("item %d: %s, revoked before: %t", i, o.Verdict(), begun[i])
					}
				}
			}
		})
	}
	background.Go(func() {
		for shards := 1; !ended(stop); shards = shards%64 + 9 {
			if err := n.SetShards(context.Background(), min(shards, MaxShards)); err != nil {
				t.Error("set shards:", err)
			}
		}
	})
	for part := range 2 {
		revoking.Go(func() {
			for i := part; i < len(w.ids); i += 2 {
				revoked[i].asked.Store(true)
				change(t, n, w.ids[i], zhenni.StatusRevoked)
				revoked[i].acknowledged.Store(true)
			}
		})
	}
	revoking.Wait()
	b := w.mated(w.ids...)
	verify(t, n, b)
	wantAll(t, b, zhenni.NoMatch)
	close(stop)
	background.Wait()
}

func ended(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// While an old shard is held up, what is asked of its successors waits, and is then answered.
func TestReshardWaitsForOldShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(21, testDim, 100)
		w.cold = true
		n := startNode(t, w, Config{Shards: 1})
		open := w.gate(w.ids[0])
		before, after := w.mated(w.ids[0]), w.mated(w.ids...)
		waitBefore := queue(t, n, soon(), before, w.mated(w.ids[1]))
		moved := make(chan error, 1)
		go func() { moved <- n.SetShards(context.Background(), 8) }()
		synctest.Wait()
		waitAfter := queue(t, n, soon(), after)
		wantAll(t, after, zhenni.Pending)
		if len(n.Stats().Shards) != 8 {
			t.Errorf("%d shards, want 8", len(n.Stats().Shards))
		}
		open()
		waitBefore()
		waitAfter()
		if err := <-moved; err != nil {
			t.Error("set shards:", err)
		}
		wantAll(t, before, zhenni.Match)
		wantAll(t, after, zhenni.Match)
	})
}

// The rows change hands as they are: none is read from the store again.
func TestReshardKeepsRows(t *testing.T) {
	w := newWorld(22, testDim, 1000)
	n := startNode(t, w, Config{Shards: 2})
	before := n.Stats().Arena
	for _, shards := range []int{7, 64, 64, 1} {
		if err := n.SetShards(t.Context(), shards); err != nil {
			t.Fatal(err)
		}
		b := w.mated(w.ids...)
		verify(t, n, b)
		wantAll(t, b, zhenni.Match)
		slots := 0
		for _, s := range n.Stats().Shards {
			slots += s.Slots
		}
		if slots != zhenni.Slots || len(n.Stats().Shards) != shards {
			t.Errorf("%d slots on %d shards", slots, len(n.Stats().Shards))
		}
	}
	if after := n.Stats().Arena; after != before || after.Rows != 1000 {
		t.Errorf("arena was %+v, is %+v", before, after)
	}
}

// A SetShards that gives up leaves a node that serves, and the next one completes.
func TestReshardGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(23, testDim, 10)
		w.cold = true
		n := startNode(t, w, Config{Shards: 2, Stall: time.Hour})
		open := w.gate(w.ids[0])
		wait := queue(t, n, soon(), w.mated(w.ids[0]))
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := n.SetShards(ctx, 4); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("set shards: %v", err)
			}
			cancel()
		}
		open()
		wait()
		if err := n.SetShards(t.Context(), 3); err != nil {
			t.Error(err)
		}
		b := w.mated(w.ids...)
		verify(t, n, b)
		wantAll(t, b, zhenni.Match)
	})
}

// Every segment has one owner, the shares differ by one segment at most, and a shard follows those it takes from.
func TestPlacement(t *testing.T) {
	n := &Node{warmed: make(chan struct{})}
	previous := newPlacement(n, 5, nil)
	for shards := 1; shards <= MaxShards; shards++ {
		p := newPlacement(n, shards, previous)
		all := uint64(0)
		for i, s := range p.shards {
			if size := bits.OnesCount64(s.segments); size != engine.Segments/shards && size != engine.Segments/shards+1 {
				t.Errorf("%d shards: shard %d owns %d segments", shards, i, size)
			}
			if all&s.segments != 0 {
				t.Errorf("%d shards: shard %d shares a segment", shards, i)
			}
			all |= s.segments
			followed := uint64(0)
			for _, old := range previous.shards {
				if slices.Contains(s.after, (<-chan struct{})(old.released)) {
					followed |= old.segments
				}
			}
			if s.segments&^followed != 0 {
				t.Errorf("%d shards: shard %d does not wait for all of its segments", shards, i)
			}
		}
		if all != allSegments {
			t.Errorf("%d shards own %b", shards, all)
		}
	}
}

func TestReshardRefused(t *testing.T) {
	n := startNode(t, newWorld(24, testDim, 1), Config{})
	for _, shards := range []int{-1, 0, MaxShards + 1} {
		if err := n.SetShards(t.Context(), shards); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%d shards: %v", shards, err)
		}
	}
	drain(t, n)
	if err := n.SetShards(t.Context(), 5); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("after the drain: %v", err)
	}
}

// A shard that is held up can not confirm a revocation. It is acknowledged all the same after a while, and the shard
// drops what it knew before it goes on: the verification that was queued behind it does not match.
//
// FAULTS: C2
func TestRevokeOnBlockedShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(25, testDim, 2)
		n := startNode(t, w, Config{Shards: 1, Stall: time.Hour})
		blocked, victim := w.ids[0], w.ids[1]
		open := w.gate(blocked)
		n.mark([]zhenni.CredentialID{blocked})
		wait := queue(t, n, soon(), w.mated(blocked))
		begun := time.Now()
		change(t, n, victim, zhenni.StatusRevoked)
		if waited := time.Since(begun); waited != n.config.Refresh {
			t.Errorf("acknowledged after %v, want %v", waited, n.config.Refresh)
		}
		b := w.mated(victim)
		waitVictim := queue(t, n, soon(), b)
		open()
		wait()
		waitVictim()
		wantAll(t, b, zhenni.NoMatch)
	})
}

// The store fails, or panics, just when a revoked credential is to be read again.
//
// FAULTS: C2
func TestRevokeWhileStoreFails(t *testing.T) {
	w := newWorld(26, testDim, 50)
	n := startNode(t, w, Config{Shards: 2})
	w.panicOn(w.ids...)
	change(t, n, w.ids[0], zhenni.StatusRevoked)
	w.onRead(nil)
	b := w.mated(w.ids...)
	verify(t, n, b)
	if b.Outcomes[0] != zhenni.NoMatch {
		t.Errorf("revoked: %s", b.Outcomes[0].Verdict())
	}
	b.Outcomes[0] = zhenni.Match
	wantAll(t, b, zhenni.Match)
}

// A credential revoked while its shard is failed is read anew when the shard serves again.
//
// FAULTS: C2
func TestRevokeOnFailedShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(27, testDim, 3)
		n := startNode(t, w, Config{Shards: 1, PanicLimit: 1})
		w.panicOn(w.ids[:2]...)
		n.mark(w.ids[:2])
		for _, id := range w.ids[:2] {
			verify(t, n, w.mated(id))
		}
		wantDown(t, n, w.mated(w.ids[2]))
		change(t, n, w.ids[2], zhenni.StatusRevoked)
		w.onRead(nil)
		time.Sleep(2 * n.config.Cooldown)
		b := w.mated(w.ids...)
		verify(t, n, b)
		if b.Outcomes[0] != zhenni.Match || b.Outcomes[2] != zhenni.NoMatch {
			t.Errorf("outcomes %v", b.Outcomes)
		}
	})
}

func TestApplyEnrols(t *testing.T) {
	w := newWorld(28, testDim, 3)
	n := startNode(t, w, Config{Shards: 2})
	id := zhenni.CredentialID{1, 2, 3}
	b := w.mated(id)
	verify(t, n, b)
	wantAll(t, b, zhenni.NoMatch)
	if _, err := n.Apply(t.Context(), []zhenni.Command{zhenni.Enrol{ID: id}, zhenni.PutRelyingParty{}}); err != nil {
		t.Fatal(err)
	}
	b = w.mated(id)
	verify(t, n, b)
	wantAll(t, b, zhenni.Match)
}
