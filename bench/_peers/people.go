package main

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"

	"zhenni"
	"zhenni/engine"
	"zhenni/engine/accuracy"
	"zhenni/simd"
)

// workload is what every contender is asked: probes of synthetic people, each claiming a credential, one in two its
// own. The same probes are asked in several passes: trial t is probe t modulo their number. A mated probe claims the
// same credential in each pass, a non-mated one another, so that a run reads more credentials than it has probes.
type workload struct {
	people  accuracy.Population
	profile zhenni.Profile
	ids     []zhenni.CredentialID // of subject i
	probes  []float32             // unit vectors, row-major
	rows    []int8                // the probes quantised
	norms   []int32               // Σq² of each row
	// Of all trials: the subject whose credential is claimed, that credential, so that asking costs no search, and
	// whether the profile's threshold takes the probe for a match.
	subjects []int32
	claims   []zhenni.CredentialID
	match    []bool
	// references are the quantised references of all subjects; they are dropped once the peers are filled.
	references []int8
}

// passes is how often the probes are asked, with other claims, before a run repeats a question.
const passes = 16

func (w *workload) dim() int               { return w.people.Dim }
func (w *workload) credentials() int       { return len(w.references) / w.dim() }
func (w *workload) probeCount() int        { return len(w.norms) }
func (w *workload) probeOf(t int) int      { return t % len(w.norms) }
func (w *workload) cosine() float32        { return float32(w.profile.Cosine) }
func (w *workload) row(p int) []int8       { return w.rows[p*w.dim():][:w.dim()] }
func (w *workload) float(p int) []float32  { return w.probes[p*w.dim():][:w.dim()] }
func (w *workload) reference(i int) []int8 { return w.references[i*w.dim():][:w.dim()] }

// decide holds a reference against the probe of trial t by the threshold's integer rule.
func (w *workload) decide(t int, reference []byte) bool {
	p := w.probeOf(t)
	dot, norm := dotInt8(w.row(p), reference)
	return w.profile.Threshold.Accept(dot, w.norms[p], norm)
}

// newWorkload makes the references, the probes and what is true of them, on all cores.
func newWorkload(ctx context.Context, people accuracy.Population, profile zhenni.Profile, credentials, probes int) (*workload, error) {
	w := &workload{
		people: people, profile: profile,
		references: make([]int8, credentials*people.Dim),
		probes:     make([]float32, probes*people.Dim),
		rows:       make([]int8, probes*people.Dim),
		norms:      make([]int32, probes),
		subjects:   make([]int32, passes*probes),
		match:      make([]bool, passes*probes),
	}
	if err := inParts(ctx, credentials, w.makeReferences); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(people.Seed, 1))
	own := make([]int32, probes) // subjects of the probes
	for p := range own {
		own[p] = int32(random.IntN(credentials))
	}
	for t := range w.subjects {
		w.subjects[t] = own[w.probeOf(t)]
		if t%2 == 1 {
			w.subjects[t] = int32((int(w.subjects[t]) + 1 + random.IntN(credentials-1)) % credentials)
		}
	}
	if err := inParts(ctx, probes, func(first, last int) error { return w.makeProbes(own, first, last) }); err != nil {
		return nil, err
	}
	return w, inParts(ctx, len(w.match), w.settle)
}

// enrolled takes the ids that zhenni drew, of subject after subject.
func (w *workload) enrolled(ids []zhenni.CredentialID) {
	w.ids, w.claims = ids, make([]zhenni.CredentialID, len(w.subjects))
	for t, subject := range w.subjects {
		w.claims[t] = ids[subject]
	}
}

func (w *workload) makeReferences(first, last int) error {
	embedding := make([]float32, w.dim())
	for i := first; i < last; i++ {
		w.people.Reference(i, embedding)
		if _, err := engine.Prepare(w.reference(i), embedding); err != nil {
			return err
		}
	}
	return nil
}

// makeProbes makes a sample of each probe's own subject.
func (w *workload) makeProbes(own []int32, first, last int) error {
	for p := first; p < last; p++ {
		w.people.Probe(int(own[p]), p, w.float(p))
		normalise(w.float(p))
		var err error
		if w.norms[p], err = engine.Prepare(w.row(p), w.float(p)); err != nil {
			return err
		}
	}
	return nil
}

// settle decides trials as zhenni does.
func (w *workload) settle(first, last int) error {
	for t := first; t < last; t++ {
		p, reference := w.probeOf(t), w.reference(int(w.subjects[t]))
		norm, err := engine.CheckRow(reference)
		if err != nil {
			return err
		}
		w.match[t] = w.profile.Threshold.Accept(simd.Dot(w.row(p), reference), w.norms[p], norm)
	}
	return nil
}

func normalise(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i, x := range v {
		v[i] = float32(float64(x) / math.Sqrt(sum))
	}
}

// inParts has work do 0 … n-1 on all cores and returns the first error.
func inParts(ctx context.Context, n int, work func(first, last int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	const part = 4096
	next := make(chan int)
	var workers sync.WaitGroup
	for range cores() {
		workers.Go(func() {
			for first := range next {
				if err := work(first, min(first+part, n)); err != nil {
					cancel(err)
				}
			}
		})
	}
	for first := 0; first < n && ctx.Err() == nil; first += part {
		next <- first
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// eachReference makes the references of all subjects, in order, until use returns an error. A reference is valid until
// the next one.
func (w *workload) eachReference(ctx context.Context, use func(i int, reference []float32) error) error {
	embedding := make([]float32, w.dim())
	for i := range w.credentials() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.people.Reference(i, embedding)
		if err := use(i, embedding); err != nil {
			return err
		}
	}
	return nil
}
