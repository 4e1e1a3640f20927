package identity

import "zhenni"

// Fault is what is wrong with an identity, or with the way it is sealed. Its text is one of a fixed table and names the
// field and the fault: nothing of the content can be in it. It wraps [zhenni.ErrBadValue].
type Fault uint8

// The faults of an ID number, in the order they are looked for.
const (
	// NumberEmpty: nothing but spaces.
	NumberEmpty Fault = iota + 1
	// NumberOldForm: 15 digits, the form of GB 11643-1989.
	NumberOldForm
	// NumberLength: neither 18 characters nor 15 digits.
	NumberLength
	// NumberCharacter: a character that is no digit, other than an X at the end.
	NumberCharacter
	// NumberCheck: the check digit of ISO 7064 MOD 11-2 is another. Any one wrong digit, and any two neighbours
	// exchanged, come out so.
	NumberCheck
	// NumberRegion: the first two digits are no province's code of GB/T 2260.
	NumberRegion
	// NumberMonth: no month.
	NumberMonth
	// NumberDay: no day of that month.
	NumberDay
	// NumberEarly: born before the year 1850.
	NumberEarly
	// NumberFuture: born after the day the caller gave.
	NumberFuture
)

// The faults of a name.
const (
	// NameEmpty: nothing but spaces.
	NameEmpty Fault = iota + 32
	// NameEncoding: not UTF-8.
	NameEncoding
	// NameLong: more than [MaxNameRunes] characters or [MaxNameBytes] bytes.
	NameLong
	// NameControl: a control character or a line separator.
	NameControl
	// NameInvisible: a character nobody sees: a mark of writing direction, a joiner, a filler, a variation selector.
	NameInvisible
	// NamePrivateUse: a character of private use, which another machine shows otherwise.
	NamePrivateUse
	// NameUnassigned: a code that is no character.
	NameUnassigned
	// NameDigit: a digit or another numeral.
	NameDigit
	// NameSymbol: a symbol or an emoji.
	NameSymbol
	// NamePunctuation: punctuation that no name has, or none that a name of its letters has.
	NamePunctuation
	// NameScript: a letter of a script, or in a form, that names are not written in here.
	NameScript
	// NameMixed: letters of two scripts besides Han.
	NameMixed
	// NameMark: a combining mark without a letter of its script before it, or one too many.
	NameMark
	// NameDot: a middle dot that does not stand between letters.
	NameDot
	// NameNoLetter: no letter at all.
	NameNoLetter
)

// The faults of a sealed identity, in the order they are looked for.
const (
	// SealedLong: more than [MaxSealed] bytes.
	SealedLong Fault = iota + 64
	// SealedForm: not the compact form of a JWE: five parts of base64url, in their one spelling and of their lengths.
	SealedForm
	// SealedHeader: the header is not a JSON object of alg, enc, kid, typ and epk, each once.
	SealedHeader
	// SealedCompressed: the header has zip. Nothing is inflated.
	SealedCompressed
	// SealedCritical: the header has crit. No extension is understood.
	SealedCritical
	// SealedType: typ is not [SealedTyp], of a PIN [SealedPINTyp], of a rotation key [SealedRotationTyp], of a name
	// [SealedNameTyp].
	SealedType
	// SealedAlgorithm: alg is neither ECDH-ES+A256KW nor ECDH-ES.
	SealedAlgorithm
	// SealedEncryption: enc is not A256GCM.
	SealedEncryption
	// SealedEphemeral: epk is not a public key on P-256, in its one spelling.
	SealedEphemeral
	// SealedKey: kid names no key that is held. The client fetches the engine's key again.
	SealedKey
	// SealedOpen: it does not open: sealed to another key, or changed since.
	SealedOpen
	// SealedPayload: the content is not a JSON object of the strings name, number and transaction, each once.
	SealedPayload
	// SealedTransaction: sealed for another transaction, or session.
	SealedTransaction
	// SealedPINPayload: the content is not a JSON object of the strings pin and transaction, each once.
	SealedPINPayload
)

// SealedRotationPayload: the content is not a JSON object of the strings rotation and session, each once, or the one is not a
// key.
const SealedRotationPayload Fault = 96

// SealedNamePayload: the content is not a JSON object of the strings name and transaction, each once.
const SealedNamePayload Fault = 97

// texts holds no run of three digits, so that a search for digits of a number finds none in any error.
var texts = [...]string{
	NumberEmpty:     "ID number: empty",
	NumberOldForm:   "ID number: the old form of 15 digits, which is not accepted any more; want the form of 18",
	NumberLength:    "ID number: want 18 characters",
	NumberCharacter: "ID number: want 17 digits and a last character 0–9 or X",
	NumberCheck:     "ID number: the check digit does not fit",
	NumberRegion:    "ID number: the first two digits are not the code of a province",
	NumberMonth:     "ID number: the date of birth has a month that is not 1–12",
	NumberDay:       "ID number: the date of birth has a day that its month does not have",
	NumberEarly:     "ID number: the date of birth is too long ago",
	NumberFuture:    "ID number: the date of birth is in the future",

	NameEmpty:       "name: empty",
	NameEncoding:    "name: not UTF-8",
	NameLong:        "name: too long",
	NameControl:     "name: a control character",
	NameInvisible:   "name: an invisible character",
	NamePrivateUse:  "name: a private-use character",
	NameUnassigned:  "name: an unassigned code",
	NameDigit:       "name: a digit",
	NameSymbol:      "name: a symbol or an emoji",
	NamePunctuation: "name: punctuation that such a name does not have",
	NameScript:      "name: a letter of a script or form that is not accepted",
	NameMixed:       "name: letters of more than one script besides Han",
	NameMark:        "name: a combining mark out of place",
	NameDot:         "name: a middle dot that is not between letters",
	NameNoLetter:    "name: no letter",

	SealedLong:        "sealed text: too long",
	SealedForm:        "sealed text: not a JWE in compact form",
	SealedHeader:      "sealed text: want a header of alg, enc, kid, typ and epk, each once",
	SealedCompressed:  "sealed text: compressed, which is not accepted",
	SealedCritical:    "sealed text: a critical extension, which is not understood",
	SealedType:        "sealed text: not of the type that belongs here",
	SealedAlgorithm:   "sealed text: alg is not one that is accepted",
	SealedEncryption:  "sealed text: enc is not one that is accepted",
	SealedEphemeral:   "sealed text: epk is not a public key on the curve of the key",
	SealedKey:         "sealed text: kid names no key in use; fetch the key again",
	SealedOpen:        "sealed text: does not open",
	SealedPayload:     "sealed text: want the strings name, number and transaction, each once",
	SealedTransaction: "sealed text: of another transaction",
	SealedPINPayload:  "sealed text: want the strings pin and transaction, each once",

	SealedRotationPayload: "sealed text: want the strings rotation, of a key, and session, each once",
	SealedNamePayload:     "sealed text: want the strings name and transaction, each once",
}

// Error returns the fixed text.
func (f Fault) Error() string {
	if int(f) < len(texts) && texts[f] != "" {
		return "zhenni: bad value: " + texts[f]
	}
	return "zhenni: bad value: identity"
}

// Unwrap returns [zhenni.ErrBadValue].
func (f Fault) Unwrap() error { return zhenni.ErrBadValue }
