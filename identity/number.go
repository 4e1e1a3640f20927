package identity

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// The parts of an ID number of GB 11643-1999: six digits of the place of first registration (GB/T 2260), eight of the
// date of birth, three that tell apart those born there on that day, odd for men, and a check digit (ISO 7064 MOD 11-2).
const (
	numberLen = 18
	birthAt   = 6
	oldLen    = 15
	// earliestBirth is the first accepted year of birth. The standard's own second example was born in 1880.
	earliestBirth = 1850
	// fullWidth is how far the full-width forms U+FF01–U+FF5E lie above ASCII.
	fullWidth = '！' - '!'
)

// Number is an ID number of 18 characters that [ParseNumber] found sound. Its copies share one memory: [Number.Forget]
// on one is it on all. The zero Number, and a forgotten one, is none. It is safe for concurrent use until it is forgotten.
type Number struct {
	redacted
	digits hidden[[numberLen]byte]
}

// ParseNumber reads an ID number of GB 11643-1999. Digits and X may be full-width, x may be lower-case, and spaces may
// stand around it; anything else is a [Fault]. Nobody is born after today, a date in today's own zone, which is China's.
// Whether a place below the province, or a sequence number, was ever given out is not looked at: tables of them are
// neither complete nor public. The text is read only and not kept.
func ParseNumber(text []byte, today time.Time) (Number, error) {
	digits := new([numberLen]byte)
	err := readDigits(digits, bytes.TrimFunc(text, isSpace))
	if err == nil {
		err = checkDigits(digits, today)
	}
	if err != nil {
		clear(digits[:])
		return Number{}, err
	}
	return Number{digits: hide(digits)}, nil
}

// Forget overwrites the number, in all copies of it.
func (n Number) Forget() {
	if digits := n.digits.get(); digits != nil {
		clear(digits[:])
	}
}

// bytes returns the 18 characters, or nil for no number and for one that was forgotten.
func (n Number) bytes() []byte {
	digits := n.digits.get()
	if digits == nil || digits[0] == 0 {
		return nil
	}
	return digits[:]
}

// Birth returns the date of birth, at midnight UTC; of no number the zero time.
func (n Number) Birth() time.Time {
	digits := n.bytes()
	if digits == nil {
		return time.Time{}
	}
	date := digits[birthAt:]
	return time.Date(decimal(date[:4]), time.Month(decimal(date[4:6])), decimal(date[6:8]), 0, 0, 0, 0, time.UTC)
}

// isSpace reports whether r is the space, or its full-width form.
func isSpace(r rune) bool { return r == ' ' || r == '\u3000' }

// readDigits fills digits with the characters of text in their ASCII form.
func readDigits(digits *[numberLen]byte, text []byte) error {
	count, foreign := 0, false
	for ; len(text) > 0 && count <= numberLen; count++ {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		c := numeral(r)
		if c == 0 || c == 'X' && count != numberLen-1 {
			foreign = true
		}
		if count < numberLen {
			digits[count] = c
		}
	}
	switch {
	case count == 0:
		return NumberEmpty
	case count == oldLen && !foreign:
		return NumberOldForm
	case count != numberLen:
		return NumberLength
	case foreign:
		return NumberCharacter
	}
	return nil
}

// numeral returns the ASCII form of a digit or an X of either width and case, and 0 for any other character.
func numeral(r rune) byte {
	if '０' <= r && r <= '９' || r == 'Ｘ' || r == 'ｘ' {
		r -= fullWidth
	}
	switch {
	case '0' <= r && r <= '9':
		return byte(r)
	case r == 'X' || r == 'x':
		return 'X'
	}
	return 0
}

// checkDigits looks at what 17 digits and a check digit say.
func checkDigits(digits *[numberLen]byte, today time.Time) error {
	if checkDigit(digits[:numberLen-1]) != digits[numberLen-1] {
		return NumberCheck
	}
	if provinces[decimal(digits[:2])] == "" {
		return NumberRegion
	}
	return checkBirth(digits[birthAt:], today)
}

// checkDigit computes the check character of ISO 7064 MOD 11-2 for 17 digits.
func checkDigit(digits []byte) byte {
	product := 0
	for _, c := range digits {
		product = (product + int(c-'0')) * 2 % 11
	}
	return "0123456789X"[(12-product)%11]
}

// checkBirth looks at a date written yyyymmdd.
func checkBirth(date []byte, today time.Time) error {
	year, month, day := decimal(date[:4]), time.Month(decimal(date[4:6])), decimal(date[6:8])
	switch {
	case month < time.January || month > time.December:
		return NumberMonth
	case day < 1 || day > time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day():
		return NumberDay
	case year < earliestBirth:
		return NumberEarly
	}
	y, m, d := today.Date()
	if time.Date(year, month, day, 0, 0, 0, 0, time.UTC).After(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) {
		return NumberFuture
	}
	return nil
}

// decimal reads ASCII digits.
func decimal(digits []byte) int {
	n := 0
	for _, c := range digits {
		n = 10*n + int(c-'0')
	}
	return n
}
