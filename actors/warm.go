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

// warmRows is about how many records of a segment a shard loads, by each processor that it has, before it answers what was asked
// meanwhile: ten milliseconds or so, where a whole segment takes as long as the store is large. It is never less than a slot.
const warmRows = 512

// filling is how far a segment is loaded.
type filling struct {
	matchers []*engine.Matcher // nil before the first part
	by, next int               // the matcher and the slot where the next part goes on
	err      error             // of the parts before
}

// warmSome fills a part of as many cold segments of the shard as there are processors to a shard, at once.
func (h *host) warmSome() {
	n, some := h.node, uint64(0)
	cold := n.cold.Load() & h.segments
	for range max(1, runtime.GOMAXPROCS(0)*bits.OnesCount64(h.segments)/engine.Segments) {
		some |= cold & -cold
		cold &= cold - 1
	}
	n.eachOf(some, func(segment int) {
		if n.loadPart(segment, &n.filling[segment], int(n.warmSlots.Load())) {
			n.filling[segment] = filling{}
			n.cold.And(^(uint64(1) << segment))
		}
		h.beats.Add(1)
	})
}

// warm reloads a set of segments from the state and returns when that is done. Nobody else may own them meanwhile.
// beats grows with each.
func (n *Node) warm(segments uint64, beats *atomic.Uint64) {
	n.eachOf(segments, func(segment int) {
		for f := (filling{}); !n.loadPart(segment, &f, engine.SegmentSlots); {
			continue
		}
		beats.Add(1)
	})
}

// eachOf calls a function for each of a set of segments, several at a time, and returns when all have ended.
func (n *Node) eachOf(segments uint64, do func(segment int)) {
	var tasks sync.WaitGroup
	for ; segments != 0; segments &= segments - 1 {
		segment := bits.TrailingZeros64(segments)
		tasks.Add(1)
		task := func() {
			defer tasks.Done()
			do(segment)
		}
		if n.pool.Submit(task) != nil {
			task()
		}
	}
	tasks.Wait()
}

// loadPart fills so many slots of a segment from the state, which it forgets first where it is the first part, and reports whether that
// was the last one. What can not be loaded is read from the state when it is asked for, so a failure is logged and no more.
func (n *Node) loadPart(segment int, f *filling, slots int) (done bool) {
	defer func() {
		if cause := recover(); cause != nil {
			n.ledger.panics.Add(1)
			n.stale.Or(1 << segment)
			n.log.Error("segment not loaded", "segment", segment, "cause", panicError(cause))
			done = true
		}
	}()
	if f.matchers == nil {
		n.stale.And(^(uint64(1) << segment))
		f.matchers = n.newMatchers()
		for _, m := range f.matchers {
			m.Discard(segment)
		}
	}
	if n.draining() {
		return true
	}
	next, met, err := f.matchers[f.by].WarmPart(segment, f.next, slots)
	if f.next = next; err != nil {
		f.err = err
	}
	n.paceWarming(slots, met)
	if f.next < engine.SegmentSlots {
		return false
	}
	if f.err != nil {
		n.log.Warn("segment not fully loaded", "segment", segment, "model", n.comparisons[f.by].Model.ID, "cause", f.err)
	}
	f.by, f.next, f.err = f.by+1, 0, nil
	return f.by == len(f.matchers)
}

// paceWarming makes the parts larger or smaller, by what the last one met.
func (n *Node) paceWarming(slots, met int) {
	switch {
	case 2*met <= warmRows && slots < engine.SegmentSlots:
		n.warmSlots.CompareAndSwap(int32(slots), int32(2*slots))
	case met > warmRows && slots > 1:
		n.warmSlots.CompareAndSwap(int32(slots), int32(slots/2))
	}
}

func (n *Node) draining() bool {
	n.route.RLock()
	defer n.route.RUnlock()
	return n.phase == phaseDraining
}
