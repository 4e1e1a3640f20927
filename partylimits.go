package zhenni

import (
	"fmt"
	"time"
)

// PartyRules say when what a relying party asks looks like a search for somebody who matches. They bound what the rules of
// a credential do not: few attempts at each of many people. They are pure: times are milliseconds since 1970.
//
// Two things are looked at, over a window: the share of non-matches, once there are Least items, and the probes that were
// tried on more than one credential. Either raises an alarm first, and then stops the party until an operator lifts it.
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
	// has: its rate times the false non-match rate. One party has a fourth of it.
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
	// alarmed is when the last alarm was, 0 for never.
	alarmed int64
}

// Note adds what was decided, and says what comes of it: whoever is stopped by it is not answered. What led to a stop is
// forgotten with it.
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
		*w = PartyWindow{}
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

// PartyWindowNumbers is how many numbers a window is written as.
const PartyWindowNumbers = 3 + 3*windowParts

// AppendNumbers appends the window as numbers, for [ReadPartyWindow]: length of the window in milliseconds, newest part, last
// alarm, and of each part items, non-matches and shared.
func (w *PartyWindow) AppendNumbers(dst []int64, r *PartyRules) []int64 {
	dst = append(dst, r.Window.Milliseconds(), w.newest, w.alarmed)
	for _, p := range w.parts {
		dst = append(dst, int64(p.Items), int64(p.NoMatches), int64(p.Shared))
	}
	return dst
}

// ReadPartyWindow reads a window that was written under the same rules or others. One of another length is all in the part in
// which it ended: it is forgotten later than it would have been, never before. What is no window is an empty one.
func ReadPartyWindow(numbers []int64, r *PartyRules) (w PartyWindow) {
	if len(numbers) != PartyWindowNumbers || numbers[0] <= 0 || numbers[1] < 0 {
		return w
	}
	length, now := numbers[0], r.Window.Milliseconds()
	w.newest, w.alarmed = numbers[1], numbers[2]
	for i := range w.parts {
		n := numbers[3+3*i:]
		w.parts[i] = PartyItems{uint64(n[0]), uint64(n[1]), uint64(n[2])}
	}
	if length != now {
		end := (w.newest + 1) * length / windowParts // in milliseconds
		w.merge(end * windowParts / now)
	}
	return w
}

// merge puts all parts into one of another number.
func (w *PartyWindow) merge(newest int64) {
	var sum PartyItems
	for _, p := range w.parts {
		sum.add(p)
	}
	w.parts, w.newest = [windowParts]PartyItems{}, newest
	w.parts[newest%windowParts] = sum
}

func (p *PartyItems) add(more PartyItems) {
	p.Items += more.Items
	p.NoMatches += more.NoMatches
	p.Shared += more.Shared
}

func (p PartyItems) over(r *PartyRules, percent, shared uint64) bool {
	return p.Shared >= shared || p.Items >= r.Least && 100*p.NoMatches >= percent*p.Items
}
