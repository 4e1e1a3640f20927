package zhenni

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// SubjectHandle is under what a person is known: 32 bytes made of an ID number by a keyed function whose root is kept
// apart. It may key a map; zero is nobody. It is no secret, yet it is personal data, and does not print; a struct that
// holds one in an unexported field must not be printed whole, for fmt does not ask such a field how.
type SubjectHandle [32]byte

// NameTag is what is kept of a name: 16 bytes by which, for one person, a wrong name is noticed. Zero is none. It prints
// no more than a [SubjectHandle].
type NameTag [16]byte

// RotationCommitment is what a credential keeps of the rotation key that its templates were made under, by which that key, and no other,
// is known again: see engine/rotation. Zero is none: the templates are not rotated.
type RotationCommitment [32]byte

// IsZero reports whether r is none.
func (r RotationCommitment) IsZero() bool { return r == RotationCommitment{} }

// redacted is all that is seen of a person.
const redacted = "[redacted]"

// IsZero reports whether h is nobody.
func (h SubjectHandle) IsZero() bool { return h == SubjectHandle{} }

// String implements fmt.Stringer: [redacted].
func (h SubjectHandle) String() string { return redacted }

// Format implements fmt.Formatter, for every verb: [redacted].
func (h SubjectHandle) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText implements encoding.TextMarshaler: [redacted], which nothing reads back.
func (h SubjectHandle) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer: [redacted].
func (h SubjectHandle) LogValue() slog.Value { return slog.StringValue(redacted) }

// IsZero reports whether t is no tag.
func (t NameTag) IsZero() bool { return t == NameTag{} }

// String implements fmt.Stringer: [redacted].
func (t NameTag) String() string { return redacted }

// Format implements fmt.Formatter, for every verb: [redacted].
func (t NameTag) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText implements encoding.TextMarshaler: [redacted], which nothing reads back.
func (t NameTag) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer: [redacted].
func (t NameTag) LogValue() slog.Value { return slog.StringValue(redacted) }

// Region is an administrative division of GB/T 2260 by its six digits as a number, 330100 for Hangzhou. Zero is none.
type Region uint32

// The first and the last code that the standard has room for: a province is two digits, from 11.
const (
	firstRegion Region = 110000
	lastRegion  Region = 839999
)

// Validate reports a number that can not be a code of GB/T 2260: [ErrBadValue]. Zero is valid. Which codes are given out
// changes by the year and is not held here.
func (r Region) Validate() error {
	if r != 0 && (r < firstRegion || r > lastRegion) {
		return fmt.Errorf("%w: region: want six digits of GB/T 2260", ErrBadValue)
	}
	return nil
}

// ParseRegion reads six digits; the empty text is no region. Anything else is [ErrBadValue].
func ParseRegion(s string) (Region, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	r := Region(n)
	if err != nil || len(s) != 6 || r == 0 || r.Validate() != nil {
		return 0, fmt.Errorf("%w: region: want six digits of GB/T 2260", ErrBadValue)
	}
	return r, nil
}

// String returns the six digits, and "" for no region.
func (r Region) String() string {
	if r == 0 {
		return ""
	}
	return fmt.Sprintf("%06d", uint32(r))
}

// StatusIndex is the place of a credential in the token status lists: the number of the list, from 1, and the index in
// it. It is given at random and once. Zero is none.
type StatusIndex uint64

// NewStatusIndex makes the place at an index of a list.
func NewStatusIndex(list, index uint32) StatusIndex {
	return StatusIndex(uint64(list)<<32 | uint64(index))
}

// List is the number of the list, 0 of none.
func (i StatusIndex) List() uint32 { return uint32(i >> 32) }

// Index is the place in the list.
func (i StatusIndex) Index() uint32 { return uint32(i) }
