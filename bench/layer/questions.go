package layer

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
	"unsafe"

	"zhenni"
	"zhenni/actors"
	"zhenni/engine"
)

// questions are comparisons with the crowd whose answers are known: about half are mated. Of every so many in a row, one
// for each owner, every owner has one, in random order: so each has its share of any part of them. They are only read.
type questions struct {
	crowd    *crowd
	rule     zhenni.Threshold
	owners   int
	ids      []zhenni.CredentialID
	subjects []int32 // whose credential is claimed
	probes   []int8
	floats   []float32 // the probes before they were quantised; nil unless asked for
	want     []zhenni.Outcome
	// surprises counts answers that are right and yet not the truth: errors of the model.
	surprises atomic.Int64
}

// ownerOf is the owner of a credential of so many: contiguous segments, as shards own them.
func ownerOf(id zhenni.CredentialID, owners int) int {
	return engine.SegmentOf(id) * owners / engine.Segments
}

// ask makes n questions, rounded up to a multiple of the owners.
func (c *crowd) ask(ctx context.Context, n, owners, threads int, floats bool) (*questions, error) {
	rule, err := c.rule()
	if err != nil {
		return nil, err
	}
	n = (n + owners - 1) / owners * owners
	q := &questions{
		crowd: c, rule: rule, owners: owners, ids: make([]zhenni.CredentialID, n), subjects: make([]int32, n),
		probes: make([]int8, n*c.people.Dim), want: make([]zhenni.Outcome, n),
	}
	if floats {
		q.floats = make([]float32, n*c.people.Dim)
	}
	err = spread(ctx, n/owners, threads, func(first, last int) error {
		random, embedding := rand.New(rand.NewPCG(c.people.Seed, uint64(first))), make([]float32, c.people.Dim)
		for group := first; group < last; group++ {
			for k, owner := range random.Perm(owners) {
				if err := q.make(group*owners+k, owner, random, embedding); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		err = q.plausible()
	}
	return q, err
}

// make makes question i, of a credential of the owner.
func (q *questions) make(i, owner int, random *rand.Rand, embedding []float32) error {
	c, d := q.crowd, q.crowd.people.Dim
	claimed := random.IntN(c.count)
	for ownerOf(c.id(claimed), q.owners) != owner {
		claimed = random.IntN(c.count)
	}
	person := claimed
	if random.IntN(2) == 0 {
		person = (claimed + 1 + random.IntN(c.count-1)) % c.count
	}
	c.people.Probe(person, i, embedding)
	if q.floats != nil {
		copy(q.floats[i*d:], embedding)
	}
	probe := q.probes[i*d:][:d]
	norm, err := engine.Prepare(probe, embedding)
	if err != nil {
		return err
	}
	q.ids[i], q.subjects[i], q.want[i] = c.id(claimed), int32(claimed), zhenni.NoMatch
	row := c.row(claimed)
	if q.rule.Accept(plainDot(probe, row), norm, plainDot(row, row)) {
		q.want[i] = zhenni.Match
	}
	if mated := person == claimed; mated != (q.want[i] == zhenni.Match) {
		q.surprises.Add(1)
	}
	return nil
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
	a, d, n := &asker{next: first}, q.crowd.people.Dim, items*q.owners
	for at := 0; at+n <= len(q.ids); at += n {
		b := zhenni.Batch{Tenant: tenant, Dim: d, IDs: q.ids[at : at+n : at+n], Outcomes: make([]zhenni.Outcome, n)}
		if floats {
			b.Float32 = q.floats[at*d : (at+n)*d]
		} else {
			b.Int8 = q.probes[at*d : (at+n)*d]
		}
		want, asked := make([]byte, n), []uint32(nil)
		for i := range n {
			if owner == everyone || ownerOf(b.IDs[i], q.owners) == owner {
				asked, want[i] = append(asked, uint32(i)), byte(q.want[at+i])
			}
		}
		a.batches, a.items, a.want = append(a.batches, b), append(a.items, asked), append(a.want, want)
	}
	a.next %= len(a.batches)
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
