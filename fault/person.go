package fault

import (
	"math/rand/v2"

	"zhenni/bench"
)

// dim is the dimension of the model that the rig serves.
const dim = 128

// person is one synthetic person: the same number is always the same face.
type person uint64

// stranger is somebody who is never enrolled.
func (p person) stranger() person { return p | 1<<63 }

// reference is the row that the person is enrolled with.
func (p person) reference() bench.Vectors { return bench.Vectors{Dim: dim, Int8: p.appendRow(nil)} }

func (p person) appendRow(dst []int8) []int8 {
	random := rand.New(rand.NewPCG(uint64(p), dim))
	for range dim {
		dst = append(dst, int8(max(-110, min(110, 40*random.NormFloat64()))))
	}
	return dst
}

// appendProbe appends a capture of the person: the reference with noise, at a cosine of about 0.99.
func (p person) appendProbe(dst []int8, random *rand.Rand) []int8 {
	first := len(dst)
	dst = p.appendRow(dst)
	for i := range dst[first:] {
		dst[first+i] += int8(random.IntN(15) - 7)
	}
	return dst
}

func (p person) probe(random *rand.Rand) bench.Vectors {
	return bench.Vectors{Dim: dim, Int8: p.appendProbe(nil, random)}
}
