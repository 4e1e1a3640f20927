package statuslist

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"zhenni"
)

// ContentType is the media type of a token, and Typ its type in the header.
const (
	ContentType = "application/statuslist+jwt"
	Typ         = "statuslist+jwt"
)

// MaxToken bounds a token, in bytes: a list of [MaxBytes] that can not be compressed, twice in base64url.
const MaxToken = 2 << 20

// Skew is how far the clock of whoever signed may be ahead of the reader's.
const Skew = time.Minute

// Signer signs lists. It is safe for concurrent use, and its key is not one that signs anything else of this shape.
type Signer interface {
	// Algorithm is the name of JWS: "EdDSA", "ES256".
	Algorithm() string
	// KeyID is what the header names the key by.
	KeyID() string
	// Sign returns the signature over message in the form of JWS: of ES256, r ‖ s.
	Sign(message []byte) ([]byte, error)
}

// Verifier is who knows the keys that may sign.
type Verifier interface {
	// Verify reports whether signature is over message, by a key of that id whose own algorithm is that one.
	Verify(keyID, algorithm string, message, signature []byte) bool
}

// Keys are those that may sign, by id.
type Keys map[string]zhenni.PublicKey

// Verify implements [Verifier].
func (k Keys) Verify(keyID, algorithm string, message, signature []byte) bool {
	key, ok := k[keyID]
	return ok && algorithm == algorithmOf(key) && key.Verify(message, signature)
}

func algorithmOf(key zhenni.PublicKey) string {
	switch key.Algorithm() {
	case zhenni.KeyEd25519:
		return "EdDSA"
	case zhenni.KeyP256:
		return "ES256"
	}
	return ""
}

// Token is a list with what is said of it.
type Token struct {
	// URI is where the list is, and what the credentials in it say that it is.
	URI string
	// IssuedAt and Expires are of whole seconds. Expires is zero where the token does not.
	IssuedAt, Expires time.Time
	// TTL is for how long it may be kept before another is fetched, whole seconds; 0 is not said.
	TTL  time.Duration
	List *List
}

// claims are the members of a token's payload, in the order of their names.
type claims struct {
	Expires  int64      `json:"exp,omitempty"`
	IssuedAt int64      `json:"iat"`
	List     listClaims `json:"status_list"`
	URI      string     `json:"sub"`
	TTL      int64      `json:"ttl,omitempty"`
}

type listClaims struct {
	Bits int    `json:"bits"`
	Lst  string `json:"lst"`
}

// Sign returns the token as a JWT in compact form (draft §5.1). The error is the signer's.
func (t Token) Sign(s Signer) ([]byte, error) {
	lst, err := t.List.encode()
	if err != nil {
		return nil, fmt.Errorf("statuslist: compress: %w", err)
	}
	c := claims{IssuedAt: t.IssuedAt.Unix(), List: listClaims{t.List.bits, lst}, URI: t.URI, TTL: int64(t.TTL / time.Second)}
	if !t.Expires.IsZero() {
		c.Expires = t.Expires.Unix()
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("statuslist: %w", err)
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{s.Algorithm(), s.KeyID(), Typ})
	if err != nil {
		return nil, fmt.Errorf("statuslist: %w", err)
	}
	token := base64.RawURLEncoding.AppendEncode(nil, header)
	token = base64.RawURLEncoding.AppendEncode(append(token, '.'), payload)
	signature, err := s.Sign(token)
	if err != nil {
		return nil, fmt.Errorf("statuslist: sign: %w", err)
	}
	return base64.RawURLEncoding.AppendEncode(append(token, '.'), signature), nil
}

// Read reads the token that was fetched from uri, at the given time: [zhenni.ErrBadValue] unless it is signed by a key of
// keys, for that URI, not expired, and inflates to a list of at most [MaxBytes]. A member that is there twice is refused,
// one that is not known is passed over, and an extension that must be understood is refused. On an error nothing can be said
// of any credential.
func Read(token []byte, uri string, now time.Time, keys Verifier) (Token, error) {
	parts, err := splitToken(token)
	if err != nil {
		return Token{}, err
	}
	keyID, algorithm, err := readHeader(parts.header)
	if err != nil {
		return Token{}, err
	}
	if !keys.Verify(keyID, algorithm, parts.signed, parts.signature) {
		return Token{}, bad("not signed by a key that may")
	}
	return readPayload(parts.payload, uri, now)
}

// readUnsigned is Read of a token that was signed here. Whoever is given it checks the signature.
func readUnsigned(token []byte, uri string, now time.Time) (Token, error) {
	parts, err := splitToken(token)
	if err != nil {
		return Token{}, err
	}
	return readPayload(parts.payload, uri, now)
}

// tokenParts are a JWT's, decoded, and what of it is signed.
type tokenParts struct{ header, payload, signature, signed []byte }

func splitToken(token []byte) (tokenParts, error) {
	if len(token) > MaxToken {
		return tokenParts{}, bad("more than %d bytes", MaxToken)
	}
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 {
		return tokenParts{}, bad("not a JWT in compact form")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(string(part)); err != nil || bytes.ContainsAny(part, "\r\n") {
			return tokenParts{}, bad("not base64url")
		}
	}
	return tokenParts{decoded[0], decoded[1], decoded[2], token[:len(parts[0])+1+len(parts[1])]}, nil
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: status list token: %s", zhenni.ErrBadValue, fmt.Sprintf(format, args...))
}

func readHeader(text []byte) (keyID, algorithm string, err error) {
	var typ string
	err = object(text, func(name string, value json.RawMessage) error {
		switch name {
		case "alg":
			return exactly(value, &algorithm)
		case "kid":
			return exactly(value, &keyID)
		case "typ":
			return exactly(value, &typ)
		case "crit":
			return bad("an extension that must be understood")
		}
		return nil
	})
	if err == nil && typ != Typ {
		err = bad("typ is not " + Typ)
	}
	return keyID, algorithm, err
}

// readPayload reads what a key was found to have signed.
func readPayload(text []byte, uri string, now time.Time) (Token, error) {
	var t Token
	var notBefore time.Time
	err := object(text, func(name string, value json.RawMessage) error {
		switch name {
		case "sub":
			return exactly(value, &t.URI)
		case "iat":
			return readTime(value, &t.IssuedAt)
		case "exp":
			return readTime(value, &t.Expires)
		case "nbf":
			return readTime(value, &notBefore)
		case "ttl":
			return readTTL(value, &t.TTL)
		case "status_list":
			return readList(value, &t.List)
		}
		return nil
	})
	switch {
	case err != nil:
		return Token{}, err
	case t.URI != uri || uri == "":
		return Token{}, bad("of another URI")
	case t.List == nil || t.IssuedAt.IsZero():
		return Token{}, bad("without iat or status_list")
	case t.IssuedAt.After(now.Add(Skew)) || notBefore.After(now.Add(Skew)):
		return Token{}, bad("of the future")
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return Token{}, bad("expired")
	}
	return t, nil
}

// maxSeconds keeps what is read within the years of four digits.
const maxSeconds = 253402300799

// readTime reads a time in whole seconds since 1970, and not 1970 itself.
func readTime(value json.RawMessage, t *time.Time) error {
	var seconds int64
	if err := exactly(value, &seconds); err != nil || seconds <= 0 || seconds > maxSeconds {
		return bad("a time that is none of whole seconds")
	}
	*t = time.Unix(seconds, 0).UTC()
	return nil
}

func readTTL(value json.RawMessage, ttl *time.Duration) error {
	var seconds int64
	if err := exactly(value, &seconds); err != nil || seconds <= 0 || seconds > math.MaxInt64/int64(time.Second) {
		return bad("ttl is not a positive number of whole seconds")
	}
	*ttl = time.Duration(seconds) * time.Second
	return nil
}

func readList(value json.RawMessage, list **List) error {
	var bits int
	var lst string
	err := object(value, func(name string, value json.RawMessage) error {
		switch name {
		case "bits":
			return exactly(value, &bits)
		case "lst":
			return exactly(value, &lst)
		}
		return nil
	})
	if err == nil {
		*list, err = decode(bits, lst)
	}
	return err
}
