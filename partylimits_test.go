package zhenni_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// FAULTS: B3
func TestPartyIsAlarmedAndThenStopped(t *testing.T) {
	r := zhenni.PartyRules{}.WithDefaults()
	const minute = 60 * second
	at := int64(1_700_000_000_000)
	for name, steps := range map[string][]struct {
		items, misses, shared uint64
		later                 int64
		want                  zhenni.PartyStep
	}{
		"few items say nothing": {{999, 999, 0, 0, zhenni.PartyQuiet}},
		"honest":                {{100_000, 10_000, 0, 0, zhenni.PartyQuiet}, {100_000, 10_000, 0, minute, zhenni.PartyQuiet}},
		"non-matches": {
			{1000, 299, 0, 0, zhenni.PartyQuiet}, {1000, 301, 0, minute, zhenni.PartyAlarmed},
			{1000, 400, 0, minute, zhenni.PartyQuiet}, {1000, 1000, 0, minute, zhenni.PartyQuiet}, {4000, 4000, 0, minute, zhenni.PartyStopped},
		},
		"one face on many people": {{20, 10, 19, 0, zhenni.PartyQuiet}, {1, 1, 1, minute, zhenni.PartyAlarmed}, {200, 180, 180, 0, zhenni.PartyStopped}},
		"all at once":             {{65536, 65536, 65535, 0, zhenni.PartyStopped}},
		"what is long ago is forgotten": {
			{1000, 500, 0, 0, zhenni.PartyAlarmed}, {1000, 500, 0, 10 * minute, zhenni.PartyAlarmed}, {100, 99, 0, 11 * minute, zhenni.PartyQuiet},
		},
	} {
		var w zhenni.PartyWindow
		now := at
		for i, s := range steps {
			now += s.later
			if got := w.Note(&r, zhenni.PartyItems{Items: s.items, NoMatches: s.misses, Shared: s.shared}, now); got != s.want {
				t.Errorf("%s: step %d is %d, want %d", name, i, got, s.want)
			}
		}
	}
}

// A party is stopped by no less than what the window had, and by no more than what it and the part before had.
func TestPartyWindowAgreesWithAPlainSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := zhenni.PartyRules{Window: 100 * time.Second, Least: 50}.WithDefaults()
		var w zhenni.PartyWindow
		restarts := rapid.Bool().Draw(t, "restarts")
		type noted struct {
			zhenni.PartyItems
			at int64
		}
		var all []noted
		now := rapid.Int64Range(0, 1<<41).Draw(t, "now")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(0, 40*second).Draw(t, "later")
			more := zhenni.PartyItems{Items: rapid.Uint64Range(1, 40).Draw(t, "items")}
			more.NoMatches = rapid.Uint64Range(0, more.Items).Draw(t, "misses")
			all = append(all, noted{more, now})
			if restarts {
				w = zhenni.ReadPartyWindow(w.AppendNumbers(nil, &r), &r)
			}
			step := w.Note(&r, more, now)
			var sum zhenni.PartyItems
			for _, n := range all {
				if n.at/(10*second) > now/(10*second)-10 {
					sum.Items, sum.NoMatches = sum.Items+n.Items, sum.NoMatches+n.NoMatches
				}
			}
			stop := sum.Items >= r.Least && 100*sum.NoMatches >= r.StopPercent*sum.Items
			if (step == zhenni.PartyStopped) != stop {
				t.Fatalf("%+v in the window: step %d", sum, step)
			}
			if stop {
				all = nil
			}
		}
	})
}

// A window that is read under rules of another length forgets nothing before its time; what is no window is an empty one.
func TestPartyWindowOutlivesItsRules(t *testing.T) {
	long, short := zhenni.PartyRules{Window: time.Hour}.WithDefaults(), zhenni.PartyRules{Window: time.Minute}.WithDefaults()
	at := int64(1_700_000_000_000)
	for name, r := range map[string][2]*zhenni.PartyRules{"shorter": {&long, &short}, "longer": {&short, &long}, "as it was": {&long, &long}} {
		var w zhenni.PartyWindow
		for i := range int64(10) {
			w.Note(r[0], zhenni.PartyItems{Items: 99, NoMatches: 99}, at+i*r[0].Window.Milliseconds()/10)
		}
		end := at + 9*r[0].Window.Milliseconds()/10
		w = zhenni.ReadPartyWindow(w.AppendNumbers(nil, r[0]), r[1])
		if got := w.Note(r[1], zhenni.PartyItems{Items: 10, NoMatches: 10}, end); got != zhenni.PartyStopped {
			t.Errorf("%s: %d", name, got)
		}
	}
	for _, numbers := range [][]int64{nil, {1}, make([]int64, zhenni.PartyWindowNumbers)} {
		if w := zhenni.ReadPartyWindow(numbers, &short); w != (zhenni.PartyWindow{}) {
			t.Errorf("%d numbers: %+v", len(numbers), w)
		}
	}
}

func TestPartyRulesAreChecked(t *testing.T) {
	for name, r := range map[string]zhenni.PartyRules{
		"no window": {Window: -1}, "an endless window": {Window: 10_000 * time.Hour}, "alarm above stop": {AlarmPercent: 80},
		"more than all": {StopPercent: 102}, "shared alarm above stop": {AlarmShared: 300}, "a cap beyond counting": {PerMinute: 1 << 41},
	} {
		if err := r.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (zhenni.PartyRules{}).Validate(); err != nil {
		t.Error(err)
	}
}
