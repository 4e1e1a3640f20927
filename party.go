package zhenni

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Role is a set of things a relying party may do.
type Role uint8

// The roles. A verifier asks; an issuer enrols, reads and revokes.
const (
	RoleVerifier Role = 1 << iota
	RoleIssuer
)

// Has reports whether r includes every role of want.
func (r Role) Has(want Role) bool { return r&want == want }

// RelyingParty is somebody who may ask, with the hash of the key that proves it.
type RelyingParty struct {
	// ID is a [ValidName]; it is the public part of the API key.
	ID string
	// Name is for people: at most 200 bytes of printable text, which leaves out line breaks and writing-direction marks.
	Name   string
	Tenant TenantID
	Roles  Role
	// Evaluation marks a tenant used for benchmarks and trials, never for real people (DESIGN: every result says so).
	Evaluation bool
	// KeyHash is the SHA-256 of the key's secret: the secret has 256 random bits, so a slow hash would add nothing.
	KeyHash   [32]byte
	CreatedAt time.Time
}

// maxPartyName bounds a relying party's name, in bytes.
const maxPartyName = 200

// Validate reports the first field that is out of range, as [ErrBadValue].
func (p RelyingParty) Validate() error {
	const roles = RoleVerifier | RoleIssuer
	switch {
	case !ValidName(p.ID):
		return fmt.Errorf("%w: relying party id %q: want 1–64 of the characters a–z, 0–9, dot, dash and underscore", ErrBadValue, p.ID)
	case len(p.Name) > maxPartyName || !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, unprintable):
		return fmt.Errorf("%w: relying party name: want at most %d bytes of printable text", ErrBadValue, maxPartyName)
	case p.Tenant == 0:
		return fmt.Errorf("%w: relying party tenant 0: want 1 or more", ErrBadValue)
	case p.Roles == 0 || !roles.Has(p.Roles):
		return fmt.Errorf("%w: relying party roles %#x: want verifier, issuer or both", ErrBadValue, uint8(p.Roles))
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// APIKey is the credential of a relying party: "zk_<party id>_<43 base64url characters>".
type APIKey struct {
	Party  string
	Secret [32]byte
}

const keyPrefix = "zk_"

// String returns the written form, which is shown once and never stored.
func (k APIKey) String() string {
	return keyPrefix + k.Party + "_" + base64.RawURLEncoding.EncodeToString(k.Secret[:])
}

// Hash returns what is stored instead of the secret.
func (k APIKey) Hash() [32]byte { return sha256.Sum256(k.Secret[:]) }

// ParseAPIKey reads the written form: [ErrBadKey], in whose text no part of the key appears.
func ParseAPIKey(s string) (APIKey, error) {
	rest, ok := strings.CutPrefix(s, keyPrefix)
	const secretLen = 43
	if !ok || len(rest) < secretLen+2 || rest[len(rest)-secretLen-1] != '_' {
		return APIKey{}, fmt.Errorf("%w: want zk_<party>_<secret>", ErrBadKey)
	}
	key := APIKey{Party: rest[:len(rest)-secretLen-1]}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(rest[len(rest)-secretLen:])
	if err != nil || len(secret) != len(key.Secret) || !ValidName(key.Party) {
		return APIKey{}, fmt.Errorf("%w: want zk_<party>_<secret>", ErrBadKey)
	}
	copy(key.Secret[:], secret)
	return key, nil
}

// Admits reports whether key is the relying party's, in constant time for a key of its id.
func (p RelyingParty) Admits(key APIKey) bool {
	hash := key.Hash()
	return p.ID == key.Party && subtle.ConstantTimeCompare(hash[:], p.KeyHash[:]) == 1
}
