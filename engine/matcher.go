package engine

import (
	"zhenni"
	"zhenni/simd"
)

// sweepItems is the most items compared in one sweep: enough for their reads of memory to overlap, few enough for
// their probes to stay in the cache between the steps.
const sweepItems = 1024

// stripItems is how many of them are looked up before they are compared: what was read of them for the one is still in the
// first-level cache, or near, for the other.
const stripItems = 256

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
	// missed has a bit for each item: whether it was compared with the reference of its own credential and did not match.
	// It is written for every item that is decided.
	missed [zhenni.MaxBatchItems / 64]uint64
	// sweep is scratch, owned by the Verify in progress.
	sweep sweep
}

// sweep is the working set of at most sweepItems items.
type sweep struct {
	// claims are the pending items, but for those found to have a bad probe; missing are those of them whose reference is
	// not in memory.
	claims, missing []claim
	// Where the search for claim i starts in the arena's index, and where the header of the row it leads to lies in the
	// arena's slab; 0, the decoy's header, if it leads to none.
	slotAt   []int
	headerAt []int
	// comparisons are the items ready to compare, so many of them: for comparison i the elements start at probeAt[i] of
	// the probes and at rowAt[i] of the arena's slab. norms[i] is Σp², of a probe that came as int8 not before it is
	// compared.
	comparisons    []comparison
	probeAt, rowAt []int
	norms, dots    []int32
	ready          int
	// second is that of the batch; of one that does not say, the last before never.
	second int64
	// quantised holds the probes of a batch that came as float32; it is made when the first such batch comes.
	quantised []int8
	// together holds the records of the missing, from a store that reads many at once; it is made for the first of them.
	together together
}

// claim is an item whose reference is being looked up. probeNorm is 0 where the probe was not looked at yet.
type claim struct {
	item      uint32
	tag       uint32
	probeAt   int
	probeNorm int32
	// read is where the record lies among those read together, counted from 1; 0 if it is not there.
	read uint16
}

// comparison is an item whose probe and row are at hand. Where known is false the row is the decoy, and the outcome is
// NoMatch whatever the dot product.
type comparison struct {
	item    uint32
	rowNorm int32
	known   bool
}

// NewMatcher makes a matcher that serves from a, reads from store what is not there, and accepts by rule.
func NewMatcher(a *Arena, store Store, rule zhenni.Threshold) *Matcher {
	many, _ := store.(ManyStore)
	return &Matcher{arena: a, store: store, many: many, rule: rule, sweep: sweep{
		claims:      make([]claim, 0, sweepItems),
		missing:     make([]claim, 0, sweepItems),
		slotAt:      make([]int, sweepItems),
		headerAt:    make([]int, sweepItems),
		comparisons: make([]comparison, sweepItems),
		probeAt:     make([]int, sweepItems),
		rowAt:       make([]int, sweepItems),
		norms:       make([]int32, sweepItems),
		dots:        make([]int32, sweepItems),
	}}
}

// Verify decides the pending ones among the listed items of b, a batch that [zhenni.Batch.Validate] accepted. Each is
// of a segment that the matcher's owner holds. Afterwards none of them is pending.
//
// A credential that is unknown, of another tenant, not active, locked, below the level asked for, or whose validity had ended
// at the batch's second, gives NoMatch after the same comparison as any other.
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
	m.sweep.second = b.Second
	if b.Second == 0 {
		m.sweep.second = never - 1
	}
	m.prepare(b, items)
	for from, n := 0, len(m.sweep.claims); from < n; from += stripItems {
		m.locate(b, from, min(from+stripItems, n))
		m.compare(b)
	}
	if len(m.sweep.missing) > 0 {
		m.verifyMissing(b)
	}
}

// verifyMissing decides the items whose row is not in memory.
func (m *Matcher) verifyMissing(b *zhenni.Batch) {
	defer m.sweep.together.forget(m.arena.dim)
	m.checkMissing(b)
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
	s.claims, s.missing, s.ready = s.claims[:0], s.missing[:0], 0
}

// prepare makes a claim of each pending item. It refuses those whose probe is bad, as far as that is known before the
// comparison: one that came as int8 is looked at with the comparison, which reads it once for both.
func (m *Matcher) prepare(b *zhenni.Batch, items []uint32) {
	d := m.arena.dim
	if b.Float32 != nil || b.Dim != d {
		m.prepareFloats(b, items)
		return
	}
	claims := m.sweep.claims[:len(items)]
	n := 0
	for _, item := range items {
		claims[n] = claim{item: item, probeAt: int(item) * d}
		if b.Outcomes[item] == zhenni.Pending {
			n++
		}
	}
	m.sweep.claims = claims[:n]
}

// prepareFloats quantises the probes on the way.
func (m *Matcher) prepareFloats(b *zhenni.Batch, items []uint32) {
	if b.Float32 != nil && m.sweep.quantised == nil {
		m.sweep.quantised = make([]int8, sweepItems*m.arena.dim)
	}
	for _, item := range items {
		if b.Outcomes[item] != zhenni.Pending {
			continue
		}
		at, norm, err := m.quantise(b, int(item))
		if err != nil {
			m.refuseProbe(b, item)
			continue
		}
		m.sweep.claims = append(m.sweep.claims, claim{item: item, probeAt: at, probeNorm: norm})
	}
}

// quantise returns where the quantised probe of an item lies, and its norm.
func (m *Matcher) quantise(b *zhenni.Batch, item int) (at int, norm int32, err error) {
	d := m.arena.dim
	if b.Dim != d {
		return 0, 0, zhenni.ErrBadProbe
	}
	at = len(m.sweep.claims) * d
	norm, err = Prepare(m.sweep.quantised[at:at+d], b.Float32[item*d:(item+1)*d])
	return at, norm, err
}

func (m *Matcher) refuseProbe(b *zhenni.Batch, item uint32) {
	b.Outcomes[item] = zhenni.RefusedProbe
	m.tally.Refused++
}

// checkMissing refuses those of the missing whose probe is bad: nothing is read from the store for them.
func (m *Matcher) checkMissing(b *zhenni.Batch) {
	if b.Float32 != nil {
		return
	}
	good := m.sweep.missing[:0]
	for _, c := range m.sweep.missing {
		norm, err := CheckRow(b.Int8[c.probeAt : c.probeAt+m.arena.dim])
		if err != nil {
			m.refuseProbe(b, c.item)
			continue
		}
		c.probeNorm = norm
		good = append(good, c)
	}
	m.sweep.missing = good
}

// compare decides every comparison that is ready, and refuses those whose probe turns out to be bad.
func (m *Matcher) compare(b *zhenni.Batch) {
	s, n := &m.sweep, m.sweep.ready
	comparisons, norms, dots := s.comparisons[:n], s.norms[:n], s.dots[:n]
	if b.Float32 != nil {
		simd.DotPairs(dots, s.quantised, s.probeAt[:n], m.arena.slab, s.rowAt[:n], m.arena.dim)
	} else {
		simd.DotPairsNorms(dots, norms, b.Int8, s.probeAt[:n], m.arena.slab, s.rowAt[:n], m.arena.dim)
	}
	for i := range comparisons {
		c := &comparisons[i]
		if norms[i] < 1 {
			m.refuseProbe(b, c.item)
			continue
		}
		b.Outcomes[c.item] = m.decide(c, dots[i], norms[i], b.Evaluation)
	}
	s.ready = 0
}

// verdicts are what is answered where a comparison is no match, and where it is one.
var verdicts = [2]zhenni.Outcome{zhenni.NoMatch, zhenni.Match}

// decide gives the verdict of one comparison, without a branch on it: nobody can foretell it. A probe identical to the
// reference is a captured template sent again, not a person: Σ(p−r)² = Σp² + Σr² − 2Σpr is 0 for that one probe only.
func (m *Matcher) decide(c *comparison, dot, probeNorm int32, evaluation bool) zhenni.Outcome {
	replayed := dot == probeNorm && dot == c.rowNorm && !evaluation
	if c.known && replayed {
		m.tally.Replays++
	}
	match := bit(c.known) & bit(m.rule.Accept(dot, probeNorm, c.rowNorm)) &^ bit(replayed)
	m.tally.Match += match
	m.tally.NoMatch += 1 - match
	word, at := &m.missed[c.item/64%uint32(len(m.missed))], c.item%64
	*word = *word&^(1<<at) | uint64(bit(c.known)&^match)<<at
	return verdicts[match]
}

// Missed reports of an item that the last Verify answered NoMatch whether there is such a credential, active and of the
// batch's tenant: whether a face was tried on somebody. It is for counting attempts and must not leave the node.
func (m *Matcher) Missed(item uint32) bool {
	return m.missed[item/64%uint32(len(m.missed))]>>(item%64)&1 == 1
}

// bit is 1 for true.
func bit(b bool) (one int) {
	if b {
		one = 1
	}
	return one
}
