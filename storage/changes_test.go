package storage

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhenni"
)

// refusesChanges fails unless changes are refused for a reason and every credential is still read.
func refusesChanges(t *testing.T, what string, s *Store, credentials int, reason error) {
	t.Helper()
	began := time.Now()
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(900)}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("%s: a change: %v, want ErrUnavailable", what, err)
	}
	if err := s.Accepting(); !errors.Is(err, zhenni.ErrUnavailable) || reason != nil && !errors.Is(err, reason) {
		t.Errorf("%s: Accepting: %v, want ErrUnavailable for %v", what, err, reason)
	}
	row := make([]int8, testModel.Dim)
	for n := range credentials {
		if _, err := s.Reference(testID(n), row); err != nil {
			t.Errorf("%s: credential %d is not read: %v", what, n, err)
		}
	}
	if since := time.Since(began); since > 5*time.Second {
		t.Errorf("%s: answered after %v", what, since)
	}
}

// The log, the mark and the view fail under a running store, and it goes on verifying.
//
// FAULTS: S8 S9
func TestFailedDiskLeavesVerification(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, operation := range []string{"write", "sync", "mark", "view"} {
			what := fmt.Sprint(cause, " on ", operation)
			opts, broken := childOptions(t.TempDir()), ""
			opts.fault = func(at string) error {
				if at == broken {
					return cause
				}
				return nil
			}
			s, err := Open(opts)
			if err != nil {
				t.Fatal(err)
			}
			enrolled(t, s, 0, 5)
			if operation == "mark" {
				if err := s.committer.mark.close(); err != nil {
					t.Fatal(err)
				}
			}
			broken = operation
			if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(5)}); err == nil {
				t.Errorf("%s: a change is acknowledged", what)
			}
			broken = "" // the disk is sound again, and nothing is tried on it
			reason := cause
			if operation == "mark" {
				reason = nil
			}
			refusesChanges(t, what, s, 5, reason)
			_ = s.Close() // part of it may be closed already
			s = openStore(t, childOptions(opts.Dir))
			if count := s.Count(); count < 5 {
				t.Errorf("%s: %d credentials after a restart, 5 acknowledged", what, count)
			}
			if err := s.Accepting(); err != nil {
				t.Errorf("%s: after a restart: %v", what, err)
			}
			mustApply(t, s, testEnrol(700))
		}
	}
}

// FAULTS: S8
func TestSpaceComesBack(t *testing.T) {
	t.Parallel()
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	free := s.opts.free
	s.opts.free = func(string) (int64, error) { return 0, nil }
	refusesChanges(t, "full", s, 0, nil)
	s.opts.free = free
	if err := s.Accepting(); err != nil {
		t.Error(err)
	}
	mustApply(t, s, testEnrol(2))
}

// The disk hangs in the sync of a change: further ones are refused at once, reads go on, and the change is acknowledged
// when the disk has it.
//
// FAULTS: S11
func TestHangingDiskShedsChanges(t *testing.T) {
	t.Parallel()
	opts := childOptions(t.TempDir())
	hang, hanging := make(chan struct{}), make(chan struct{}, 1)
	armed := make(chan struct{}, 1)
	opts.fault = func(operation string) error {
		select {
		case <-armed:
			hanging <- struct{}{}
			<-hang
		default:
		}
		return nil
	}
	var later time.Duration
	opts.now = func() time.Time { return testTime.Add(later) }
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(0))
	armed <- struct{}{}
	done := make(chan error, 1)
	go func() {
		_, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(1)})
		done <- err
	}()
	<-hanging
	if err := s.Accepting(); err != nil {
		t.Errorf("a short while: %v", err)
	}
	later = 6 * time.Second
	refusesChanges(t, "hanging", s, 1, nil)
	if err := s.Accepting(); err == nil || !strings.Contains(err.Error(), "6s") {
		t.Errorf("%v, want how long", err)
	}
	close(hang)
	if err := <-done; err != nil {
		t.Errorf("the change that waited: %v", err)
	}
	mustApply(t, s, testEnrol(2))
	if s.Count() != 3 {
		t.Errorf("%d credentials, want 3", s.Count())
	}
}
