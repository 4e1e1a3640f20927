package eddsa

import (
	"sync"

	"filippo.io/edwards25519"
)

// [s]B is what every signature asks for, so B has wider digits than a key, of a byte each, −128 to 128.
const (
	basePlaces = 32
	mostOfBase = 128
)

// baseMultiples returns d·256^i·B at [i][d−1]: 640 KiB, made once. The library has multiples of B too, and takes twice as many additions
// with a search of all for each, so that time tells nothing of s: who verifies has no secret.
var baseMultiples = sync.OnceValue(func() *[basePlaces][mostOfBase]edwards25519.Point {
	multiples := new([basePlaces][mostOfBase]edwards25519.Point)
	base := edwards25519.NewGeneratorPoint()
	for i := range multiples {
		row := multiples[i][:]
		fill(row, base)
		base.Double(&row[mostOfBase-1])
	}
	return multiples
})

// fill sets row to the multiples of base from 1 on.
func fill(row []edwards25519.Point, base *edwards25519.Point) {
	row[0].Set(base)
	for d := 1; d < len(row); d++ {
		row[d].Add(&row[d-1], base)
	}
}

// addBase adds [s]B to sum.
func addBase(sum *edwards25519.Point, s *edwards25519.Scalar) {
	multiples, places := baseMultiples(), recodeBytes([32]byte(s.Bytes()))
	var terms [basePlaces]edwards25519.Point
	for i, d := range places {
		if d != 0 {
			terms[i] = multiples[i][max(d, -d)-1]
		}
	}
	for i, d := range places {
		add(sum, &terms[i], d)
	}
}

// recodeBytes writes a scalar below 2^253, in little-endian order, as the sum of its digits, each times 256 to the power of its place.
func recodeBytes(k [32]byte) (places [basePlaces]int16) {
	carry := int16(0)
	for i, b := range k {
		d := int16(b) + carry
		carry = (d + mostOfBase - 1) >> 8
		places[i] = d - carry<<8
	}
	return places
}
