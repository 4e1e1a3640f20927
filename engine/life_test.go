package engine_test

import (
	"math"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// decide asks for one credential at a second, with a probe of the very person.
func decide(t *testing.T, e *enrolled, second int64) zhenni.Outcome {
	t.Helper()
	row, _ := quantised(t, near(e.rng, e.persons[0]))
	b := batchOf(e.ids[:1], [][]int8{row})
	b.Second = second
	e.Verify(b, every(b))
	return b.Outcomes[0]
}

// Past the end of its validity a credential is compared with the decoy, whatever its status says yet and whether its row
// was in memory or not.
//
// FAULTS: C13
func TestNothingMatchesPastItsEnd(t *testing.T) {
	const end = 1_800_000_000
	e := newEnrolled(t, 1, 65, 0.5)
	for _, c := range []struct {
		until, second int64
		want          zhenni.Outcome
	}{
		{0, 0, zhenni.Match}, {0, end, zhenni.Match}, {0, math.MaxInt64 - 1, zhenni.Match},
		{end, end - 1, zhenni.Match}, {end, end, zhenni.NoMatch}, {end, end + 1, zhenni.NoMatch},
		{end, 0, zhenni.NoMatch},
	} {
		r := newReference(t, e.ids[0], e.persons[0])
		r.ValidUntil = c.until
		e.store.Put(r)
		if err := e.Refresh(e.ids[0]); err != nil {
			t.Fatal(err)
		}
		for _, where := range []string{"in memory", "not read yet"} {
			if got := decide(t, e, c.second); got != c.want {
				t.Errorf("until %d, at %d, %s: %s, want %s", c.until, c.second, where, got.Verdict(), c.want.Verdict())
			}
			e.Discard(engine.SegmentOf(e.ids[0]))
		}
	}
}

// A factor that its holder has locked is compared with the decoy, and its template is not kept in memory.
//
// FAULTS: C2
func TestLockedFactorIsNotMatched(t *testing.T) {
	e := newEnrolled(t, 1, 65, 0.5)
	for _, locked := range []bool{false, true, false} {
		r := newReference(t, e.ids[0], e.persons[0])
		r.Locked = locked
		e.store.Put(r)
		if err := e.Refresh(e.ids[0]); err != nil {
			t.Fatal(err)
		}
		if got := decide(t, e, 1); (got == zhenni.Match) == locked {
			t.Errorf("locked %t: %s", locked, got.Verdict())
		}
	}
}
