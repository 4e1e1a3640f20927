package pin

import "zhenni"

// Fault is what is wrong with a PIN. Its text is one of a fixed table: no digit of the PIN can be in it. It wraps
// [zhenni.ErrBadValue].
type Fault uint8

// The faults of a text that is no PIN.
const (
	// Length: not eight characters.
	Length Fault = iota + 1
	// Character: one that is no decimal digit.
	Character
)

// The faults of a PIN that must not be chosen, in the order they are looked for.
const (
	// Repeated: one digit, two or four of them, over and over.
	Repeated Fault = iota + 16
	// Run: every digit as far from the one before as that from its own, counted around from 9 to 0.
	Run
	// BirthDate: the holder's date of birth, whole or in six digits.
	BirthDate
	// Date: a day of the years 1900–2099.
	Date
	// Common: one of those that most people choose.
	Common
)

var texts = [...]string{
	Length:    "PIN: want eight digits",
	Character: "PIN: want digits only",
	Repeated:  "PIN: too easy to guess: the same digits over and over",
	Run:       "PIN: too easy to guess: digits in a row",
	BirthDate: "PIN: too easy to guess: the date of birth",
	Date:      "PIN: too easy to guess: a date",
	Common:    "PIN: too easy to guess: many people choose it",
}

// Error returns the fixed text.
func (f Fault) Error() string {
	if int(f) < len(texts) && texts[f] != "" {
		return "zhenni: bad value: " + texts[f]
	}
	return "zhenni: bad value: PIN"
}

// Unwrap returns [zhenni.ErrBadValue].
func (f Fault) Unwrap() error { return zhenni.ErrBadValue }
