package zhenni

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Role is a set of things a relying party may do.
type Role uint8

// The roles. A verifier asks; an issuer enrols, reads and revokes; a terminal issues with the card present; an auditor
// reads the log; an operator keeps the parties.
const (
	RoleVerifier Role = 1 << iota
	RoleIssuer
	RoleTerminal
	RoleAuditor
	RoleOperator

	allRoles = RoleVerifier | RoleIssuer | RoleTerminal | RoleAuditor | RoleOperator
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
	// Suspended is set by an operator: whoever it proves to be is refused, until the operator ends it.
	Suspended bool
	// KeyHash is the SHA-256 of the key's secret: the secret has 256 random bits, so a slow hash would add nothing. Zero is
	// no API key: the party signs its requests or shows a certificate.
	KeyHash   [32]byte
	CreatedAt time.Time
	// Keys are those under which it signs its requests, at most [MaxPartyKeys], each once.
	Keys []PartyKey
	// Certificates are those it may show as a TLS client, at most [MaxPartyKeys], each once.
	Certificates []PartyCertificate
	// Sector is a [ValidName], or empty for a party alone: the parties of a sector know a person by the same pseudonym.
	Sector string
	// Services are what it may ask for, at most [MaxPartyServices], each once and a [ValidGrant].
	Services []string
	Quota    Quota
	// Stopped is when it was stopped for what it asked, zero where it may ask: see [StopRelyingParty].
	Stopped time.Time
}

// Bounds of what a relying party has.
const (
	MaxPartyKeys     = 8
	MaxPartyServices = 512
)

// maxPartyServiceBytes is room for so many ids; grants of purposes are longer than those.
const maxPartyServiceBytes = MaxPartyServices * 64

// PartyKey is a public key of a relying party.
type PartyKey struct {
	Public PublicKey
	// NotAfter ends its time, once another has taken its place; zero is open.
	NotAfter time.Time
}

// PartyCertificate is a TLS client certificate of a relying party, known by the SHA-256 of its DER form.
type PartyCertificate struct {
	Hash     [32]byte
	NotAfter time.Time
}

// Quota bounds what a relying party may ask, in items; zero is no bound.
type Quota struct {
	PerMinute uint32
	PerDay    uint64
}

// maxPartyName bounds a relying party's name, in bytes.
const maxPartyName = 200

// Validate reports the first field that is out of range, as [ErrBadValue].
func (p RelyingParty) Validate() error {
	switch {
	case !ValidName(p.ID):
		return fmt.Errorf("%w: relying party id %q: want 1–64 of the characters a–z, 0–9, dot, dash and underscore", ErrBadValue, p.ID)
	case len(p.Name) > maxPartyName || !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, unprintable):
		return fmt.Errorf("%w: relying party name: want at most %d bytes of printable text", ErrBadValue, maxPartyName)
	case p.Tenant == 0:
		return fmt.Errorf("%w: relying party tenant 0: want 1 or more", ErrBadValue)
	case p.Roles == 0 || !allRoles.Has(p.Roles):
		return fmt.Errorf("%w: relying party roles %#x: want verifier, issuer, terminal, auditor or operator", ErrBadValue, uint8(p.Roles))
	case p.Sector != "" && !ValidName(p.Sector):
		return fmt.Errorf("%w: relying party sector %q: want 1–64 of the characters a–z, 0–9, dot, dash and underscore", ErrBadValue, p.Sector)
	}
	return errors.Join(p.checkKeys(), p.checkServices())
}

// checkKeys reports keys and certificates that are too many, blank or there twice.
func (p RelyingParty) checkKeys() error {
	if len(p.Keys) > MaxPartyKeys || len(p.Certificates) > MaxPartyKeys {
		return fmt.Errorf("%w: relying party with %d keys and %d certificates: want at most %d of each",
			ErrBadValue, len(p.Keys), len(p.Certificates), MaxPartyKeys)
	}
	for i, k := range p.Keys {
		if k.Public.IsZero() || slices.ContainsFunc(p.Keys[:i], func(o PartyKey) bool { return o.Public == k.Public }) {
			return fmt.Errorf("%w: relying party key %d is blank or there twice", ErrBadValue, i)
		}
	}
	for i, c := range p.Certificates {
		if c.Hash == [32]byte{} || slices.ContainsFunc(p.Certificates[:i], func(o PartyCertificate) bool { return o.Hash == c.Hash }) {
			return fmt.Errorf("%w: relying party certificate %d is blank or there twice", ErrBadValue, i)
		}
	}
	return nil
}

// checkServices reports services that are too many, misnamed or there twice.
func (p RelyingParty) checkServices() error {
	if len(p.Services) > MaxPartyServices {
		return fmt.Errorf("%w: relying party with %d services: want at most %d", ErrBadValue, len(p.Services), MaxPartyServices)
	}
	seen, size := make(map[string]bool, len(p.Services)), 0
	for _, service := range p.Services {
		if size += len(service); size > maxPartyServiceBytes {
			return fmt.Errorf("%w: relying party with services of more than %d bytes in all", ErrBadValue, maxPartyServiceBytes)
		}
		if !ValidGrant(service) || seen[service] {
			return fmt.Errorf("%w: relying party service %q is misnamed or there twice: want ID or ID:PURPOSE", ErrBadValue, service)
		}
		seen[service] = true
	}
	return nil
}

// ValidGrant reports whether grant names a service, as ID, or one purpose of it, as ID:PURPOSE; both are a [ValidName].
func ValidGrant(grant string) bool {
	id, purpose, narrowed := CutGrant(grant)
	return ValidName(id) && (!narrowed || ValidName(purpose))
}

// CutGrant returns the service of a grant, and the purpose that it is narrowed to.
func CutGrant(grant string) (service, purpose string, narrowed bool) {
	return strings.Cut(grant, ":")
}

// MayAsk reports whether the party was granted a service at all, and under a purpose.
func (p RelyingParty) MayAsk(service, purpose string) (atAll, under bool) {
	for _, grant := range p.Services {
		id, of, narrowed := CutGrant(grant)
		if id != service || service == "" {
			continue
		}
		if atAll = true; !narrowed || of == purpose {
			return true, true
		}
	}
	return atAll, false
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
