//go:build purego || (!amd64 && !arm64)

package simd

import "unsafe"

func supported() []string { return []string{"generic"} }

func use(tier string) { inUse = tier }

func dot(a, b *int8, n int) int32 { return dotGeneric(unsafe.Slice(a, n), unsafe.Slice(b, n)) }

func sumSquares(a []int8) (int32, bool) { return sumSquaresGeneric(a) }

func outside(offsets []int, last int) bool { return outsideGeneric(offsets, last) }

func dotPairs(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	dotPairsGeneric(dst, a, aOff, b, bOff, d)
}

func dotPairsNorms(dst, norms []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	dotPairsNormsApart(dst, norms, a, aOff, b, bOff, d)
}

func prefetch(*byte, int, []int) {}

func dotBlock(dst []int32, probe, rows []int8, stride int) { dotBlockGeneric(dst, probe, rows, stride) }

func dotTile(dst []int32, a []int8, na int, b []int8, nb int, d int) {
	dotTileRows(dst, a, na, b, nb, d)
}

func maxAbsBits(src []float32) uint32 { return maxAbsBitsGeneric(src) }

func scale(dst []int8, src []float32, r float32) int32 { return scaleGeneric(dst, src, r) }

func hadamard(x []float32, signs []uint64, scale float32) { hadamardGeneric(x, signs, scale) }

func sumMany(dst [][digestSize]byte, m *batch) { sumGeneric(dst, m, 0) }
