package engine_test

import (
	"testing"

	"zhenni"
)

// A credential below the level asked for is compared with the decoy like one that is not there; its row stays, for who asks for
// less.
//
// FAULTS: Z2
func TestLevelsBelowTheOneAskedFor(t *testing.T) {
	const dim = 128
	e := newEnrolled(t, 3, dim, 0.5)
	levels := []zhenni.Level{0, zhenni.LevelLite, zhenni.LevelFull}
	var probes [][]int8
	for i, level := range levels {
		r := newReference(t, e.ids[i], e.persons[i])
		r.Level, r.Generation = level, 2
		e.store.Put(r)
		if err := e.Refresh(e.ids[i]); err != nil {
			t.Fatal(err)
		}
		probe, _ := quantised(t, near(e.rng, e.persons[i]))
		probes = append(probes, probe)
	}
	for _, least := range []zhenni.Level{zhenni.LevelFull, zhenni.LevelLite, 0, zhenni.LevelFull + 1} {
		b := batchOf(e.ids, probes)
		b.Level = least
		reads := e.store.reads
		e.Verify(b, every(b))
		for i, level := range levels {
			want := zhenni.NoMatch
			if level >= least {
				want = zhenni.Match
			}
			expect(t, level.String()+" for "+least.String(), b.Outcomes[i], want)
		}
		if e.store.reads != reads {
			t.Errorf("asked for %v: %d reads", least, e.store.reads-reads)
		}
	}
}
