//go:build !race

package simd

import "testing"

// The race detector allocates on its own, so this holds for builds without it.
func TestNothingAllocates(t *testing.T) {
	const d, rows = 512, 64
	a, b := make([]int8, rows*d), make([]int8, rows*d)
	dst, offsets := make([]int32, rows*rows), make([]int, rows)
	src, signs := make([]float32, d), make([]uint64, d/64)
	src[0] = 1
	messages, sums := make([]byte, 33*256), make([][32]byte, 33)
	eachTier(t, func(t *testing.T) {
		for name, call := range map[string]func(){
			"Dot":           func() { Dot(a[:d], b[:d]) },
			"SumSquares":    func() { SumSquares(a) },
			"DotPairs":      func() { DotPairs(dst[:rows], a, offsets, b, offsets, d) },
			"DotPairsNorms": func() { DotPairsNorms(dst[:rows], dst[rows:2*rows], a, offsets, b, offsets, d) },
			"Prefetch":      func() { Prefetch(a, offsets) },
			"DotBlock":      func() { DotBlock(dst[:rows], a[:d], b, d) },
			"DotTile":       func() { DotTile(dst, a, rows, b, rows, d) },
			"Quantize":      func() { Quantize(a[:d], src, 0) },
			"Hadamard":      func() { Hadamard(src, signs) },
			"SumMany":       func() { SumMany(sums, messages, 54, 64) },
			"SumPrefixed":   func() { SumPrefixed(sums, 0, messages, 256, 256) },
			"SumTuples":     func() { SumTuples(sums[:16], 1, sums, 2) },
		} {
			if n := testing.AllocsPerRun(20, call); n != 0 {
				t.Errorf("%s: %g allocations a call", name, n)
			}
		}
	})
}
