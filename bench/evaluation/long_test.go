//go:build long

package evaluation

import (
	"testing"

	"zhenni"
	"zhenni/engine/accuracy"
)

// 20,000 synthetic people, 800 million non-mated pairs, support one false match in a million.
func TestTwentyThousandPeopleSupportOneInAMillion(t *testing.T) {
	for _, dim := range []int{128, 512} {
		set, err := accuracy.Population{Seed: 2, Dim: dim}.Set(20_000, 1)
		if err != nil {
			t.Fatal(err)
		}
		scorer, err := Int8.Scorer(set)
		if err != nil {
			t.Fatal(err)
		}
		_, nonMated := set.Pairs()
		scores, err := AllPairs(t.Context(), set, scorer, accuracy.KeepToCalibrate(nonMated, 1e-6), 2, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		plan := accuracy.Plan{Model: zhenni.Model{ID: "synthetic", Dim: dim, Factor: zhenni.FactorFace}, Synthetic: true, Target: 1e-6}
		p, err := accuracy.Calibrate(set, scores, plan)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Supported || p.FNMR < 0.0005 || p.FNMR > 0.01 {
			t.Errorf("dimension %d: supported %t, FNMR %g: %s", dim, p.Supported, p.FNMR, p.Reason)
		}
	}
}
