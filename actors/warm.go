package actors

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/panjf2000/ants/v2"

	"zhenni/engine"
)

// newWarmPool makes the pool that loads segments, a task for each: coarse, CPU-bound work, one at a time on a core.
func newWarmPool() (*ants.Pool, error) {
	return ants.NewPool(runtime.GOMAXPROCS(0), ants.WithDisablePurge(true))
}

// warmNext sends the shard what fills its next segments. The shard that fills the last one of all makes the node ready.
func (h *host) warmNext(ctx actor.Context) {
	switch {
	case h.node.cold.Load()&h.segments != 0:
		ctx.Send(ctx.Self(), &warmNext{})
	case h.node.cold.Load() == 0:
		h.node.warmUp()
	}
}

// warmSome fills as many cold segments of the shard as there are processors to a shard, at once.
func (h *host) warmSome() {
	n, some := h.node, uint64(0)
	cold := n.cold.Load() & h.segments
	for range max(1, runtime.GOMAXPROCS(0)*bits.OnesCount64(h.segments)/engine.Segments) {
		some |= cold & -cold
		cold &= cold - 1
	}
	n.warm(some, &h.beats)
	n.cold.And(^some)
}

// warm reloads a set of segments from the state and returns when that is done. Nobody else may own them meanwhile.
// beats, where given, grows with each.
func (n *Node) warm(segments uint64, beats *atomic.Uint64) {
	var tasks sync.WaitGroup
	for ; segments != 0; segments &= segments - 1 {
		segment := bits.TrailingZeros64(segments)
		tasks.Add(1)
		task := func() {
			defer tasks.Done()
			n.load(segment)
			if beats != nil {
				beats.Add(1)
			}
		}
		if n.pool.Submit(task) != nil {
			task()
		}
	}
	tasks.Wait()
}

// load forgets one segment and fills it from the state. What can not be loaded is read from the state when it is asked
// for, so a failure is logged and no more.
func (n *Node) load(segment int) {
	defer func() {
		if cause := recover(); cause != nil {
			n.ledger.panics.Add(1)
			n.stale.Or(1 << segment)
			n.log.Error("segment not loaded", "segment", segment, "cause", panicError(cause))
		}
	}()
	n.stale.And(^(uint64(1) << segment))
	matchers := n.newMatchers()
	for _, m := range matchers {
		m.Discard(segment)
	}
	for i, m := range matchers {
		if n.draining() {
			return
		}
		if err := m.Warm(segment); err != nil {
			n.log.Warn("segment not fully loaded", "segment", segment, "model", n.comparisons[i].Model.ID, "cause", err)
		}
	}
}

func (n *Node) draining() bool {
	n.route.RLock()
	defer n.route.RUnlock()
	return n.phase == phaseDraining
}
