package layer

import (
	"context"
	"fmt"
	"time"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/engine"
	"zhenni/simd"
)

// Engine is verification in process, everything in memory, without actors: a matcher a thread on segments of its own, as
// the shards of a node have them. In items a second:
//
//	verify/int8      Matcher.Verify of probes that come quantised; limit: bare
//	verify/float32   the same of probes that come as float32; limit: bare
//	bare             the dot products of the same batches alone: the rows known, DotPairs over a slab laid out as the
//	                 arena is; limit: memory
//	memory           a word of every line of as many rows at random places of that slab
//
// …/threads=1 is one thread alone. Where the time goes, in nanoseconds of processor an item while all threads work:
//
//	stage/verify     all of verify/int8; limit: stage/dots
//	stage/check      CheckRow of the probes
//	stage/quantise   Prepare of the probes, where they come as float32
//	stage/locate     all but the reading of rows: the batch is another tenant's, so the index and the headers are read and
//	                 every probe is compared with the decoy; check and decide are in it
//	stage/dots       bare
//	stage/decide     Threshold.Accept
type Engine struct {
	// Credentials is how many rows the arena holds, 4,096 or more.
	Credentials int
	// Dim is a dimension from 128 to zhenni.MaxDim.
	Dim int
	// Threads is the number of matchers.
	Threads int
	// Batch is how many items a matcher is given at a time.
	Batch int
	// Questions is how many different comparisons there are, and Probes how many probes they are about; 1,024 or more of
	// each, rounded up to whole batches of all threads. The rows of all questions are to be far more than the caches hold,
	// the probes less.
	Questions, Probes int
	Seed              uint64
}

// leastSubjects is enough for every segment to have some.
const leastSubjects = 1 << 12

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (e Engine) Validate() error {
	return within(
		span{"Credentials", e.Credentials, leastSubjects, mostSubjects}, span{"Dim", e.Dim, leastDim, zhenni.MaxDim},
		span{"Threads", e.Threads, 1, mostThreads}, span{"Batch", e.Batch, 1, zhenni.MaxBatchItems / max(1, e.Threads)},
		span{"Questions", e.Questions, leastQuestions, mostSubjects}, span{"Probes", e.Probes, leastQuestions, mostSubjects},
	)
}

// Needs is the bytes of memory that an engine of a valid configuration holds from Open to Close: two rows a credential, one in the arena and one
// beside it, five bytes an element of a probe, the questions and the places to read.
func (e Engine) Needs() int64 {
	probes := int64(upTo(e.Probes, e.Batch*e.Threads))
	return twoRows(e.Credentials, e.Dim) + 5*probes*int64(e.Dim) + perQuestion*int64(e.Questions) + 2*8*mostStarts*int64(e.Threads)
}

// perQuestion is about what a question takes beside its probe, in all the batches that it is part of.
const perQuestion = 256

// twoRows is about the memory of the crowd and of an arena with everybody in it.
func twoRows(credentials, dim int) int64 {
	return int64(credentials) * int64(2*rowStride(dim)+16) * 101 / 100
}

// Open makes the engine ready.
func (e Engine) Open(ctx context.Context) (*Bench, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	b := &Bench{}
	return b.opened(e.open(ctx, b))
}

// engineBench is what the cases of the engine share.
type engineBench struct {
	Engine
	questions *questions
	matchers  []*engine.Matcher
	loops     []*loop
}

func (e Engine) open(ctx context.Context, b *Bench) error {
	crowd, arena, err := b.settle(ctx, e.Credentials, e.Dim, e.Threads, e.Seed)
	if err != nil {
		return err
	}
	if err := crowd.warm(ctx, arena, e.Threads); err != nil {
		return err
	}
	s := &engineBench{Engine: e}
	if s.questions, err = crowd.ask(ctx, e.Questions, e.Probes, e.Batch*e.Threads, e.Threads, e.Threads); err != nil {
		return err
	}
	for t := range e.Threads {
		s.matchers = append(s.matchers, engine.NewMatcher(arena, crowd, s.questions.rule))
		s.loops = append(s.loops, s.questions.loop(e.Batch, t))
	}
	s.verifyCases(b)
	s.stageCases(b)
	return s.check()
}

func (s *engineBench) verifyCases(b *Bench) {
	counts := threadCounts(s.Threads)
	for i := range counts { // all threads first: the headline
		threads := counts[len(counts)-1-i]
		suffix, m := "", result.Measurement{Unit: result.PerSecond}
		if threads < s.Threads {
			suffix = "/threads=1"
		}
		add := func(name, limit string, measure func(context.Context, time.Duration) (result.Sample, error)) {
			m.Name, m.Limit = name+suffix, ""
			if limit != "" {
				m.Limit = limit + suffix
			}
			b.add(m, measure)
		}
		add("verify/int8", "bare", s.verify(threads, false))
		add("bare", "memory", s.bare(threads))
		add("verify/float32", "bare", s.verify(threads, true))
		add("memory", "", s.memory(threads))
	}
}

// verify has each matcher asked in turn.
func (s *engineBench) verify(threads int, floats bool) func(context.Context, time.Duration) (result.Sample, error) {
	askers := s.askers(threads, floats)
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		return Press(ctx, threads, about, func(t int) (int, error) { return askers[t].direct(s.matchers[t]) })
	}
}

func (s *engineBench) askers(threads int, floats bool) []*asker {
	askers := make([]*asker, threads)
	for t := range askers {
		askers[t] = s.questions.asker(s.Batch, t, 0, floats)
	}
	return askers
}

func (s *engineBench) bare(threads int) func(context.Context, time.Duration) (result.Sample, error) {
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		return Press(ctx, threads, about, func(t int) (int, error) { return s.loops[t].dotPairs(), nil })
	}
}

func (s *engineBench) memory(threads int) func(context.Context, time.Duration) (result.Sample, error) {
	readers := newReaders(s.questions.crowd.rows, threads, s.Dim, s.Seed)
	return pressRandom(readers, s.Dim)
}

// stageCases measure the stages of a verification alone, which is not quite what they cost together: the processor has
// more than one of them under way.
func (s *engineBench) stageCases(b *Bench) {
	foreign := s.askers(s.Threads, false)
	for _, a := range foreign {
		a.estrange()
	}
	askers := s.askers(s.Threads, false)
	for _, stage := range []struct {
		name string
		work func(thread int) (int, error)
	}{
		{"verify", func(t int) (int, error) { return askers[t].direct(s.matchers[t]) }},
		{"check", func(t int) (int, error) { return s.loops[t].check() }},
		{"quantise", func(t int) (int, error) { return s.loops[t].quantise() }},
		{"locate", func(t int) (int, error) { return foreign[t].direct(s.matchers[t]) }},
		{"dots", func(t int) (int, error) { return s.loops[t].dotPairs(), nil }},
		{"decide", func(t int) (int, error) { return s.loops[t].decide(), nil }},
	} {
		m := result.Measurement{Name: "stage/" + stage.name, Unit: result.Nanoseconds}
		if stage.name == "verify" {
			m.Limit = "stage/dots"
		}
		b.add(m, func(ctx context.Context, about time.Duration) (result.Sample, error) {
			sample, err := Press(ctx, s.Threads, about, stage.work)
			if err != nil {
				return sample, err
			}
			return result.Sample{Value: cost(sample, s.Threads)}, nil
		})
	}
}

// check holds the bare loop against the answers known.
func (s *engineBench) check() error {
	for _, l := range s.loops {
		for range l.items {
			k := l.next
			l.dotPairs()
			for i, item := range l.items[k] {
				at := k*s.Batch*s.Threads + int(item)
				if l.accept(k, i) != (s.questions.want[at] == zhenni.Match) {
					return wrong("the bare loop", s.Dim, "otherwise", "what the rule says")
				}
			}
		}
	}
	return nil
}

// loop is what verification comes to when everything is known but the dot products: one owner's items of every batch.
// One goroutine uses it.
type loop struct {
	q       *questions
	items   [][]uint32
	probes  [][]int8
	floats  [][]float32
	probeAt [][]int
	rowAt   [][]int
	norms   [][][2]int32 // of probe and row
	dots    []int32
	row     []int8 // scratch
	next    int
	yes     int // so that no decision can be left out
	_       [lineBytes]byte
}

func (q *questions) loop(batch, owner int) *loop {
	a, f, d := q.asker(batch, owner, 0, false), q.asker(batch, owner, 0, true), q.crowd.dim()
	l := &loop{q: q, items: a.items, dots: make([]int32, batch), row: make([]int8, d)}
	for k := range a.batches {
		first := k * batch * q.owners
		var probeAt, rowAt []int
		var norms [][2]int32
		for _, item := range a.items[k] {
			claim := q.claims[first+int(item)]
			row := q.crowd.row(claim)
			probeAt, rowAt = append(probeAt, int(item)*d), append(rowAt, q.crowd.at(claim))
			norms = append(norms, [2]int32{q.norms[(first+int(item))%len(q.norms)], plainDot(row, row)})
		}
		l.probes, l.floats = append(l.probes, a.batches[k].Int8), append(l.floats, f.batches[k].Float32)
		l.probeAt = append(l.probeAt, probeAt)
		l.rowAt, l.norms = append(l.rowAt, rowAt), append(l.norms, norms)
	}
	return l
}

func (l *loop) turn() int {
	k := l.next
	l.next = (k + 1) % len(l.items)
	return k
}

func (l *loop) dotPairs() int {
	k := l.turn()
	simd.DotPairs(l.dots, l.probes[k], l.probeAt[k], l.q.crowd.rows, l.rowAt[k], len(l.row))
	return len(l.dots)
}

// accept decides item i of batch k, whose dot products were the last.
func (l *loop) accept(k, i int) bool {
	return l.q.rule.Accept(l.dots[i], l.norms[k][i][0], l.norms[k][i][1])
}

func (l *loop) decide() int {
	k := l.turn()
	for i := range l.dots {
		if l.accept(k, i) {
			l.yes++
		}
	}
	return len(l.dots)
}

func (l *loop) check() (int, error) {
	k := l.turn()
	for _, at := range l.probeAt[k] {
		if _, err := engine.CheckRow(l.probes[k][at:][:len(l.row)]); err != nil {
			return 0, fmt.Errorf("a probe of the crowd: %w", err)
		}
	}
	return len(l.dots), nil
}

func (l *loop) quantise() (int, error) {
	k := l.turn()
	floats := l.floats[k]
	for _, at := range l.probeAt[k] {
		if _, err := engine.Prepare(l.row, floats[at:][:len(l.row)]); err != nil {
			return 0, fmt.Errorf("a probe of the crowd: %w", err)
		}
	}
	return len(l.dots), nil
}
