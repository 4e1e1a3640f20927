package zhenni

import (
	"fmt"
	"time"
)

// The bounds of [PINAttempts].
const (
	// PINFree is how many PINs may be wrong in a row without a pause but after the last.
	PINFree = 5
	// PINPause is the first pause; every wrong one more doubles it.
	PINPause = 30 * time.Second
	// PINMost is how many may be wrong in a row: after them no PIN is looked at until a new one is set with the card, or the issuer
	// re-proves the holder.
	PINMost = 10
)

// PINSpace is how many PINs are taken to be equally likely, for [GuessRate]: as if the eight digits that people choose, after
// the weak ones were refused, were no better than four random ones. It is an assumption and not a measurement.
const PINSpace = 1e4

// PINRate is the rate of a PIN: of an impostor who spends all attempts there are until it is blocked.
func PINRate() Rate { return GuessRate(PINMost, PINSpace) }

// PINAttempts counts the PINs tried on a credential since one was right. It is the PIN's own counter: a face that does not
// match costs no PIN, and a wrong PIN no face. The zero value is one nobody tried.
//
// An attempt is counted by [PINAttempts.Begin] before the PIN is looked at, and the count is made durable before too: so
// guesses at once, or cut off by a crash, cost what guesses in a row cost. A right PIN clears the count, by replacing it
// with the zero value.
type PINAttempts struct {
	// Begun is how many were begun since the last right one, at most [PINMost].
	Begun uint8
	// PausedUntil is when the next may begin, where Begun is [PINFree] or more.
	PausedUntil time.Time
}

// Begin counts an attempt at the given time, or refuses it with [ErrPINPaused] or [ErrPINBlocked] and a as it was. The fifth
// is followed by a pause of 30 s, the ninth by one of 8 min, the tenth by none that ends. A clock that is set back makes a
// pause longer, never shorter.
func (a PINAttempts) Begin(at time.Time) (PINAttempts, error) {
	switch {
	case a.Blocked():
		return a, fmt.Errorf("%w: %d attempts", ErrPINBlocked, a.Begun)
	case at.Before(a.PausedUntil):
		return a, fmt.Errorf("%w: %d attempts", ErrPINPaused, a.Begun)
	}
	a.Begun++
	a.PausedUntil = time.Time{}
	if a.Begun >= PINFree && !a.Blocked() {
		a.PausedUntil = at.Add(PINPause << (a.Begun - PINFree))
	}
	return a, nil
}

// Blocked reports whether no further attempt will begin.
func (a PINAttempts) Blocked() bool { return a.Begun >= PINMost }
