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

// open measures how long this process takes from the files to a store that is open, and to its first answer: once after the
// system dropped what it held of the files, where it does, and once after that.
func (j *job) open(ctx context.Context) (*outcome, error) {
	var done outcome
	for _, way := range []string{"dropped", "cached"} {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if way == "dropped" {
			if err := layer.Forget(filepath.Join(j.Folder, storeDir)); errors.Is(err, errors.ErrUnsupported) {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		opened, answered, err := j.firstAnswer(ctx)
		if err != nil {
			return nil, err
		}
		done.Measurements = append(done.Measurements,
			once("open/"+way, result.Milliseconds, milliseconds(opened)), once("answer/"+way, result.Milliseconds, milliseconds(answered)))
	}
	return &done, nil
}

// firstAnswer opens the store, asks the first question and closes it. The question was made before.
func (j *job) firstAnswer(ctx context.Context) (opened, answered time.Duration, err error) {
	one := j.Scale
	one.Threads, one.Questions, one.Batch = 1, probeBatches*leastBatch, leastBatch
	rings, err := one.rings(j.people, j.people.Size)
	if err != nil {
		return 0, 0, err
	}
	arena, err := engine.NewArena(j.people.Dim, j.Scale.layer())
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, arena.Close()) }()
	begun := time.Now()
	store, err := j.Scale.openStore(j.Folder, storage.ColdKept)
	if err != nil {
		return 0, 0, err
	}
	opened = time.Since(begun)
	err = rings[0].first(engine.NewMatcher(arena, store, rings[0].rule))
	answered = time.Since(begun)
	return opened, answered, errors.Join(err, store.Close(), ctx.Err())
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
