package scale

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"zhenni"
	"zhenni/bench/layer"
	"zhenni/engine"
	"zhenni/simd"
)

// ring is what one matcher is asked, again and again: comparisons with the first so many credentials of its segments, about half
// of them mated. The probes are few enough for the cache, as those of requests just received are, and meet another credential
// each time they come. One goroutine uses it.
type ring struct {
	people *people
	rule   zhenni.Threshold
	random *rand.Rand
	// owner is the matcher among so many, n how many credentials the questions are about.
	owner, owners int
	n             int64
	batches       []zhenni.Batch
	items         []uint32 // of a batch: all
	// want are the answers, of all batches one behind the other.
	want []zhenni.Outcome
	// probe i is what item i of the first batches asks about, and of the batches after them. It is of persons[i].
	probes  []int8
	persons []int64
	norms   []int32
	next    int
	probeAt []int // of each item of a batch
	rowAt   []int // of each question, where its row lies; see locate
	dots    []int32
}

// probeBatches is how many batches have probes of their own.
const probeBatches = 4

// rings makes a ring for each matcher, of questions about n credentials.
func (s Scale) rings(p *people, n int64) ([]*ring, error) {
	rule, err := layer.Rule(s.Dim)
	if err != nil {
		return nil, err
	}
	rings := make([]*ring, s.Threads)
	for t := range rings {
		r := &ring{people: p, rule: rule, random: rand.New(rand.NewPCG(s.Seed, uint64(n)<<8|uint64(t))), owner: t, owners: s.Threads, n: n}
		if err := r.make((s.Questions/s.Threads+s.Batch-1)/s.Batch, s.Batch); err != nil {
			return nil, err
		}
		rings[t] = r
	}
	return rings, nil
}

// make makes so many batches.
func (r *ring) make(batches, size int) error {
	batches = max(batches, 1)
	if err := r.capture(probeBatches * size); err != nil {
		return err
	}
	r.want = make([]zhenni.Outcome, batches*size)
	r.items, r.probeAt, r.dots = make([]uint32, size), make([]int, size), make([]int32, size)
	for i := range size {
		r.items[i], r.probeAt[i] = uint32(i), i*r.people.Dim
	}
	ids, outcomes := make([]zhenni.CredentialID, batches*size), make([]zhenni.Outcome, size)
	for k := range batches {
		probes := r.probes[k%probeBatches*size*r.people.Dim:]
		r.batches = append(r.batches, zhenni.Batch{
			Tenant: tenant, Dim: r.people.Dim, IDs: ids[k*size:][:size:size], Outcomes: outcomes, Int8: probes[:size*r.people.Dim],
		})
	}
	return r.draw()
}

// capture makes so many probes.
func (r *ring) capture(n int) error {
	d := r.people.Dim
	r.probes, r.persons, r.norms = make([]int8, n*d), make([]int64, n), make([]int32, n)
	embedding := make([]float32, d)
	for i := range n {
		r.persons[i] = r.random.Int64N(r.people.persons)
		r.people.Probe(r.persons[i], int64(i), embedding)
		var err error
		if r.norms[i], err = engine.Prepare(r.probes[i*d:][:d], embedding); err != nil {
			return fmt.Errorf("probe %d: %w", i, err)
		}
	}
	return nil
}

// draw draws other questions about the same probes.
func (r *ring) draw() error {
	size, d, matches := len(r.items), r.people.Dim, 0
	for i := range r.want {
		probe := i % len(r.persons)
		subject := r.subject(r.persons[probe], r.random.IntN(2) == 0)
		r.want[i] = zhenni.NoMatch
		r.batches[i/size].IDs[i%size] = r.people.ID(subject)
		row := r.people.row(subject)
		if r.rule.Accept(simd.Dot(r.probes[probe*d:][:d], row), r.norms[probe], r.people.norm(subject)) {
			r.want[i] = zhenni.Match
			matches++
		}
	}
	if matches < len(r.want)/4 || matches > len(r.want)*3/4 {
		return fmt.Errorf("%w: %d of %d questions match, half of which are mated", zhenni.ErrCorrupt, matches, len(r.want))
	}
	return nil
}

// drawings is how many segments are looked into for a credential of a person: where few are asked about, some have none.
const drawings = 64

// subject draws a credential of the person, if that is asked for and is to be had, else one of somebody else.
func (r *ring) subject(person int64, mated bool) int64 {
	p := r.people
	// The segments of an owner are contiguous, as shards own them.
	low := (r.owner*engine.Segments + r.owners - 1) / r.owners
	high := ((r.owner+1)*engine.Segments + r.owners - 1) / r.owners
	for range drawings {
		segment := low + r.random.IntN(high-low)
		first, run := p.first[segment], p.run(segment, r.n)
		at := r.random.Int64N(run)
		if mated {
			at = ((person-first)%p.persons + p.persons) % p.persons
			if at >= run {
				continue
			}
			at += p.persons * r.random.Int64N((run-at+p.persons-1)/p.persons)
		}
		if subject := first + at; (subject%p.persons == person) == mated {
			return subject
		}
	}
	return r.subject(person, false)
}

// verify asks a matcher the next batch, and holds its answers against what they must be.
func (r *ring) verify(m *engine.Matcher) (int, error) {
	k := r.turn()
	b := &r.batches[k]
	clear(b.Outcomes)
	m.Verify(b, r.items)
	if !slices.Equal(b.Outcomes, r.want[k*len(r.items):][:len(r.items)]) {
		return 0, fmt.Errorf("%w: a batch is not answered as it must be", zhenni.ErrCorrupt)
	}
	return len(r.items), nil
}

// turn is the number of the next batch.
func (r *ring) turn() int {
	k := r.next
	r.next = (k + 1) % len(r.batches)
	return k
}
