package capacity

import (
	"context"
	"fmt"
	"time"

	"zhenni"
)

// Resized is a system whose number of shards changes while it is pressed.
type Resized interface {
	// SetShards changes the number and returns when that is complete.
	SetShards(ctx context.Context, n int) error
	// Press asks for so long at the rate it always has, and says how it was answered.
	Press(ctx context.Context, duration time.Duration) (Pressed, error)
}

// Pressed is how one stretch of load was answered.
type Pressed struct {
	// Answered and Refused count requests, P50, P99 and Worst their latencies from when they were due, in milliseconds.
	Answered int64   `json:"answered"`
	Refused  int64   `json:"refused"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Worst    float64 `json:"worst_ms"`
}

// Resizing is what a change under load came to.
type Resizing struct {
	Before, During, After Pressed
	// Changes is how often the number changed while During was measured, Longest how long one took.
	Changes int
	Longest time.Duration
}

// Resize presses for three equal stretches, and in the second changes the number of shards over and over, through the cycle,
// with a pause after each change. It leaves the system at the last number of the cycle. So the p99 of the second stretch
// is of requests of which a good part met a change.
func Resize(ctx context.Context, system Resized, stretch, pause time.Duration, cycle []int) (r Resizing, err error) {
	if len(cycle) < 2 || stretch <= 0 {
		return r, fmt.Errorf("%w: %d numbers of shards over %v: want two or more in some time", zhenni.ErrBadValue, len(cycle), stretch)
	}
	if r.Before, err = system.Press(ctx, stretch); err != nil {
		return r, err
	}
	pressing, pressed := context.WithCancel(ctx)
	changed := make(chan error, 1)
	go func() { changed <- r.change(ctx, pressing, system, pause, cycle) }()
	r.During, err = system.Press(ctx, stretch)
	pressed()
	if failed := <-changed; err == nil {
		err = failed
	}
	if err != nil {
		return r, err
	}
	r.After, err = system.Press(ctx, stretch)
	return r, err
}

// change changes the number of shards until pressing ends, and goes through the cycle once at least.
func (r *Resizing) change(ctx, pressing context.Context, system Resized, pause time.Duration, cycle []int) error {
	for {
		for _, n := range cycle {
			start := time.Now()
			if err := system.SetShards(ctx, n); err != nil {
				return err
			}
			r.Changes++
			r.Longest = max(r.Longest, time.Since(start))
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if pressing.Err() != nil {
			return nil
		}
	}
}
