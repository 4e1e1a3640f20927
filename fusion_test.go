package zhenni_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// coupling is a joint distribution of the errors of n factors: atom s has the probability that exactly the factors of the
// bits of s err. Whatever the dependence of errors is, it is one of these.
type coupling struct {
	n     int
	atoms []float64
}

func drawCoupling(t *rapid.T) coupling {
	n := rapid.IntRange(1, 4).Draw(t, "factors")
	c := coupling{n, make([]float64, 1<<n)}
	total := 0.0
	for i := range c.atoms {
		// Sums of small integers are exact, and so is every probability made of them by a power of two.
		c.atoms[i] = float64(rapid.IntRange(0, 3).Draw(t, "weight"))
		total += c.atoms[i]
	}
	c.atoms[0] += 64 - total // at most 48 are spent
	for i := range c.atoms {
		c.atoms[i] /= 64
	}
	return c
}

// probability sums the atoms that take says yes to.
func (c coupling) probability(take func(errs int) bool) (p zhenni.Rate) {
	for errs, atom := range c.atoms {
		if take(errs) {
			p += zhenni.Rate(atom)
		}
	}
	return p
}

func (c coupling) marginals() []zhenni.Rate {
	rates := make([]zhenni.Rate, c.n)
	for i := range rates {
		rates[i] = c.probability(func(errs int) bool { return errs>>i&1 == 1 })
	}
	return rates
}

// The figures are never below the truth, however errors go together.
func TestRatesBoundEveryDependence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCoupling(t)
		rates, all := c.marginals(), 1<<c.n-1
		if truth := c.probability(func(errs int) bool { return errs == all }); zhenni.AllOf(rates...) < truth {
			t.Fatalf("all of %v: %v is below %v", rates, zhenni.AllOf(rates...), truth)
		}
		if truth := c.probability(func(errs int) bool { return errs != 0 }); zhenni.AnyOf(rates...) < truth {
			t.Fatalf("any of %v: %v is below %v", rates, zhenni.AnyOf(rates...), truth)
		}
	})
}

// Comonotone impostors are good or bad at everything together: whoever passes the stricter of two factors passes the other.
// They attain the figure of "all of", of which the product is a small part. Those who never err twice attain "any of".
func TestRatesAreAttained(t *testing.T) {
	const impostors = 100_000
	rates := []zhenni.Rate{0.01, 0.02, 0.04}
	all, anyone := 0, 0
	for i := range impostors {
		luck := (float64(i) + 0.5) / impostors // one number decides all three
		passed := 0
		for _, r := range rates {
			if luck < float64(r) {
				passed++
			}
		}
		if passed == len(rates) {
			all++
		}
		apart := luck < 0.01 || luck >= 0.01 && luck < 0.03 || luck >= 0.03 && luck < 0.07 // of the same three rates
		if apart {
			anyone++
		}
	}
	if got := zhenni.Rate(all) / impostors; got != zhenni.AllOf(rates...) {
		t.Errorf("all of: %v passed, stated %v", got, zhenni.AllOf(rates...))
	}
	if product := rates[0] * rates[1] * rates[2]; zhenni.Rate(all)/impostors < 1000*product {
		t.Error("the example does not show why rates are not multiplied")
	}
	if got, stated := zhenni.Rate(anyone)/impostors, zhenni.AnyOf(rates...); got > stated || got < stated-1e-12 {
		t.Errorf("any of: %v passed, stated %v", got, stated)
	}
}

// An impostor whose tries err together gains nothing by them, one whose tries never err twice gains all of the bound.
func TestRetriesAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := zhenni.Rate(rapid.Float64Range(0, 1).Draw(t, "rate"))
		k := rapid.IntRange(1, 1000).Draw(t, "attempts")
		got := r.Retried(k)
		if got < r || got > 1 || got < r.Retried(max(1, k-1)) {
			t.Fatalf("%d tries at %v: %v", k, r, got)
		}
		if independent := 1 - math.Pow(1-float64(r), float64(k)); float64(got) < independent-1e-12 {
			t.Fatalf("%d independent tries at %v: %v, stated %v", k, r, independent, got)
		}
		if tries := make([]zhenni.Rate, k); k < 50 {
			for i := range tries {
				tries[i] = r
			}
			if sum := zhenni.AnyOf(tries...); float64(sum) > float64(got)*(1+1e-12) || float64(sum) < float64(got)*(1-1e-12) {
				t.Fatalf("%d tries at %v are %v, any of as many is %v", k, r, got, sum)
			}
		}
	})
}

// A factor more never makes "all of" easier nor "any of" harder, and a worse factor never makes either harder.
func TestRatesAreMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rates := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 6).Draw(t, "rates")
		list := make([]zhenni.Rate, len(rates))
		for i, r := range rates {
			list[i] = zhenni.Rate(r)
		}
		if zhenni.AllOf(list...) > zhenni.AllOf(list[1:]...) || zhenni.AnyOf(list...) < zhenni.AnyOf(list[1:]...) {
			t.Fatalf("%v: a factor more", list)
		}
		all, anyone := zhenni.AllOf(list...), zhenni.AnyOf(list...)
		list[0] = zhenni.Rate(rapid.Float64Range(float64(list[0]), 1).Draw(t, "worse"))
		if zhenni.AllOf(list...) < all || zhenni.AnyOf(list...) < anyone {
			t.Fatalf("%v: a worse factor", list)
		}
	})
}

func TestRatesOfWhatIsNotKnown(t *testing.T) {
	nan := zhenni.Rate(math.NaN())
	for name, got := range map[string]zhenni.Rate{
		"all of none": zhenni.AllOf(), "all of not a number": zhenni.AllOf(nan), "any of not a number": zhenni.AnyOf(0, nan),
		"negative": zhenni.AllOf(-1), "infinite": zhenni.AnyOf(zhenni.Rate(math.Inf(1))), "no try": zhenni.Rate(0.5).Retried(0),
		"no space": zhenni.GuessRate(1, 0), "space that is not a number": zhenni.GuessRate(1, math.NaN()),
		"more guesses than space": zhenni.GuessRate(11, 10), "guesses below 0": zhenni.GuessRate(-1, 10),
		"no comparisons": zhenni.Profile{}.Rate(), "a way of no groups": zhenni.Way{}.Rate(zhenni.Rates{}),
		"a group of nothing":         zhenni.Way{0}.Rate(zhenni.Rates{}),
		"bound that is not a number": zhenni.Profile{Comparisons: 1, FMRUpper95: math.NaN()}.Rate(),
	} {
		if got != 1 {
			t.Errorf("%s: %v, want 1", name, got)
		}
	}
	if got := zhenni.AnyOf(); got != 0 {
		t.Errorf("any of none: %v", got)
	}
	if got := zhenni.GuessRate(3, 1e8); got < 3e-8 || got > 3.0000001e-8 {
		t.Errorf("three guesses at eight digits: %v", got)
	}
	if got := (zhenni.Profile{Comparisons: 9, FMRUpper95: 1e-7, FMRUpper95Subjects: 3e-7}).Rate(); got != 3e-7 {
		t.Errorf("of two bounds: %v, want the larger", got)
	}
}

// A way bounds the truth for every dependence too: the impostor chooses within each group what suits him.
func TestWaysBoundEveryDependence(t *testing.T) {
	means := []zhenni.Means{zhenni.MeansFace, zhenni.MeansVoice, zhenni.MeansFingerprint, zhenni.MeansPIN}
	rapid.Check(t, func(t *rapid.T) {
		c := drawCoupling(t)
		rates := zhenni.NewRates()
		for i, r := range c.marginals() {
			rates[means[i]] = r
		}
		way := make(zhenni.Way, rapid.IntRange(1, c.n).Draw(t, "groups"))
		for i := range c.n {
			way[i%len(way)] |= zhenni.NewMeansSet(means[i])
		}
		truth := c.probability(func(errs int) bool {
			var shown zhenni.MeansSet
			for i := range c.n {
				if errs>>i&1 == 1 {
					shown |= zhenni.NewMeansSet(means[i])
				}
			}
			_, met := way.Met(shown)
			return met
		})
		if got := way.Rate(rates); got < truth {
			t.Fatalf("%v at %v: %v is below %v", way, rates, got, truth)
		}
	})
}

// Only a joint calibration of what all has to agree makes a figure lower than that of the best factor.
func TestJointCalibration(t *testing.T) {
	rates := zhenni.NewRates()
	rates[zhenni.MeansFace], rates[zhenni.MeansVoice] = 1e-3, 1e-2
	face, voice := zhenni.NewMeansSet(zhenni.MeansFace), zhenni.NewMeansSet(zhenni.MeansVoice)
	both := zhenni.Joint{Means: face | voice, Upper95: 2e-5}
	for _, c := range []struct {
		name  string
		way   zhenni.Way
		joint []zhenni.Joint
		want  zhenni.Rate
	}{
		{"none", zhenni.Way{face, voice}, nil, 1e-3},
		{"both", zhenni.Way{face, voice}, []zhenni.Joint{both}, 2e-5},
		{"both and the card", zhenni.Way{face, voice, zhenni.NewMeansSet(zhenni.MeansCard)}, []zhenni.Joint{both}, 2e-5},
		{"either", zhenni.Way{face | voice}, []zhenni.Joint{both}, 1.1e-2},
		{"one of them", zhenni.Way{face}, []zhenni.Joint{both}, 1e-3},
		{"worse than alone", zhenni.Way{face, voice}, []zhenni.Joint{{Means: face | voice, Upper95: 0.5}}, 1e-3},
		{"of nothing", zhenni.Way{face, voice}, []zhenni.Joint{{Upper95: 1e-9}}, 1e-3},
		{"not a number", zhenni.Way{face, voice}, []zhenni.Joint{{Means: face | voice, Upper95: zhenni.Rate(math.NaN())}}, 1e-3},
		{"negative", zhenni.Way{face, voice}, []zhenni.Joint{{Means: face | voice, Upper95: -1}}, 1e-3},
		{"held only", zhenni.Way{zhenni.NewMeansSet(zhenni.MeansCard)}, []zhenni.Joint{both}, 1},
	} {
		if got := c.way.Rate(rates, c.joint...); got < c.want || got > c.want*1.0000001 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
