package engine

import (
	"zhenni"
	"zhenni/simd"
)

// sweepItems is the most items compared in one sweep: enough for their reads of memory to overlap, few enough for
// their probes to stay in the cache between the steps.
const sweepItems = 1024

// Tally counts the items decided, by verdict. Replays are among the NoMatch.
type Tally struct{ Match, NoMatch, Refused, Replays int }

// Matcher is the verifier of one shard. It is used by one goroutine at a time, on the segments its owner holds: ids
// of other segments must not be passed to it.
type Matcher struct {
	arena *Arena
	store Store
	many  ManyStore // the store, where it is one
	rule  zhenni.Threshold
	tally Tally
	// sweep is scratch, owned by the Verify in progress.
	sweep sweep
}

// sweep is the working set of at most sweepItems items.
type sweep struct {
	// claims are the items with a good probe; missing are those of them whose reference is not in memory.
	claims, missing []claim
	// Where the search for claim i starts in the arena's index, what that slot holds, and where the header of the row
	// it leads to lies in the arena's slab; 0, the decoy's header, if it leads to none.
	slotAt   []int
	contents []uint64
	headerAt []int
	// comparisons are the items ready to compare: for comparison i the elements start at probeAt[i] of the probes and
	// at rowAt[i] of the arena's slab.
	comparisons    []comparison
	probeAt, rowAt []int
	dots           []int32
	// quantised holds the probes of a batch that came as float32; it is made when the first such batch comes.
	quantised []int8
	// together holds the records of the missing, from a store that reads many at once; it is made for the first of them.
	together together
}

// claim is an item whose reference is being looked up.
type claim struct {
	item      uint32
	probeNorm int32
	probeAt   int
	tag       uint32
	// read is where the record lies among those read together, counted from 1; 0 if it is not there.
	read uint16
	// found says that the row at headerAt is of the credential claimed.
	found bool
}

// comparison is an item whose probe and row are at hand. Where known is false the row is the decoy, and the outcome is
// NoMatch whatever the dot product.
type comparison struct {
	item               uint32
	probeNorm, rowNorm int32
	known              bool
}

// NewMatcher makes a matcher that serves from a, reads from store what is not there, and accepts by rule.
func NewMatcher(a *Arena, store Store, rule zhenni.Threshold) *Matcher {
	many, _ := store.(ManyStore)
	return &Matcher{arena: a, store: store, many: many, rule: rule, sweep: sweep{
		claims:      make([]claim, 0, sweepItems),
		missing:     make([]claim, 0, sweepItems),
		slotAt:      make([]int, sweepItems),
		contents:    make([]uint64, sweepItems),
		headerAt:    make([]int, sweepItems),
		comparisons: make([]comparison, 0, sweepItems),
		probeAt:     make([]int, 0, sweepItems),
		rowAt:       make([]int, 0, sweepItems),
		dots:        make([]int32, sweepItems),
	}}
}

// Verify decides the pending ones among the listed items of b, a batch that [zhenni.Batch.Validate] accepted. Each is
// of a segment that the matcher's owner holds. Afterwards none of them is pending.
//
// A credential that is unknown, of another tenant or not active gives NoMatch after the same comparison as any other.
// A store that fails gives [zhenni.RefusedUnavailable]; a record that is damaged, [zhenni.RefusedInternal]; a probe
// that is no embedding of the model, [zhenni.RefusedProbe].
//
// If the store panics, so does Verify. Items already decided keep their outcome and are counted by the next Verify,
// the others stay pending, and matcher and arena remain sound: the pending items may be passed again, one by one.
func (m *Matcher) Verify(b *zhenni.Batch, items []uint32) Tally {
	for len(items) > 0 {
		n := min(len(items), sweepItems)
		m.verify(b, items[:n])
		items = items[n:]
	}
	tally := m.tally
	m.tally = Tally{}
	return tally
}

// verify decides at most sweepItems items: what is in memory first, then what is not, group by group. Rows are evicted
// only between two groups, so that no row changes hands while a comparison with it is due.
func (m *Matcher) verify(b *zhenni.Batch, items []uint32) {
	m.sweep.reset()
	m.prepare(b, items)
	m.locate(b)
	m.compare(b)
	if len(m.sweep.missing) > 0 {
		m.verifyMissing(b)
	}
}

// verifyMissing decides the items whose row is not in memory.
func (m *Matcher) verifyMissing(b *zhenni.Batch) {
	defer m.sweep.together.forget(m.arena.dim)
	m.readTogether(b, m.sweep.missing)
	group := min(groupItems, int(m.arena.segments[0].capacity))
	for missing := m.sweep.missing; len(missing) > 0; {
		n := min(len(missing), group)
		m.open(b, missing[:n])
		m.compare(b)
		missing = missing[n:]
	}
}

func (s *sweep) reset() {
	s.claims, s.missing = s.claims[:0], s.missing[:0]
	s.clearComparisons()
}

func (s *sweep) clearComparisons() {
	s.comparisons, s.probeAt, s.rowAt = s.comparisons[:0], s.probeAt[:0], s.rowAt[:0]
}

// prepare makes a claim of each pending item and refuses those whose probe is bad.
func (m *Matcher) prepare(b *zhenni.Batch, items []uint32) {
	if b.Float32 != nil && m.sweep.quantised == nil {
		m.sweep.quantised = make([]int8, sweepItems*m.arena.dim)
	}
	for _, item := range items {
		if b.Outcomes[item] != zhenni.Pending {
			continue
		}
		at, norm, err := m.probe(b, int(item))
		if err != nil {
			b.Outcomes[item] = zhenni.RefusedProbe
			m.tally.Refused++
			continue
		}
		m.sweep.claims = append(m.sweep.claims, claim{item: item, probeAt: at, probeNorm: norm})
	}
}

// probe returns where the probe of an item lies among the probes, and its norm.
func (m *Matcher) probe(b *zhenni.Batch, item int) (at int, norm int32, err error) {
	d := m.arena.dim
	switch {
	case b.Dim != d:
		return 0, 0, zhenni.ErrBadProbe
	case b.Float32 != nil:
		at = len(m.sweep.claims) * d
		norm, err = Prepare(m.sweep.quantised[at:at+d], b.Float32[item*d:(item+1)*d])
	default:
		at = item * d
		norm, err = CheckRow(b.Int8[at : at+d])
	}
	return at, norm, err
}

// compare decides every comparison that is ready.
func (m *Matcher) compare(b *zhenni.Batch) {
	s := &m.sweep
	probes := b.Int8
	if b.Float32 != nil {
		probes = s.quantised
	}
	dots := s.dots[:len(s.comparisons)]
	simd.DotPairs(dots, probes, s.probeAt, m.arena.slab, s.rowAt, m.arena.dim)
	for i := range s.comparisons {
		c := &s.comparisons[i]
		b.Outcomes[c.item] = m.decide(c, dots[i], b.Evaluation)
	}
	s.clearComparisons()
}

// decide gives the verdict of one comparison. A probe identical to the reference is a captured template sent again,
// not a person: Σ(p−r)² = Σp² + Σr² − 2Σpr is 0 for that one probe only.
func (m *Matcher) decide(c *comparison, dot int32, evaluation bool) zhenni.Outcome {
	accepted := m.rule.Accept(dot, c.probeNorm, c.rowNorm)
	replayed := dot == c.probeNorm && dot == c.rowNorm && !evaluation
	if c.known && replayed {
		m.tally.Replays++
	}
	if c.known && accepted && !replayed {
		m.tally.Match++
		return zhenni.Match
	}
	m.tally.NoMatch++
	return zhenni.NoMatch
}
