package zhenni

import (
	"fmt"
	"time"
)

// PartyRules say when what a relying party asks looks like a search for somebody who matches. They bound what the rules of
// a credential do not: few attempts at each of many people. They are pure: times are milliseconds since 1970.
//
// Two things are looked at, over a window: the share of non-matches, once there are Least items, and the probes that were
// tried on more than one credential. Either raises an alarm first, and then stops the party until the window has passed or
// an operator lifts it.
type PartyRules struct {
	// Window is the time looked back over (10 min).
	Window time.Duration
	// Least is how many items there must be in it before their share of non-matches says anything (1,000).
	Least uint64
	// AlarmPercent (30) and StopPercent (60) are shares of non-matches.
	AlarmPercent, StopPercent uint64
	// AlarmShared (20) and StopShared (200) are numbers of probes tried on another credential before.
	AlarmShared, StopShared uint64
	// PerMinute is how many non-matches all parties together may have in a minute (60,000): a spray that each of many parties
	// has little of. Beyond it nothing is verified until the minute has passed. It is to be well above what honest traffic
	// has: its rate times the false non-match rate.
	PerMinute uint64
}

// WithDefaults returns r with every zero field set to its default.
func (r PartyRules) WithDefaults() PartyRules {
	if r.Window == 0 {
		r.Window = 10 * time.Minute
	}
	for _, field := range []struct {
		value *uint64
		usual uint64
	}{
		{&r.Least, 1000}, {&r.AlarmPercent, 30}, {&r.StopPercent, 60}, {&r.AlarmShared, 20}, {&r.StopShared, 200}, {&r.PerMinute, 60_000},
	} {
		if *field.value == 0 {
			*field.value = field.usual
		}
	}
	return r
}

// Validate reports the first field out of range, as [ErrBadValue]; zero stands for the default.
func (r PartyRules) Validate() error {
	r = r.WithDefaults()
	const most = 1 << 40
	switch {
	case r.Window < time.Second || r.Window > 7*24*time.Hour:
		return fmt.Errorf("%w: limits of a relying party: a window of %v: want 1s–168h", ErrBadValue, r.Window)
	case r.AlarmPercent > r.StopPercent || r.StopPercent > 101:
		return fmt.Errorf("%w: limits of a relying party: %d and %d %% of non-matches: want alarm ≤ stop ≤ 101", ErrBadValue, r.AlarmPercent, r.StopPercent)
	case r.AlarmShared > r.StopShared:
		return fmt.Errorf("%w: limits of a relying party: %d and %d shared probes: want alarm ≤ stop", ErrBadValue, r.AlarmShared, r.StopShared)
	case max(r.Least, r.StopShared, r.PerMinute) > most:
		return fmt.Errorf("%w: limits of a relying party: a number above %d", ErrBadValue, uint64(most))
	}
	return nil
}

// PartyItems are items of a relying party that were decided.
type PartyItems struct {
	Items, NoMatches uint64
	// Shared are those whose probe was tried on another credential before.
	Shared uint64
}

// PartyStep is what became of a party by what it asked.
type PartyStep uint8

// The steps. PartyAlarmed is told once, until the party was quiet for a window.
const (
	PartyQuiet PartyStep = iota
	PartyAlarmed
	PartyStopped
)

// windowParts is how many parts a window is counted in: it moves by one of them at a time.
const windowParts = 10

// PartyWindow is what a relying party asked of late. The zero value is a party that asked nothing. It is for one goroutine
// at a time.
type PartyWindow struct {
	parts  [windowParts]PartyItems
	newest int64 // number of the newest part since 1970
	// alarmed is when the last alarm was, until when the party is stopped; 0 for never.
	alarmed, until int64
}

// Stopped reports whether the party is stopped at a time.
func (w *PartyWindow) Stopped(now int64) bool { return now < w.until }

// Lift ends a stop, and forgets what led to it.
func (w *PartyWindow) Lift() { *w = PartyWindow{} }

// Note adds what was decided, and says what comes of it: whoever is stopped by it is not answered.
func (w *PartyWindow) Note(r *PartyRules, more PartyItems, now int64) PartyStep {
	w.move(now * windowParts / r.Window.Milliseconds())
	part := &w.parts[w.newest%windowParts]
	part.add(more)
	var sum PartyItems
	for _, p := range w.parts {
		sum.add(p)
	}
	switch {
	case sum.over(r, r.StopPercent, r.StopShared):
		w.Lift()
		w.until = now + r.Window.Milliseconds()
		return PartyStopped
	case sum.over(r, r.AlarmPercent, r.AlarmShared):
		first := w.alarmed == 0 || now-w.alarmed >= r.Window.Milliseconds()
		w.alarmed = now
		if first {
			return PartyAlarmed
		}
	}
	return PartyQuiet
}

// move forgets the parts that have left the window. A clock that goes back adds to the newest part.
func (w *PartyWindow) move(newest int64) {
	for n := max(w.newest+1, newest-windowParts+1); n <= newest; n++ {
		w.parts[n%windowParts] = PartyItems{}
	}
	w.newest = max(w.newest, newest)
}

func (p *PartyItems) add(more PartyItems) {
	p.Items += more.Items
	p.NoMatches += more.NoMatches
	p.Shared += more.Shared
}

func (p PartyItems) over(r *PartyRules, percent, shared uint64) bool {
	return p.Shared >= shared || p.Items >= r.Least && 100*p.NoMatches >= percent*p.Items
}
