package identity

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads a JSON text (RFC 8259) strictly and without a copy: strings are unescaped where they are, so the text is
// changed and owns all that comes out of it. It goes no deeper than its caller does.
type scanner struct {
	text []byte
	at   int
}

// readObject reads text as one JSON object and nothing after it, calling member with each name at its value. It reports
// false where the text is not that, or member did.
func readObject(text []byte, member func(s *scanner, name string) bool) bool {
	s := scanner{text: text}
	return utf8.Valid(text) && s.object(member) && s.end()
}

func (s *scanner) object(member func(s *scanner, name string) bool) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		var name []byte
		if !s.string(&name) || !s.take(':') || !member(s, string(name)) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// string reads a string into what has none yet, so that a member that comes twice is refused.
func (s *scanner) string(into *[]byte) bool {
	if *into != nil || !s.take('"') {
		return false
	}
	from, to := s.at, s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			*into = s.text[from:to:to]
			s.at++
			return true
		case c < ' ':
			return false
		case c == '\\':
			r, ok := s.escape()
			if !ok {
				return false
			}
			to += utf8.EncodeRune(s.text[to:s.at], r) // shorter than its escape
		default:
			s.text[to] = c
			to++
			s.at++
		}
	}
	return false
}

// escape reads what begins with a backslash.
func (s *scanner) escape() (rune, bool) {
	const names, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if s.at+2 > len(s.text) {
		return 0, false
	}
	if s.text[s.at+1] == 'u' {
		return s.codePoint()
	}
	i := strings.IndexByte(names, s.text[s.at+1])
	if i < 0 {
		return 0, false
	}
	s.at += 2
	return rune(meant[i]), true
}

// codePoint reads \uxxxx, or two of them that are a surrogate pair.
func (s *scanner) codePoint() (rune, bool) {
	r, ok := s.codeUnit()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	low, ok := s.codeUnit()
	r = utf16.DecodeRune(r, low)
	return r, ok && r != utf8.RuneError
}

func (s *scanner) codeUnit() (rune, bool) {
	const size = len(`\uxxxx`)
	if len(s.text)-s.at < size || s.text[s.at] != '\\' || s.text[s.at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.text[s.at+2 : s.at+size] {
		digit := strings.IndexByte("0123456789abcdef", c|' ')
		if digit < 0 || c < '0' {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	s.at += size
	return r, true
}

// take takes c, after white space.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.text)
}

func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}
