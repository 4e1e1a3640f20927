package engine

import (
	"fmt"

	"zhenni"
	"zhenni/simd"
)

// Prepare quantises one embedding, for enrolment or for comparison, by the rule of [simd.Quantize] and returns Σq².
// An element that is not finite, or a norm below [zhenni.MinNorm] as [zhenni.QuantisedNorm] measures it, is
// [zhenni.ErrBadProbe]; the content of dst is then unspecified. dst and src have the same length.
func Prepare(dst []int8, src []float32) (norm int32, err error) {
	maxAbs, norm := simd.Quantize(dst, src, quantiseFloor)
	if !(zhenni.QuantisedNorm(maxAbs, norm) >= zhenni.MinNorm) {
		return 0, errBadEmbedding
	}
	return norm, nil
}

// quantiseFloor is the largest magnitude below which no embedding reaches [zhenni.MinNorm]: 1e-5·√MaxDim < MinNorm.
// Above it 127/max|x| is finite, and what a processor does to denormal numbers can not show in a quantised element.
const quantiseFloor = 1e-5

// Made once: a batch of bad probes costs no allocation.
var (
	errBadEmbedding = fmt.Errorf("%w: not finite, or its norm is below %g", zhenni.ErrBadProbe, zhenni.MinNorm)
	errBadRow       = fmt.Errorf("%w: an element is -128, or all are 0", zhenni.ErrBadProbe)
)

// CheckRow checks a row that arrived quantised and returns Σq². An element of -128, or a row of zeros, is
// [zhenni.ErrBadProbe].
func CheckRow(row []int8) (norm int32, err error) {
	norm, symmetric := simd.SumSquares(row)
	if !symmetric || norm < 1 {
		return 0, errBadRow
	}
	return norm, nil
}
