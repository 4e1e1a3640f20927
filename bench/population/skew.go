package population

import (
	"fmt"
	"math"
	"math/rand/v2"

	"zhenni"
)

// Skew says whom questions are about. Its zero value asks about everybody alike.
type Skew struct {
	// Zipf is the exponent s by which the subject of rank k, from 1, is asked about as often as k⁻ˢ says: 0 is uniform, 1 is
	// what the visits of a population look like. At most 5.
	Zipf float64
	// Hot is the share of questions, in [0, 1], about one credential. The rest follows Zipf.
	Hot float64
	// HotTenant is the share of requests, in [0, 1], of the first tenant; the others share the rest alike. 0 is alike for all.
	HotTenant float64
}

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (s Skew) Validate() error {
	for _, f := range []struct {
		name       string
		value, max float64
	}{{"Zipf exponent", s.Zipf, 5}, {"share of the hot credential", s.Hot, 1}, {"share of the hot tenant", s.HotTenant, 1}} {
		if !(f.value >= 0 && f.value <= f.max) {
			return fmt.Errorf("%w: %s %v: want 0–%v", zhenni.ErrBadValue, f.name, f.value, f.max)
		}
	}
	return nil
}

// tenant draws whose request the next is, from 0.
func (s Skew) tenant(random *rand.Rand, tenants int) int {
	switch {
	case tenants == 1:
		return 0
	case s.HotTenant == 0:
		return random.IntN(tenants)
	case random.Float64() < s.HotTenant:
		return 0
	}
	return 1 + random.IntN(tenants-1)
}

// A ranks draws ranks in [0, n) with Zipf's law, by rejection from its integral (Hörmann and Derflinger, ACM Transactions on
// Modeling and Computer Simulation 6, 1996): about 1.1 draws a rank, whatever n and the exponent. It holds nothing.
type ranks struct {
	n              int64
	s              float64
	first, last, q float64
}

func newRanks(n int64, s float64) ranks {
	r := ranks{n: n, s: s}
	if s > 0 {
		r.first, r.last = r.integral(1.5)-1, r.integral(float64(n)+0.5)
		r.q = 2 - r.inverse(r.integral(2.5)-math.Pow(2, -s))
	}
	return r
}

// integral is that of x⁻ˢ, from 1.
func (r ranks) integral(x float64) float64 {
	if t := (1 - r.s) * math.Log(x); math.Abs(t) < 1e-8 {
		return math.Log(x)
	} else {
		return math.Expm1(t) / (1 - r.s)
	}
}

func (r ranks) inverse(y float64) float64 {
	t := y * (1 - r.s)
	if math.Abs(t) < 1e-8 {
		return math.Exp(y)
	}
	return math.Exp(math.Log1p(max(t, -1)) / (1 - r.s))
}

func (r ranks) draw(random *rand.Rand) int64 {
	if r.s == 0 {
		return random.Int64N(r.n)
	}
	for {
		u := r.last + random.Float64()*(r.first-r.last)
		x := r.inverse(u)
		k := min(max(math.Floor(x+0.5), 1), float64(r.n))
		if k-x <= r.q || u >= r.integral(k+0.5)-math.Pow(k, -r.s) {
			return int64(k) - 1
		}
	}
}

// stride returns a number without a divisor in common with n, near the golden section of n, so that neighbours in rank lie far
// apart among the subjects.
func stride(n int64) int64 {
	s := max(int64(float64(n)*0.6180339887498949), 1)
	for ; divisor(s, n) != 1; s++ {
	}
	return s
}

func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
