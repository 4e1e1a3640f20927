package scale

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/bench/layer"
	"zhenni/bench/result"
	"zhenni/engine"
	"zhenni/storage"
)

// makeCold makes the cold tier.
func (j *job) makeCold(ctx context.Context) (*outcome, error) {
	begun := time.Now()
	store, err := j.Scale.openStore(j.Folder, storage.ColdMade)
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	stats, made := store.ColdStats()
	if err := errors.Join(store.Close(), ctx.Err()); err != nil {
		return nil, err
	}
	if !made || int64(stats.Records) != j.people.Size {
		return nil, fmt.Errorf("%w: the cold tier has %d of %d records", zhenni.ErrCorrupt, stats.Records, j.people.Size)
	}
	return &outcome{Measurements: []result.Measurement{once("cold/make", result.PerSecond, rate(j.people.Size, took))}}, nil
}

// coldBench is a store with a cold tier, and what reads from it.
type coldBench struct {
	*job
	store    *storage.Store
	arena    *engine.Arena
	rings    []*ring
	matchers []*engine.Matcher
}

// cold measures verification by matchers whose arena holds a small share, beside random reads of the file of the rows.
func (j *job) cold(ctx context.Context) (_ *outcome, err error) {
	begun := time.Now()
	store, err := j.Scale.openStore(j.Folder, storage.ColdKept)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	opened := once("open/cold tier", result.Milliseconds, result.InMilliseconds(time.Since(begun)))
	if _, open := store.ColdStats(); !open {
		return nil, fmt.Errorf("%w: the cold tier does not open", zhenni.ErrCorrupt)
	}
	arena, err := engine.NewArena(j.people.Dim, j.Arena)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, arena.Close()) }()
	if err := errors.Join(layer.Warm(ctx, arena, store, j.Scale.Threads), settle(ctx, store)); err != nil {
		return nil, err
	}
	rings, err := j.Scale.rings(j.people, j.people.Size)
	if err != nil {
		return nil, err
	}
	b := &coldBench{job: j, store: store, arena: arena, rings: rings, matchers: j.matchers(arena, store, rings[0].rule)}
	done := &outcome{Rows: arena.Stats().Rows}
	cases, closeFile, err := b.cases()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeFile()) }()
	if done.Measurements, err = j.turns(ctx, cases); err != nil {
		return nil, err
	}
	done.Measurements = append(done.Measurements, opened)
	done.Places = j.coldPlaces(store, arena)
	return done, nil
}

// diskDepth is how many reads of the file are under way, as of one call of the tier.
const diskDepth = 32

// cases are, in items a second:
//
//	verify/cold         Matcher.Verify of questions about everybody, by all matchers; limit: disk/read/depth=32
//	disk/read/depth=32  4 KiB at random places of the file of the rows, around the page cache, by so many goroutines: as many
//	                    reads under way as one call of the tier has
//	disk/read/depth=N   as many as all matchers have together
//
// The tier reads what it is asked for in the order of the file, through a ring where there is one: of a file that the disk itself
// holds in a cache it can read more than that. Where the system does not read around the page cache, only the first is measured.
func (b *coldBench) cases() (cases []result.Case, closeFile func() error, err error) {
	verify := result.Case{Measurement: result.Measurement{Name: verifyCold, Unit: result.PerSecond}, Measure: b.verify}
	pages, err := layer.OpenPages(filepath.Join(b.Folder, storeDir, coldFolder, coldRows))
	if errors.Is(err, errors.ErrUnsupported) {
		return []result.Case{verify}, func() error { return nil }, nil
	} else if err != nil {
		return nil, nil, err
	}
	verify.Limit = diskReads(diskDepth)
	cases = []result.Case{verify}
	for _, depth := range []int{diskDepth, diskDepth * b.Scale.Threads} {
		if depth == diskDepth && len(cases) > 1 {
			continue // one matcher
		}
		m := result.Measurement{Name: diskReads(depth), Unit: result.PerSecond, Sweep: sweepDepth, X: float64(depth)}
		cases = append(cases, result.Case{Measurement: m, Measure: pages.Random(depth, b.Scale.Seed, nil)})
	}
	return cases, pages.Close, nil
}

// What is measured cold, by name in a result file.
const (
	verifyCold = "verify/cold"
	sweepDepth = "depth"
	// What is counted of it, the time before each sample included.
	countVerified = "verified"
	countPages    = "pages_read"
	countMissed   = "missed"
)

func diskReads(depth int) string { return fmt.Sprintf("disk/read/depth=%d", depth) }

// verify asks questions that were not asked before: what an earlier round brought into the arena is not theirs.
func (b *coldBench) verify(ctx context.Context, about time.Duration) (result.Sample, error) {
	for _, r := range b.rings {
		if err := r.draw(); err != nil {
			return result.Sample{}, err
		}
	}
	before, missed := b.reads()
	verified := make([]int64, len(b.rings))
	sample, err := layer.Press(ctx, len(b.rings), about, func(t int) (int, error) {
		n, err := b.rings[t].verify(b.matchers[t])
		verified[t] += int64(n)
		return n, err
	})
	if err != nil {
		return sample, err
	}
	pages, misses := b.reads()
	sample.Counts = map[string]int64{countPages: pages - before, countMissed: misses - missed}
	for _, n := range verified {
		sample.Counts[countVerified] += n
	}
	return sample, nil
}

// reads are how many pages the tier has read, and how many rows were not in the arena.
func (b *coldBench) reads() (pages, missed int64) {
	stats, _ := b.store.ColdStats()
	return int64(stats.Pages), int64(b.arena.Stats().StoreReads)
}
