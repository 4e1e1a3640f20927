package zhenni

import (
	"errors"
	"testing"
	"time"
)

// The whole table: what each attempt in a row is followed by.
//
// FAULTS: B1
func TestPINAttemptsInARow(t *testing.T) {
	pauses := []time.Duration{0, 0, 0, 0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var a PINAttempts
	for i, pause := range pauses {
		next, err := a.Begin(at)
		if err != nil || int(next.Begun) != i+1 || next.Blocked() {
			t.Fatalf("attempt %d: %+v, %v", i+1, next, err)
		}
		a = next
		if pause == 0 {
			continue
		}
		for _, early := range []time.Duration{-time.Hour, 0, pause - 1} {
			if same, err := a.Begin(at.Add(early)); !errors.Is(err, ErrPINPaused) || same != a {
				t.Errorf("%v after attempt %d: %+v, %v", early, i+1, same, err)
			}
		}
		at = at.Add(pause)
	}
	last, err := a.Begin(at)
	if err != nil || !last.Blocked() {
		t.Fatalf("attempt %d: %+v, %v", PINMost, last, err)
	}
	if same, err := last.Begin(at.AddDate(100, 0, 0)); !errors.Is(err, ErrPINBlocked) || same != last {
		t.Errorf("after the last: %+v, %v", same, err)
	}
}

// A count no attempt leads to, as damage could make, is blocked and does not begin anew.
func TestPINAttemptsBeyondTheLast(t *testing.T) {
	for _, begun := range []uint8{PINMost, PINMost + 1, 255} {
		if a, err := (PINAttempts{Begun: begun}).Begin(time.Now()); !errors.Is(err, ErrPINBlocked) || a.Begun != begun {
			t.Errorf("%d: %+v, %v", begun, a, err)
		}
	}
}
