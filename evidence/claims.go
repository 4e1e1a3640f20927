package evidence

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"zhenni"
)

// Kind is what a token is evidence of.
type Kind uint8

// The kinds.
const (
	Liveness Kind = iota + 1
	Possession
	Card
	Document
)

var kindNames = [...]string{Liveness: "liveness", Possession: "possession", Card: "card", Document: "document"}

// String returns the lower-case word for k.
func (k Kind) String() string {
	if k >= Liveness && k <= Document {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Claims are what a token says.
type Claims struct {
	Kind Kind
	// Subject is the credential. It is zero for a capture on which one is to be issued: nothing else is known of it yet.
	Subject zhenni.CredentialID
	// Capture is the SHA-256 of the probe's bytes; without a probe of the text of the sealed PIN, or of no bytes.
	Capture [32]byte
	// Transaction and Party are [zhenni.ValidName]s; so is Terminal, or it is empty where the credential's device signs.
	Transaction, Party, Terminal string
	// Nonce is that of the request's signature, 16–64 characters of the base64url alphabet, or empty.
	Nonce string
	// IssuedAt is in Unix seconds, from 1.
	IssuedAt int64
	// Level is passive or active for [Liveness], none for any other kind.
	Level zhenni.Liveness
	// KeyID is the thumbprint of the key that signs. [Sign] sets it.
	KeyID [32]byte
}

// maxIssuedAt has ten digits; it is in the year 2286.
const maxIssuedAt = 9_999_999_999

// valid reports whether c can be written, and who signs may sign it.
func (c *Claims) valid() bool {
	issue := c.Subject == zhenni.CredentialID{}
	live := c.Level == zhenni.LivenessPassive || c.Level == zhenni.LivenessActive
	switch {
	case !zhenni.ValidName(c.Transaction) || !zhenni.ValidName(c.Party):
		return false
	case c.Terminal != "" && !zhenni.ValidName(c.Terminal), c.Nonce != "" && !validNonce(c.Nonce):
		return false
	case issue && c.Terminal == "" && c.Kind != Possession:
		return false
	case c.IssuedAt < 1 || c.IssuedAt > maxIssuedAt:
		return false
	case c.Kind == Liveness:
		return live
	case c.Kind == Possession:
		return c.Level == zhenni.LivenessNone && c.Terminal == ""
	case c.Kind == Card || c.Kind == Document:
		return c.Level == zhenni.LivenessNone && c.Terminal != ""
	}
	return false
}

func validNonce(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 64
}

// forIssue stands in the place of a credential that is to be issued.
const forIssue = "issue"

// appendTo writes the one form of the claims. They are valid.
func (c *Claims) appendTo(dst []byte) []byte {
	dst = append(append(dst, `{"kind":"`...), c.Kind.String()...)
	dst = append(dst, `","sub":"`...)
	if c.Subject == (zhenni.CredentialID{}) {
		dst = append(dst, forIssue...)
	} else {
		dst = hex.AppendEncode(dst, c.Subject[:])
	}
	dst = base64url.AppendEncode(append(dst, `","capture":"`...), c.Capture[:])
	dst = append(append(dst, `","txn":"`...), c.Transaction...)
	dst = append(append(dst, `","aud":"`...), c.Party...)
	if c.Nonce != "" {
		dst = append(append(dst, `","nonce":"`...), c.Nonce...)
	}
	dst = strconv.AppendInt(append(dst, `","iat":`...), c.IssuedAt, 10)
	if c.Kind == Liveness {
		dst = append(append(append(dst, `,"level":"`...), c.Level.String()...), '"')
	}
	if c.Terminal != "" {
		dst = append(append(append(dst, `,"terminal":"`...), c.Terminal...), '"')
	}
	dst = base64url.AppendEncode(append(dst, `,"kid":"`...), c.KeyID[:])
	return append(dst, `"}`...)
}

// base64url is the alphabet of tokens. Its decoder skips line breaks, for which [decode] leaves no room.
var base64url = base64.RawURLEncoding.Strict()

// decode decodes src into the whole of dst.
func decode(dst, src []byte) bool {
	if base64url.EncodedLen(len(dst)) != len(src) {
		return false
	}
	n, err := base64url.Decode(dst, src)
	return err == nil && n == len(dst)
}

// decode32 decodes the value of a member.
func decode32(dst *[32]byte, value string) bool {
	var src [43]byte // a copy, for which nothing is allocated
	return copy(src[:], value) == len(value) && decode(dst[:], src[:len(value)])
}

// read reads what appendTo writes, and nothing else: what was understood is written again and compared.
func (c *Claims) read(text string) bool {
	s := scanner{rest: text}
	kind, subject, capture := s.text(`{"kind":"`), s.text(`,"sub":"`), s.text(`,"capture":"`)
	c.Transaction, c.Party = s.text(`,"txn":"`), s.text(`,"aud":"`)
	c.Nonce = s.option(`,"nonce":"`)
	c.IssuedAt = s.number(`,"iat":`)
	level := s.option(`,"level":"`)
	c.Terminal = s.option(`,"terminal":"`)
	kid := s.text(`,"kid":"`)
	if s.failed || s.rest != "}" {
		return false
	}
	for k := Liveness; k <= Document; k++ {
		if kindNames[k] == kind {
			c.Kind = k
		}
	}
	for _, l := range []zhenni.Liveness{zhenni.LivenessPassive, zhenni.LivenessActive} {
		if l.String() == level {
			c.Level = l
		}
	}
	if subject != forIssue && c.Subject.UnmarshalText([]byte(subject)) != nil || !decode32(&c.Capture, capture) || !decode32(&c.KeyID, kid) || !c.valid() {
		return false
	}
	var again [maxClaims]byte
	return string(c.appendTo(again[:0])) == text
}

// maxClaims is no less than the longest claims there are, in bytes.
const maxClaims = 640

// A scanner takes members off the front of the claims. Once it has failed it stays failed.
type scanner struct {
	rest   string
	failed bool
}

// take takes the literal, if it is next.
func (s *scanner) take(literal string) bool {
	rest, found := strings.CutPrefix(s.rest, literal)
	if found {
		s.rest = rest
	}
	return found
}

// text takes a member and returns its value, up to the quotation mark that ends it.
func (s *scanner) text(member string) string {
	if !s.take(member) {
		s.failed = true
		return ""
	}
	value, rest, found := strings.Cut(s.rest, `"`)
	s.rest, s.failed = rest, s.failed || !found
	return value
}

// option is text for a member that may be absent.
func (s *scanner) option(member string) string {
	if !strings.HasPrefix(s.rest, member) {
		return ""
	}
	return s.text(member)
}

// number takes a member of digits.
func (s *scanner) number(member string) int64 {
	if !s.take(member) {
		s.failed = true
		return 0
	}
	digits := len(s.rest) - len(strings.TrimLeft(s.rest, "0123456789"))
	n, err := strconv.ParseInt(s.rest[:digits], 10, 64)
	s.rest, s.failed = s.rest[digits:], s.failed || err != nil
	return n
}
