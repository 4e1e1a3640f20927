package receipt

import (
	"fmt"
	"slices"
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
	payload, key, err := unseal(result, keys, func(k Key) string { return k.protected })
	if err != nil {
		return Claims{}, Key{}, err
	}
	c, err := parseClaims(payload)
	return c, key, err
}

// unseal returns the payload of a text, and which of the keys signed it under the header that header says.
func unseal(text string, keys Keys, header func(Key) string) (payload []byte, key Key, err error) {
	fail := func(format string, args ...any) ([]byte, Key, error) { return nil, Key{}, bad(format, args...) }
	if len(text) > maxResult {
		return fail("%d bytes, want at most %d", len(text), maxResult)
	}
	head, rest, _ := strings.Cut(text, ".")
	written, signature, parts := strings.Cut(rest, ".")
	if !parts {
		return fail("not three parts with dots between them")
	}
	// Nothing in the header is read: it is the one of a key, or none.
	at := slices.IndexFunc(keys, func(k Key) bool { return head == header(k) && head != "" })
	if at < 0 {
		return fail("its header is that of none of the %d keys: another key signed it, or it is no result", len(keys))
	}
	key = keys[at]
	sig, err := urlBase64.DecodeString(signature)
	if err != nil || len(signature) != urlBase64.EncodedLen(signatureSize) || len(sig) != signatureSize {
		return fail("its signature is not 64 bytes in base64url")
	}
	if !key.verify([]byte(text[:len(head)+1+len(written)]), sig) {
		return fail("its signature is not that of key %s: it was changed, or made by somebody else", key.id)
	}
	payload, err = urlBase64.DecodeString(written)
	if err != nil || len(written) != urlBase64.EncodedLen(len(payload)) {
		return fail("its payload is not base64url")
	}
	return payload, key, nil
}

// Check reports why claims are not those that are wanted, as [zhenni.ErrBadResult].
func (want Expectations) Check(c Claims) error {
	switch {
	case want.Transaction != "" && c.Transaction != want.Transaction:
		return bad("it is of transaction %s, not of %s", c.Transaction, want.Transaction)
	case want.Session != zhenni.SessionID{} && c.Bound.Session != want.Session:
		return bad("it is not of session %s", want.Session)
	case want.Payment != nil && c.Bound.Payment != want.Payment.Hash():
		return bad("it is of another payment, or of none")
	}
	return want.checkSaid(c.Issuer, c.Audience, c.Evaluation, c.At)
}

// checkSaid looks at who says something to whom, of whom and when.
func (want Expectations) checkSaid(issuer, audience string, evaluation bool, at time.Time) error {
	switch {
	case audience != want.Audience:
		return bad("it was made for %s, not for %s", audience, want.Audience)
	case issuer == SandboxIssuer && (want.Real || want.Issuer != SandboxIssuer):
		return bad("it was made by a sandbox, in which nobody is real")
	case want.Issuer != "" && issuer != want.Issuer:
		return bad("it was made by %s, not by %s", issuer, want.Issuer)
	case want.Real && evaluation:
		return bad("it was made for an evaluation")
	case want.Now.IsZero():
		return nil
	case at.After(want.Now.Add(maxAhead)):
		return bad("it is from the future")
	case want.MaxAge > 0 && want.Now.Sub(at) > want.MaxAge:
		return bad("it is older than %v", want.MaxAge)
	}
	return nil
}
