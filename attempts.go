package zhenni

import (
	"fmt"
	"time"
)

// Lane tells what an attempt at a credential carried. Each lane of a credential has counts of its own, and what happens in
// one changes nothing in the other: whoever fills the open lane of a victim does not lock out the victim's own device.
type Lane uint8

// The lanes. Anybody's attempts are in LaneOpen; those that carried a signature by the holder's device are in
// LanePossession.
const (
	LaneOpen Lane = iota
	LanePossession
	laneCount
)

// AttemptRules bound the attempts at one credential in one lane. They are pure: times are milliseconds since 1970, given by
// the caller.
//
// A non-match adds one to the streak and one to the total. From Free in a row on the credential is barred for Pause,
// doubled with each further one up to MaxPause; from a total of Disable on it is barred until it is re-proved.
// An attempt while it is barred is answered as a non-match, whatever the comparison says, and changes nothing: were it to
// lengthen the pause, one request a day would lock a victim out for ever.
//
// A match in [LanePossession] clears both counts. A match in [LaneOpen] ends the streak and takes one off the total, at
// most one each Ease. More it may not do, for it proves less: whoever has one probe that matches can walk along the
// threshold and learn the template from decisions, every second of them a match, and whoever waits for the victim's own
// matches can try in between. Both are left with Disable attempts and one more each Ease.
type AttemptRules struct {
	// Free is the number of non-matches in a row that begins the first pause (5).
	Free uint16
	// Disable is the total of non-matches that bars the credential until it is re-proved (50). It is above Free.
	Disable uint16
	// Pause is the first pause (30 s), MaxPause the longest (24 h).
	Pause, MaxPause time.Duration
	// Ease is the time in which matches in the open lane take one off the total (24 h).
	Ease time.Duration
}

// WithDefaults returns r with every zero field set to its default.
func (r AttemptRules) WithDefaults() AttemptRules {
	if r.Free == 0 {
		r.Free = 5
	}
	if r.Disable == 0 {
		r.Disable = 50
	}
	for _, field := range []struct {
		value *time.Duration
		usual time.Duration
	}{{&r.Pause, 30 * time.Second}, {&r.MaxPause, 24 * time.Hour}, {&r.Ease, 24 * time.Hour}} {
		if *field.value == 0 {
			*field.value = field.usual
		}
	}
	return r
}

// Validate reports the first field out of range, as [ErrBadValue]; zero stands for the default.
func (r AttemptRules) Validate() error {
	r = r.WithDefaults()
	const longest = 366 * 24 * time.Hour
	switch {
	case r.Disable <= r.Free || r.Disable > maxDisable:
		return fmt.Errorf("%w: attempts: %d free and %d before the credential is disabled: want 1 ≤ free < disabled ≤ %d", ErrBadValue, r.Free, r.Disable, maxDisable)
	case r.Pause < time.Millisecond || r.Pause > r.MaxPause || r.MaxPause > longest:
		return fmt.Errorf("%w: attempts: pauses of %v up to %v: want 1ms ≤ first ≤ longest ≤ %v", ErrBadValue, r.Pause, r.MaxPause, longest)
	case r.Ease < time.Millisecond || r.Ease > longest:
		return fmt.Errorf("%w: attempts: one forgiven each %v: want 1ms–%v", ErrBadValue, r.Ease, longest)
	}
	return nil
}

const maxDisable = 10_000

// Attempts is what is counted of one credential in one lane. The zero value is a credential with nothing against it.
type Attempts struct {
	// Streak counts the non-matches since the last match, Total those not yet forgiven.
	Streak, Total uint16
	// At is when the newest non-match was counted, Eased when the total was last lowered or first raised, in milliseconds
	// since 1970.
	At, Eased int64
	// Version orders the states of one credential and lane: of two the higher is the newer. It grows with every change and
	// outlives the process, so it does not matter in what order states are read back.
	Version uint64
}

// Clear reports whether nothing is held against the credential.
func (a Attempts) Clear() bool { return a.Streak == 0 && a.Total == 0 }

// Disabled reports whether only a re-proof ends the bar.
func (r AttemptRules) Disabled(a Attempts) bool { return a.Total >= r.Disable }

// Barred reports whether an attempt at a time is answered as a non-match whatever it is.
func (r AttemptRules) Barred(a Attempts, now int64) bool {
	return r.Disabled(a) || a.Streak >= r.Free && now < a.At+r.pause(a.Streak)
}

// pause is the pause after so many non-matches in a row, at least Free, in milliseconds.
func (r AttemptRules) pause(streak uint16) int64 {
	pause, longest := r.Pause, r.MaxPause
	for n := r.Free; n < streak && pause < longest; n++ {
		pause *= 2
	}
	return min(pause, longest).Milliseconds()
}

// Decide takes one attempt at a credential whose comparison matched or not. It returns what is counted from there on and
// whether the answer is a match. The version is left to the caller, who raises it where next differs from a.
func (r AttemptRules) Decide(a Attempts, lane Lane, matched bool, now int64) (next Attempts, match bool) {
	switch {
	case r.Barred(a, now):
		return a, false
	case !matched:
		return r.missed(a, now), false
	case lane == LanePossession:
		return Attempts{Version: a.Version}, true
	}
	return r.matchedOpen(a, now), true
}

func (r AttemptRules) missed(a Attempts, now int64) Attempts {
	if a.Total == 0 {
		a.Eased = now
	}
	a.Streak, a.Total, a.At = a.Streak+1, a.Total+1, now
	return a
}

func (r AttemptRules) matchedOpen(a Attempts, now int64) Attempts {
	a.Streak = 0
	if a.Total > 0 && now-a.Eased >= r.Ease.Milliseconds() {
		a.Total, a.Eased = a.Total-1, now
	}
	if a.Total == 0 {
		return Attempts{Version: a.Version}
	}
	return a
}

// AttemptCount is what is counted of one credential in one lane, as it travels from the shard that counted it to the record
// of the answer, and back at the next start.
type AttemptCount struct {
	Credential CredentialID
	Lane       Lane
	Attempts
}
