// Package simd compares and prepares int8 embedding rows. It works on raw slices and imports nothing of ours.
package simd

import "math"

// Dot returns Σ a[i]·b[i], exact for any elements, for slices of equal length up to 2048 elements.
// It panics if the lengths differ.
func Dot(a, b []int8) int32 {
	if len(a) != len(b) {
		panic("simd: slices differ in length")
	}
	var sum int32
	for i, x := range a {
		sum += int32(x) * int32(b[i])
	}
	return sum
}

// SumSquares returns Σ a[i]² and whether every element is in [-127, 127].
func SumSquares(a []int8) (sum int32, symmetric bool) {
	symmetric = true
	for _, x := range a {
		sum += int32(x) * int32(x)
		symmetric = symmetric && x != -128
	}
	return sum, symmetric
}

// DotPairs writes dst[i] = Dot(a[aOff[i]:aOff[i]+d], b[bOff[i]:bOff[i]+d]) for every i, prefetching rows of b ahead.
// aOff and bOff have the length of dst. It panics if a row leaves its slice.
func DotPairs(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	for i := range dst {
		dst[i] = Dot(a[aOff[i]:aOff[i]+d], b[bOff[i]:bOff[i]+d])
	}
}

// DotBlock writes dst[i] = Dot(probe, rows[i*stride:i*stride+len(probe)]) for every i.
func DotBlock(dst []int32, probe, rows []int8, stride int) {
	for i := range dst {
		dst[i] = Dot(probe, rows[i*stride:i*stride+len(probe)])
	}
}

// DotTile writes dst[i*nb+j] = Dot(a[i*d:(i+1)*d], b[j*d:(j+1)*d]) for i < na and j < nb: all of na rows of a against
// all of nb rows of b.
func DotTile(dst []int32, a []int8, na int, b []int8, nb int, d int) {
	for i := range na {
		DotBlock(dst[i*nb:(i+1)*nb], a[i*d:(i+1)*d], b[:nb*d], d)
	}
}

// Quantize writes src in symmetric int8 with a scale of its own: q = RoundToEven(x·r) with r = 127/max|x|, all in
// float32. It returns max|x| and Σq². If an element is not finite, maxAbs is NaN; if maxAbs is NaN or below
// floor, dst is left as it was and sumSq is 0. dst and src have the same length.
func Quantize(dst []int8, src []float32, floor float32) (maxAbs float32, sumSq int32) {
	var bits uint32
	for _, x := range src {
		bits = max(bits, math.Float32bits(x)&^(1<<31))
	}
	maxAbs = math.Float32frombits(bits)
	if bits >= 0x7f800000 {
		return float32(math.NaN()), 0
	}
	if maxAbs < floor || maxAbs == 0 {
		return maxAbs, 0
	}
	r := float32(127) / maxAbs
	for i, x := range src {
		q := int8(math.RoundToEven(float64(x * r)))
		dst[i] = q
		sumSq += int32(q) * int32(q)
	}
	return maxAbs, sumSq
}

// Hadamard applies the orthonormal fast Walsh–Hadamard transform to x after flipping the sign of x[i] where bit i%64 of
// signs[i/64] is set. len(x) is a power of two, len(signs) ≥ ⌈len(x)/64⌉. The result is scaled by 1/√len(x).
func Hadamard(x []float32, signs []uint64) {
	for i := range x {
		if signs[i/64]>>(i%64)&1 == 1 {
			x[i] = -x[i]
		}
	}
	for h := 1; h < len(x); h *= 2 {
		for i := 0; i < len(x); i += 2 * h {
			for j := i; j < i+h; j++ {
				x[j], x[j+h] = x[j]+x[j+h], x[j]-x[j+h]
			}
		}
	}
	scale := float32(1 / math.Sqrt(float64(len(x))))
	for i := range x {
		x[i] *= scale
	}
}

// Tier names the instruction set in use: "avx512vnni", "avx2", "sdot", "neon" or "generic".
func Tier() string { return "generic" }
