package capacity

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"zhenni"
)

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

// scales are rates by a law, with relative noise.
func scales(l Law, noise float64, seed uint64) []Scale {
	random := rand.New(rand.NewPCG(seed, 2))
	var points []Scale
	for _, n := range []float64{1, 2, 4, 8, 16, 32, 64} {
		for range 4 {
			points = append(points, Scale{n, l.At(n) * math.Exp(noise*random.NormFloat64())})
		}
	}
	return points
}

func TestLawIsRecovered(t *testing.T) {
	for name, want := range map[string]Law{
		"contention and coherency": {Lambda: 1e6, Sigma: 0.08, Kappa: 0.002}, "contention": {Lambda: 5, Sigma: 0.2},
		"coherency": {Lambda: 3e3, Kappa: 0.01}, "linear": {Lambda: 1},
	} {
		exact, err := FitLaw(scales(want, 0, 1))
		if err != nil || !near(exact.Lambda, want.Lambda, 1e-6) || math.Abs(exact.Sigma-want.Sigma) > 1e-6 || math.Abs(exact.Kappa-want.Kappa) > 1e-6 || exact.R2 < 1-1e-9 {
			t.Errorf("%s: %+v, %v, want %+v", name, exact, err, want)
		}
		noisy, err := FitLaw(scales(want, 0.02, 1))
		if err != nil || !near(noisy.Lambda, want.Lambda, 0.05) || math.Abs(noisy.Sigma-want.Sigma) > 0.02 || math.Abs(noisy.Kappa-want.Kappa) > 0.001 || noisy.R2 < 0.95 {
			t.Errorf("%s with noise: %+v, %v, want %+v", name, noisy, err, want)
		}
		if noisy.Sigma < 0 || noisy.Kappa < 0 {
			t.Errorf("%s: %+v leaves its bounds", name, noisy)
		}
	}
}

func TestPeakOfTheLaw(t *testing.T) {
	for _, c := range []struct {
		law  Law
		want float64
	}{
		{Law{Lambda: 1, Sigma: 0.19, Kappa: 0.01}, 9}, {Law{Lambda: 1, Sigma: 0.1}, math.Inf(1)}, {Law{Lambda: 1, Sigma: 1, Kappa: 0.1}, 1},
		{Law{Lambda: 1, Kappa: 4}, 1},
	} {
		if got := c.law.Peak(); got != c.want && !near(got, c.want, 1e-9) {
			t.Errorf("%+v: %v, want %v", c.law, got, c.want)
		}
	}
}

func TestLawRefuses(t *testing.T) {
	for name, points := range map[string][]Scale{
		"two numbers": {{1, 5}, {2, 9}, {2, 8}}, "no rate": {{1, 5}, {2, 0}, {3, 4}}, "no shards": {{0, 5}, {2, 1}, {3, 4}},
		"infinite": {{1, 5}, {2, math.Inf(1)}, {3, 4}},
	} {
		if _, err := FitLaw(points); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCostIsRecovered(t *testing.T) {
	want, random := Cost{Item: 300, Request: 40e3, Miss: 250}, rand.New(rand.NewPCG(3, 4))
	const cache = 32 << 20
	var points []CostPoint
	for _, working := range []float64{8 << 20, 64 << 20, 512 << 20} {
		for _, items := range []float64{256, 1024, 4096} {
			points = append(points, CostPoint{working, items, want.At(working, items, cache) * math.Exp(0.01*random.NormFloat64())})
		}
	}
	got, err := FitCost(points, cache)
	if err != nil || !near(got.Item, want.Item, 0.05) || !near(got.Request, want.Request, 0.1) || !near(got.Miss, want.Miss, 0.1) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if Missed(cache, cache) != 0 || Missed(4*cache, cache) != 0.75 {
		t.Error("the share of misses")
	}
}

func TestTailIsRecovered(t *testing.T) {
	want := Tail{Base: 0.4, Queue: 1.5}
	got, err := FitTail([]float64{0.2, 0.5, 0.8}, []float64{want.At(0.2), want.At(0.5), want.At(0.8)})
	if err != nil || !near(got.Base, want.Base, 1e-6) || !near(got.Queue, want.Queue, 1e-6) || !near(got.At(got.Load(3)), 3, 1e-9) {
		t.Errorf("%+v, %v", got, err)
	}
	if want.Load(0.4) > 0 || want.Load(0.1) > 0 {
		t.Error("a goal below the base has no load")
	}
	if _, err := FitTail([]float64{0.5, 1}, []float64{1, 2}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("a load of 1: %v", err)
	}
	if _, err := FitLine([]float64{1}, []float64{1}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("one point: %v", err)
	}
}
