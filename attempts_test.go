package zhenni_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

const (
	second = int64(1000)
	day    = 24 * 3600 * second
)

// miss takes non-matches one after the other, each as soon as it is decided, and returns how long the last pause is.
func miss(t *testing.T, r zhenni.AttemptRules, a zhenni.Attempts, n int, now int64) (zhenni.Attempts, int64) {
	t.Helper()
	for range n {
		for r.Barred(a, now) {
			if r.Disabled(a) {
				return a, now
			}
			now += second
		}
		a, _ = r.Decide(a, zhenni.LaneOpen, false, now)
	}
	return a, now
}

func barredFor(r zhenni.AttemptRules, a zhenni.Attempts, now int64) int64 {
	from := now
	for r.Barred(a, now) {
		now += second
	}
	return (now - from) / second
}

// FAULTS: B1
func TestPausesDouble(t *testing.T) {
	r := zhenni.AttemptRules{}.WithDefaults()
	for _, c := range []struct {
		misses  int
		seconds int64
	}{{1, 0}, {4, 0}, {5, 30}, {6, 60}, {7, 120}, {10, 960}, {16, 61440}, {17, 86400}, {18, 86400}, {49, 86400}} {
		a, now := miss(t, r, zhenni.Attempts{}, c.misses, 0)
		if got := barredFor(r, a, now); got != c.seconds {
			t.Errorf("after %d non-matches in a row the pause is %d s, want %d", c.misses, got, c.seconds)
		}
	}
	a, now := miss(t, r, zhenni.Attempts{}, 50, 0)
	if !r.Disabled(a) || !r.Barred(a, now+1000*day) {
		t.Errorf("after 50 non-matches: %+v", a)
	}
}

// FAULTS: B1 B5
func TestDecide(t *testing.T) {
	r := zhenni.AttemptRules{}.WithDefaults()
	paused := zhenni.Attempts{Streak: 5, Total: 7, At: 100 * second, Eased: 10 * second, Version: 3}
	worn := zhenni.Attempts{Streak: 4, Total: 9, At: 0, Eased: 0, Version: 3}
	off := zhenni.Attempts{Streak: 1, Total: 50, Version: 9}
	for _, c := range []struct {
		name    string
		was     zhenni.Attempts
		lane    zhenni.Lane
		matched bool
		now     int64
		want    zhenni.Attempts
		match   bool
	}{
		{"first match", zhenni.Attempts{}, zhenni.LaneOpen, true, 1, zhenni.Attempts{}, true},
		{"first non-match", zhenni.Attempts{}, zhenni.LaneOpen, false, 7, zhenni.Attempts{Streak: 1, Total: 1, At: 7, Eased: 7}, false},
		{"a match in a pause is none", paused, zhenni.LaneOpen, true, 129 * second, paused, false},
		{"a non-match in a pause does not lengthen it", paused, zhenni.LaneOpen, false, 129 * second, paused, false},
		{"the device in a pause of its own lane", paused, zhenni.LanePossession, true, 129 * second, paused, false},
		{"a match when the pause is over", paused, zhenni.LaneOpen, true, 130 * second,
			zhenni.Attempts{Total: 7, At: 100 * second, Eased: 10 * second, Version: 3}, true},
		{"a non-match when the pause is over", paused, zhenni.LaneOpen, false, 130 * second,
			zhenni.Attempts{Streak: 6, Total: 8, At: 130 * second, Eased: 10 * second, Version: 3}, false},
		{"an open match within a day takes nothing off", worn, zhenni.LaneOpen, true, day - 1, zhenni.Attempts{Total: 9, Version: 3}, true},
		{"an open match takes one off", worn, zhenni.LaneOpen, true, 9 * day, zhenni.Attempts{Total: 8, Eased: 9 * day, Version: 3}, true},
		{"the last one off", zhenni.Attempts{Total: 1, At: 5, Eased: 5, Version: 3}, zhenni.LaneOpen, true, 2 * day, zhenni.Attempts{Version: 3}, true},
		{"the device clears its lane", worn, zhenni.LanePossession, true, 1, zhenni.Attempts{Version: 3}, true},
		{"disabled stays so", off, zhenni.LanePossession, true, 1 << 50, off, false},
	} {
		next, match := r.Decide(c.was, c.lane, c.matched, c.now)
		if next != c.want || match != c.match {
			t.Errorf("%s: %+v, %t, want %+v, %t", c.name, next, match, c.want, c.match)
		}
	}
}

// Whatever is tried when, a verdict is given only while nothing bars it; without a match at most 50 are given in a lifetime;
// with all the matches one likes in the open lane, 50 non-matches and one more a day.
//
// FAULTS: B1
func TestAttemptsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := zhenni.AttemptRules{
			Free: rapid.Uint16Range(1, 8).Draw(t, "free"), Disable: rapid.Uint16Range(9, 60).Draw(t, "disable"),
			Pause: time.Duration(rapid.IntRange(1, 100).Draw(t, "pause")) * time.Second,
		}.WithDefaults()
		var a zhenni.Attempts
		now, misses, first := rapid.Int64Range(0, 1<<41).Draw(t, "now"), int64(0), int64(-1)
		for range rapid.IntRange(1, 400).Draw(t, "attempts") {
			now += rapid.SampledFrom([]int64{0, second, 31 * second, 3600 * second, day}).Draw(t, "later")
			matched := rapid.Bool().Draw(t, "matched")
			was, barred := a, r.Barred(a, now)
			next, match := r.Decide(a, zhenni.LaneOpen, matched, now)
			if match && (barred || !matched) || barred && next != was {
				t.Fatalf("at %d: %+v became %+v, a match: %t", now, was, next, match)
			}
			a = next
			if !barred && !matched {
				if misses++; first < 0 {
					first = now
				}
			}
			if first >= 0 && misses > int64(r.Disable)+(now-first)/day {
				t.Fatalf("%d non-matches were decided in %d days with %d allowed", misses, (now-first)/day, r.Disable)
			}
		}
	})
}

func TestAttemptRulesAreChecked(t *testing.T) {
	for name, r := range map[string]zhenni.AttemptRules{
		"disabled before paused": {Free: 50, Disable: 50}, "too many": {Disable: 10_001},
		"no pause": {Pause: -1}, "a pause above the longest": {Pause: 48 * time.Hour},
		"a pause of years": {MaxPause: 10_000 * time.Hour}, "nothing forgiven": {Ease: -1},
	} {
		if err := r.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (zhenni.AttemptRules{}).Validate(); err != nil {
		t.Error(err)
	}
}
