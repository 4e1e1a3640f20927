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
func (b *Batch) SharedProbes(seen []uint32) (count int) {
	clear(seen)
	var strip [fingerprintStrip]uint64
	for from := 0; from < len(b.IDs); from += len(strip) {
		part := strip[:min(len(strip), len(b.IDs)-from)]
		b.fingerprints(part, from)
		for k, fingerprint := range part {
			i := from + k
			at, _ := bits.Mul64(fingerprint, uint64(len(seen)))
			place := &seen[at]
			if j := int(*place) - 1; j >= 0 && b.IDs[j] != b.IDs[i] && b.sameProbe(i, j) {
				count++
			}
			*place = uint32(i + 1)
		}
	}
	return count
}

func (b *Batch) sameProbe(i, j int) bool {
	if b.Int8 != nil {
		return slices.Equal(b.Int8[i*b.Dim:(i+1)*b.Dim], b.Int8[j*b.Dim:(j+1)*b.Dim])
	}
	return slices.Equal(b.Float32[i*b.Dim:(i+1)*b.Dim], b.Float32[j*b.Dim:(j+1)*b.Dim])
}

// fingerprintStrip is how many probes are read before any is looked up: looking up branches, and a branch that waits for a
// probe from memory has each of them read after the one before.
const fingerprintStrip = 64

// A fingerprint is of the head of the probe: two captures rarely agree there by chance, and
// those that do are compared in full.
const fingerprintElements = 8

// golden is 2⁶⁴ over the golden ratio: a product with it has the sum of all lower bits in each of its upper ones (Knuth, The
// Art of Computer Programming, volume 3, 6.4).
const golden = 0x9e3779b97f4a7c15

// fingerprints writes those of the probes from the one given on.
func (b *Batch) fingerprints(dst []uint64, from int) {
	n := min(b.Dim, fingerprintElements)
	switch {
	case b.Int8 == nil:
		for k := range dst {
			dst[k] = fingerprintFloat32(b.Float32[(from+k)*b.Dim:][:n])
		}
	case n == fingerprintElements:
		for k := range dst {
			dst[k] = fingerprintInt8((*[fingerprintElements]int8)(b.Int8[(from+k)*b.Dim:]))
		}
	default:
		for k := range dst {
			var head [fingerprintElements]int8
			copy(head[:], b.Int8[(from+k)*b.Dim:][:n])
			dst[k] = fingerprintInt8(&head)
		}
	}
}

func fingerprintInt8(r *[fingerprintElements]int8) uint64 {
	return golden * (uint64(uint8(r[0])) | uint64(uint8(r[1]))<<8 | uint64(uint8(r[2]))<<16 | uint64(uint8(r[3]))<<24 |
		uint64(uint8(r[4]))<<32 | uint64(uint8(r[5]))<<40 | uint64(uint8(r[6]))<<48 | uint64(uint8(r[7]))<<56)
}

func fingerprintFloat32(row []float32) (h uint64) {
	for _, x := range row {
		h = (h ^ uint64(math.Float32bits(x))) * golden
	}
	return h
}
