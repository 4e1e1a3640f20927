// Package simd compares and prepares int8 embedding rows, and hashes many short messages at once or one long one. It works on raw
// slices, keeps nothing, starts nothing, and imports nothing of zhenni. Every function is safe for concurrent use on
// slices that nobody writes meanwhile, and allocates nothing.
//
// Each exported function checks its arguments and hands them to the best instruction set the machine has (Tier). The
// generic code in generic.go runs where there is no other, and states what the assembly means: all tiers return the
// same integers and digests, and Hadamard the same bits. SHA-256 is crypto/sha256's there. The amd64 kernels are
// generated (`go generate ./simd`, from simd/_asm), the arm64 ones written by hand. The build tag purego leaves the
// generic code alone.
package simd

import (
	"math"
	"math/bits"
	"unsafe"
)

//go:generate go run -C _asm . -tier vnni -out ../vnni_amd64.s -stubs ../vnni_amd64.go -pkg simd
//go:generate go run -C _asm . -tier avx2 -out ../avx2_amd64.s -stubs ../avx2_amd64.go -pkg simd

// Arguments that do not fit together are mistakes of the program, not of its input, and panic.
const (
	lengthsDiffer = "simd: slices differ in length"
	rowOutside    = "simd: a row leaves its slice"
	notAPower     = "simd: length is not a power of two"
)

// Dot returns Σ a[i]·b[i], exact for any elements, for slices of equal length up to 2048 elements.
// It panics if the lengths differ.
func Dot(a, b []int8) int32 {
	if len(a) != len(b) {
		panic(lengthsDiffer)
	}
	if raceEnabled {
		raceReadBytes(a)
		raceReadBytes(b)
	}
	return dot(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
}

// SumSquares returns Σ a[i]² for up to 2048 elements, and whether every element is in [-127, 127].
func SumSquares(a []int8) (sum int32, symmetric bool) {
	if raceEnabled {
		raceReadBytes(a)
	}
	return sumSquares(a)
}

// DotPairs writes dst[i] = Dot(a[aOff[i]:aOff[i]+d], b[bOff[i]:bOff[i]+d]) for every i, prefetching rows of b ahead.
// aOff and bOff have the length of dst. It panics, with dst untouched, if a row leaves its slice.
func DotPairs(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	if checkPairs(dst, a, aOff, b, bOff, d); len(dst) == 0 {
		return
	}
	if raceEnabled {
		racePairs(dst, a, aOff, b, bOff, d)
	}
	dotPairs(dst, a, aOff, b, bOff, d)
}

// DotPairsNorms is DotPairs, and writes to norms[i] Σ of the squares of the elements at aOff[i], or 0 where one of them is
// -128. It panics, with dst and norms untouched, where DotPairs does and where norms has not the length of dst.
func DotPairsNorms(dst, norms []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	if len(norms) != len(dst) {
		panic(lengthsDiffer)
	}
	if checkPairs(dst, a, aOff, b, bOff, d); len(dst) == 0 {
		return
	}
	if raceEnabled {
		racePairs(dst, a, aOff, b, bOff, d)
		raceWriteWords(norms)
	}
	dotPairsNorms(dst, norms, a, aOff, b, bOff, d)
}

// Prefetch asks memory for the lines that s[at[i]] lie in, so that what reads them next finds them on the way. It changes
// nothing and reads nothing; where there is no instruction for it, it does nothing.
func Prefetch[T any](s []T, at []int) {
	if len(at) > 0 {
		var element T
		prefetch((*byte)(unsafe.Pointer(unsafe.SliceData(s))), int(unsafe.Sizeof(element)), at)
	}
}

// checkPairs panics unless there is an offset of each side for every element of dst, and d elements at each.
func checkPairs(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	if len(aOff) != len(dst) || len(bOff) != len(dst) {
		panic(lengthsDiffer)
	}
	if len(dst) > 0 {
		checkRows(aOff, len(a), d)
		checkRows(bOff, len(b), d)
	}
}

// checkRows panics unless d elements at every offset lie within length.
func checkRows(offsets []int, length, d int) {
	if d < 0 || d > length || outside(offsets, length-d) {
		panic(rowOutside)
	}
}

// DotBlock writes dst[i] = Dot(probe, rows[i*stride:i*stride+len(probe)]) for every i.
// It panics, with dst untouched, if a row leaves rows.
func DotBlock(dst []int32, probe, rows []int8, stride int) {
	if len(dst) == 0 {
		return
	}
	if len(probe) > len(rows) || !fits(len(dst)-1, stride, len(rows)-len(probe)) {
		panic(rowOutside)
	}
	if raceEnabled {
		raceBlock(dst, probe, rows, stride)
	}
	dotBlock(dst, probe, rows, stride)
}

// DotTile writes dst[i*nb+j] = Dot(a[i*d:(i+1)*d], b[j*d:(j+1)*d]) for i < na and j < nb: all of na rows of a against
// all of nb rows of b, d up to 2048. It is fastest from 64 rows of each and d a multiple of 16.
// It panics, with dst untouched, if a slice is too short.
func DotTile(dst []int32, a []int8, na int, b []int8, nb int, d int) {
	if !fits(na, d, len(a)) || !fits(nb, d, len(b)) || !fits(na, nb, len(dst)) {
		panic(rowOutside)
	}
	if na == 0 || nb == 0 {
		return
	}
	if raceEnabled {
		raceReadBytes(a[:na*d])
		raceReadBytes(b[:nb*d])
		raceWriteWords(dst[:na*nb])
	}
	dotTile(dst[:na*nb], a[:na*d], na, b[:nb*d], nb, d)
}

// fits tells whether n·size ≤ length, without overflow.
func fits(n, size, length int) bool {
	return n >= 0 && size >= 0 && (n == 0 || size <= length/n)
}

// Quantize writes src in symmetric int8 with a scale of its own: q = RoundToEven(x·r) with r = 127/max|x|, all in
// float32. It returns max|x| and Σq². If an element is not finite, maxAbs is NaN. If maxAbs is NaN, below floor, or so
// small that r is not finite (below 3.8e-37), dst is left as it was and sumSq is 0; otherwise sumSq is at least 127².
// dst and src have the same length, up to 2048. It panics if the lengths differ.
func Quantize(dst []int8, src []float32, floor float32) (maxAbs float32, sumSq int32) {
	if len(dst) != len(src) {
		panic(lengthsDiffer)
	}
	if raceEnabled {
		raceReadFloats(src)
	}
	largest := maxAbsBits(src)
	if largest >= 0x7f800000 {
		return float32(math.NaN()), 0
	}
	maxAbs = math.Float32frombits(largest)
	r := 127 / maxAbs
	if !(maxAbs >= floor) || r > math.MaxFloat32 {
		return maxAbs, 0
	}
	if raceEnabled {
		raceWriteBytes(dst)
	}
	return maxAbs, scale(dst, src, r)
}

// Hadamard applies the orthonormal fast Walsh–Hadamard transform to x after flipping the sign of x[i] where bit i%64 of
// signs[i/64] is set, and scales the result by 1/√len(x). len(x) is a power of two, len(signs) ≥ ⌈len(x)/64⌉; it panics
// otherwise.
func Hadamard(x []float32, signs []uint64) {
	if bits.OnesCount(uint(len(x))) != 1 {
		panic(notAPower)
	}
	if len(signs) < (len(x)+63)/64 {
		panic(lengthsDiffer)
	}
	if raceEnabled {
		raceHadamard(x, signs)
	}
	hadamard(x, signs, float32(1/math.Sqrt(float64(len(x)))))
}
