package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// randomFloats spreads magnitudes over many binades, with zeros and denormals among them.
func randomFloats(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		switch r.IntN(16) {
		case 0:
			s[i] = float32(math.Copysign(0, r.Float64()-0.5))
		case 1:
			s[i] = math.Float32frombits(r.Uint32N(1 << 23))
		default:
			s[i] = float32(r.NormFloat64() * math.Exp2(float64(r.IntN(12))))
		}
	}
	return s
}

// quantizeGeneric is Quantize on the generic parts alone.
func quantizeGeneric(dst []int8, src []float32, floor float32) (float32, int32) {
	largest := maxAbsBitsGeneric(src)
	maxAbs := math.Float32frombits(largest)
	switch r := 127 / maxAbs; {
	case largest >= 0x7f800000:
		return float32(math.NaN()), 0
	case !(maxAbs >= floor) || r > math.MaxFloat32:
		return maxAbs, 0
	default:
		return maxAbs, scaleGeneric(dst, src, r)
	}
}

// sameQuantized fails unless Quantize equals the generic code on src, refusals and untouched output included.
func sameQuantized(t *testing.T, src []float32, floor float32) {
	t.Helper()
	got, want := filled(len(src)+1, 99), filled(len(src)+1, 99)
	gotMax, gotSum := Quantize(got[:len(src)], src, floor)
	wantMax, wantSum := quantizeGeneric(want[:len(src)], src, floor)
	if math.Float32bits(gotMax) != math.Float32bits(wantMax) || gotSum != wantSum {
		t.Fatalf("n=%d floor=%g: %g, %d; want %g, %d", len(src), floor, gotMax, gotSum, wantMax, wantSum)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("n=%d floor=%g: element %d is %d, want %d", len(src), floor, i, got[i], want[i])
		}
	}
}

// FAULTS: N5 N6 N15
func TestQuantizeEqualsGeneric(t *testing.T) {
	r := random(5)
	eachTier(t, func(t *testing.T) {
		for _, n := range lengths() {
			sameQuantized(t, randomFloats(r, n), 0)
		}
	})
}

// Ties fall on even, at every position of a vector and of its tail.
func TestQuantizeTies(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		for n := 2; n <= 70; n++ {
			src := make([]float32, n)
			src[0] = 127
			for i := 1; i < n; i++ {
				src[i] = float32(i%127) - 63.5
			}
			dst := make([]int8, n)
			if maxAbs, _ := Quantize(dst, src, 1); maxAbs != 127 {
				t.Fatalf("n=%d: maximum %g", n, maxAbs)
			}
			for i, q := range dst {
				if want := int8(math.RoundToEven(float64(src[i]))); q != want {
					t.Fatalf("n=%d: %g becomes %d, want %d", n, src[i], q, want)
				}
			}
		}
	})
}

// FAULTS: N1 N2 N3 N4 N5 N9 N11
func TestQuantizeRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	smallest := float32(math.SmallestNonzeroFloat32)
	eachTier(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 8, 9, 16, 17, 64, 192, 511, 512, 513} {
			for _, at := range []int{0, n / 2, n - 1} {
				for _, c := range []struct {
					rest, odd, floor float32
					isNaN            bool
				}{
					{1, nan, 0, true}, {1, -nan, 0, true}, {1, inf, 0, true}, {1, -inf, 0, true},
					{0, 0, 0, false}, {0, float32(math.Copysign(0, -1)), 0, false},
					{0, 1e-4, 1e-3, false}, {0, -1e-4, 1e-3, false}, {1e-5, 1e-4, nan, false},
					{0, smallest, 0, false}, {smallest, -smallest, -1, false}, {0, 3.7e-37, 0, false},
				} {
					src := make([]float32, n)
					for i := range src {
						src[i] = c.rest
					}
					src[at] = c.odd
					dst := filled(n, 99)
					maxAbs, sum := Quantize(dst, src, c.floor)
					if sum != 0 || (maxAbs != maxAbs) != c.isNaN {
						t.Fatalf("n=%d %+v at %d: %g, %d", n, c, at, maxAbs, sum)
					}
					for i, q := range dst {
						if q != 99 {
							t.Fatalf("n=%d %+v at %d: element %d written", n, c, at, i)
						}
					}
				}
			}
		}
	})
}

// FAULTS: N5 N9 N11
func TestQuantizeExtremeScales(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		for _, n := range []int{1, 8, 17, 512} {
			for _, x := range []float32{3.8e-37, 1e-30, 1e-3, 1, 1e38, math.MaxFloat32} {
				src := make([]float32, n)
				src[n-1] = -x
				dst := make([]int8, n)
				if maxAbs, sum := Quantize(dst, src, 0); maxAbs != x || sum != 127*127 || dst[n-1] != -127 {
					t.Fatalf("n=%d %g: %g, %d, %d", n, x, maxAbs, sum, dst[n-1])
				}
				sameQuantized(t, src, x)
			}
		}
	})
}

// sameTransform fails unless Hadamard gives the generic code's bits.
func sameTransform(t *testing.T, x []float32, signs []uint64) {
	t.Helper()
	want := append([]float32(nil), x...)
	hadamardGeneric(want, signs, float32(1/math.Sqrt(float64(len(x)))))
	Hadamard(x, signs)
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(want[i]) && (x[i] == x[i] || want[i] == want[i]) {
			t.Fatalf("n=%d: element %d is %x, want %x", len(x), i, math.Float32bits(x[i]), math.Float32bits(want[i]))
		}
	}
}

// FAULTS: N5 N15
func TestHadamardEqualsGeneric(t *testing.T) {
	r := random(6)
	eachTier(t, func(t *testing.T) {
		for n := 1; n <= 4096; n *= 2 {
			for range 8 {
				signs := make([]uint64, (n+63)/64)
				for i := range signs {
					signs[i] = r.Uint64()
				}
				sameTransform(t, randomFloats(r, n), signs)
			}
		}
	})
}

// The transform is its own inverse, up to rounding, and keeps the norm.
func TestHadamardInverts(t *testing.T) {
	r := random(7)
	eachTier(t, func(t *testing.T) {
		for n := 1; n <= 2048; n *= 2 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			y, none := append([]float32(nil), x...), make([]uint64, (n+63)/64)
			Hadamard(y, none)
			Hadamard(y, none)
			for i := range x {
				if math.Abs(float64(x[i]-y[i])) > 1e-5 {
					t.Fatalf("n=%d: element %d is %g, was %g", n, i, y[i], x[i])
				}
			}
		}
	})
}
