package layer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/simd"
)

// Kernels are the functions of package simd, on every instruction set and dimension, in calls a second of one comparison
// or one row:
//
//	gathered   DotPairs of rows at random places of the slab, which it prefetches; limit: memory read at random
//	block      DotBlock of one probe with rows in their order in the slab; limit: memory read in order
//	pair       Dot of two rows in the cache
//	tile       DotTile of 128 rows with 128 rows, in the cache
//	checked    SumSquares of a row in the cache
//	quantised  Quantize of a row in the cache
//	hadamard   Hadamard of a row in the cache; powers of two only
//
// One thread computes; gathered/…/threads=N has that many.
type Kernels struct {
	// Tiers are instruction sets of this machine, of [simd.Tiers]. One that this process does not use runs in a process of
	// its own, with a slab of its own.
	Tiers []string
	// Dims are dimensions, in multiples of 64 up to zhenni.MaxDim.
	Dims []int
	// Memory is the bytes of a slab, 1 MiB or more; only one much larger than the caches says anything about memory.
	Memory int64
	// Threads is how many threads read memory together, beside one that reads alone.
	Threads int
	Seed    uint64
	// Program are the command and first arguments of a process that calls [ServeTier]. Not needed for the tier in use.
	Program []string
}

// leastSlab and mostSlab bound Kernels.Memory.
const (
	leastSlab = 1 << 20
	mostSlab  = 1 << 40
)

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (k Kernels) Validate() error {
	if len(k.Tiers) == 0 || len(k.Dims) == 0 {
		return fmt.Errorf("%w: %d tiers and %d dimensions: want one or more of each", zhenni.ErrBadValue, len(k.Tiers), len(k.Dims))
	}
	for i, tier := range k.Tiers {
		if !slices.Contains(simd.Tiers(), tier) || slices.Contains(k.Tiers[:i], tier) {
			return fmt.Errorf("%w: tier %q: this machine and build have each of %v once", zhenni.ErrBadValue, tier, simd.Tiers())
		}
		if tier != simd.Tier() && len(k.Program) == 0 {
			return fmt.Errorf("%w: tier %s runs in a process of its own, and no program is given", zhenni.ErrBadValue, tier)
		}
	}
	for i, d := range k.Dims {
		if d < 1 || d > zhenni.MaxDim || d%lineBytes != 0 || slices.Contains(k.Dims[:i], d) {
			return fmt.Errorf("%w: dimension %d: want multiples of %d up to %d, each once", zhenni.ErrBadValue, d, lineBytes, zhenni.MaxDim)
		}
	}
	return within(span{"Memory", int(k.Memory), leastSlab, mostSlab}, span{"Threads", k.Threads, 1, mostThreads})
}

// Needs is the bytes of memory that the kernels hold from Open to Close: a slab in this process and one in each of the
// processes of the other tiers, with 8 MiB a thread for the places to read.
func (k Kernels) Needs() int64 {
	processes := 1
	for _, tier := range k.Tiers {
		if tier != simd.Tier() {
			processes++
		}
	}
	return int64(processes) * (k.Memory + 8*mostStarts*int64(k.Threads))
}

// Open makes the kernels ready. The processes it starts end with ctx or with Close.
func (k Kernels) Open(ctx context.Context) (*Bench, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	b := &Bench{}
	own, err := k.prepare(simd.Tier())
	if err != nil {
		return nil, err
	}
	b.atClose(own.release)
	tiers := make([]interface{ cases(d int) []result.Case }, len(k.Tiers))
	for i, tier := range k.Tiers {
		tiers[i] = own
		if tier == simd.Tier() {
			continue
		}
		other, err := k.start(ctx, tier)
		if err != nil {
			return b.opened(err)
		}
		b.atClose(other.Close)
		tiers[i] = other
	}
	for _, d := range k.Dims { // dimension by dimension, so that a kernel and its limit are measured close to each other
		b.Cases = append(b.Cases, own.limits(d)...)
		for _, tier := range tiers {
			b.Cases = append(b.Cases, tier.cases(d)...)
		}
	}
	k.headFirst(b.Cases)
	return b, nil
}

// headDim is the dimension of the headline, where it is measured.
const headDim = 512

// headFirst moves the headline, rows gathered from memory by the first tier, to the front.
func (k Kernels) headFirst(cases []result.Case) {
	d := k.Dims[0]
	if slices.Contains(k.Dims, headDim) {
		d = headDim
	}
	at := slices.IndexFunc(cases, func(c result.Case) bool { return c.Name == kernelName("gathered", d, k.Tiers[0], 1) })
	head := cases[at]
	copy(cases[1:], cases[:at])
	cases[0] = head
}

// kernelName is how a measurement of a kernel is called; one of the machine has no tier.
func kernelName(kernel string, d int, tier string, threads int) string {
	name := fmt.Sprintf("%s/d=%d", kernel, d)
	if tier != "" {
		name += "/tier=" + tier
	}
	if threads > 1 {
		name += fmt.Sprintf("/threads=%d", threads)
	}
	return name
}

// threadCounts are one thread and all of them.
func threadCounts(all int) []int {
	if all == 1 {
		return []int{1}
	}
	return []int{1, all}
}

// tierBench are the kernels of the tier that this process uses.
type tierBench struct {
	Kernels
	tier    string
	slab    []int8
	readers []reader
	release func() error
}

func (k Kernels) prepare(tier string) (*tierBench, error) {
	longest := slices.Max(k.Dims)
	memory, release, err := reserve(int(k.Memory) / lineBytes * lineBytes)
	if err != nil {
		return nil, err
	}
	t := &tierBench{Kernels: k, tier: tier, slab: signed(memory), release: release}
	fill(t.slab, k.Seed)
	t.readers = newReaders(t.slab, k.Threads, longest, k.Seed)
	return t, nil
}

// limits are what memory gives, whatever is computed.
func (t *tierBench) limits(d int) []result.Case {
	var b Bench
	for _, threads := range threadCounts(t.Threads) {
		readers := t.readers[:threads]
		b.add(t.measurement("memory/random", d, "", threads, ""), pressRandom(readers, d))
		b.add(t.measurement("memory/stream", d, "", threads, ""), func(ctx context.Context, about time.Duration) (result.Sample, error) {
			return bare(ctx, threads, about, func(i int) int { return readers[i].stream(d) })
		})
	}
	return b.Cases
}

func (t *tierBench) measurement(kernel string, d int, tier string, threads int, limit string) result.Measurement {
	m := result.Measurement{
		Name: kernelName(kernel, d, tier, threads), Unit: result.PerSecond, X: float64(d), Sweep: "dimension",
	}
	if limit != "" {
		m.Limit = kernelName(limit, d, "", threads)
	}
	return m
}

// cases are the kernels at a dimension.
func (t *tierBench) cases(d int) []result.Case {
	var b Bench
	for _, threads := range threadCounts(t.Threads) {
		b.add(t.measurement("gathered", d, t.tier, threads, "memory/random"), t.gathered(d, threads))
	}
	b.add(t.measurement("block", d, t.tier, 1, "memory/stream"), t.block(d))
	for _, kernel := range cachedKernels {
		if kernel.powers && d&(d-1) != 0 {
			continue
		}
		b.add(t.measurement(kernel.name, d, t.tier, 1, ""), func(ctx context.Context, about time.Duration) (result.Sample, error) {
			work, err := kernel.prepare(d, t.Seed)
			if err != nil {
				return result.Sample{}, err
			}
			return bare(ctx, 1, about, func(int) int { return work() })
		})
	}
	return b.Cases
}

// probeRows is how many probes meet the rows of one call: few enough for the cache.
const probeRows = 256

// gathered compares probes in the cache with rows at random places of the slab.
func (t *tierBench) gathered(d, threads int) func(context.Context, time.Duration) (result.Sample, error) {
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		probes, at, dots := noise(probeRows*d, t.Seed), make([]int, probeRows), make([][]int32, threads)
		for i := range at {
			at[i] = i * d
		}
		for i := range dots {
			dots[i] = make([]int32, probeRows)
		}
		last := make([][]int, threads)
		s, err := bare(ctx, threads, about, func(i int) int {
			last[i] = t.readers[i].rows(probeRows)
			simd.DotPairs(dots[i], probes, at, t.slab, last[i], d)
			return probeRows
		})
		if err != nil {
			return s, err
		}
		for i := range last {
			for k, row := range last[i] {
				if want := plainDot(probes[at[k]:at[k]+d], t.slab[row:][:d]); dots[i][k] != want {
					return s, wrong("DotPairs", d, dots[i][k], want)
				}
			}
		}
		return s, nil
	}
}

// block compares one probe with rows as they come in the slab.
func (t *tierBench) block(d int) func(context.Context, time.Duration) (result.Sample, error) {
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		probe, dots, first := noise(d, t.Seed), make([]int32, min(sweepRows, len(t.slab)/d)), 0
		s, err := bare(ctx, 1, about, func(int) int {
			if first += len(dots) * d; first+len(dots)*d > len(t.slab) {
				first = 0
			}
			simd.DotBlock(dots, probe, t.slab[first:], d)
			return len(dots)
		})
		for i, dot := range dots {
			if want := plainDot(probe, t.slab[first+i*d:][:d]); err == nil && dot != want {
				err = wrong("DotBlock", d, dot, want)
			}
		}
		return s, err
	}
}

// wrong is an answer that is not what it must be: the measurement is of something else.
func wrong[T any](what string, d int, got, want T) error {
	return fmt.Errorf("%w: %s at dimension %d answers %v, want %v", zhenni.ErrCorrupt, what, d, got, want)
}
