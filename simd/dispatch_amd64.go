//go:build !purego

package simd

import (
	"sync"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// useVNNI and useAVX2 are the kernels to use; who has the first has the second.
var useVNNI, useAVX2 bool

// wideFor reports whether a call about n rows or messages runs on registers of 512 bits.
func wideFor(n int) bool { return useVNNI && n >= leastWide }

// supported lists the tiers of this machine, best first. cpuid reports a vector extension only where the operating
// system saves its registers.
func supported() []string {
	tiers := []string{"generic"}
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.BMI2) {
		tiers = append([]string{"avx2"}, tiers...)
		if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512VNNI) {
			tiers = append([]string{"avx512vnni"}, tiers...)
		}
	}
	return tiers
}

func use(tier string) {
	inUse = tier
	useVNNI = tier == "avx512vnni"
	useAVX2 = useVNNI || tier == "avx2"
}

// The AVX2 kernels take vectors of 32 elements at least; shorter slices run the generic code.
const leastAVX2 = 32

// dot takes pointers, which fit the registers that slices overflow: half a nanosecond of a call.
func dot(a, b *int8, n int) int32 {
	if wideFor(1) {
		return dotVNNI(a, b, n)
	} else if useAVX2 && n >= leastAVX2 {
		return dotAVX2(a, b, n)
	}
	return dotGeneric(unsafe.Slice(a, n), unsafe.Slice(b, n))
}

func sumSquares(a []int8) (int32, bool) {
	if wideFor(1) {
		sum, low := sumSquaresVNNI(unsafe.SliceData(a), len(a))
		return sum, !low
	} else if useAVX2 && len(a) >= leastAVX2 {
		if sum, low := sumSquaresAVX2(unsafe.SliceData(a), len(a)); !low {
			return sum, true
		}
	}
	return sumSquaresGeneric(a)
}

func outside(offsets []int, last int) bool {
	if n := len(offsets) &^ 7; n > 0 && useAVX2 {
		if outsideAVX2(&offsets[0], n, last) {
			return true
		}
		offsets = offsets[n:]
	}
	return outsideGeneric(offsets, last)
}

func dotPairs(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	if wideFor(len(dst)) {
		dotPairsVNNI(&dst[0], unsafe.SliceData(a), &aOff[0], unsafe.SliceData(b), &bOff[0], len(dst), d)
		return
	} else if useAVX2 && d >= leastAVX2 {
		dotPairsAVX2(&dst[0], unsafe.SliceData(a), &aOff[0], unsafe.SliceData(b), &bOff[0], len(dst), d)
		return
	}
	dotPairsGeneric(dst, a, aOff, b, bOff, d)
}

func dotPairsNorms(dst, norms []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	if wideFor(len(dst)) {
		dotPairsNormsVNNI(&dst[0], &norms[0], unsafe.SliceData(a), &aOff[0], unsafe.SliceData(b), &bOff[0], len(dst), d)
		return
	}
	dotPairsNormsApart(dst, norms, a, aOff, b, bOff, d)
}

// prefetch uses an instruction that every amd64 has, but for the tier that is the meaning of the others.
func prefetch(first *byte, size int, at []int) {
	if useAVX2 {
		prefetchAVX2(first, size, &at[0], len(at))
	}
}

func dotBlock(dst []int32, probe, rows []int8, stride int) {
	if wideFor(len(dst)) {
		dotBlockVNNI(&dst[0], len(dst), unsafe.SliceData(probe), unsafe.SliceData(rows), len(probe), stride)
		return
	} else if useAVX2 && len(probe) >= leastAVX2 {
		dotBlockAVX2(&dst[0], len(dst), &probe[0], &rows[0], len(probe), stride)
		return
	}
	dotBlockGeneric(dst, probe, rows, stride)
}

// A tile of the VNNI kernel is tileRows rows of a against tileColumns rows of b.
const (
	tileRows    = 14
	tileColumns = 32
	tileDepth   = 2048 // longest row that a panel holds
	tileBatch   = 512  // most rows of a to one packing of b
)

// panel holds tileColumns rows of b as the kernel wants them: vector k of 64 bytes has the elements 4k…4k+3 of 16 rows.
type panel [tileColumns * tileDepth]uint8

var panels = sync.Pool{New: func() any { return new(panel) }}

// lowest is a probe of −128s: its product with a row is the surplus that biasing the other operand brings in.
var lowest = func() (row [tileDepth]int8) {
	for i := range row {
		row[i] = -128
	}
	return row
}()

func dotTile(dst []int32, a []int8, na int, b []int8, nb int, d int) {
	if !useVNNI || na < tileRows || nb < tileColumns || d == 0 || d%16 != 0 || d > tileDepth {
		dotTileRows(dst, a, na, b, nb, d)
		return
	}
	p := panels.Get().(*panel)
	defer func() {
		clear(p[:tileColumns*d]) // rows may be people's templates: none waits in the pool
		panels.Put(p)
	}()
	batches := (na + tileBatch - 1) / tileBatch
	size := (na + batches - 1) / batches
	for i := 0; i < na; i += size {
		// The last tile of rows or columns reaches back over its neighbour rather than beyond the end.
		first := min(i, na-tileRows)
		rows := min(na-first, size)
		tileBlock(dst[first*nb:], a[first*d:], rows, b, nb, d, p)
	}
}

// tileBlock is DotTile for tileRows ≤ na ≤ tileBatch.
func tileBlock(dst []int32, a []int8, na int, b []int8, nb int, d int, p *panel) {
	var surplus [tileBatch]int32 // −128·Σ of each row of a
	dotBlockVNNI(&surplus[0], na, &lowest[0], &a[0], d, d)
	for j := 0; j < nb; j += tileColumns {
		column := min(j, nb-tileColumns)
		packVNNI(&p[0], &b[column*d], d, d)
		packVNNI(&p[64], &b[(column+16)*d], d, d)
		for i := 0; i < na; i += tileRows {
			row := min(i, na-tileRows)
			tileVNNI(&dst[row*nb+column], nb, &a[row*d], d, &surplus[row], &p[0])
		}
	}
}

func maxAbsBits(src []float32) (largest uint32) {
	if wideFor(1) && len(src) >= 16 {
		n := len(src) &^ 15
		largest, src = maxAbsVNNI(&src[0], n), src[n:]
	} else if useAVX2 && len(src) >= 8 {
		n := len(src) &^ 7
		largest, src = maxAbsAVX2(&src[0], n), src[n:]
	}
	return max(largest, maxAbsBitsGeneric(src))
}

func scale(dst []int8, src []float32, r float32) (sumSq int32) {
	n := 0
	if wideFor(1) && len(src) >= 16 {
		n = len(src) &^ 15
		sumSq = scaleVNNI(&dst[0], &src[0], n, r)
	} else if useAVX2 && len(src) >= 8 {
		n = len(src) &^ 7
		sumSq = scaleAVX2(&dst[0], &src[0], n, r)
	}
	return sumSq + scaleGeneric(dst[n:], src[n:], r)
}

func hadamard(x []float32, signs []uint64, scale float32) {
	if useVNNI && len(x) >= 64 {
		hadamardVNNI(&x[0], len(x), &signs[0], scale)
		return
	} else if useAVX2 && len(x) >= 64 {
		hadamardAVX2(&x[0], len(x), &signs[0], scale)
		return
	}
	hadamardGeneric(x, signs, scale)
}
