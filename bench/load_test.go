package bench

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

func TestClosedLoopCountsEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := Load{Workers: 3, Duration: time.Second}.Run(t.Context(), func(int) (int, error) {
			time.Sleep(100 * time.Millisecond)
			return 7, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Calls != 30 || got.Items != 210 || got.Elapsed != time.Second {
			t.Errorf("calls %d, items %d in %v, want 30, 210 in 1s", got.Calls, got.Items, got.Elapsed)
		}
	})
}

// A stall of one second delays the calls due in it; each must count from when it was due.
func TestOpenLoopShowsAStallInEveryCallItDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		got, err := Load{Workers: 1, Duration: 2 * time.Second, Rate: 100}.Run(t.Context(), func(int) (int, error) {
			if calls++; calls == 1 {
				time.Sleep(time.Second)
			}
			return 1, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Calls != 200 {
			t.Errorf("%d calls, want 200", got.Calls)
		}
		if p99, p50 := got.Quantile(0.99), got.Quantile(0.5); p99 < 950*time.Millisecond || p50 > 20*time.Millisecond {
			t.Errorf("p99 %v, p50 %v: want the stall in the tail and not in the middle", p99, p50)
		}
		if p75 := got.Quantile(0.75); p75 < 400*time.Millisecond {
			t.Errorf("p75 %v: a hundred of two hundred calls waited for the stall", p75)
		}
	})
}

func TestLoadStopsAtTheFirstFailureButNotAtShedding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		calls := 0
		got, err := Load{Workers: 1, Duration: time.Hour}.Run(t.Context(), func(int) (int, error) {
			if calls++; calls < 5 {
				return 0, zhenni.ErrOverloaded
			}
			return 0, broken
		})
		if !errors.Is(err, broken) || got.Shed != 4 {
			t.Errorf("error %v after %d shed calls, want %v after 4", err, got.Shed, broken)
		}
	})
}

func TestLoadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := Load{Workers: 2, Duration: time.Hour, Rate: 10}.Run(ctx, func(int) (int, error) { return 1, nil })
		if !errors.Is(err, context.DeadlineExceeded) || got.Elapsed > 2*time.Second {
			t.Errorf("error %v after %v, want the deadline after 1s", err, got.Elapsed)
		}
	})
}
