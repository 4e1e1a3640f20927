package gateway

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A passage keeps bulk from slowing single verifications down. While processors run bulk without a pause, whoever comes in
// between waits at each step of its request, in this process and in the kernel, and no order of the work helps against that: only bulk
// that leaves processors idle does. So while single verifications take longer than they do alone, requests in bulk are decided
// in turns with a gap behind each, which grows quickly until singles are as fast as wanted and shrinks slowly: what singles see of a
// gap that swings is the time when it is short. Where no single verification comes, or none is slowed down, bulk does not wait.
//
// Its methods may be called from several goroutines. Of two estimates made at once one may be lost.
type passage struct {
	begun time.Time
	turns chan struct{} // one entry for each turn taken; a full channel lets senders in first come, first served
	bulk  atomic.Int32  // requests in hand

	// single is when the latest single verification was answered, left when the latest request in bulk was, changed when the gap
	// was, in nanoseconds since begun.
	single, left, changed atomic.Int64
	// alone and beside estimate how long a slow single verification takes without and with bulk in hand, gap is how long a turn
	// is kept after its request, all in nanoseconds. Alone is 0 until it is known.
	alone, beside, gap atomic.Int64
}

const (
	// recent is for how long after a single verification more of them are expected, and after a request in bulk others feel it.
	recent = 50 * time.Millisecond
	// slowedDown is how much longer than alone a slow single verification may take, in the gateway; fastEnough is never too long.
	slowedDown = 1.25
	fastEnough = time.Millisecond
	// gapEvery is how often the gap changes, gapLeast the first and gapMost the longest. A gap grows by half and shrinks
	// by a 256th.
	gapEvery = 10 * time.Millisecond
	gapLeast = 50 * time.Microsecond
	gapMost  = 4 * time.Millisecond
	// turnPatience is the share of its time that a request in bulk waits for its turn; then it goes on without.
	turnPatience = 4
)

// newPassage has turns for half of the processors.
func newPassage() *passage {
	return &passage{begun: time.Now(), turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// answered notes how long deciding and recording a single verification took, until now: no client has a hand in that.
func (p *passage) answered(now time.Time, took time.Duration) {
	at := int64(now.Sub(p.begun))
	p.single.Store(at)
	beside := p.bulk.Load() > 0
	gap := time.Duration(p.gap.Load())
	if beside {
		estimate(&p.beside, took)
	}
	// With the longest gap there is next to no bulk: whatever slows singles down then, it is not that.
	if beside && gap == gapMost || !beside && at-p.left.Load() > int64(recent) {
		estimate(&p.alone, took)
	}
	changed := p.changed.Load()
	if at-changed >= int64(gapEvery) && p.changed.CompareAndSwap(changed, at) {
		p.gap.Store(int64(p.nextGap(gap, beside)))
	}
}

// estimate follows the 95th percentile of what it is given: 19 steps up for one that is above, one down for one below.
func estimate(slow *atomic.Int64, took time.Duration) {
	was := time.Duration(slow.Load())
	step := max(was/256, time.Microsecond)
	switch {
	case was == 0:
		slow.Store(int64(took))
	case took > was:
		slow.Store(int64(was + 19*step))
	default:
		slow.Store(int64(was - step))
	}
}

// nextGap is longer while singles are slowed down, and shorter while they are not.
func (p *passage) nextGap(gap time.Duration, beside bool) time.Duration {
	bound := max(time.Duration(slowedDown*float64(p.alone.Load())), fastEnough)
	if beside && time.Duration(p.beside.Load()) > bound {
		return min(max(gap+gap/2, gapLeast), gapMost)
	}
	if gap -= gap / 256; gap < gapLeast {
		return 0
	}
	return gap
}

// enter begins a request in bulk, which leave ends. It takes a turn where turns are taken, and reports whether it did: yield gives it
// back. Who has waited for a share of the time to its deadline goes on without.
func (p *passage) enter(deadline time.Time) (turn bool) {
	p.bulk.Add(1)
	now := time.Now()
	if p.gap.Load() == 0 || now.Sub(p.begun)-time.Duration(p.single.Load()) > recent {
		return false
	}
	select {
	case p.turns <- struct{}{}:
		return true
	default:
	}
	patience := time.NewTimer(deadline.Sub(now) / turnPatience)
	defer patience.Stop()
	select {
	case p.turns <- struct{}{}:
		return true
	case <-patience.C:
		return false
	}
}

// yield gives a turn back, to the next after the gap.
func (p *passage) yield() {
	if gap := time.Duration(p.gap.Load()); gap > 0 {
		time.AfterFunc(gap, func() { <-p.turns })
		return
	}
	<-p.turns
}

func (p *passage) leave() {
	if p.bulk.Add(-1) == 0 {
		p.left.Store(int64(time.Since(p.begun)))
	}
}

// enter begins a request in bulk, which leave ends, and returns its deadline.
func (s *Server) enter(rq *request) (deadline time.Time) {
	deadline = time.Now().Add(s.config.BatchTimeout)
	if !s.config.BulkFirst {
		rq.bulk = true
		rq.turn = s.passage.enter(deadline)
	}
	return deadline
}

// yield gives back the turn that a request has, once it is decided.
func (s *Server) yield(rq *request) {
	if rq.turn {
		rq.turn = false
		s.passage.yield()
	}
}

// leave ends a request in bulk, whatever became of it.
func (s *Server) leave(rq *request) {
	s.yield(rq)
	if rq.bulk {
		rq.bulk = false
		s.passage.leave()
	}
}
