package evidence

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"zhenni"
)

// The headers of tokens in base64url.
const (
	headerEdDSA = "eyJhbGciOiJFZERTQSIsInR5cCI6InpoZW5uaS1ldmlkZW5jZSJ9"
	headerES256 = "eyJhbGciOiJFUzI1NiIsInR5cCI6InpoZW5uaS1ldmlkZW5jZSJ9"
)

// header is that of the tokens that a key of the algorithm signs.
func header(a zhenni.KeyAlgorithm) string {
	switch a {
	case zhenni.KeyEd25519:
		return headerEdDSA
	case zhenni.KeyP256:
		return headerES256
	}
	return ""
}

// MaxToken bounds a token, in bytes.
const MaxToken = 1024

// A Token was read, and is not yet believed. It does not change.
type Token struct {
	claims    Claims
	algorithm zhenni.KeyAlgorithm // of which the header is; it is compared
	signed    []byte              // header and claims, in the memory that was parsed
	signature [zhenni.SignatureSize]byte
}

// Parse reads a token: [ErrMalformed]. The token's memory stays as it is until the last [Token.Verify].
func Parse(token []byte) (*Token, error) {
	if len(token) > MaxToken {
		return nil, ErrMalformed
	}
	head, rest, _ := bytes.Cut(token, dot)
	body, signature, _ := bytes.Cut(rest, dot)
	t := &Token{algorithm: algorithmOf(head), signed: token[:len(token)-len(rest)+len(body)]}
	var claims [maxClaims]byte
	size := base64url.DecodedLen(len(body))
	if t.algorithm == 0 || size > maxClaims || !decode(claims[:size], body) || !decode(t.signature[:], signature) ||
		!t.claims.read(string(claims[:size])) {
		return nil, ErrMalformed
	}
	return t, nil
}

var dot = []byte(".")

// algorithmOf is the one whose header it is, or 0.
func algorithmOf(head []byte) zhenni.KeyAlgorithm {
	switch string(head) {
	case headerEdDSA:
		return zhenni.KeyEd25519
	case headerES256:
		return zhenni.KeyP256
	}
	return 0
}

// Claims returns what the token says, whoever signed it.
func (t *Token) Claims() Claims { return t.claims }

// Algorithm is the one that the token says it is signed by.
func (t *Token) Algorithm() zhenni.KeyAlgorithm { return t.algorithm }

// Expected is what a token has to be about.
type Expected struct {
	Subject            zhenni.CredentialID
	Capture            [32]byte
	Transaction, Party string
	// Nonce is that of the request's signature; empty where the request is not signed.
	Nonce string
	// MaxAge is how old the token may be, to the second.
	MaxAge time.Duration
}

// Check compares what the token says with what is expected, at the time now. Nothing of it depends on a key.
func (t *Token) Check(e Expected, now time.Time) error {
	c := &t.claims
	since := now.Sub(time.Unix(c.IssuedAt, 0))
	switch {
	case c.Subject != e.Subject:
		return ErrSubject
	case c.Capture != e.Capture:
		return ErrCapture
	case c.Transaction != e.Transaction:
		return ErrTransaction
	case c.Party != e.Party:
		return ErrParty
	case c.Nonce != e.Nonce:
		return ErrNonce
	case since > e.MaxAge:
		return ErrStale
	case since < -zhenni.MaxClockAhead:
		return ErrAhead
	}
	return nil
}

// Verify reports whether the key signed the token: [ErrKey], [ErrSignature]. It does the operation with the key in every
// case, so that how long it takes does not tell whose token it is. The zero key signs nothing.
func (t *Token) Verify(key zhenni.PublicKey) error {
	return t.judge(key.Thumbprint(), key.Algorithm(), key.Verify(t.signed, t.signature[:]))
}

// A Key verifies as a [zhenni.PublicKey] does, perhaps faster.
type Key interface {
	Thumbprint() [sha256.Size]byte
	Algorithm() zhenni.KeyAlgorithm
	Verify(message, signature []byte) bool
}

// VerifyBy is [Token.Verify] by another implementation of a key. (A PublicKey passed as one would be copied to the heap each time.)
func (t *Token) VerifyBy(key Key) error {
	return t.judge(key.Thumbprint(), key.Algorithm(), key.Verify(t.signed, t.signature[:]))
}

// judge is what a key that signed the token, or did not, makes of it.
func (t *Token) judge(thumbprint [sha256.Size]byte, algorithm zhenni.KeyAlgorithm, signed bool) error {
	named := subtle.ConstantTimeCompare(thumbprint[:], t.claims.KeyID[:]) == 1
	switch {
	case !named || t.algorithm != algorithm:
		return ErrKey
	case !signed:
		return ErrSignature
	}
	return nil
}

// Open reads a token, checks it and verifies it, in this order, and returns what it says. The claims are zero with an error.
func Open(token []byte, key zhenni.PublicKey, e Expected, now time.Time) (Claims, error) {
	t, err := Parse(token)
	if err != nil {
		return Claims{}, err
	}
	if err := t.Check(e, now); err != nil {
		return Claims{}, err
	}
	if err := t.Verify(key); err != nil {
		return Claims{}, err
	}
	return t.claims, nil
}
