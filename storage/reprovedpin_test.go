package storage

import (
	"errors"
	"testing"
	"time"

	"zhenni"
)

// Whoever is re-proved tries the PIN anew, though it was paused or blocked, with the same PIN; of nobody else is anything cleared,
// and where there is no PIN there is none after. It holds after a restart.
//
// FAULTS: B1 C10
func TestReproofClearsThePIN(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3), setPIN(1), setPIN(2))
	at := time.Duration(0)
	for range zhenni.PINMost {
		mustApply(t, s, tried(1, at), tried(2, at))
		at += time.Hour
	}
	if r := apply(t, s, tried(1, at)); !errors.Is(r.Err, zhenni.ErrPINBlocked) {
		t.Fatalf("%+v", r)
	}
	if r := apply(t, s, zhenni.ResetAttempts{ID: testID(2), Tenant: 8, At: testTime, Version: 1}); !errors.Is(r.Err, zhenni.ErrNotFound) {
		t.Errorf("by another tenant: %+v", r)
	}
	mustApply(t, s,
		zhenni.ResetAttempts{ID: testID(1), Tenant: 7, At: testTime, Version: 2}, zhenni.ResetAttempts{ID: testID(3), Tenant: 7, At: testTime, Version: 3})
	for range 2 {
		holdsPIN(t, "re-proved", s, 1, 0)
		holdsPIN(t, "another", s, 2, zhenni.PINMost)
		hasNoPIN(t, "without one", s, 3)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	mustApply(t, s, tried(1, at))
	holdsPIN(t, "tried again", s, 1, 1)
}
