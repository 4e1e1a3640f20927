package storage

import (
	"sync"
	"testing"

	"zhenni"
)

// A record is told to be as it was read until a change of its slot, and from then on not: of a record in another slot nothing is told.
func TestUnchangedUntilAChange(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), testEnrol(2))
	one, other := testEnrol(1).ID, testEnrol(2).ID
	if one.Slot() == other.Slot() {
		t.Fatal("both are in one slot")
	}
	before, beside := s.Changes(one), s.Changes(other)
	if !s.Unchanged(one, before) || !s.Unchanged(other, beside) {
		t.Error("changed, before anything has")
	}
	mustApply(t, s, changed(1, zhenni.StatusSuspended))
	if s.Unchanged(one, before) {
		t.Error("unchanged, after a change that was acknowledged")
	}
	if !s.Unchanged(other, beside) {
		t.Error("a change of another slot counts")
	}
	if !s.Unchanged(one, s.Changes(one)) {
		t.Error("a change that is done goes on for ever")
	}
}

// Beside changes, whoever is told that a record is as it was finds it so.
func TestUnchangedBesideChanges(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	id, ended := testEnrol(1).ID, make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for open := true; open; {
				select {
				case <-ended:
					open = false // and once more: nothing is under way then
				default:
				}
				since := s.Changes(id)
				first, err := s.Credential(id)
				second, again := s.Credential(id)
				if s.Unchanged(id, since) && (err != nil || again != nil || first != second) {
					t.Errorf("told to be unchanged: %s %v, then %s %v", first.Status, err, second.Status, again)
				}
				if !open && !s.Unchanged(id, since) {
					t.Error("changed, and nothing is under way")
				}
			}
		})
	}
	for i := range 200 {
		to := zhenni.StatusSuspended
		if i%2 == 1 {
			to = zhenni.StatusActive
		}
		since := s.Changes(id)
		mustApply(t, s, changed(1, to))
		if s.Unchanged(id, since) {
			t.Fatal("unchanged, after a change that was acknowledged")
		}
	}
	close(ended)
	readers.Wait()
}
