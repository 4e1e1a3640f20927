package actors

import (
	"fmt"
	"math/bits"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"zhenni"
	"zhenni/engine"
)

// shard is what a node knows of one shard and what outlives the incarnations of its actor.
type shard struct {
	node     *Node
	name     string // <epoch>-<index>, unique in the life of the node
	pid      *actor.PID
	turns    *dispatcher
	segments uint64 // the set it owns

	// after are the events it waits for before it touches its segments.
	after []<-chan struct{}
	// held is closed by the actor when it has its segments, released by its supervisor when it has stopped.
	held, released chan struct{}

	inFlight atomic.Int64  // items admitted and not yet answered
	beats    atomic.Uint64 // grows with every sign of progress
	failed   atomic.Bool   // set and cleared by the actor
	stalled  atomic.Bool   // set and cleared by the watchdog

	// crashes are the times of the latest parts that panicked, oldest first. The actor owns it.
	crashes []time.Time
}

func newShard(n *Node, name string) *shard {
	return &shard{node: n, name: name, held: make(chan struct{}), released: make(chan struct{})}
}

// admit takes items tokens unless that would pass the limit.
func (s *shard) admit(items, limit int64) bool {
	for {
		now := s.inFlight.Load()
		if now+items > limit {
			return false
		}
		if s.inFlight.CompareAndSwap(now, now+items) {
			return true
		}
	}
}

// down reports whether work for the shard is refused at the door.
func (s *shard) down() bool { return s.failed.Load() || s.stalled.Load() }

func (s *shard) stats() zhenni.ShardStats {
	return zhenni.ShardStats{
		Slots:    bits.OnesCount64(s.segments) * (zhenni.Slots / engine.Segments),
		InFlight: int(s.inFlight.Load()),
		Failed:   s.down(),
	}
}

// incarnate makes the actor, at start and after every panic.
func (s *shard) incarnate() actor.Actor { return &host{shard: s, matchers: s.node.newMatchers()} }

// host is one incarnation of a shard's actor. It alone uses the shard's segments while it runs.
type host struct {
	*shard
	matchers []*engine.Matcher // one for each of the node's comparisons
	by       int               // which of them the part in hand is for
}

// rebuild asks a failed shard to try again.
type rebuild struct{}

// warmNext has a shard fill a few of its cold segments. It sends itself the next one behind what was asked meanwhile.
type warmNext struct{}

// restart is what a host panics with after it has answered the part that made the matcher panic.
type restart struct{}

// Receive implements actor.Actor. It panics only with restart, and only when the message is dealt with.
func (h *host) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *part:
		h.beats.Add(1)
		if crashed := h.answer(m); crashed {
			panic(restart{})
		}
	case *refresh:
		h.refresh(m)
	case *reset:
		h.reset(m)
	case *actor.Started:
		h.takeOver()
		h.warmNext(ctx)
	case *warmNext:
		h.warmSome()
		h.warmNext(ctx)
	case *rebuild:
		h.rebuild()
	}
	h.beats.Add(1)
}

// takeOver waits until the segments are the shard's and reloads those that can not be trusted. Messages queue
// meanwhile; the wait ends when the previous owners have answered theirs.
func (h *host) takeOver() {
	for _, event := range h.after {
		<-event
	}
	if !h.failed.Load() {
		h.node.warm(h.node.stale.Load()&h.segments, &h.beats)
	}
	select {
	case <-h.held:
	default:
		close(h.held)
	}
}

// answer gives every item of the part its outcome, gives back its tokens and counts it down, and reports whether the
// matcher panicked.
func (h *host) answer(p *part) (crashed bool) {
	n, b, items := h.node, p.job.batch, p.items
	h.by = p.job.by
	var tally engine.Tally
	late := p.late()
	switch {
	case late:
	case h.failed.Load():
		refuse(b, items, zhenni.RefusedUnavailable)
	default:
		tally, crashed = h.match(b, items)
		if b.Also != nil {
			tally, crashed = h.matchAlso(p, tally, crashed)
		}
		tally = h.limit(p, tally)
	}
	if late || p.job.state.Load() == jobAbandoned {
		n.ledger.expired.Add(uint64(len(items)))
	} else {
		n.ledger.answered(b, items, tally)
	}
	n.ledger.add(&n.ledger.replays, tally.Replays)
	h.inFlight.Add(-int64(len(items)))
	p.finish()
	return crashed
}

// match runs the items together and, if that panics, the ones left pending one by one.
func (h *host) match(b *zhenni.Batch, items []uint32) (t engine.Tally, crashed bool) {
	h.refuseParked(b, items)
	t, err := h.run(b, items)
	if err == nil {
		return t, false
	}
	t = h.isolate(b, items)
	h.countCrash(err)
	return t, true
}

// run is the matcher's Verify with a panic as an error. What had been counted before a panic is in the next tally.
func (h *host) run(b *zhenni.Batch, items []uint32) (t engine.Tally, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = h.caught(cause)
		}
	}()
	h.dropStale()
	return h.matcher().Verify(b, items), nil
}

// caught turns a panic into an error without its content.
func (h *host) caught(cause any) error {
	h.node.ledger.panics.Add(1)
	return panicError(cause)
}

// dropStale forgets the segments that were marked since the last part. A mark set while this runs is kept for the
// next part; marks whose segments were not dropped, because of a panic, are set again.
func (h *host) dropStale() {
	marked := h.node.stale.Load() & h.segments
	if marked == 0 {
		return
	}
	h.node.stale.And(^marked)
	defer func() { h.node.stale.Or(marked) }()
	for marked != 0 {
		h.discard(bits.TrailingZeros64(marked))
		marked &= marked - 1
	}
}

// isolate runs the pending items alone, refuses those that panic again, and marks their segments to be dropped: a
// matcher writes only to the segment of the item at hand. If none panics, it may have been any of them. The matcher is
// sound after a panic of the store; the restart that follows replaces it in any case.
func (h *host) isolate(b *zhenni.Batch, items []uint32) (total engine.Tally) {
	var touched, guilty uint64
	for k, i := range items {
		if b.Outcomes[i] != zhenni.Pending {
			continue
		}
		touched |= 1 << engine.SegmentOf(b.IDs[i])
		t, err := h.runAlone(b, items[k:k+1])
		total.Replays += t.Replays
		if err != nil {
			guilty |= 1 << engine.SegmentOf(b.IDs[i])
		}
		h.beats.Add(1)
	}
	if guilty == 0 {
		guilty = touched
	}
	h.node.stale.Or(guilty)
	// An empty run fetches what was counted before the last panic.
	rest, _ := h.run(b, nil)
	total.Replays += rest.Replays
	return total
}

// runAlone runs one item, unless its credential was parked by an item before it, and refuses it if it panics.
func (h *host) runAlone(b *zhenni.Batch, item []uint32) (t engine.Tally, err error) {
	i := item[0]
	if h.isParked(b.IDs[i]) {
		b.Outcomes[i] = zhenni.RefusedInternal
		return t, nil
	}
	if t, err = h.run(b, item); err != nil {
		b.Outcomes[i] = zhenni.RefusedInternal
		h.strike(b.IDs[i])
	}
	return t, err
}

// countCrash remembers the time and fails the shard after too many in the window.
func (h *host) countCrash(cause error) {
	c, now := &h.node.config, time.Now()
	h.node.log.Error("shard panicked", "shard", h.name, "cause", cause)
	for len(h.crashes) > 0 && now.Sub(h.crashes[0]) >= c.PanicWindow {
		h.crashes = h.crashes[1:]
	}
	h.crashes = append(h.crashes, now)
	if len(h.crashes) > c.PanicLimit {
		h.node.log.Error("shard failed", "shard", h.name, "panics", len(h.crashes), "window", c.PanicWindow)
		h.node.stale.Or(h.segments)
		h.failed.Store(true)
	}
}

// rebuild reads the segments of a failed shard anew and lets it serve.
func (h *host) rebuild() {
	if !h.failed.Load() {
		return
	}
	h.node.stale.Or(h.segments)
	h.node.warm(h.segments, &h.beats)
	h.crashes = nil
	h.failed.Store(false)
	h.node.log.Info("shard rebuilt", "shard", h.name)
}

// panicError describes a panic by its type and place. Its value may hold anything, so only the text of the runtime's
// own errors is kept.
func panicError(cause any) error {
	text := fmt.Sprintf("%T", cause)
	if e, ok := cause.(runtime.Error); ok {
		text = e.Error()
	}
	var pcs [10]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var where []string
	for {
		f, more := frames.Next()
		where = append(where, fmt.Sprintf("%s:%d", f.Function, f.Line))
		if !more {
			break
		}
	}
	return fmt.Errorf("actors: panic %s at %s", text, strings.Join(where, " < "))
}
