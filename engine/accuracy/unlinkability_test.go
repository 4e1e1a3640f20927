package accuracy

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"zhenni"
	"zhenni/engine/rotation"
)

// The measure is 0 of one distribution and 1 of two that do not meet. Of the densities 2s and 1 on [0, 1] LR is 2s, so it is the
// integral from ½ to 1 of 2s·(4s/(1+2s) − 1), summed up finely here.
func TestDSysOfKnownDistributions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const n = 200_000
	uniform, other, slanted, apart := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		uniform[i], other[i] = random.Float64(), random.Float64()
		slanted[i] = math.Sqrt(random.Float64()) // density 2s
		apart[i] = 2 + random.Float64()
	}
	want := 0.0
	const steps = 100_000
	for i := range steps {
		if s := (float64(i) + 0.5) / steps; 2*s > 1 {
			want += 2 * s * (4*s/(1+2*s) - 1) / steps
		}
	}
	for _, c := range []struct {
		name            string
		mated           []float64
		want, tolerance float64
	}{{"one distribution", other, 0, 0.01}, {"apart", apart, 1, 1e-9}, {"slanted", slanted, want, 0.01}} {
		if got := dSys(c.mated, uniform); math.Abs(got-c.want) > c.tolerance {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
	if got := dSys([]float64{1, 1, 1}, []float64{1, 1, 1}); got != 0 {
		t.Errorf("scores that are all the same: %g", got)
	}
}

func TestLinkagesOfSyntheticPeople(t *testing.T) {
	set, err := Population{Seed: 3, Dim: 128}.Set(200, 3)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Linkages(set, "synthetic", 4000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3*len(linkers) {
		t.Fatalf("%d figures", len(found))
	}
	for _, l := range found {
		switch {
		case l.OneKey && l.By == "angle":
			if l.DSys < 0.95 {
				t.Errorf("the control is not linked: %+v", l)
			}
		case !l.OneKey && l.DSys > l.Floor+0.03:
			t.Errorf("linked: %+v", l)
		case l.Floor > 0.05:
			t.Errorf("the floor is high: %+v", l)
		}
	}
}

func TestLinkagesNeedPersonsWithTwoSamples(t *testing.T) {
	set, err := Population{Seed: 3, Dim: 16}.Set(10, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Linkages(set, "synthetic", 1000, 1); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("one sample each: %v", err)
	}
}

// Under one key, the thief's case, no pair moves; each under a key of their own, nobody is near anybody.
//
// FAULTS: B7 B8
func TestRotatedSets(t *testing.T) {
	set, err := Population{Seed: 5, Dim: 192}.Set(30, 2)
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := set.Rotated("synthetic", func(int) rotation.Key { return rotation.Key{1} })
	if err != nil {
		t.Fatal(err)
	}
	own, err := set.Rotated("synthetic", func(row int) rotation.Key { return rotation.Key{byte(set.persons[row]), 1} })
	if err != nil {
		t.Fatal(err)
	}
	if stolen.Dim() != 256 || stolen.Len() != set.Len() {
		t.Fatalf("%d rows of %d", stolen.Len(), stolen.Dim())
	}
	plain, under, apart := NewFloat(set), NewFloat(stolen), NewFloat(own)
	n := set.Len()
	scores := [3][]float64{make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)}
	for i, s := range []Scorer{plain, under, apart} {
		if err := s.Tile(scores[i], Span{0, n}, Span{0, n}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range scores[0] {
		if math.Abs(scores[0][i]-scores[1][i]) > 1e-5 {
			t.Fatalf("pair %d: %g, under the stolen key %g", i, scores[0][i], scores[1][i])
		}
		a, b := set.persons[i/n], set.persons[i%n]
		if a == b && math.Abs(scores[0][i]-scores[2][i]) > 1e-5 || a != b && math.Abs(scores[2][i]) > 0.45 {
			t.Fatalf("pair %d: %g, under keys of their own %g", i, scores[0][i], scores[2][i])
		}
	}
}
