package storage

import (
	"errors"
	"math"
	"sync/atomic"
	"testing"

	"zhenni"
)

// cutOff applies a command while the disk fails at the nth operation, and returns a store of what the disk has then.
// done says that the disk did not get to fail.
func cutOff(t *testing.T, opts Options, n int, cmd zhenni.Command) (after *Store, done bool) {
	t.Helper()
	opts.Dir = crashClone(t, opts.Dir)
	failing := opts
	var left atomic.Int64
	left.Store(math.MaxInt64)
	failing.fault = func(string) error {
		if left.Add(-1) < 0 {
			return errInjected
		}
		return nil
	}
	s, err := Open(failing)
	if err != nil {
		t.Fatal(err)
	}
	left.Store(int64(n)) // nothing is being written
	_, err = s.Apply(t.Context(), []zhenni.Command{cmd})
	done = left.Load() >= 0
	if done != (err == nil) {
		t.Errorf("operation %d failed: %t, the command: %v", n, !done, err)
	}
	opts.Dir = crashClone(t, opts.Dir)
	_ = s.Close()
	return openStore(t, opts), done
}

// A move that is interrupted at any write leaves the old device or the new one, and the old credential or the new one is
// live where a re-issue is: never both, never neither.
//
// FAULTS: C4 C7 C10
func TestInterruptedMoveAndReissueAreWholeOrNot(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	first, keys := testIssue(t, 1), testDevices(t)
	mustApply(t, s, first)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	next := testIssue(t, 2)
	next.Subject, next.Issue, next.Replaces, next.Device = first.Subject, zhenni.IssueByCard, first.ID, keys[2]
	for what, cmd := range map[string]zhenni.Command{
		"move":    zhenni.MoveDevice{ID: first.ID, Tenant: 7, From: keys[1], To: keys[2], At: testTime},
		"reissue": next,
	} {
		done, seen := false, map[zhenni.PublicKey]bool{}
		for n := 0; !done; n++ {
			var after *Store
			after, done = cutOff(t, opts, n, cmd)
			live, err := after.Subject(7, first.Subject)
			if err != nil || live.Device != keys[1] && live.Device != keys[2] || done && live.Device != keys[2] {
				t.Fatalf("%s cut off at operation %d: %+v, %v", what, n, live, err)
			}
			seen[live.Device] = true
			if old, err := after.Credential(first.ID); err != nil || live.ID != first.ID && old.Live() {
				t.Fatalf("%s cut off at operation %d: two are live: %+v, %v", what, n, old, err)
			}
			results, err := after.Apply(t.Context(), []zhenni.Command{cmd})
			if err := errors.Join(err, results[0].Err); err != nil || results[0].Credential.Device != keys[2] {
				t.Errorf("%s sent again: %+v, %v", what, results, err)
			}
		}
		if len(seen) != 2 {
			t.Errorf("%s: only one of the two states was seen", what)
		}
	}
}
