package actors

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// calm is the least draw that lets a read of the store be: 60 in a thousand panic, 30 stall.
const calm = 90

// stormNode is how many panics one node of the storm is given before another takes its place.
const stormNode = 1_000

// storm is a node under clients, changes, moves of shards, and a store that panics and stalls. Its clock is a bubble's,
// so that a request which is answered a moment after its deadline shows.
type storm struct {
	t     *testing.T
	world *world
	node  *Node
	// over is set when goal panics were injected: the store fails no more and clients come to an end.
	over atomic.Bool
	goal int64

	// mu guards draw and the counts.
	mu             sync.Mutex
	draw           *rand.Rand
	panics, stalls int64

	// toggled are the credentials whose status changes, with what was last acknowledged of them.
	toggled map[zhenni.CredentialID]*toggle

	// what clients saw, by item
	answered, late, turnedAway atomic.Uint64
	outcomes                   [zhenni.OutcomeCount]atomic.Uint64
}

// toggle is a credential that is suspended and resumed. version is odd while a change is under way, and says by its
// second bit what was acknowledged.
type toggle struct{ version atomic.Uint64 }

func (v *toggle) suspended(version uint64) bool { return version&2 != 0 }

// A hundred thousand panics, stalls and stops: every item that was admitted was answered or refused, by count and by
// what its client was told; no client waited beyond its deadline; none was told a verdict that is not so; and what was
// damaged is whole again.
//
// FAULTS: R1 R2 R4 R5 R6 R7
func TestStorm(t *testing.T) {
	var panics, stalls int64
	for seed := uint64(0); panics < stormPanics; seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStorm(t, seed)
			s.run()
			panics, stalls = panics+s.panics, stalls+s.stalls
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d panics, %d stalls", panics, stalls)
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{
		t: t, world: newWorld(seed, testDim, 200), draw: rand.New(rand.NewPCG(seed, 40)), goal: stormNode,
		toggled: map[zhenni.CredentialID]*toggle{},
	}
	s.world.cold = true
	s.world.walk = func() { s.fail(nil) }
	for _, id := range s.world.ids[:20] {
		s.toggled[id] = new(toggle)
	}
	limit := 10 // the default, which the storm passes all the time
	if seed%2 == 0 {
		limit = 1 << 16
	}
	s.node = startNode(t, s.world, Config{Shards: 4, MessageItems: 16, PanicLimit: limit})
	s.world.onRead(func(id zhenni.CredentialID) { s.fail(&id) })
	return s
}

// fail panics, stalls or does nothing. The last ten credentials always panic.
func (s *storm) fail(id *zhenni.CredentialID) {
	s.mu.Lock()
	n, nap := s.draw.IntN(1000), time.Duration(s.draw.IntN(100))*time.Millisecond
	if id != nil && slices.Contains(s.world.ids[190:], *id) {
		n = 0
	}
	if s.over.Load() {
		n = calm
	}
	switch {
	case n < 60:
		s.panics++
		s.over.Store(s.panics >= s.goal)
	case n < calm:
		s.stalls++
	}
	s.mu.Unlock()
	switch {
	case n < 60:
		panic("storm")
	case n == 60:
		time.Sleep(10 * time.Second) // longer than a shard may be without progress
	case n < calm:
		time.Sleep(nap)
	}
}

// number draws from [0, n).
func (s *storm) number(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draw.IntN(n)
}

func (s *storm) run() {
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for !s.over.Load() {
				s.request()
			}
		})
	}
	for id, v := range s.toggled {
		busy.Go(func() {
			for !s.over.Load() {
				s.change(id, v)
			}
		})
	}
	busy.Go(func() {
		for shards := 1; !s.over.Load(); shards = shards%8 + 1 {
			if err := s.node.SetShards(context.Background(), shards); err != nil {
				s.t.Error("set shards:", err)
			}
			time.Sleep(time.Second)
		}
	})
	busy.Wait()
	s.calm()
	drain(s.t, s.node)
	s.balance()
}

// request asks about one to forty credentials, half of the probes being of somebody else; a quarter are unknown, so that
// the store is read again each time.
func (s *storm) request() {
	ids := make([]zhenni.CredentialID, 1+s.number(40))
	before := make([]uint64, len(ids))
	for i := range ids {
		ids[i] = s.world.ids[s.number(len(s.world.ids))]
		if i%4 == 3 {
			ids[i][0], ids[i][15] = byte(s.number(256)), ids[i][15]+1
		}
		if v := s.toggled[ids[i]]; v != nil {
			before[i] = v.version.Load()
		}
	}
	b := s.world.mated(ids...)
	for i := 1; i < len(ids); i += 2 {
		row, _ := s.world.rowOf(zhenni.CredentialID{byte(i)})
		copy(b.Int8[i*b.Dim:], row)
	}
	patience := time.Duration(1+s.number(3000)) * time.Millisecond
	time.Sleep(time.Millisecond) // so that the bubble's clock goes on
	begun := time.Now()
	err := s.node.Verify(b, begun.Add(patience))
	if waited := time.Since(begun); waited > patience {
		s.t.Errorf("told after %v, the deadline was at %v", waited, patience)
	}
	switch {
	case err == nil:
		s.answered.Add(uint64(len(ids)))
		for i, o := range b.Outcomes {
			s.outcomes[o].Add(1)
			s.judge(ids[i], i%2 == 0, before[i], o)
		}
	case errors.Is(err, zhenni.ErrDeadline):
		s.late.Add(uint64(len(ids)))
	case errors.Is(err, zhenni.ErrUnavailable), errors.Is(err, zhenni.ErrOverloaded):
		s.turnedAway.Add(uint64(len(ids)))
		time.Sleep(time.Second) // as the answer asks
	default:
		s.t.Error(err)
	}
}

// judge holds an outcome against what was so for as long as the request lasted.
func (s *storm) judge(id zhenni.CredentialID, mated bool, before uint64, o zhenni.Outcome) {
	active := true
	if v := s.toggled[id]; v != nil {
		if before&1 != 0 || v.version.Load() != before {
			return
		}
		active = !v.suspended(before)
	}
	want := zhenni.NoMatch
	if mated && active {
		want = zhenni.Match
	}
	if o != want && o != zhenni.RefusedInternal && o != zhenni.RefusedUnavailable {
		s.t.Errorf("%s %s, want %s or a refusal", o.Verdict(), o.Reason(), want.Verdict())
	}
}

// change suspends or resumes a credential.
func (s *storm) change(id zhenni.CredentialID, v *toggle) {
	to := zhenni.StatusSuspended
	if v.suspended(v.version.Load()) {
		to = zhenni.StatusActive
	}
	v.version.Add(1)
	change(s.t, s.node, id, to)
	v.version.Add(1)
	time.Sleep(time.Duration(s.number(500)) * time.Millisecond)
}

// calm waits until the node is whole again and wants it to know everybody.
func (s *storm) calm() {
	time.Sleep(2 * (s.node.config.Cooldown + s.node.config.Stall))
	synctest.Wait()
	if err := s.node.Ready(); err != nil {
		s.t.Error("after the storm:", err)
	}
	if s.node.Stats().Parked == 0 {
		s.t.Error("no poison was parked")
	}
	for _, id := range s.world.ids {
		change(s.t, s.node, id, zhenni.StatusActive)
	}
	if n := s.node.parked.Load(); n != 0 {
		s.t.Errorf("%d credentials are parked after they were put right", n)
	}
	b := s.world.mated(s.world.ids...)
	verify(s.t, s.node, b)
	wantAll(s.t, b, zhenni.Match)
	s.answered.Add(uint64(b.Len()))
	s.outcomes[zhenni.Match].Add(uint64(b.Len()))
}

// balance holds the node's ledger against what clients were told: admitted = answered + expired, item by item. An item
// of a batch that was abandoned may have been answered to nobody, and then counts with its outcome.
func (s *storm) balance() {
	stats := s.node.Stats()
	told := fmt.Sprintf("clients: %d answered, %d late, %d turned away", s.answered.Load(), s.late.Load(), s.turnedAway.Load())
	if stats.Admitted != s.answered.Load()+s.late.Load() || stats.RefusedAtDoor != s.turnedAway.Load() {
		s.t.Errorf("%d admitted, %d refused at the door; %s", stats.Admitted, stats.RefusedAtDoor, told)
	}
	if stats.Expired > s.late.Load() {
		s.t.Errorf("%d expired; %s", stats.Expired, told)
	}
	surplus := uint64(0)
	for o := range s.outcomes {
		if stats.Outcomes[o] < s.outcomes[o].Load() {
			s.t.Errorf("outcome %d: %d counted, %d told", o, stats.Outcomes[o], s.outcomes[o].Load())
		}
		surplus += stats.Outcomes[o] - s.outcomes[o].Load()
	}
	if surplus+stats.Expired != s.late.Load() {
		s.t.Errorf("%d outcomes told to nobody and %d expired; %s", surplus, stats.Expired, told)
	}
	if stats.Panics < uint64(s.panics)/2 || stats.Restarts == 0 {
		s.t.Errorf("%d panics and %d restarts counted, %d injected", stats.Panics, stats.Restarts, s.panics)
	}
}
