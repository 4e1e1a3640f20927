package zhenni

import (
	"crypto/ed25519"
	"fmt"
	"math/big"
	"slices"
)

// The field of edwards25519 and the d of its curve, −x² + y² = 1 + d·x²·y² (RFC 8032 §5.1).
var (
	edwardsP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD = quotient(big.NewInt(-121665), big.NewInt(121666))
	one      = big.NewInt(1)
)

// checkEdwards says what is wrong with a public key of Ed25519. The library takes points in two forms and points of small
// order, as RFC 8032 lets it; a key that is taken here has one form, and only its holder signs with it. A point that merely
// has a part of small order is its holder's own affair: the library verifies without the cofactor, with one answer.
func checkEdwards(public []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: Ed25519 key of %d bytes: want 32", ErrBadValue, len(public))
	}
	bigEndian := slices.Clone(public)
	slices.Reverse(bigEndian)
	bigEndian[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(bigEndian)
	switch {
	case y.Cmp(edwardsP) >= 0:
		return fmt.Errorf("%w: Ed25519 key is not in its canonical form", ErrBadValue)
	case big.Jacobi(squareOfX(y), edwardsP) < 0:
		return fmt.Errorf("%w: Ed25519 key is not a point of the curve", ErrBadValue)
	case doubled(doubled(doubled(y))).Cmp(one) == 0:
		return fmt.Errorf("%w: Ed25519 key is a point of small order", ErrBadValue)
	}
	return nil
}

// squareOfX returns the x² that belongs to y: (y² − 1) / (d·y² + 1).
func squareOfX(y *big.Int) *big.Int {
	yy := new(big.Int).Mul(y, y)
	below := new(big.Int).Mul(edwardsD, yy)
	return quotient(yy.Sub(yy, one), below.Add(below, one))
}

// doubled returns the y of twice a point of the curve: (y² + x²) / (2 − (y² − x²)). Only the neutral point has y = 1, and
// a point is of small order where three doublings lead there.
func doubled(y *big.Int) *big.Int {
	xx := squareOfX(y)
	yy := new(big.Int).Mul(y, y)
	below := new(big.Int).Sub(xx, yy)
	return quotient(yy.Add(yy, xx), below.Add(below, big.NewInt(2)))
}

// quotient returns a/b in the field. On this curve no b above is zero, for d is not a square.
func quotient(a, b *big.Int) *big.Int {
	inverse := new(big.Int).ModInverse(new(big.Int).Mod(b, edwardsP), edwardsP)
	inverse.Mul(inverse, a)
	return inverse.Mod(inverse, edwardsP)
}
