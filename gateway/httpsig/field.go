package httpsig

import (
	"bytes"
	"encoding/base64"
)

// maxField bounds, in bytes, each field of a signature and each value that one covers.
const maxField = 2048

// checkField refuses a structured field that is absent, too long, or not of visible ASCII and spaces.
func checkField(name string, field []byte) error {
	switch {
	case len(field) == 0:
		return refuse(ErrProfile, name, "the field is missing")
	case len(field) > maxField:
		return refuse(ErrSyntax, name, "more than 2048 bytes")
	case !within(field, ' '):
		return refuse(ErrSyntax, name, "there is a character that is not visible ASCII")
	}
	return nil
}

// within reports whether every byte is of ASCII, from lowest to '~'.
func within(text []byte, lowest byte) bool {
	for _, c := range text {
		if c < lowest || c > '~' {
			return false
		}
	}
	return true
}

// A cursor reads a structured field (RFC 9651) that [checkField] let through. Each method reads one construct and moves
// behind it; of one that is not there, or not in its canonical form, nothing is believed and the field is refused.
type cursor struct {
	data []byte
	at   int
}

func (c *cursor) atEnd() bool { return c.at == len(c.data) }

// next is the byte at the cursor, or 0 at the end: no field has a byte 0.
func (c *cursor) next() byte {
	if c.atEnd() {
		return 0
	}
	return c.data[c.at]
}

// take moves behind b, if it is next.
func (c *cursor) take(b byte) bool {
	if c.next() != b {
		return false
	}
	c.at++
	return true
}

func (c *cursor) spaces() {
	for c.take(' ') {
	}
}

// key reads the name of a member or a parameter; it is empty where there is none.
func (c *cursor) key() []byte {
	start := c.at
	for ; !c.atEnd(); c.at++ {
		b := c.data[c.at]
		first := 'a' <= b && b <= 'z' || b == '*'
		if !first && (c.at == start || !('0' <= b && b <= '9' || b == '_' || b == '-' || b == '.')) {
			break
		}
	}
	return c.data[start:c.at:c.at]
}

// text reads a string. One with an escape is refused: no value of the profile needs any.
func (c *cursor) text() ([]byte, bool) {
	if !c.take('"') {
		return nil, false
	}
	value, ok := c.until('"')
	return value, ok && bytes.IndexByte(value, '\\') < 0
}

// until moves behind the next b and returns what is before it.
func (c *cursor) until(b byte) ([]byte, bool) {
	n := bytes.IndexByte(c.data[c.at:], b)
	if n < 0 {
		return nil, false
	}
	value := c.data[c.at : c.at+n : c.at+n]
	c.at += n + 1
	return value, true
}

// integer reads a number from 0 to 10^15 − 1 in its one written form.
func (c *cursor) integer() (int64, bool) {
	start, n := c.at, int64(0)
	for ; '0' <= c.next() && c.next() <= '9'; c.at++ {
		if c.at-start == 15 {
			return 0, false
		}
		n = n*10 + int64(c.next()-'0')
	}
	digits := c.at - start
	return n, digits == 1 || digits > 1 && c.data[start] != '0'
}

// maxBinary is the longest byte sequence that is read, in bytes: a signature, or a digest by SHA-512.
const maxBinary = 64

// octets holds one byte sequence, with the room that the decoder asks for beyond it.
type octets [maxBinary + 2]byte

// canonical refuses padding that is missing or not zero. It would pass over line breaks, which no field has.
var canonical = base64.StdEncoding.Strict()

// binary reads a byte sequence into dst and returns its length.
func (c *cursor) binary(dst *octets) (int, bool) {
	if !c.take(':') {
		return 0, false
	}
	text, ok := c.until(':')
	if !ok || len(text) > canonical.EncodedLen(maxBinary) {
		return 0, false
	}
	n, err := canonical.Decode(dst[:], text)
	return n, err == nil
}
