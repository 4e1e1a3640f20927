package capacity

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// resized records what is done to it.
type resized struct {
	mu      sync.Mutex
	shards  []int
	pressed int
	broken  error
}

func (r *resized) SetShards(_ context.Context, n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shards = append(r.shards, n)
	time.Sleep(time.Duration(n) * time.Millisecond)
	return r.broken
}

func (r *resized) Press(_ context.Context, duration time.Duration) (Pressed, error) {
	r.pressed++
	time.Sleep(duration)
	return Pressed{Answered: int64(r.pressed)}, nil
}

func TestResizeChangesWhileItPresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := &resized{}
		got, err := Resize(t.Context(), system, 100*time.Millisecond, 20*time.Millisecond, []int{8, 2})
		if err != nil {
			t.Fatal(err)
		}
		// A cycle takes 8 + 20 + 2 + 20 ms, so the third begins as the stretch ends, or not.
		if n := len(system.shards); n < 4 || n > 6 || !slices.Equal(system.shards[:4], []int{8, 2, 8, 2}) || system.shards[n-1] != 2 || got.Changes != n {
			t.Errorf("shards %v, %d changes", system.shards, got.Changes)
		}
		if got.Before.Answered != 1 || got.During.Answered != 2 || got.After.Answered != 3 || got.Longest != 8*time.Millisecond {
			t.Errorf("%+v", got)
		}
	})
}

func TestResizeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		if _, err := Resize(t.Context(), &resized{broken: broken}, time.Second, 0, []int{8, 2}); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		if _, err := Resize(t.Context(), &resized{}, time.Second, 0, []int{8}); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("one number: %v", err)
		}
	})
}
