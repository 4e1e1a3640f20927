package eddsa

import (
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"

	"filippo.io/edwards25519"

	"zhenni"
)

// A scalar k has 64 digits of four bits, −8 to 8. Those of even and of odd places are summed apart, the odd ones first and then
// times 16, so that half as many multiples do.
const (
	digits = 64
	places = digits / 2
	most   = 8 // the largest digit
)

// A Table verifies signatures by one key. It does not change and is safe for concurrent use.
type Table struct {
	public [ed25519.PublicKeySize]byte
	// multiples[i][d−1] is d·256^i·(−A).
	multiples [places][most]edwards25519.Point
}

// NewTable makes the table of a key of 32 bytes. [zhenni.ErrBadValue] refuses what [zhenni.NewPublicKey] refuses.
func NewTable(public []byte) (*Table, error) {
	if _, err := zhenni.NewPublicKey(zhenni.KeyEd25519, public); err != nil {
		return nil, err
	}
	a, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return nil, fmt.Errorf("%w: Ed25519 key: %w", zhenni.ErrBadValue, err)
	}
	t := &Table{public: [ed25519.PublicKeySize]byte(public)}
	base := a.Negate(a)
	for i := range t.multiples {
		fill(t.multiples[i][:], base)
		for range 8 {
			base.Double(base)
		}
	}
	baseMultiples()
	return t, nil
}

// Verify reports what ed25519.Verify reports of the key: whether signature, of 64 bytes, is its own of message. It allocates
// nothing, and how long it takes depends on key, message and signature, which are no secrets.
func (t *Table) Verify(message, signature []byte) bool {
	if len(signature) != ed25519.SignatureSize {
		return false
	}
	r := signature[:32]
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(signature[32:])
	if err != nil {
		return false
	}
	k, sum := edwards25519.NewScalar(), edwards25519.NewIdentityPoint()
	t.challenge(k, r, message)
	t.multiply(sum, k)
	addBase(sum, s)
	return string(sum.Bytes()) == string(r)
}

// challenge sets k to SHA-512 of R, A and the message, modulo the order of B.
func (t *Table) challenge(k *edwards25519.Scalar, r, message []byte) {
	hash := sha512.New()
	hash.Write(r)
	hash.Write(t.public[:])
	hash.Write(message)
	var sum [sha512.Size]byte
	if _, err := k.SetUniformBytes(hash.Sum(sum[:0])); err != nil {
		panic(err) // it takes any 64 bytes
	}
}

// multiply sets product, which is the neutral point, to [k](−A).
func (t *Table) multiply(product *edwards25519.Point, k *edwards25519.Scalar) {
	places := recode([32]byte(k.Bytes()))
	// Whoever signs now and then has a table that the caches have forgotten. Its 64 multiples are read before the first is added: each is
	// waited for beside the others then, where the additions would wait for one after the other.
	var terms [digits]edwards25519.Point
	for i, d := range places {
		if d != 0 {
			terms[i] = t.multiples[i/2][max(d, -d)-1]
		}
	}
	for i := 1; i < digits; i += 2 {
		add(product, &terms[i], places[i])
	}
	for range 4 {
		product.Double(product)
	}
	for i := 0; i < digits; i += 2 {
		add(product, &terms[i], places[i])
	}
}

// add adds the term, with the sign of its digit, to sum.
func add(sum, term *edwards25519.Point, digit int16) {
	switch {
	case digit > 0:
		sum.Add(sum, term)
	case digit < 0:
		sum.Subtract(sum, term)
	}
}

// recode writes a scalar below 2^253, in little-endian order, as the sum of its digits, each times 16 to the power of its place.
func recode(k [32]byte) (places [digits]int16) {
	for i, b := range k {
		places[2*i], places[2*i+1] = int16(b&15), int16(b>>4)
	}
	for i := range digits - 1 {
		carry := (places[i] + most) >> 4
		places[i] -= carry << 4
		places[i+1] += carry
	}
	return places
}
