package population

import (
	"fmt"
	"math"
	"slices"

	"zhenni"
	"zhenni/simd"
)

// thresholdSubjects is how many subjects are tried on as many others for a threshold.
const thresholdSubjects = 2048

// Threshold returns the cosine that the share fmr of four million non-mated comparisons, quantised, reaches: good for measuring
// speed with answers that can be told right from wrong, and for nothing else. fmr is at least 1e-5.
func (p Population) Threshold(fmr float64) (float64, error) {
	n := int(min(thresholdSubjects, p.Size/2))
	if keep := fmr * float64(n) * float64(n); !(keep >= 1) || fmr > 1 {
		return 0, fmt.Errorf("%w: a false match rate of %v among %d comparisons", zhenni.ErrBadValue, fmr, n*n)
	}
	probes, probeNorms := p.quantised(n, func(i int64, dst []float32) { p.Probe(i, 0, dst) })
	references, referenceNorms := p.quantised(n, func(i int64, dst []float32) { p.Reference(int64(n)+i, dst) })
	dots := make([]int32, n)
	scores := make([]float32, 0, n*n)
	for i := range n {
		simd.DotBlock(dots, probes[i*p.Dim:(i+1)*p.Dim], references, p.Dim)
		for j, dot := range dots {
			scores = append(scores, float32(float64(dot)/probeNorms[i]/referenceNorms[j]))
		}
	}
	slices.Sort(scores)
	return float64(scores[len(scores)-int(fmr*float64(len(scores)))]), nil
}

func (p Population) quantised(n int, fill func(int64, []float32)) (rows []int8, norms []float64) {
	embedding := make([]float32, p.Dim)
	rows = make([]int8, n*p.Dim)
	for i := range n {
		fill(int64(i), embedding)
		_, square := simd.Quantize(rows[i*p.Dim:(i+1)*p.Dim], embedding, 0)
		norms = append(norms, math.Sqrt(float64(square)))
	}
	return rows, norms
}
