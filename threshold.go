package zhenni

import (
	"fmt"
	"math"
	"math/bits"
)

// Threshold is the accept rule of a profile in integers: T = ⌈t²·2³²⌉ for a cosine threshold t in (0, 1].
// The zero Threshold accepts nothing.
type Threshold uint64

// NewThreshold converts a cosine threshold. A t that is not in (0, 1], NaN included, is [ErrBadValue].
func NewThreshold(t float64) (Threshold, error) {
	if !(t > 0 && t <= 1) {
		return 0, fmt.Errorf("%w: threshold %v: want 0 < t ≤ 1", ErrBadValue, t)
	}
	return Threshold(math.Ceil(t * t * (1 << 32))), nil
}

// Accept decides one comparison: dot = Σ pᵢrᵢ of the quantised probe and reference, probeNorm = Σ pᵢ² and refNorm =
// Σ rᵢ². It accepts iff dot > 0 and dot²·2³² ≥ T·probeNorm·refNorm, which is cos ≥ t without a rounding: all products
// are exact in 128 bits, so every instruction set gives the same decision. Anything malformed (a norm below 1, a zero
// Threshold) is not accepted.
//
// This is the one place where a yes is decided.
func (t Threshold) Accept(dot, probeNorm, refNorm int32) bool {
	if probeNorm <= 0 || refNorm <= 0 || t == 0 {
		return false
	}
	// No branch depends on dot, which nobody can foretell: of a negative one nothing is left, and no bound is below 1.
	positive := uint64(max(dot, 0))
	square := positive * positive
	rightHigh, rightLow := bits.Mul64(uint64(t), uint64(probeNorm)*uint64(refNorm))
	_, borrow := bits.Sub64(square<<32, rightLow, 0)
	_, borrow = bits.Sub64(square>>32, rightHigh, borrow)
	return borrow == 0
}
