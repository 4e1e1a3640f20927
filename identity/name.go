package identity

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The bounds of a name in its one form, and of what it is made from.
const (
	MaxNameRunes = 100
	MaxNameBytes = 300
	maxRawName   = 1024
	// nfcGrowth is how much longer NFC and NFD can make a text in UTF-8 (UAX #15).
	nfcGrowth = 3

	dotAbove = '\u0307'
)

// Name is a name that [ParseName] found sound, in its one form. Its copies share one memory: [Name.Forget] on one is it
// on all. The zero Name, and a forgotten one, is none. It is safe for concurrent use until it is forgotten.
type Name struct {
	redacted
	text hidden[nameText]
}

type nameText struct {
	bytes [MaxNameBytes]byte
	n     int
}

// ParseName brings a name into its one form: NFC, full-width Latin as ASCII, the middle dot as U+00B7, single spaces, and
// none at the ends or beside a middle dot. A name is of Han and one other script at most, with the punctuation that
// script has in names; anything else is a [Fault]. The text is read only and not kept.
func ParseName(text []byte) (Name, error) {
	if len(text) > maxRawName {
		return Name{}, NameLong
	}
	if !utf8.Valid(text) {
		return Name{}, NameEncoding
	}
	spelled := make([]byte, 0, maxRawName)
	composed := make([]byte, 0, nfcGrowth*maxRawName)
	defer func() { clear(spelled[:cap(spelled)]); clear(composed[:cap(composed)]) }()
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		spelled = utf8.AppendRune(spelled, respell(r))
	}
	composed = tidy(norm.NFC.Append(composed, spelled...))
	if err := checkName(composed); err != nil {
		return Name{}, err
	}
	kept := &nameText{n: len(composed)}
	copy(kept.bytes[:], composed)
	return Name{text: hide(kept)}, nil
}

// Reveal returns the name as it may be shown to the person themself. The string can not be overwritten: whoever takes it
// has to let go of it.
func (n Name) Reveal() string { return string(n.bytes()) }

// Forget overwrites the name, in all copies of it.
func (n Name) Forget() {
	if text := n.text.get(); text != nil {
		*text = nameText{}
	}
}

// bytes returns the text, which is empty for no name and for one that was forgotten.
func (n Name) bytes() []byte {
	text := n.text.get()
	if text == nil {
		return nil
	}
	return text.bytes[:text.n]
}

// folded calls use with the form in which names are compared, NFC without case and without spaces, in memory that is
// overwritten after. Case is folded on the decomposed text, so that it depends on nothing but what is canonically the
// same; the dot above an i goes, since that is all that the capital with a dot and the small letter differ by.
func (n Name) folded(use func([]byte)) {
	decomposed := norm.NFD.Append(make([]byte, 0, nfcGrowth*MaxNameBytes), n.bytes()...)
	lower := make([]byte, 0, 2*cap(decomposed))
	composed := make([]byte, 0, cap(lower))
	defer func() { clear(decomposed); clear(lower[:cap(lower)]); clear(composed[:cap(composed)]) }()
	var base rune
	for text := decomposed; len(text) > 0; {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		r = unicode.ToLower(unicode.ToUpper(r))
		if !unicode.Is(unicode.Mn, r) {
			base = r
		}
		if r != ' ' && (r != dotAbove || base != 'i') {
			lower = utf8.AppendRune(lower, r)
		}
	}
	composed = norm.NFC.Append(composed, lower...)
	use(composed)
}

// tidy leaves one space of a run, and none at the ends or beside a middle dot. It works in place.
func tidy(text []byte) []byte {
	const dot = string(middleDot)
	out := text[:0]
	for _, c := range text {
		if c == ' ' && (len(out) == 0 || out[len(out)-1] == ' ' || bytes.HasSuffix(out, []byte(dot))) {
			continue
		}
		if out = append(out, c); bytes.HasSuffix(out, []byte(" "+dot)) {
			out = append(out[:len(out)-len(dot)-1], dot...)
		}
	}
	return bytes.TrimSuffix(out, []byte(" "))
}

// checkName looks at a tidy text in NFC.
func checkName(text []byte) error {
	switch {
	case len(text) == 0:
		return NameEmpty
	case len(text) > MaxNameBytes || utf8.RuneCount(text) > MaxNameRunes:
		return NameLong
	}
	var s spelling
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if err := s.next(r); err != nil {
			return err
		}
	}
	return s.end()
}

// spelling is how far the characters of a name make one.
type spelling struct {
	// other is the script besides Han.
	other *script
	// bearer is the script of the letter that a mark or a dot may follow now, nil after anything else; marks are on it.
	bearer *script
	marks  int
	// dotted: the last was a middle dot, which wants a letter next.
	dotted, hasHan, hasOther bool
}

func (s *spelling) next(r rune) error {
	switch {
	case r == middleDot:
		if s.bearer == nil {
			return NameDot
		}
		s.bearer, s.dotted = nil, true
		return nil
	case r == ' ': // tidy left none after a dot
		s.bearer = nil
		return nil
	case han.letters.has(r):
		s.bearer, s.dotted, s.hasHan, s.marks = &han, false, true, 0
		return nil
	}
	for i := range others {
		if used, err := s.in(&others[i], r); used || err != nil {
			return err
		}
	}
	return stranger(r)
}

// in takes r if it is of the script other.
func (s *spelling) in(other *script, r rune) (bool, error) {
	letter, mark := other.letters.has(r), other.marks.has(r)
	if !letter && !mark && !strings.ContainsRune(other.punctuation, r) {
		return false, nil
	}
	if s.other != nil && s.other != other {
		return true, NameMixed
	}
	s.other = other
	switch {
	case letter:
		s.bearer, s.dotted, s.hasOther, s.marks = other, false, true, 0
	case mark:
		if s.marks++; s.bearer != other || s.marks > other.stack {
			return true, NameMark
		}
	case s.dotted:
		return true, NameDot
	default:
		s.bearer = nil
	}
	return true, nil
}

// end says what is missing at the end.
func (s *spelling) end() error {
	switch {
	case s.dotted:
		return NameDot
	case !s.hasHan && !s.hasOther:
		return NameNoLetter
	case s.other != nil && !s.hasOther:
		return NamePunctuation
	}
	return nil
}
