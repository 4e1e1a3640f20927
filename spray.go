package zhenni

import (
	"math"
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

func sharedProbes[T comparable](ids []CredentialID, probes []T, dim int, seen []uint32, fingerprint func([]T) uint32) int {
	clear(seen)
	count := 0
	for i := range ids {
		row := probes[i*dim : (i+1)*dim]
		place := &seen[uint64(fingerprint(row))*uint64(len(seen))>>32]
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

// FNV-1a over 32-bit words (RFC 9923).
const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

func fingerprintInt8(row []int8) uint32 {
	h := uint32(fnvOffset)
	for _, x := range row[:min(len(row), fingerprintElements)] {
		h = (h ^ uint32(uint8(x))) * fnvPrime
	}
	return h ^ h<<16
}

func fingerprintFloat32(row []float32) uint32 {
	h := uint32(fnvOffset)
	for _, x := range row[:min(len(row), fingerprintElements)] {
		h = (h ^ math.Float32bits(x)) * fnvPrime
	}
	return h ^ h<<16
}
