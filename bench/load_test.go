package bench

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
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

// However late a worker is given a processor, it is measured.
func TestClosedLoopStartsACallOfEveryWorker(t *testing.T) {
	got, err := Load{Workers: 3}.Run(t.Context(), func(int) (int, error) { return 1, nil })
	if err != nil || got.Calls != 3 {
		t.Errorf("%d calls in no time, %v, want 3", got.Calls, err)
	}
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

// While one worker is held up the others take the calls that become due.
func TestOpenLoopGoesOnBesideASlowCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		got, err := Load{Workers: 2, Duration: time.Second, Rate: 100}.Run(t.Context(), func(int) (int, error) {
			if calls.Add(1) == 1 {
				time.Sleep(900 * time.Millisecond)
			}
			return 1, nil
		})
		if err != nil || got.Calls != 100 {
			t.Fatalf("%d calls, %v, want 100", got.Calls, err)
		}
		if p98 := got.Quantile(0.98); p98 > time.Millisecond {
			t.Errorf("p98 %v: one slow call delayed others", p98)
		}
	})
}

func TestCallsThatNobodyIsFreeForAreMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		got, err := Load{Workers: 1, Duration: time.Second, Rate: 100, Patience: 15 * time.Millisecond}.Run(t.Context(), func(int) (int, error) {
			if calls++; calls == 1 {
				time.Sleep(505 * time.Millisecond)
			} else if calls == 2 {
				time.Sleep(time.Millisecond)
				return 0, zhenni.ErrOverloaded
			}
			return 1, nil
		})
		// Due at 10 … 480 ms, 15 ms or more before the worker is free.
		if err != nil || got.Missed != 48 || got.Shed != 1 || got.Calls != 51 {
			t.Errorf("%d missed, %d shed, %d calls, %v, want 48, 1, 51", got.Missed, got.Shed, got.Calls, err)
		}
		if late, own := got.Quantile(1), got.ServiceQuantile(1); late < 500*time.Millisecond || own < 500*time.Millisecond {
			t.Errorf("latest %v, longest %v", late, own)
		}
		if refused := got.RefusalQuantile(1); refused < time.Millisecond || refused > 2*time.Millisecond {
			t.Errorf("refused in %v, want 1ms", refused)
		}
	})
}

// The times between the calls of strangers have the mean asked for, and a standard deviation like it.
func TestPoissonArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := Load{Workers: 1, Duration: 100 * time.Second, Rate: 1000, Poisson: true, Seed: 1}
		start := time.Now()
		due, again := load.arrivals(start), load.arrivals(start)
		last, n, square := start, 0.0, 0.0
		for {
			at, more := due.next(false)
			if same, _ := again.next(false); !same.Equal(at) {
				t.Fatal("another schedule of the same seed")
			}
			if !more {
				break
			}
			gap := at.Sub(last).Seconds() * load.Rate
			last, n, square = at, n+1, square+gap*gap
		}
		if math.Abs(n-100_000) > 1000 || math.Abs(square/n-2) > 0.1 {
			t.Errorf("%v calls in 100 s with a mean square gap of %v, want 100000 and 2", n, square/n)
		}
	})
}

func TestResultFilesGetRisingQuantiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		got, err := Load{Workers: 1, Duration: time.Second}.Run(t.Context(), func(int) (int, error) {
			calls++
			time.Sleep(time.Duration(calls) * time.Millisecond)
			return 1, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		l := got.Latency()
		if l.Count != got.Calls || l.At(1) < 40 || l.At(0.5) > l.At(0.9) || l.At(0) < 1 {
			t.Errorf("%+v", l)
		}
	})
	if newResult().Latency() != nil {
		t.Error("a distribution of no calls")
	}
}
