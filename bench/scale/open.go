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

// open measures how long this process takes from the files to a store that is open, to its first answer, and until it has read
// its tables, which a store of some size does beside what it serves: once after the system dropped what it held of the files,
// where it does, and once after that.
func (j *job) open(ctx context.Context) (*outcome, error) {
	var done outcome
	for _, way := range []string{"dropped", "cached"} {
		if way == "dropped" {
			if err := layer.Forget(filepath.Join(j.Folder, storeDir)); errors.Is(err, errors.ErrUnsupported) {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		took, err := j.firstAnswer(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range []struct {
			name string
			took time.Duration
		}{{"open/", took.opened}, {"answer/", took.answered}, {"tables read/", took.read}} {
			done.Measurements = append(done.Measurements, once(one.name+way, result.Milliseconds, result.InMilliseconds(one.took)))
		}
	}
	return &done, nil
}

// opening is when, from its beginning, a store was open, had answered and had read its tables.
type opening struct{ opened, answered, read time.Duration }

// firstAnswer opens the store, asks the first question, which was made before, and closes the store.
func (j *job) firstAnswer(ctx context.Context) (took opening, err error) {
	one := j.Scale
	one.Threads, one.Questions, one.Batch = 1, probeBatches*leastBatch, leastBatch
	rings, err := one.rings(j.people, j.people.Size)
	if err != nil {
		return took, err
	}
	arena, err := engine.NewArena(j.people.Dim, j.Scale.level())
	if err != nil {
		return took, err
	}
	defer func() { err = errors.Join(err, arena.Close()) }()
	begun := time.Now()
	store, err := j.Scale.openStore(j.Folder, storage.ColdKept)
	if err != nil {
		return took, err
	}
	took.opened = time.Since(begun)
	err = rings[0].first(engine.NewMatcher(arena, store, rings[0].rule))
	took.answered = time.Since(begun)
	err = errors.Join(err, settle(ctx, store))
	took.read = time.Since(begun)
	return took, errors.Join(err, store.Close())
}

// settleStep is the time between two looks at whether a store has settled.
const settleStep = 10 * time.Millisecond

// settle waits until the store has read its tables: until then it is another load beside what is measured.
func settle(ctx context.Context, store *storage.Store) error {
	again := time.NewTicker(settleStep)
	defer again.Stop()
	for !store.Scrubbed().Tables && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
	return context.Cause(ctx)
}

// first asks the first question that must be answered with yes, alone.
func (r *ring) first(m *engine.Matcher) error {
	b := &r.batches[0]
	clear(b.Outcomes)
	for i, want := range r.want[:len(r.items)] {
		if want != zhenni.Match {
			continue
		}
		if m.Verify(b, r.items[i:i+1]); b.Outcomes[i] == want {
			return nil
		}
		break
	}
	return fmt.Errorf("%w: the first answer is not yes", errWrong)
}
