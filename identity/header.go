package identity

import (
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// What a sealed identity is, besides a JWE in compact form (RFC 7516) of at most MaxSealed bytes.
const (
	// MaxSealed bounds a sealed identity, in bytes.
	MaxSealed = 4 << 10
	// SealedTyp is the typ of its header, SealedPINTyp that of a sealed PIN, which is of the same form.
	SealedTyp    = "zhenni-identity+jwe"
	SealedPINTyp = "zhenni-pin+jwe"
)

// The sizes of the parts of a JWE of A256GCM, and of a coordinate on P-256, in bytes.
const (
	wrappedKeySize = 40
	nonceSize      = 12
	tagSize        = 16
	coordinateSize = 32
)

// header is what was found at the front of a sealed identity. The slices lie in memory of its own.
type header struct {
	alg, enc, kid, typ []byte
	// kty, crv, x and y are the members of epk.
	kty, crv, x, y []byte
}

// readHeader finds out whether sealed is a JWE of the one kind that is opened, and of that typ, before anything is computed: the library
// that opens it reads more kinds, and more spellings of each, than there is a use for here.
func readHeader(sealed, typ string) (header, error) {
	if len(sealed) > MaxSealed {
		return header{}, SealedLong
	}
	parts, ok := splitCompact(sealed)
	if !ok {
		return header{}, SealedForm
	}
	h, err := parseHeader(parts[0])
	if err != nil {
		return header{}, err
	}
	if err := h.check(typ); err != nil {
		return header{}, err
	}
	keySize := 0
	if string(h.alg) == string(jose.ECDH_ES_A256KW) {
		keySize = wrappedKeySize
	}
	if len(parts[1]) != keySize || len(parts[2]) != nonceSize || len(parts[3]) == 0 || len(parts[4]) != tagSize {
		return header{}, SealedForm
	}
	return h, nil
}

// splitCompact decodes the five parts. A text has one spelling: no padding, no line breaks, no stray bits.
func splitCompact(sealed string) (parts [5][]byte, ok bool) {
	written := strings.SplitN(sealed, ".", len(parts)+1)
	if len(written) != len(parts) {
		return parts, false
	}
	for i, part := range written {
		if parts[i], ok = decode(part); !ok {
			return parts, false
		}
	}
	return parts, true
}

// decode reads base64url (RFC 7515 §2) in its one spelling.
func decode(part string) ([]byte, bool) {
	if strings.ContainsAny(part, "\r\n") { // which the decoder skips
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return decoded, err == nil
}

// parseHeader reads the members of a protected header.
func parseHeader(text []byte) (header, error) {
	var h header
	fault, nested := SealedHeader, false
	ephemeral := func(s *scanner, name string) bool {
		switch name {
		case "kty":
			return s.string(&h.kty)
		case "crv":
			return s.string(&h.crv)
		case "x":
			return s.string(&h.x)
		case "y":
			return s.string(&h.y)
		}
		return false
	}
	ok := readObject(text, func(s *scanner, name string) bool {
		switch name {
		case "alg":
			return s.string(&h.alg)
		case "enc":
			return s.string(&h.enc)
		case "kid":
			return s.string(&h.kid)
		case "typ":
			return s.string(&h.typ)
		case "epk":
			again := nested
			nested = true
			return !again && s.object(ephemeral)
		case "zip":
			fault = SealedCompressed
		case "crit":
			fault = SealedCritical
		}
		return false
	})
	if !ok {
		return header{}, fault
	}
	return h, nil
}

// check looks at the members. Those that are missing are not what they have to be.
func (h *header) check(typ string) error {
	switch {
	case string(h.typ) != typ:
		return SealedType
	case string(h.alg) != string(jose.ECDH_ES_A256KW) && string(h.alg) != string(jose.ECDH_ES):
		return SealedAlgorithm
	case string(h.enc) != string(jose.A256GCM):
		return SealedEncryption
	case string(h.kty) != "EC" || string(h.crv) != "P-256" || !isCoordinate(h.x) || !isCoordinate(h.y):
		return SealedEphemeral
	}
	return nil
}

func isCoordinate(written []byte) bool {
	decoded, ok := decode(string(written))
	return ok && len(decoded) == coordinateSize
}
