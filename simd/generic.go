package simd

import "math"

// The generic tier: fallback, oracle of the tests, and the meaning of the assembly.

func dotGeneric(a, b []int8) (sum int32) {
	b = b[:len(a)]
	for i, x := range a {
		sum += int32(x) * int32(b[i])
	}
	return sum
}

func sumSquaresGeneric(a []int8) (sum int32, symmetric bool) {
	symmetric = true
	for _, x := range a {
		sum += int32(x) * int32(x)
		symmetric = symmetric && x != math.MinInt8
	}
	return sum, symmetric
}

// outsideGeneric tells whether an offset is not in [0, last].
func outsideGeneric(offsets []int, last int) bool {
	for _, off := range offsets {
		if uint(off) > uint(last) {
			return true
		}
	}
	return false
}

func dotPairsGeneric(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	for i := range dst {
		dst[i] = dotGeneric(a[aOff[i]:aOff[i]+d], b[bOff[i]:bOff[i]+d])
	}
}

// dotPairsNormsApart is DotPairsNorms in two passes, on whatever tier runs them.
func dotPairsNormsApart(dst, norms []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	for i, at := range aOff {
		sum, symmetric := sumSquares(a[at : at+d])
		if !symmetric {
			sum = 0
		}
		norms[i] = sum
	}
	dotPairs(dst, a, aOff, b, bOff, d)
}

func dotBlockGeneric(dst []int32, probe, rows []int8, stride int) {
	for i := range dst {
		dst[i] = dotGeneric(probe, rows[i*stride:i*stride+len(probe)])
	}
}

// dotTileRows is DotTile row by row, on whatever tier runs dotBlock.
func dotTileRows(dst []int32, a []int8, na int, b []int8, nb int, d int) {
	for i := range na {
		dotBlock(dst[i*nb:(i+1)*nb], a[i*d:(i+1)*d], b, d)
	}
}

// maxAbsBitsGeneric returns the largest bit pattern of |x|. Patterns order like the magnitudes they stand for, with
// infinity at 0x7f800000 and NaN above, whatever the CPU does with denormals.
func maxAbsBitsGeneric(src []float32) (largest uint32) {
	for _, x := range src {
		largest = max(largest, math.Float32bits(x)&^(1<<31))
	}
	return largest
}

func scaleGeneric(dst []int8, src []float32, r float32) (sumSq int32) {
	for i, x := range src {
		q := int8(math.RoundToEven(float64(float32(x * r))))
		dst[i] = q
		sumSq += int32(q) * int32(q)
	}
	return sumSq
}

// hadamardGeneric runs the levels in rising order of h; each butterfly rounds once, and so does the scale at the end.
func hadamardGeneric(x []float32, signs []uint64, scale float32) {
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
	for i := range x {
		x[i] *= scale
	}
}
