package pin

import (
	"unicode/utf8"
)

// Size is the number of digits of a PIN.
const Size = 8

// Digits are the digits of a PIN. Copies share one memory: [Digits.Forget] on one is it on all. The zero Digits, and
// forgotten ones, are none. They are safe for concurrent use until they are forgotten.
type Digits struct {
	redacted
	// held is two pointers away, of which fmt follows one at most where it can not ask how a value prints.
	held **[Size]byte
}

// Parse reads a PIN: eight decimal digits, of ASCII or full-width (U+FF10–U+FF19), and nothing else, not even spaces. What
// is wrong is [Length] or [Character]. The text is read only and not kept. Whether the PIN is a good one is for
// [Digits.Weak] to say when it is chosen.
func Parse(text []byte) (Digits, error) {
	held := new([Size]byte)
	count, foreign := 0, false
	for ; len(text) > 0 && count <= Size; count++ {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if '０' <= r && r <= '９' {
			r -= '０' - '0'
		}
		foreign = foreign || r < '0' || r > '9'
		if count < Size {
			held[count] = byte(r)
		}
	}
	switch {
	case count != Size:
		clear(held[:])
		return Digits{}, Length
	case foreign:
		clear(held[:])
		return Digits{}, Character
	}
	return Digits{held: &held}, nil
}

// Forget overwrites the digits, in all copies of them.
func (d Digits) Forget() {
	if d.held != nil {
		clear((*d.held)[:])
	}
}

// Copy returns the digits in a memory of their own, which is forgotten apart.
func (d Digits) Copy() Digits {
	if d.bytes() == nil {
		return Digits{}
	}
	held := **d.held
	at := &held
	return Digits{held: &at}
}

// bytes returns the eight ASCII digits, or nil for none and for forgotten ones.
func (d Digits) bytes() []byte {
	if d.held == nil || (*d.held)[0] == 0 {
		return nil
	}
	return (*d.held)[:]
}
