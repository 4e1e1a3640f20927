package scale

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/storage"
)

// fillPart is how many credentials are imported between two looks at whether to go on.
const fillPart = 1 << 16

// fill imports everybody into a new store, as its base.
func (j *job) fill(ctx context.Context) (_ *outcome, err error) {
	store, err := j.Scale.openStore(j.Folder, storage.ColdNone)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	err = j.load(ctx, store)
	if n := store.Count(); err == nil && n != j.people.Size {
		err = fmt.Errorf("%w: %d of %d credentials were imported", zhenni.ErrCorrupt, n, j.people.Size)
	}
	// Close waits for the snapshot, which is part of what an import takes.
	if err := errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	return &outcome{Measurements: []result.Measurement{once("import", result.PerSecond, rate(j.people.Size, time.Since(begun)))}}, nil
}

func (j *job) load(ctx context.Context, store *storage.Store) error {
	im, err := store.NewImport(ctx, storage.ImportOptions{Base: true})
	if err != nil {
		return err
	}
	at := time.Unix(1_800_000_000, 0)
	for i := range j.people.Size {
		if i%fillPart == 0 {
			if ctx.Err() != nil {
				return errors.Join(context.Cause(ctx), im.Abort())
			}
			j.at(i, j.people.Size)
		}
		err := im.Add(zhenni.Enrol{ID: j.people.ID(i), Tenant: tenant, Level: zhenni.LevelFull, Model: modelID, Row: j.people.row(i), At: at})
		if err != nil {
			return errors.Join(err, im.Abort())
		}
	}
	return im.Commit()
}

// once is a measurement that is taken once.
func once(name, unit string, value float64) result.Measurement {
	return result.Measurement{Name: name, Unit: unit, Rounds: []float64{value}}
}

func rate(n int64, took time.Duration) float64 { return float64(n) / took.Seconds() }
