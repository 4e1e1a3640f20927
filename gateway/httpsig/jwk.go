package httpsig

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"zhenni"
)

// maxJWK bounds the document of a key, in bytes; chains of certificates may lie in it.
const maxJWK = 8192

// urlBase64 is how a JWK writes bytes, in one form only.
var urlBase64 = base64.RawURLEncoding.Strict()

// JWK returns the public key as a JSON Web Key (RFC 7517). An HMAC key has none: [zhenni.ErrBadValue].
func (k *Key) JWK() ([]byte, error) {
	if k.algorithm != Ed25519 && k.algorithm != P256 {
		return nil, fmt.Errorf("%w: %s has no public key", zhenni.ErrBadValue, k.algorithm)
	}
	required := k.required()
	return fmt.Appendf(nil, `%s,"kid":"%s","use":"sig"}`, required[:len(required)-1], k.id), nil
}

// required is the JSON of the members that make a public key what it is, as its thumbprint takes them (RFC 7638 §3).
func (k *Key) required() []byte {
	if k.algorithm == Ed25519 {
		return fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, urlBase64.EncodeToString(k.edwards))
	}
	x, y := k.point[1:33], k.point[33:]
	return fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`,
		urlBase64.EncodeToString(x), urlBase64.EncodeToString(y))
}

// thumbprint is the SHA-256 of a key's required members, in base64url (RFC 7638).
func thumbprint(required []byte) string {
	sum := sha256.Sum256(required)
	return urlBase64.EncodeToString(sum[:])
}

// ParseJWK reads a public key for signatures from a JSON Web Key: kty OKP with crv Ed25519 (RFC 8037), or EC with P-256.
// Its id is its thumbprint; a kid is not read, nor is any other member that RFC 7517 lets anybody add. What contradicts
// itself, is for another use, or holds a private key is [zhenni.ErrBadValue].
func ParseJWK(document []byte) (*Key, error) {
	members, err := readMembers(document)
	if err != nil {
		return nil, err
	}
	if _, private := members["d"]; private {
		return nil, badJWK("d: this is a private key; it has to be replaced, for others have seen it")
	}
	return parsePublic(members)
}

// parsePublic reads the members of a public key.
func parsePublic(members jwkMembers) (*Key, error) {
	curve, err := members.text("crv")
	if err != nil {
		return nil, err
	}
	switch curve {
	case "Ed25519":
		if err := members.checkUse("OKP", "EdDSA", "Ed25519"); err != nil {
			return nil, err
		}
		x, err := members.octets("x")
		if err != nil {
			return nil, err
		}
		return NewEd25519(x)
	case "P-256":
		if err := members.checkUse("EC", "ES256"); err != nil {
			return nil, err
		}
		return members.p256()
	}
	return nil, badJWK("crv: want Ed25519 or P-256")
}

func badJWK(fault string) error { return fmt.Errorf("%w: JWK: %s", zhenni.ErrBadValue, fault) }

// jwkMembers are the members of a JWK by name, their values as sent.
type jwkMembers map[string]json.RawMessage

// readMembers reads one JSON object. The decoder of the standard library lets names occur twice and differ in case, and
// mends broken text; so names are read as tokens, and the text is checked before.
func readMembers(document []byte) (jwkMembers, error) {
	switch {
	case len(document) > maxJWK:
		return nil, badJWK("more than 8192 bytes")
	case !utf8.Valid(document):
		return nil, badJWK("not UTF-8")
	}
	in := json.NewDecoder(bytes.NewReader(document))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, badJWK("not a JSON object")
	}
	members := make(jwkMembers)
	for in.More() {
		token, err := in.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, badJWK("not a JSON object")
		}
		if _, twice := members[name]; twice {
			return nil, badJWK("a member occurs twice")
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, badJWK("a member is not JSON")
		}
		members[name] = value
	}
	if _, err := in.Token(); err != nil {
		return nil, badJWK("not a JSON object")
	}
	if _, err := in.Token(); err != io.EOF {
		return nil, badJWK("something follows the object")
	}
	return members, nil
}

// text returns a member that has to be a string.
func (m jwkMembers) text(name string) (string, error) {
	value, found := m[name]
	if !found {
		return "", badJWK(name + " is missing")
	}
	var text *string
	if err := json.Unmarshal(value, &text); err != nil || text == nil {
		return "", badJWK(name + " is not a string")
	}
	return *text, nil
}

// octets returns a member of 32 bytes.
func (m jwkMembers) octets(name string) ([]byte, error) {
	text, err := m.text(name)
	if err != nil {
		return nil, err
	}
	octets, err := urlBase64.DecodeString(text)
	if err != nil || len(octets) != 32 || len(text) != 43 {
		return nil, badJWK(name + " is not 32 bytes in canonical base64url")
	}
	return octets, nil
}

// checkUse refuses a key of another type than its curve's, and one that is not there to verify signatures by one of
// the algorithms.
func (m jwkMembers) checkUse(keyType string, algorithms ...string) error {
	got, err := m.text("kty")
	if err != nil {
		return err
	}
	if got != keyType {
		return badJWK("kty is not the one of crv")
	}
	if err := m.checkOneOf("use", "sig"); err != nil {
		return err
	}
	if err := m.checkOneOf("alg", algorithms...); err != nil {
		return err
	}
	var operations []string
	if value, found := m["key_ops"]; found {
		if json.Unmarshal(value, &operations) != nil || len(operations) != 1 || operations[0] != "verify" {
			return badJWK(`key_ops: want ["verify"]`)
		}
	}
	return nil
}

// checkOneOf refuses a member that is there and says something else.
func (m jwkMembers) checkOneOf(name string, want ...string) error {
	if _, found := m[name]; !found {
		return nil
	}
	if got, err := m.text(name); err != nil || !slices.Contains(want, got) {
		return badJWK(name + " is not the one of a key for signatures by its curve")
	}
	return nil
}

func (m jwkMembers) p256() (*Key, error) {
	x, err := m.octets("x")
	if err != nil {
		return nil, err
	}
	y, err := m.octets("y")
	if err != nil {
		return nil, err
	}
	return NewP256(slices.Concat([]byte{4}, x, y))
}
