package actors

import (
	"sync/atomic"

	"zhenni"
	"zhenni/engine"
)

// ledger counts what became of every item since the node started. Counts are added once for a part, not for an item.
type ledger struct {
	admitted, refused, expired atomic.Uint64
	replays, panics, restarts  atomic.Uint64
	shared                     atomic.Uint64
	parked                     atomic.Uint64
	outcomes                   [zhenni.OutcomeCount]atomic.Uint64
}

// answered counts the outcomes of a part that the matcher tallied. An item that it left pending becomes a refusal
// here, so that no admitted item stays without an outcome.
func (l *ledger) answered(b *zhenni.Batch, items []uint32, t engine.Tally) {
	if t.Match+t.NoMatch != len(items) {
		l.scan(b, items)
		return
	}
	l.add(&l.outcomes[zhenni.Match], t.Match)
	l.add(&l.outcomes[zhenni.NoMatch], t.NoMatch)
}

// scan counts by reading the outcomes themselves.
func (l *ledger) scan(b *zhenni.Batch, items []uint32) {
	var counts [zhenni.OutcomeCount]int
	for _, i := range items {
		if b.Outcomes[i] == zhenni.Pending {
			b.Outcomes[i] = zhenni.RefusedInternal
		}
		counts[b.Outcomes[i]]++
	}
	for o, n := range counts {
		l.add(&l.outcomes[o], n)
	}
}

// add skips the write, and with it the shared cache line, when there is nothing to add.
func (l *ledger) add(counter *atomic.Uint64, n int) {
	if n > 0 {
		counter.Add(uint64(n))
	}
}

// copyTo writes the counts to s.
func (l *ledger) copyTo(s *zhenni.Stats) {
	s.Admitted, s.RefusedAtDoor, s.Expired = l.admitted.Load(), l.refused.Load(), l.expired.Load()
	s.SharedProbes = l.shared.Load()
	s.Replays, s.Panics, s.Restarts = l.replays.Load(), l.panics.Load(), l.restarts.Load()
	s.Parked = l.parked.Load()
	for o := range l.outcomes {
		s.Outcomes[o] = l.outcomes[o].Load()
	}
}
