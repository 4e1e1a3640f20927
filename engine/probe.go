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
	maxAbs, norm := simd.Quantize(dst, src, 0)
	if !(zhenni.QuantisedNorm(maxAbs, norm) >= zhenni.MinNorm) {
		return 0, fmt.Errorf("%w: not finite, or its norm is below %g", zhenni.ErrBadProbe, zhenni.MinNorm)
	}
	return norm, nil
}

// CheckRow checks a row that arrived quantised and returns Σq². An element of -128, or a row of zeros, is
// [zhenni.ErrBadProbe].
func CheckRow(row []int8) (norm int32, err error) {
	norm, symmetric := simd.SumSquares(row)
	if !symmetric || norm < 1 {
		return 0, fmt.Errorf("%w: an element is -128, or all are 0", zhenni.ErrBadProbe)
	}
	return norm, nil
}
