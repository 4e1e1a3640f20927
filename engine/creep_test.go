package engine_test

import (
	"testing"

	"zhenni"
)

// Whoever is let in near the threshold, again and again and each time a little nearer to their own face, does not move the
// template: nothing learns from what was accepted.
//
// FAULTS: B6
func TestMatchesMoveNoTemplate(t *testing.T) {
	const dim, cosine, steps = 128, 0.8, 4000
	e := newEnrolled(t, 2, dim, cosine)
	victim, attacker := e.persons[0], newEmbedding(e.rng, dim)
	between := func(share float32) []int8 {
		v := make([]float32, dim)
		for i := range v {
			v[i] = (1-share)*victim[i] + share*attacker[i]
		}
		row, _ := quantised(t, v)
		return row
	}
	edge := float32(0) // how far from the victim is accepted, before anything was
	for step := range steps {
		share := float32(step+steps/50) / steps // the template itself is a replay
		if verifyOne(e.Matcher, e.ids[0], between(share)) != zhenni.Match {
			break
		}
		edge = share
	}
	if edge < 0.1 || edge > 0.9 {
		t.Fatalf("accepted up to %g of the way", edge)
	}
	for range steps {
		expect(t, "at the edge", verifyOne(e.Matcher, e.ids[0], between(edge)), zhenni.Match)
	}
	expect(t, "beyond the edge", verifyOne(e.Matcher, e.ids[0], between(edge+1.5/steps)), zhenni.NoMatch)
	expect(t, "the attacker", verifyOne(e.Matcher, e.ids[0], between(1)), zhenni.NoMatch)
	expect(t, "the victim", verifyOne(e.Matcher, e.ids[0], between(0.02)), zhenni.Match)
}
