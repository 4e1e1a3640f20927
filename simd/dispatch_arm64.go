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

// The kernels take vectors of 16 elements; the generic code adds the rest.
const vectorBytes = 16

func dot(a, b *int8, n int) int32 { return dotRow(unsafe.Slice(a, n), unsafe.Slice(b, n)) }

func dotRow(a, b []int8) int32 {
	n := len(a) &^ (vectorBytes - 1)
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

func dotBlock(dst []int32, probe, rows []int8, stride int) {
	for i := range dst {
		dst[i] = dotRow(probe, rows[i*stride:i*stride+len(probe)])
	}
}

func dotTile(dst []int32, a []int8, na int, b []int8, nb int, d int) {
	dotTileRows(dst, a, na, b, nb, d)
}

// Quantize and Hadamard run the generic code on arm64 so far.

func maxAbsBits(src []float32) uint32 { return maxAbsBitsGeneric(src) }

func scale(dst []int8, src []float32, r float32) int32 { return scaleGeneric(dst, src, r) }

func hadamard(x []float32, signs []uint64, scale float32) { hadamardGeneric(x, signs, scale) }
