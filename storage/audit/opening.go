package audit

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// The layout of what a commitment hashes: one block of SHA-256, which has room for 55 bytes.
const (
	saltSize       = 16
	openingSize    = 54 // domain u8 | salt [16] | credential [16] | code u8 | context [20]
	saltAt         = 1
	credentialAt   = 17
	codeAt         = 33
	contextAt      = 34
	domainBase     = 0x10 // the domain is this plus the kind: neither 0 nor 1, which RFC 6962 uses for leaves and nodes
	contextSize    = 20
	contextVersion = 1
)

// Context binds a commitment to what its whole request shares.
type Context [contextSize]byte

// NewContext digests the facts of one request. Text fields may be of any length. The digest is 160 bits: to find
// another request with the same one takes 2¹⁶⁰ work, to prepare two on purpose 2⁸⁰.
func NewContext(tenant zhenni.TenantID, party, transaction, profile string) Context {
	b := binary.BigEndian.AppendUint32([]byte{contextVersion}, uint32(tenant))
	for _, field := range []string{party, transaction, profile} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(field)))
		b = append(b, field...)
	}
	sum := sha256.Sum256(b)
	return Context(sum[:contextSize])
}

// Opening is what a commitment hides. It is kept sealed, and shown to the parties of its own event only.
type Opening struct {
	Kind Kind
	// Salt is random and secret for as long as the opening is: records have little entropy and could be guessed.
	Salt       [saltSize]byte
	Credential zhenni.CredentialID
	// Code is the [zhenni.Outcome] of a verification or an item, the new [zhenni.Status] of a change.
	Code    uint8
	Context Context
}

// Commitment returns the SHA-256 that stands for the opening in public.
func (o *Opening) Commitment() tlog.Hash {
	var block [openingSize]byte
	o.put(&block)
	return sha256.Sum256(block[:])
}

func (o *Opening) put(b *[openingSize]byte) {
	b[0] = domainBase + byte(o.Kind)
	copy(b[saltAt:], o.Salt[:])
	copy(b[credentialAt:], o.Credential[:])
	b[codeAt] = o.Code
	copy(b[contextAt:], o.Context[:])
}

// Append appends what the commitment is the hash of, 54 bytes, as [SealOpening] seals it, to dst.
func (o *Opening) Append(dst []byte) []byte {
	var block [openingSize]byte
	o.put(&block)
	return append(dst, block[:]...)
}

func parseOpening(b []byte) (Opening, error) {
	if len(b) != openingSize {
		return Opening{}, corrupt("not an opening")
	}
	o := Opening{
		Kind: Kind(b[0] - domainBase), Salt: [saltSize]byte(b[saltAt:]), Credential: zhenni.CredentialID(b[credentialAt:codeAt]),
		Code: b[codeAt], Context: Context(b[contextAt:]),
	}
	if o.Kind < KindVerification || o.Kind > KindBatch {
		return Opening{}, corrupt("opening of kind %d", o.Kind)
	}
	return o, nil
}

// Sealer keeps openings from everybody but the parties they belong to. An implementation uses authenticated encryption;
// associated data are not stored, and Open fails on any others than Seal was given.
type Sealer interface {
	Seal(plain, associated []byte) (sealed []byte, err error)
	Open(sealed, associated []byte) (plain []byte, err error)
}

// SealOpening seals the opening of one event, bound to its leaf.
func SealOpening(by Sealer, leaf Leaf, o Opening) ([]byte, error) {
	var block [openingSize]byte
	o.put(&block)
	return by.Seal(block[:], leaf.Append(nil))
}

// OpenSealed is the reverse of [SealOpening]. An opening that is not of this leaf is [zhenni.ErrCorrupt].
func OpenSealed(by Sealer, leaf Leaf, sealed []byte) (Opening, error) {
	plain, err := by.Open(sealed, leaf.Append(nil))
	if err != nil {
		return Opening{}, err
	}
	o, err := parseOpening(plain)
	if err != nil {
		return Opening{}, err
	}
	if o.Kind != leaf.Kind || leaf.Kind == KindBatch || o.Commitment() != leaf.Hash {
		return Opening{}, corrupt("the opening is not of this leaf")
	}
	return o, nil
}
