package accuracy

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
)

// Population is people who do not exist: subject i has a direction, drawn from Seed and i alone, and every probe of it
// lies around that direction. Any subject can be made at any time, in any order, by several goroutines at once, and is
// the same on every machine: elements are made of coin flips counted in integers, and of float64 operations that no
// compiler may fuse.
type Population struct {
	Seed uint64
	// Dim is the number of elements, at least 8.
	Dim int
	// Spread is the standard deviation of the cosine between a reference and its probes, whose mean is [MeanCosine].
	// 0 stands for the spread that leaves a false non-match rate of a few in a thousand at an FMR of 1e-6.
	Spread float64
}

// MeanCosine is the mean cosine between a reference and its probes.
const MeanCosine = 0.65

// Non-mated cosines of d elements have a standard deviation of 1/√d, so one in a million exceeds 4.75/√d. The natural
// spread puts that point 3 standard deviations below the mean of the mated ones.
const (
	millionthQuantile = 4.75
	missQuantile      = 3
	leastSpread       = 0.02
	mostCosine        = 0.99
)

func (p Population) spread() float64 {
	if p.Spread > 0 {
		return p.Spread
	}
	return max(leastSpread, (MeanCosine-millionthQuantile/math.Sqrt(float64(p.Dim)))/missQuantile)
}

// Reference writes the direction of subject i, of unit length, to dst of Dim elements. It does not allocate.
func (p Population) Reference(i int, dst []float32) {
	var source rand.PCG
	p.seed(&source, i, 0)
	var sum int
	for k := range dst {
		x := flips(&source)
		sum += x * x
		dst[k] = float32(x)
	}
	norm := math.Sqrt(float64(sum))
	for k, x := range dst {
		dst[k] = float32(float64(x) / norm)
	}
}

// Probe writes sample number sample, from 0, of subject i to dst of Dim elements. It does not allocate.
func (p Population) Probe(i, sample int, dst []float32) {
	p.Reference(i, dst)
	var source rand.PCG
	p.seed(&source, i, sample+1)
	cosine := p.cosine(&source)
	noise := math.Sqrt(1-float64(cosine*cosine)) / (flipsDeviation * math.Sqrt(float64(p.Dim)))
	for k, x := range dst {
		dst[k] = float32(float64(cosine*float64(x)) + float64(noise*float64(flips(&source))))
	}
}

// cosine draws what one probe has in common with its reference.
func (p Population) cosine(source *rand.PCG) float64 {
	const words = 16
	var sum int
	for range words {
		sum += flips(source)
	}
	deviate := float64(sum) / (flipsDeviation * 4) // 4 is √words
	return min(max(MeanCosine+float64(p.spread()*deviate), 0), mostCosine)
}

// flips is heads minus tails, halved, of 64 coins: as good as normal, with a standard deviation of flipsDeviation.
func flips(source *rand.PCG) int { return bits.OnesCount64(source.Uint64()) - 32 }

const flipsDeviation = 4

// seed scatters the neighbouring numbers of subjects and samples over the whole state (the finaliser of SplitMix64).
func (p Population) seed(source *rand.PCG, subject, sample int) {
	source.Seed(scatter(p.Seed+scatter(uint64(sample))), scatter(uint64(subject)))
}

func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Set makes the references of the first subjects, each with probes of its own, as a labelled set of subjects ×
// (1 + probes) samples.
func (p Population) Set(subjects, probes int) (*Set, error) {
	n := subjects * (1 + probes)
	labels := make([]Label, 0, n)
	embeddings := make([]float32, n*p.Dim)
	for i := range subjects {
		person := fmt.Sprintf("subject-%08d", i)
		for sample := range 1 + probes {
			row := embeddings[len(labels)*p.Dim:][:p.Dim]
			if sample == 0 {
				p.Reference(i, row)
			} else {
				p.Probe(i, sample-1, row)
			}
			labels = append(labels, Label{ImageID: fmt.Sprintf("%s/%04d", person, sample), Person: person})
		}
	}
	return NewSet(p.Dim, labels, embeddings)
}
