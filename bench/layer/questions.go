package layer

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"zhenni"
	"zhenni/actors"
	"zhenni/engine"
)

// questions are comparisons with the crowd whose answers are known: about half are mated. There are more of them than
// probes, which are few enough for the cache, as those of requests just received are, and meet another credential each time
// they come. Of every so many questions in a row, one for each owner, every owner has one, in random order: so each has its
// share of any part of them. They are only read.
type questions struct {
	crowd  *crowd
	rule   zhenni.Threshold
	owners int
	// ids are the credentials claimed, claims their numbers, want the answers.
	ids    []zhenni.CredentialID
	claims []int
	want   []zhenni.Outcome
	// probe i is what question i asks about, and question i + len(persons), and so on. It is of persons[i].
	probes  []int8
	floats  []float32 // the probes before they were quantised
	persons []int
	norms   []int32
	// surprises counts answers that are right and yet not the truth: errors of the model.
	surprises atomic.Int64
}

// ownerOf is the owner of a credential of so many: contiguous segments, as shards own them.
func ownerOf(id zhenni.CredentialID, owners int) int {
	return engine.SegmentOf(id) * owners / engine.Segments
}

// upTo rounds n up to a multiple.
func upTo(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// ask makes n questions about so many probes. Both are rounded up to whole batches, and n to a multiple of probes.
func (c *crowd) ask(ctx context.Context, n, probes, batch, owners, threads int) (*questions, error) {
	rule, err := c.rule()
	if err != nil {
		return nil, err
	}
	probes = upTo(probes, batch)
	n = upTo(n, probes)
	q := &questions{
		crowd: c, rule: rule, owners: owners,
		ids: make([]zhenni.CredentialID, n), claims: make([]int, n), want: make([]zhenni.Outcome, n),
		probes: make([]int8, probes*c.dim()), floats: make([]float32, probes*c.dim()), persons: make([]int, probes), norms: make([]int32, probes),
	}
	if err := spread(ctx, probes, threads, q.capture); err != nil {
		return nil, err
	}
	if err := spread(ctx, n/owners, threads, q.claim); err != nil {
		return nil, err
	}
	return q, q.plausible()
}

// capture makes probes.
func (q *questions) capture(first, last int) error {
	d := q.crowd.dim()
	random := rand.New(rand.NewPCG(q.crowd.population.Seed, uint64(first)))
	for i := first; i < last; i++ {
		q.persons[i] = random.IntN(q.crowd.people)
		embedding := q.floats[i*d:][:d]
		q.crowd.population.Probe(q.persons[i], i, embedding)
		var err error
		if q.norms[i], err = engine.Prepare(q.probes[i*d:][:d], embedding); err != nil {
			return fmt.Errorf("probe %d: %w", i, err)
		}
	}
	return nil
}

// claim makes the questions of groups: one for each owner.
func (q *questions) claim(first, last int) error {
	random := rand.New(rand.NewPCG(q.crowd.population.Seed, uint64(first)+1<<32))
	for group := first; group < last; group++ {
		for k, owner := range random.Perm(q.owners) {
			i := group*q.owners + k
			probe := i % len(q.persons)
			mated := random.IntN(2) == 0
			q.claims[i] = q.draw(random, owner, q.persons[probe], mated)
			q.ids[i], q.want[i] = q.crowd.id(q.claims[i]), zhenni.NoMatch
			row := q.crowd.row(q.claims[i])
			if q.rule.Accept(plainDot(q.probes[probe*len(row):][:len(row)], row), q.norms[probe], plainDot(row, row)) {
				q.want[i] = zhenni.Match
			}
			if mated != (q.want[i] == zhenni.Match) {
				q.surprises.Add(1)
			}
		}
	}
	return nil
}

// drawings is how often a mated credential of an owner is looked for.
const drawings = 1 << 12

// draw returns a credential of the owner: one of the person, if that is asked for and is to be had, else one of somebody
// else.
func (q *questions) draw(random *rand.Rand, owner, person int, mated bool) int {
	c := q.crowd
	for range drawings {
		i := random.IntN(c.count)
		if mated {
			i = random.IntN((c.count-person+c.people-1)/c.people)*c.people + person
		}
		if ownerOf(c.id(i), q.owners) == owner && (i%c.people == person) == mated {
			return i
		}
	}
	return q.draw(random, owner, person, false)
}

// plausible refuses questions whose right answers tell people apart no better than chance would.
func (q *questions) plausible() error {
	matches, n := 0, len(q.want)
	for _, want := range q.want {
		if want == zhenni.Match {
			matches++
		}
	}
	if surprises := int(q.surprises.Load()); matches < n*2/5 || matches > n*3/5 || surprises > n/20 {
		return fmt.Errorf("%w: of %d questions, half of them mated, %d match and %d are answered wrong", zhenni.ErrCorrupt, n, matches, surprises)
	}
	return nil
}

// asker asks the questions again and again, in batches of its own whose ids and probes are shared. One goroutine uses it.
type asker struct {
	batches []zhenni.Batch
	items   [][]uint32 // of each batch, those that are asked
	want    [][]byte
	next    int
	_       [lineBytes]byte
}

// everyone stands for all owners.
const everyone = -1

// asker makes an asker of batches of so many items, that number for each owner, of which it asks those of one owner, or of
// everyone. It begins with batch first.
func (q *questions) asker(items, owner, first int, floats bool) *asker {
	a, d, n := &asker{}, q.crowd.dim(), items*q.owners
	for at := 0; at+n <= len(q.ids); at += n {
		b := zhenni.Batch{Tenant: tenant, Evaluation: true, Dim: d, IDs: q.ids[at : at+n : at+n], Outcomes: make([]zhenni.Outcome, n)}
		if probe := at % len(q.persons); floats {
			b.Float32 = q.floats[probe*d : (probe+n)*d]
		} else {
			b.Int8 = q.probes[probe*d : (probe+n)*d]
		}
		want, asked := make([]byte, n), make([]uint32, 0, n)
		for i, id := range b.IDs {
			if owner == everyone || ownerOf(id, q.owners) == owner {
				asked, want[i] = append(asked, uint32(i)), byte(q.want[at+i])
			}
		}
		a.batches, a.items, a.want = append(a.batches, b), append(a.items, slices.Clip(asked)), append(a.want, want)
	}
	a.next = first % len(a.batches)
	return a
}

// turn is the next batch, unanswered, and its number.
func (a *asker) turn() (*zhenni.Batch, int) {
	k := a.next
	if a.next++; a.next == len(a.batches) {
		a.next = 0
	}
	clear(a.batches[k].Outcomes)
	return &a.batches[k], k
}

// direct asks a matcher.
func (a *asker) direct(m *engine.Matcher) (int, error) {
	b, k := a.turn()
	m.Verify(b, a.items[k])
	return len(a.items[k]), a.check(k)
}

// patience is how long a batch may take; none comes near it.
const patience = time.Minute

// through asks a node.
func (a *asker) through(n *actors.Node) (int, error) {
	b, k := a.turn()
	if err := n.Verify(b, time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return len(a.items[k]), a.check(k)
}

// check holds every answer of a batch against what it must be. A thousand of them take some thirty nanoseconds.
func (a *asker) check(k int) error {
	outcomes := a.batches[k].Outcomes
	if !bytes.Equal(unsafe.Slice((*byte)(unsafe.Pointer(&outcomes[0])), len(outcomes)), a.want[k]) {
		return fmt.Errorf("%w: a batch is not answered as it must be", zhenni.ErrCorrupt)
	}
	return nil
}

// estrange makes every batch one of another tenant, which matches nobody.
func (a *asker) estrange() {
	for k := range a.batches {
		a.batches[k].Tenant = tenant + 1
		for _, item := range a.items[k] {
			a.want[k][item] = byte(zhenni.NoMatch)
		}
	}
}
