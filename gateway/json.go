package gateway

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A document is one flat JSON object: strings and integers, and a list of strings or of objects where a field is one, under
// distinct, known names. Nothing else is JSON to this service, so nothing else is read: no other nesting, no fraction, no
// literal, nothing after the closing brace. Each of those is an error that names the field.

// A field is one name a document may have, with the value that was found.
type field struct {
	name string
	// value is nil where the field is absent. A string is unescaped, in place; a number is its digits.
	value  []byte
	number bool
	// at is where value begins in the document.
	at int
	// list takes a list instead, its text the value and its elements the items: of strings, or where objects is set of JSON
	// objects as they were sent, of which no more is known than where each ends. It has at most elements of them, 0 being
	// [maxEvidence].
	list, objects bool
	elements      int
	items         [][]byte
}

// reader is the position in a document.
type reader struct {
	data []byte
	at   int
}

// parseDocument reads data into fields, whose values point into data, which it may rewrite where a string has escapes.
// The error is public.
func parseDocument(data []byte, fields []field) error {
	for i := range fields {
		fields[i].value, fields[i].number, fields[i].items = nil, false, nil
	}
	r := reader{data: data}
	if !r.take('{') {
		return refuse(kindItem, "want one JSON object")
	}
	if !r.take('}') {
		for {
			if err := r.member(fields); err != nil {
				return err
			}
			if r.take('}') {
				break
			}
			if !r.take(',') {
				return refuse(kindItem, "the JSON object is malformed")
			}
		}
	}
	if r.space(); r.at != len(r.data) {
		return refuse(kindItem, "there is data after the JSON object")
	}
	return nil
}

func (r *reader) member(fields []field) error {
	r.space()
	name, ok := r.text()
	if !ok || !r.take(':') {
		return refuse(kindItem, "the JSON object is malformed")
	}
	for i := range fields {
		f := &fields[i]
		if string(name) != f.name {
			continue
		}
		if f.value != nil {
			return refuse(kindItem, f.name+" occurs twice")
		}
		if f.list {
			return r.elements(f)
		}
		if f.value, f.number, f.at, ok = r.scalar(); !ok {
			f.value = nil
			return refuse(kindItem, f.name+" is neither a well-formed string nor an integer")
		}
		return nil
	}
	return refuse(kindItem, "there is a field that this route does not take")
}

func (r *reader) space() {
	for r.at < len(r.data) {
		switch r.data[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

// take skips white space and then c, if it is next.
func (r *reader) take(c byte) bool {
	r.space()
	if r.at == len(r.data) || r.data[r.at] != c {
		return false
	}
	r.at++
	return true
}

// scalar reads a string or an integer, and says where its value begins.
func (r *reader) scalar() (value []byte, number bool, at int, ok bool) {
	if r.space(); r.at < len(r.data) && r.data[r.at] == '"' {
		at = r.at + 1
		value, ok = r.text()
		return value, false, at, ok
	}
	at = r.at
	value, ok = r.integer()
	return value, true, at, ok
}

// elements reads a list into the items of f.
func (r *reader) elements(f *field) error {
	most, read, kind := cmp.Or(f.elements, maxEvidence), r.text, "well-formed strings"
	if f.objects {
		read, kind = r.object, "JSON objects"
	}
	r.space()
	f.at = r.at
	ok := r.take('[')
	for first := true; ok && !r.take(']'); first = false {
		ok = first || r.take(',')
		r.space()
		item, found := read()
		f.items = append(f.items, item)
		ok = ok && found && len(f.items) <= most
	}
	if !ok {
		return refuse(kindItem, f.name+" is not a list of at most "+strconv.Itoa(most)+" "+kind)
	}
	f.value = r.data[f.at:r.at:r.at]
	return nil
}

// maxNesting bounds how deep brackets lie in an object.
const maxNesting = 8

// object finds where a JSON object ends, and leaves what is in it to whoever reads it.
func (r *reader) object() ([]byte, bool) {
	if r.at == len(r.data) || r.data[r.at] != '{' {
		return nil, false
	}
	start, depth, quoted := r.at, 0, false
	for ; r.at < len(r.data) && depth <= maxNesting; r.at++ {
		switch c := r.data[r.at]; {
		case quoted && c == '\\':
			r.at++ // what is escaped ends no string
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			if depth--; depth == 0 {
				r.at++
				return r.data[start:r.at:r.at], true
			}
		}
	}
	r.at = min(r.at, len(r.data))
	return nil, false
}

// integer reads an integer of at most 18 digits, in its one written form.
func (r *reader) integer() ([]byte, bool) {
	start := r.at
	if r.at < len(r.data) && r.data[r.at] == '-' {
		r.at++
	}
	digits := r.at
	for r.at < len(r.data) && '0' <= r.data[r.at] && r.data[r.at] <= '9' {
		r.at++
	}
	n := r.at - digits
	if n < 1 || n > 18 || r.data[digits] == '0' && (n > 1 || digits > start) {
		return nil, false
	}
	return r.data[start:r.at:r.at], true
}

// text reads a string. The value is never nil.
func (r *reader) text() ([]byte, bool) {
	if r.at == len(r.data) || r.data[r.at] != '"' {
		return nil, false
	}
	r.at++
	if n := bytes.IndexByte(r.data[r.at:], '"'); n >= 0 && plain(r.data[r.at:r.at+n]) {
		value := r.data[r.at : r.at+n : r.at+n]
		r.at += n + 1
		return value, true
	}
	start, ascii := r.at, true
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '"':
			value := r.data[start:r.at:r.at]
			r.at++
			return value, ascii || utf8.Valid(value)
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// plain reports whether s is ASCII without control characters and backslashes: most strings are, and a vector in base64
// is long, so eight bytes are looked at together.
func plain(s []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		word := binary.LittleEndian.Uint64(s)
		backslash := word ^ ones*'\\'
		if (word|(word-ones*' ')&^word|(backslash-ones)&^backslash)&tops != 0 {
			return false
		}
	}
	for _, c := range s {
		if c < ' ' || c >= utf8.RuneSelf || c == '\\' {
			return false
		}
	}
	return true
}

// escaped reads on from the first backslash of a string, writing what the escapes stand for over them: an escape is
// never shorter than its meaning.
func (r *reader) escaped(start int) ([]byte, bool) {
	value := r.data[start:r.at]
	for r.at < len(r.data) {
		c := r.data[r.at]
		r.at++
		switch {
		case c == '"':
			return value[:len(value):len(value)], utf8.Valid(value)
		case c < ' ':
			return nil, false
		case c == '\\':
			decoded, ok := r.escape()
			if !ok {
				return nil, false
			}
			value = utf8.AppendRune(value, decoded)
		default:
			value = append(value, c)
		}
	}
	return nil, false
}

// escape reads what follows a backslash. A surrogate counts only as half of a pair.
func (r *reader) escape() (rune, bool) {
	if r.at == len(r.data) {
		return 0, false
	}
	c := r.data[r.at]
	r.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return r.unicodeEscape()
	}
	return 0, false
}

func (r *reader) unicodeEscape() (rune, bool) {
	first, ok := r.hex4()
	if !ok || !utf16.IsSurrogate(first) {
		return first, ok
	}
	if r.at+2 > len(r.data) || r.data[r.at] != '\\' || r.data[r.at+1] != 'u' {
		return 0, false
	}
	r.at += 2
	second, ok := r.hex4()
	pair := utf16.DecodeRune(first, second)
	return pair, ok && pair != utf8.RuneError
}

func (r *reader) hex4() (rune, bool) {
	if r.at+4 > len(r.data) {
		return 0, false
	}
	var value rune
	for _, c := range r.data[r.at : r.at+4] {
		switch {
		case '0' <= c && c <= '9':
			value = value<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			value = value<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	r.at += 4
	return value, true
}

// decodeBase64 decodes src into the whole of dst. Only the standard alphabet with canonical padding is taken: the
// exact length leaves no room for the line breaks that the decoder skips, and the padding says that src is not of one
// byte more, which the decoder would write beyond dst.
func decodeBase64(dst, src []byte) bool {
	if len(src) != base64.StdEncoding.EncodedLen(len(dst)) || padding(src) != (3-len(dst)%3)%3 {
		return false
	}
	n, err := strictBase64.Decode(dst, src)
	return err == nil && n == len(dst)
}

// base64Bytes decodes src, which is base64 of at most limit bytes, as [decodeBase64] takes it.
func base64Bytes(src []byte, limit int) (decoded []byte, ok bool) {
	if len(src)%4 != 0 || len(src) > base64.StdEncoding.EncodedLen(limit) {
		return nil, false
	}
	decoded = make([]byte, base64.StdEncoding.DecodedLen(len(src))-padding(src))
	return decoded, decodeBase64(decoded, src)
}

// padding counts the padding at the end of src, at most two.
func padding(src []byte) (n int) {
	for n < min(2, len(src)) && src[len(src)-1-n] == '=' {
		n++
	}
	return n
}

var strictBase64 = base64.StdEncoding.Strict()

// appendString writes s, which is valid UTF-8, as a JSON string.
func appendString[T string | []byte](dst []byte, s T) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// littleEndian is checked at start: vectors are read where they lie, and the wire is little-endian.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
