package receipt

import (
	"fmt"
	"strings"
	"time"

	"zhenni"
)

// maxResult bounds the text of a result, in bytes.
const maxResult = 4096

// Clocks may differ by this much: a result from further ahead is refused.
const maxAhead = 5 * time.Second

// Expectations are what a result must be beside well signed. A field that is zero is not looked at, but for Audience.
type Expectations struct {
	// Audience is the id of the relying party that takes the result. A result made for another says nothing to it.
	Audience    string
	Issuer      string
	Transaction string
	// Session is the one that the result has to be of, and Payment what its session was bound to.
	Session zhenni.SessionID
	Payment *zhenni.Payment
	// Now is the clock: nothing from further ahead than five seconds. With MaxAge nothing that is older either.
	Now    time.Time
	MaxAge time.Duration
	// Real refuses what was made for an evaluation.
	Real bool
}

// Verify returns what a result says, once one of the keys has signed it for the audience: [zhenni.ErrBadResult] for anything
// else, [zhenni.ErrBadValue] without an audience. It keeps nothing and is safe for concurrent use.
func Verify(result string, keys Keys, want Expectations) (Claims, error) {
	if want.Audience == "" {
		return Claims{}, fmt.Errorf("%w: want the audience that a result is checked for", zhenni.ErrBadValue)
	}
	c, _, err := Open(result, keys)
	if err != nil {
		return Claims{}, err
	}
	if err := want.Check(c); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// Open returns what a result says and the key that signed it, to whomever it is said: whoever acts on it compares the
// audience, as [Verify] does. Errors are [zhenni.ErrBadResult].
func Open(result string, keys Keys) (Claims, Key, error) {
	fail := func(format string, args ...any) (Claims, Key, error) { return Claims{}, Key{}, bad(format, args...) }
	if len(result) > maxResult {
		return fail("%d bytes, want at most %d", len(result), maxResult)
	}
	header, rest, _ := strings.Cut(result, ".")
	payload, signature, parts := strings.Cut(rest, ".")
	if !parts {
		return fail("not three parts with dots between them")
	}
	key, found := keys.of(header)
	if !found {
		return fail("its header is that of none of the %d keys: another key signed it, or it is no result", len(keys))
	}
	sig, err := urlBase64.DecodeString(signature)
	if err != nil || len(signature) != urlBase64.EncodedLen(signatureSize) || len(sig) != signatureSize {
		return fail("its signature is not 64 bytes in base64url")
	}
	if !key.verify([]byte(result[:len(header)+1+len(payload)]), sig) {
		return fail("its signature is not that of key %s: it was changed, or made by somebody else", key.id)
	}
	text, err := urlBase64.DecodeString(payload)
	if err != nil || len(payload) != urlBase64.EncodedLen(len(text)) {
		return fail("its payload is not base64url")
	}
	c, err := parseClaims(text)
	return c, key, err
}

// of finds the key of a header. Nothing in the header is read: it is the one of a key, or none.
func (ks Keys) of(header string) (Key, bool) {
	for _, k := range ks {
		if header == k.protected && header != "" {
			return k, true
		}
	}
	return Key{}, false
}

// Check reports why claims are not those that are wanted, as [zhenni.ErrBadResult].
func (want Expectations) Check(c Claims) error {
	switch {
	case c.Audience != want.Audience:
		return bad("it was made for %s, not for %s", c.Audience, want.Audience)
	case c.Issuer == SandboxIssuer && (want.Real || want.Issuer != SandboxIssuer):
		return bad("it was made by a sandbox, in which nobody is real")
	case want.Issuer != "" && c.Issuer != want.Issuer:
		return bad("it was made by %s, not by %s", c.Issuer, want.Issuer)
	case want.Transaction != "" && c.Transaction != want.Transaction:
		return bad("it is of transaction %s, not of %s", c.Transaction, want.Transaction)
	case want.Session != zhenni.SessionID{} && c.Bound.Session != want.Session:
		return bad("it is not of session %s", want.Session)
	case want.Payment != nil && c.Bound.Payment != want.Payment.Hash():
		return bad("it is of another payment, or of none")
	case want.Real && c.Evaluation:
		return bad("it was made for an evaluation")
	case want.Now.IsZero():
		return nil
	case c.At.After(want.Now.Add(maxAhead)):
		return bad("it is from the future")
	case want.MaxAge > 0 && want.Now.Sub(c.At) > want.MaxAge:
		return bad("it is older than %v", want.MaxAge)
	}
	return nil
}
