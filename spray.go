package zhenni

import (
	"math"
	"math/bits"
	"slices"
)

// SharedProbes counts the items whose probe is identical to that of an earlier item with another credential: one
// face tried on several people. It is a signal for the operator, not part of any verdict.
//
// seen is scratch owned by the caller, of any length ≥ 1; it is overwritten. Each probe is compared with at most one
// other, so the work is bounded by the batch's size whatever the probes are; with seen shorter than twice the batch
// more of the pairs go unnoticed.
func (b *Batch) SharedProbes(seen []uint32) int {
	if b.Int8 != nil {
		return sharedProbes(b.IDs, b.Int8, b.Dim, seen, fingerprintInt8)
	}
	return sharedProbes(b.IDs, b.Float32, b.Dim, seen, fingerprintFloat32)
}

func sharedProbes[T comparable](ids []CredentialID, probes []T, dim int, seen []uint32, fingerprint func([]T) uint64) int {
	clear(seen)
	count := 0
	for i := range ids {
		row := probes[i*dim : (i+1)*dim]
		at, _ := bits.Mul64(fingerprint(row), uint64(len(seen)))
		place := &seen[at]
		if *place > 0 {
			j := int(*place - 1)
			if ids[j] != ids[i] && slices.Equal(row, probes[j*dim:(j+1)*dim]) {
				count++
			}
		}
		*place = uint32(i + 1)
	}
	return count
}

// A fingerprint reads the head of the probe: two captures rarely agree there by chance, and
// those that do are compared in full.
const fingerprintElements = 8

// golden is 2⁶⁴ over the golden ratio: a product with it has the sum of all lower bits in each of its upper ones (Knuth, The
// Art of Computer Programming, volume 3, 6.4).
const golden = 0x9e3779b97f4a7c15

func fingerprintInt8(row []int8) uint64 {
	if len(row) < fingerprintElements {
		row = append(make([]int8, 0, fingerprintElements), row...)[:fingerprintElements]
	}
	r := row[:fingerprintElements:fingerprintElements]
	return golden * (uint64(uint8(r[0])) | uint64(uint8(r[1]))<<8 | uint64(uint8(r[2]))<<16 | uint64(uint8(r[3]))<<24 |
		uint64(uint8(r[4]))<<32 | uint64(uint8(r[5]))<<40 | uint64(uint8(r[6]))<<48 | uint64(uint8(r[7]))<<56)
}

func fingerprintFloat32(row []float32) (h uint64) {
	for _, x := range row[:min(len(row), fingerprintElements)] {
		h = (h ^ uint64(math.Float32bits(x))) * golden
	}
	return h
}
