package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
)

// numbers produces 0 … n−1.
func numbers(n int) func(func(*int) error) error {
	return func(pass func(*int) error) error {
		for i := range n {
			if err := pass(&i); err != nil {
				return err
			}
		}
		return nil
	}
}

// Parts are taken in the order they were passed in, each once it was worked on, and few are held at a time.
func TestPartsAreTakenInOrder(t *testing.T) {
	const n = 1000
	var held, most atomic.Int64
	var taken []int
	err := inOrder(t.Context(), numbers(n), func(p *int) {
		most.Store(max(most.Load(), held.Add(1)))
		*p *= 2
	}, func(p *int) error {
		held.Add(-1)
		taken = append(taken, *p)
		return nil
	})
	if err != nil || len(taken) != n || !slices.IsSorted(taken) || taken[n-1] != 2*(n-1) {
		t.Errorf("%d parts, %v", len(taken), err)
	}
	if bound := int64(3*runtime.GOMAXPROCS(0) + 1); most.Load() > bound {
		t.Errorf("%d parts held, want at most %d", most.Load(), bound)
	}
}

// An error of either end is the answer; what was passed before an error of produce is taken, what comes after one of take
// is not.
func TestPartsEndWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	taken := 0
	count := func(*int) error { taken++; return nil }
	err := inOrder(t.Context(), func(pass func(*int) error) error { return errors.Join(numbers(5)(pass), broken) }, func(*int) {}, count)
	if !errors.Is(err, broken) || taken != 5 {
		t.Errorf("%v after %d", err, taken)
	}
	taken = 0
	err = inOrder(t.Context(), numbers(1000), func(*int) {}, func(*int) error {
		if taken++; taken == 3 {
			return broken
		}
		return nil
	})
	if err != broken || taken != 3 {
		t.Errorf("%v after %d", err, taken)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	taken = 0
	err = inOrder(ctx, numbers(1000), func(*int) {}, func(*int) error {
		taken++
		cancel(broken)
		return nil
	})
	if err != broken || taken != 1 {
		t.Errorf("%v after %d", err, taken)
	}
}
