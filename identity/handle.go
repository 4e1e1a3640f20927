package identity

import (
	"crypto/subtle"

	"zhenni"
)

// The sizes of what is kept of a person, in bytes.
const (
	HandleSize  = 32
	NameTagSize = 16
)

// Handle is under what a person is known: 32 bytes that only the keeper of the root can make of an ID number. It is
// comparable and may key a map; it is not secret, yet it is personal data, and does not print. A struct that holds one
// in an unexported field must not be printed whole: fmt does not ask such a field how.
type Handle struct {
	redacted
	sum [HandleSize]byte
}

// HandleOf returns the handle whose stored bytes these are.
func HandleOf(stored [HandleSize]byte) Handle { return Handle{sum: stored} }

// Bytes returns what is stored of the handle.
func (h Handle) Bytes() [HandleSize]byte { return h.sum }

// Equal reports whether h and other are one person's, in constant time.
func (h Handle) Equal(other Handle) bool {
	return subtle.ConstantTimeCompare(h.sum[:], other.sum[:]) == 1
}

// Subject returns the handle as the record of a credential has it.
func (h Handle) Subject() zhenni.SubjectHandle { return h.sum }

// IsZero reports whether h is no handle.
func (h Handle) IsZero() bool { return h == Handle{} }

// NameTag is what is kept of a name: 16 bytes by which, for one person, a wrong name is noticed.
type NameTag struct {
	redacted
	sum [NameTagSize]byte
}

// NameTagOf returns the tag whose stored bytes these are.
func NameTagOf(stored [NameTagSize]byte) NameTag { return NameTag{sum: stored} }

// Bytes returns what is stored of the tag.
func (t NameTag) Bytes() [NameTagSize]byte { return t.sum }

// Equal reports whether t and other are of one name of one person, in constant time.
func (t NameTag) Equal(other NameTag) bool {
	return subtle.ConstantTimeCompare(t.sum[:], other.sum[:]) == 1
}

// Stored returns the tag as the record of a credential has it.
func (t NameTag) Stored() zhenni.NameTag { return t.sum }

// IsZero reports whether t is no tag.
func (t NameTag) IsZero() bool { return t == NameTag{} }
