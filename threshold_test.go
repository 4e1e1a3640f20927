package zhenni_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// acceptByBigInt is the rule as DESIGN states it, in arbitrary precision.
func acceptByBigInt(t zhenni.Threshold, dot, probeNorm, refNorm int32) bool {
	if t == 0 || dot <= 0 || probeNorm <= 0 || refNorm <= 0 {
		return false
	}
	left := new(big.Int).Mul(big.NewInt(int64(dot)), big.NewInt(int64(dot)))
	left.Lsh(left, 32)
	right := new(big.Int).SetUint64(uint64(t))
	right.Mul(right, big.NewInt(int64(probeNorm)))
	right.Mul(right, big.NewInt(int64(refNorm)))
	return left.Cmp(right) >= 0
}

func TestAcceptAgreesWithArbitraryPrecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const top = zhenni.MaxDim * 127 * 127
		dot := rapid.Int32Range(-top, top).Draw(t, "dot")
		p := rapid.Int32Range(-1, top).Draw(t, "probe norm")
		r := rapid.Int32Range(-1, top).Draw(t, "reference norm")
		threshold := zhenni.Threshold(rapid.Uint64Range(0, 1<<32).Draw(t, "T"))
		if got, want := threshold.Accept(dot, p, r), acceptByBigInt(threshold, dot, p, r); got != want {
			t.Fatalf("Accept(%d, %d, %d) at %d = %v, want %v", dot, p, r, threshold, got, want)
		}
	})
}

// FAULTS: N8 N10
func TestAcceptAtTheEdge(t *testing.T) {
	half, err := zhenni.NewThreshold(0.5)
	if err != nil {
		t.Fatal(err)
	}
	one, err := zhenni.NewThreshold(1)
	if err != nil {
		t.Fatal(err)
	}
	const top = zhenni.MaxDim * 127 * 127
	for _, c := range []struct {
		name      string
		threshold zhenni.Threshold
		dot, p, r int32
		want      bool
	}{
		{"exactly at the threshold", half, 50, 100, 100, true},
		{"one below", half, 49, 100, 100, false},
		{"identical at t = 1", one, top, top, top, true},
		{"one short of identical at t = 1", one, top - 1, top, top, false},
		{"largest values", half, top, top, top, true},
		{"opposite", half, -top, top, top, false},
		{"orthogonal", half, 0, 100, 100, false},
		{"zero probe", half, 100, 0, 100, false},
		{"zero reference", half, 100, 100, 0, false},
		{"overflowed norm", half, 100, -1, -1, false},
		{"no threshold", 0, 100, 100, 100, false},
		{"smallest int32", half, math.MinInt32, math.MaxInt32, math.MaxInt32, false},
	} {
		if got := c.threshold.Accept(c.dot, c.p, c.r); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestAcceptIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Uint64Range(1, 1<<32).Draw(t, "loose")
		high := rapid.Uint64Range(low, 1<<32).Draw(t, "strict")
		dot := rapid.Int32Range(1, 1<<24).Draw(t, "dot")
		p := rapid.Int32Range(1, 1<<24).Draw(t, "p")
		r := rapid.Int32Range(1, 1<<24).Draw(t, "r")
		if zhenni.Threshold(high).Accept(dot, p, r) && !zhenni.Threshold(low).Accept(dot, p, r) {
			t.Fatal("accepted by the stricter threshold only")
		}
	})
}

func TestNewThreshold(t *testing.T) {
	for _, bad := range []float64{0, -0.1, 1.0000001, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := zhenni.NewThreshold(bad); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("NewThreshold(%v) gave %v", bad, err)
		}
	}
	for cosine, want := range map[float64]zhenni.Threshold{
		1: 1 << 32, 0.5: 1 << 30, 1e-9: 1, 0.25: 1 << 28,
	} {
		if got, err := zhenni.NewThreshold(cosine); err != nil || got != want {
			t.Errorf("NewThreshold(%v) = %d, %v; want %d", cosine, got, err, want)
		}
	}
}

// FAULTS: N10
func FuzzAccept(f *testing.F) {
	f.Add(uint64(1)<<30, int32(50), int32(100), int32(100))
	f.Add(uint64(1)<<32, int32(33032192), int32(33032192), int32(33032192))
	f.Add(uint64(math.MaxUint64), int32(math.MaxInt32), int32(math.MaxInt32), int32(1))
	f.Add(uint64(math.MaxUint64), int32(math.MaxInt32), int32(math.MaxInt32), int32(math.MaxInt32))
	f.Add(uint64(0), int32(-1), int32(0), int32(math.MinInt32))
	f.Fuzz(func(t *testing.T, threshold uint64, dot, p, r int32) {
		got, want := zhenni.Threshold(threshold).Accept(dot, p, r), acceptByBigInt(zhenni.Threshold(threshold), dot, p, r)
		if got != want {
			t.Fatalf("T %d, dot %d, norms %d and %d: %v, want %v", threshold, dot, p, r, got, want)
		}
	})
}
