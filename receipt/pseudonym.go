package receipt

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zhenni"
)

// PseudonymRootSize is the size of the root of the pseudonyms, in bytes.
const PseudonymRootSize = 32

// What a pseudonym is made of, under a key derived from the root by HKDF-SHA256 (RFC 5869) without salt:
//
//	pseudonym = base64url(HMAC-SHA256(key, tenant u32 | sector kind u8 | length u8 | sector | person kind u8 | person))
//
// The kinds keep a sector apart from a relying party of its name, and a person known by a handle from a credential.
// All of it is frozen: a change makes everybody new.
const (
	pseudonymLabel = "zhenni receipt v1 pseudonym key"
	checkLabel     = "zhenni receipt v1 pseudonym root check"

	checkSize = 16

	kindSector, kindParty       = 1, 2
	kindSubject, kindCredential = 1, 2
)

// Pseudonyms name persons to relying parties. The parties of a sector know a person by the same pseudonym, whatever device
// and credential the person comes with; two sectors, or two parties without one, can not tell by it that they deal with
// the same person. A party that changes its sector meets everybody anew.
//
// The root is kept apart from all others. Rotating it makes everybody new to everybody: no pseudonym from before is ever
// seen again, and nothing but the parties' own records leads from the old to the new. Whoever steals it, and has the
// subject handles or the credential ids, can link the sectors. It is safe for concurrent use.
type Pseudonyms struct {
	key   []byte
	check [checkSize]byte
}

// NewPseudonyms makes pseudonyms under root, which is [PseudonymRootSize] random bytes: [zhenni.ErrBadValue] if it is of
// another size or blank. The slice stays the caller's.
func NewPseudonyms(root []byte) (*Pseudonyms, error) {
	var blank [PseudonymRootSize]byte
	if len(root) != PseudonymRootSize || hmac.Equal(root, blank[:]) {
		return nil, fmt.Errorf("%w: root of the pseudonyms: want %d random bytes", zhenni.ErrBadValue, PseudonymRootSize)
	}
	key, err := hkdf.Key(sha256.New, root, nil, pseudonymLabel, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("%w: root of the pseudonyms: %w", zhenni.ErrUnavailable, err)
	}
	check, err := hkdf.Key(sha256.New, root, nil, checkLabel, checkSize)
	if err != nil {
		return nil, fmt.Errorf("%w: root of the pseudonyms: %w", zhenni.ErrUnavailable, err)
	}
	return &Pseudonyms{key, [checkSize]byte(check)}, nil
}

// Check returns a value by which a root is known again, and from which nothing else follows: kept beside what is served, it
// keeps a service from going on under another root unaware.
func (p *Pseudonyms) Check() [checkSize]byte { return p.check }

// Of returns the pseudonym of whoever holds a credential.
func (p *Pseudonyms) Of(party zhenni.RelyingParty, c zhenni.Credential) string {
	if c.Subject.IsZero() {
		return p.OfCredential(party, c.ID)
	}
	return p.OfSubject(party, c.Subject)
}

// OfSubject returns the pseudonym under which a party knows the person with a subject handle, 43 characters.
func (p *Pseudonyms) OfSubject(party zhenni.RelyingParty, handle [32]byte) string {
	return p.of(party, kindSubject, handle[:])
}

// OfCredential returns the pseudonym of a credential whose person has no handle. It changes with the credential.
func (p *Pseudonyms) OfCredential(party zhenni.RelyingParty, id zhenni.CredentialID) string {
	return p.of(party, kindCredential, id[:])
}

func (p *Pseudonyms) of(party zhenni.RelyingParty, kind byte, person []byte) string {
	sectorKind, sector := byte(kindSector), party.Sector
	if sector == "" {
		sectorKind, sector = kindParty, party.ID
	}
	message := binary.BigEndian.AppendUint32(make([]byte, 0, 128), uint32(party.Tenant))
	message = append(message, sectorKind, byte(len(sector)))
	message = append(message, sector...)
	message = append(append(message, kind), person...)
	mac := hmac.New(sha256.New, p.key)
	mac.Write(message)
	return urlBase64.EncodeToString(mac.Sum(nil))
}

// validPseudonym reports whether s is 32 bytes in base64url.
func validPseudonym(s string) bool {
	b, err := urlBase64.DecodeString(s)
	return err == nil && len(b) == sha256.Size && len(s) == urlBase64.EncodedLen(sha256.Size)
}
