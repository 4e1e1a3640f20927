package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"

	"zhenni"
)

// Value is an entry of a list (draft §7.1).
type Value uint8

// The values. One that has become Invalid stays so; Suspended may end.
const (
	Valid Value = iota
	Invalid
	Suspended
)

// ValueOf returns what is told of a status. Superseded, revoked, expired and erased are all [Invalid], and so is one that is
// not known.
func ValueOf(s zhenni.Status) Value {
	switch s {
	case zhenni.StatusActive:
		return Valid
	case zhenni.StatusSuspended:
		return Suspended
	}
	return Invalid
}

// MaxBytes bounds the array of a list: 2²⁰ entries of 8 bits, 2²² of 2.
const MaxBytes = 1 << 20

// List is an array of values of 1, 2, 4 or 8 bits, all [Valid] at first. It is not safe for concurrent use while it is
// changed.
type List struct {
	bits  int
	array []byte
}

// NewList returns a list of that many entries, which fill whole bytes and at most [MaxBytes]: [zhenni.ErrBadValue].
func NewList(bits, entries int) (*List, error) {
	if !isWidth(bits) || entries < 1 || entries > MaxBytes*8/bits || entries*bits%8 != 0 {
		return nil, fmt.Errorf("%w: status list of %d entries of %d bits", zhenni.ErrBadValue, entries, bits)
	}
	return &List{bits: bits, array: make([]byte, entries*bits/8)}, nil
}

func isWidth(bits int) bool { return bits == 1 || bits == 2 || bits == 4 || bits == 8 }

// Bits returns the width of an entry.
func (l *List) Bits() int { return l.bits }

// Len returns the number of entries.
func (l *List) Len() int { return len(l.array) * 8 / l.bits }

// Value returns the entry at i. ok is false where the list has none: nothing can be said of that credential.
func (l *List) Value(i int) (v Value, ok bool) {
	if i < 0 || i >= l.Len() {
		return Invalid, false
	}
	at, shift := l.place(i)
	return Value(l.array[at] >> shift & l.mask()), true
}

// Set changes the entry at i, in [0, Len()), to a value that fits its width.
func (l *List) Set(i int, v Value) {
	at, shift := l.place(i)
	l.array[at] = l.array[at]&^(l.mask()<<shift) | byte(v)&l.mask()<<shift
}

// place returns the byte that holds the entry at i and how far from its lowest bit (draft §4.1).
func (l *List) place(i int) (at, shift int) { return i * l.bits / 8, i * l.bits % 8 }

func (l *List) mask() byte { return byte(1<<l.bits - 1) }

// encode returns the claim lst: zlib in base64url. The draft recommends the highest level; for a list of 2²⁰ entries of which
// a few in a hundred are not valid it takes thirty times as long as this one, for a tenth less.
func (l *List) encode() (string, error) {
	var compressed bytes.Buffer
	w := zlib.NewWriter(&compressed)
	if _, err := w.Write(l.array); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(compressed.Bytes()), nil
}

// decode reads a claim lst. However much it would inflate to, no more than [MaxBytes] is.
func decode(bits int, lst string) (*List, error) {
	bad := func(what string) (*List, error) {
		return nil, fmt.Errorf("%w: status list: %s", zhenni.ErrBadValue, what)
	}
	if !isWidth(bits) {
		return bad("want 1, 2, 4 or 8 bits")
	}
	compressed, err := base64.RawURLEncoding.Strict().DecodeString(lst)
	if err != nil || bytes.ContainsAny([]byte(lst), "\r\n") {
		return bad("not base64url")
	}
	source := bytes.NewReader(compressed)
	r, err := zlib.NewReader(source)
	if err != nil {
		return bad("not of zlib")
	}
	array, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case len(array) > MaxBytes:
		return bad("inflates too far")
	case err != nil || source.Len() != 0:
		return bad("does not inflate to its end")
	case len(array) == 0:
		return bad("empty")
	}
	return &List{bits: bits, array: array}, nil
}
