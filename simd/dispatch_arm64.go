//go:build !purego

package simd

import (
	"bytes"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

var useSDOT, useNEON bool

// supported lists the tiers of this machine, best first. NEON belongs to every arm64 that Go runs on.
func supported() []string {
	if cpuid.CPU.Supports(cpuid.ASIMDDP) {
		return []string{"sdot", "neon", "generic"}
	}
	return []string{"neon", "generic"}
}

func use(tier string) {
	inUse = tier
	useSDOT = tier == "sdot"
	useNEON = tier == "neon"
}

// dotSDOT returns Σ a[i]·b[i] for i < n, a positive multiple of 16.
//
//go:noescape
func dotSDOT(a, b *int8, n int) int32

// dotNEON is dotSDOT on machines without SDOT.
//
//go:noescape
func dotNEON(a, b *int8, n int) int32

// The kernels take 16 elements at a time; the generic code adds the rest.
const step = 16

func dot(a, b *int8, n int) int32 { return dotRow(unsafe.Slice(a, n), unsafe.Slice(b, n)) }

func dotRow(a, b []int8) int32 {
	n := len(a) &^ (step - 1)
	if useSDOT && n > 0 {
		return dotSDOT(&a[0], &b[0], n) + dotGeneric(a[n:], b[n:])
	} else if useNEON && n > 0 {
		return dotNEON(&a[0], &b[0], n) + dotGeneric(a[n:], b[n:])
	}
	return dotGeneric(a, b)
}

func sumSquares(a []int8) (int32, bool) {
	if useSDOT || useNEON {
		octets := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a))), len(a))
		return dotRow(a, a), bytes.IndexByte(octets, 0x80) < 0
	}
	return sumSquaresGeneric(a)
}

func outside(offsets []int, last int) bool { return outsideGeneric(offsets, last) }

func dotPairs(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	for i := range dst {
		dst[i] = dotRow(a[aOff[i]:aOff[i]+d], b[bOff[i]:bOff[i]+d])
	}
}

func dotPairsNorms(dst, norms []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	dotPairsNormsApart(dst, norms, a, aOff, b, bOff, d)
}

func prefetch(*byte, int, []int) {}

func dotBlock(dst []int32, probe, rows []int8, stride int) {
	for i := range dst {
		dst[i] = dotRow(probe, rows[i*stride:i*stride+len(probe)])
	}
}

func dotTile(dst []int32, a []int8, na int, b []int8, nb int, d int) {
	dotTileRows(dst, a, na, b, nb, d)
}

// maxAbsNEON returns the largest of the bit patterns of |src[i]| for i < n, a positive multiple of 16.
//
//go:noescape
func maxAbsNEON(src *float32, n int) uint32

// scaleNEON sets dst[i] = RoundToEven(src[i]·r) for i < n and returns Σ dst[i]²; |src[i]·r| < 127.5. n is a positive
// multiple of 16.
//
//go:noescape
func scaleNEON(dst *int8, src *float32, n int, r float32) int32

func maxAbsBits(src []float32) (largest uint32) {
	if n := len(src) &^ (step - 1); n > 0 && (useSDOT || useNEON) {
		largest, src = maxAbsNEON(&src[0], n), src[n:]
	}
	return max(largest, maxAbsBitsGeneric(src))
}

func scale(dst []int8, src []float32, r float32) (sumSq int32) {
	n := len(src) &^ (step - 1)
	if n > 0 && (useSDOT || useNEON) {
		sumSq = scaleNEON(&dst[0], &src[0], n, r)
		dst, src = dst[n:], src[n:]
	}
	return sumSq + scaleGeneric(dst, src, r)
}

// Hadamard runs the generic code on arm64 so far.

func hadamard(x []float32, signs []uint64, scale float32) { hadamardGeneric(x, signs, scale) }

// SHA-256 is crypto/sha256's, which has the cryptographic extension's instructions.

func sumMany(dst [][digestSize]byte, m *batch) { sumGeneric(dst, m, 0) }
