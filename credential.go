package zhenni

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// CredentialID names one credential. It is 16 random bytes issued by the server, so its leading bits place it evenly.
type CredentialID [16]byte

// NewCredentialID makes an id of 16 bytes drawn by the caller from a cryptographic source.
func NewCredentialID(random [16]byte) CredentialID { return CredentialID(random) }

// ParseCredentialID reads the 32 lower-case hexadecimal digits written by [CredentialID.String]. Any other spelling,
// upper case included, is [ErrBadCredentialID], so that an id has one written form.
func ParseCredentialID(s string) (CredentialID, error) {
	var id CredentialID
	err := id.UnmarshalText([]byte(s))
	return id, err
}

// String returns the id as 32 lower-case hexadecimal digits.
func (id CredentialID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id CredentialID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler with the rule of [ParseCredentialID]. It does not allocate.
func (id *CredentialID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("%w: %d characters, want 32", ErrBadCredentialID, len(text))
	}
	var parsed CredentialID
	for i := range parsed {
		high, low := lowerHex(text[2*i]), lowerHex(text[2*i+1])
		if high > 15 || low > 15 {
			return fmt.Errorf("%w: want 32 lower-case hexadecimal digits", ErrBadCredentialID)
		}
		parsed[i] = high<<4 | low
	}
	*id = parsed
	return nil
}

// lowerHex is the value of a lower-case hexadecimal digit, or 255.
func lowerHex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// Slots is the number of units of placement.
const Slots = 1 << 14

// Slot is the unit of placement: the first 14 bits of a credential id, in [0, Slots).
type Slot uint16

// Slot returns the slot that owns the credential.
func (id CredentialID) Slot() Slot { return Slot(binary.BigEndian.Uint16(id[:2]) >> 2) }

// TenantID numbers an issuing domain. A relying party may verify the credentials of its own tenant only; to it the
// credentials of another tenant look like ids that do not exist. Zero is no tenant.
type TenantID uint32

// Generation counts the changes that void what was known of a credential: re-issue, device move, revocation.
// The first is 1.
type Generation uint32

// Level is the strength of the evidence a credential was issued on.
type Level uint8

// The levels of a credential. Lite is a remote issue, full one with the card and its PIN at a trusted terminal.
const (
	LevelLite Level = iota + 1
	LevelFull
)

// Status is where a credential stands in its life.
type Status uint8

// The states of a credential. Only an active one can be matched. Superseded, revoked and expired are final but for
// erasure, after which there is a status and no template.
const (
	StatusActive Status = iota + 1
	StatusSuspended
	StatusSuperseded
	StatusRevoked
	StatusExpired
	StatusErased
)

// legalChanges is the whole table of status changes; whatever is absent is refused.
var legalChanges = map[Status][]Status{
	StatusActive:     {StatusSuspended, StatusSuperseded, StatusRevoked, StatusExpired, StatusErased},
	StatusSuspended:  {StatusActive, StatusSuperseded, StatusRevoked, StatusExpired, StatusErased},
	StatusSuperseded: {StatusErased},
	StatusRevoked:    {StatusErased},
	StatusExpired:    {StatusErased},
}

// CanBecome reports whether the change from s to next is legal. A change to the same status is not a change.
func (s Status) CanBecome(next Status) bool {
	for _, legal := range legalChanges[s] {
		if legal == next {
			return true
		}
	}
	return false
}

// Credential is the record of one credential without its template. What is known of the person is a handle and a tag,
// neither of which prints. One that was imported has neither, nor anything below them.
type Credential struct {
	ID         CredentialID
	Tenant     TenantID
	Level      Level
	Status     Status
	Generation Generation
	EnrolledAt time.Time
	ChangedAt  time.Time

	Subject SubjectHandle
	NameTag NameTag
	Region  Region
	// ValidUntil is the first moment, in whole seconds, at which the credential matches no more; zero is never.
	ValidUntil time.Time
	// Device is the key of the one active device, zero where there is none.
	Device PublicKey
	// Rotation is of the key under which all its templates are. It is that of the issue for good: a device move changes none of them.
	Rotation RotationCommitment
	// Locked are the factors that the holder has locked: by none of them is the credential matched.
	Locked Factors
	// StatusIndex is where the status is published.
	StatusIndex StatusIndex
}

// WithStatus returns c after the change to next at the given time: the generation grows and ChangedAt moves.
// An illegal change is [ErrIllegalChange] and returns c as it was; so is activating one that is overdue. Erasure takes
// with it all that is known of the person and the device.
func (c Credential) WithStatus(next Status, at time.Time) (Credential, error) {
	if !c.Status.CanBecome(next) || next == StatusActive && c.Overdue(at) {
		return c, fmt.Errorf("%w: %s to %s", ErrIllegalChange, c.Status, next)
	}
	if next == StatusErased {
		c.Subject, c.NameTag, c.Region, c.Device, c.Rotation = SubjectHandle{}, NameTag{}, 0, PublicKey{}, RotationCommitment{}
	}
	c.Status = next
	return c.changed(at), nil
}

var levelNames = names[Level]{LevelLite: "lite", LevelFull: "full"}

// String returns "lite" or "full".
func (l Level) String() string { return levelNames.name(l, "level") }

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return levelNames.marshal(l, "level") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error { return levelNames.unmarshal(l, text, "level") }

var statusNames = names[Status]{
	StatusActive: "active", StatusSuspended: "suspended", StatusSuperseded: "superseded",
	StatusRevoked: "revoked", StatusExpired: "expired",
	StatusErased: "erased",
}

// String returns the lower-case word for s.
func (s Status) String() string { return statusNames.name(s, "status") }

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return statusNames.marshal(s, "status") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Status) UnmarshalText(text []byte) error { return statusNames.unmarshal(s, text, "status") }
