package httpsig

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"sync"
	"sync/atomic"

	"zhenni"
	"zhenni/gateway/eddsa"
)

// An Algorithm is how a key signs. It is a property of the key; what a request says of it is only compared.
type Algorithm uint8

// The algorithms (RFC 9421 §3.3). HMAC with SHA-256 is for session keys, which both sides know.
const (
	Ed25519 Algorithm = iota + 1
	P256
	HMAC
)

// String returns the name that RFC 9421 registers.
func (a Algorithm) String() string {
	switch a {
	case Ed25519:
		return "ed25519"
	case P256:
		return "ecdsa-p256-sha256"
	case HMAC:
		return "hmac-sha256"
	}
	return fmt.Sprintf("algorithm(%d)", uint8(a))
}

// signatureSize is the length of a signature in bytes, or -1.
func (a Algorithm) signatureSize() int {
	switch a {
	case Ed25519, P256:
		return 64
	case HMAC:
		return sha256.Size
	}
	return -1
}

// MinSecret is the least length of an HMAC key, in bytes.
const MinSecret = 32

// A Key verifies signatures. It is checked when it is made, does not change but in how fast it verifies, and is safe for
// concurrent use. The zero value verifies nothing.
type Key struct {
	id        string
	algorithm Algorithm
	edwards   ed25519.PublicKey
	table     atomic.Pointer[eddsa.Table] // of edwards; nil is none
	nist      *ecdsa.PublicKey
	point     []byte    // of P-256, uncompressed
	macs      sync.Pool // of *mac: setting an HMAC up costs as much as using it
}

// ID is what a signature names the key by.
func (k *Key) ID() string { return k.id }

// Algorithm is the one by which the key verifies.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// String returns algorithm and id, so that no log shows a secret.
func (k *Key) String() string { return k.algorithm.String() + " " + k.id }

// GoString is [Key.String].
func (k *Key) GoString() string { return k.String() }

// NewEd25519 makes a key of the 32 bytes of RFC 8032. [zhenni.ErrBadValue] refuses what is no point of the curve, what is
// one in another than its canonical form, and a point of small order, for which anybody can sign anything.
func NewEd25519(public []byte) (*Key, error) {
	if _, err := zhenni.NewPublicKey(zhenni.KeyEd25519, public); err != nil {
		return nil, err
	}
	k := &Key{algorithm: Ed25519, edwards: slices.Clone(public)}
	k.id = thumbprint(k.required())
	return k, nil
}

// NewP256 makes a key of an uncompressed point: 4, x, y, of 65 bytes. What is not on the curve is [zhenni.ErrBadValue].
func NewP256(point []byte) (*Key, error) {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("%w: not an uncompressed point of P-256", zhenni.ErrBadValue)
	}
	k := &Key{algorithm: P256, nist: public, point: slices.Clone(point)}
	k.id = thumbprint(k.required())
	return k, nil
}

// NewHMAC makes a session key of at least [MinSecret] random bytes, under an id of 1–64 visible characters.
func NewHMAC(id string, secret []byte) (*Key, error) {
	switch {
	case !validKeyID([]byte(id)):
		return nil, fmt.Errorf("%w: key id: want 1–64 visible characters", zhenni.ErrBadValue)
	case len(secret) < MinSecret:
		return nil, fmt.Errorf("%w: HMAC key of %d bytes: want at least %d", zhenni.ErrBadValue, len(secret), MinSecret)
	}
	secret = slices.Clone(secret)
	k := &Key{algorithm: HMAC, id: id}
	k.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, secret)} }
	return k, nil
}

// Prepare makes an Ed25519 key verify faster from now on, by a table of [eddsa.Table]'s size; of another key it does nothing.
func (k *Key) Prepare() error {
	if k.algorithm != Ed25519 || k.Prepared() {
		return nil
	}
	table, err := eddsa.NewTable(k.edwards)
	if err == nil {
		k.table.Store(table)
	}
	return err
}

// Prepared reports whether the key verifies by a table.
func (k *Key) Prepared() bool { return k.table.Load() != nil }

// Release gives up what [Key.Prepare] made.
func (k *Key) Release() { k.table.Store(nil) }

// Verify reports whether signature is the key's of message.
func (k *Key) Verify(message, signature []byte) bool {
	return len(signature) == k.algorithm.signatureSize() && k.verify(message, signature)
}

// verify reports whether the key signed the base. The signature has the algorithm's length.
func (k *Key) verify(base, signature []byte) bool {
	switch k.algorithm {
	case Ed25519:
		if table := k.table.Load(); table != nil {
			return table.Verify(base, signature)
		}
		return ed25519.Verify(k.edwards, base, signature)
	case P256:
		sum := sha256.Sum256(base)
		var der [zhenni.MaxDER]byte
		return ecdsa.VerifyASN1(k.nist, sum[:], zhenni.AppendDER(der[:0], signature))
	case HMAC:
		m := k.macs.Get().(*mac)
		defer k.macs.Put(m)
		return hmac.Equal(m.sum(base), signature)
	}
	return false
}

// A mac is one HMAC in use, with the room for its result.
type mac struct {
	hash   hash.Hash
	result [sha256.Size]byte
}

// sum returns the code of the message, which is m's until its next use.
func (m *mac) sum(message []byte) []byte {
	m.hash.Reset()
	m.hash.Write(message)
	return m.hash.Sum(m.result[:0])
}
