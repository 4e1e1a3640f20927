package httpsig

import (
	"errors"
	"strings"
	"testing"

	"zhenni"
)

func TestKeysFromPublicKeys(t *testing.T) {
	for name, s := range testSigners(t) {
		public, ok := s.Key().Public()
		if name == "hmac" {
			if ok {
				t.Error("a session key has a public key")
			}
			continue
		}
		k, err := NewKey(public)
		if err != nil || !ok || k.ID() != s.Key().ID() || k.ID() != public.ID() {
			t.Fatalf("%s: %v, %v", name, k, err)
		}
		if err := check(signed(t, s), k); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewKey(zhenni.PublicKey{}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
}

func TestParseJWKS(t *testing.T) {
	jwk := func(s *Signer) string {
		document, err := s.Key().JWK()
		return string(must(t, document, err))
	}
	one, two := jwk(edSigner(t, 1)), jwk(ecSigner(t, 1))
	for _, tt := range []struct {
		document string
		want     int
	}{
		{one, 1}, {`{"keys":[` + one + `,` + two + `]}`, 2},
		{`{"keys":[]}`, 0}, {`{"keys":null}`, 0}, {`[]`, 0}, {``, 0}, {`{}`, 0}, {`{"keys":[` + one + `,` + one + `]}`, 0},
		{`{"keys":[` + strings.Repeat(two+",", zhenni.MaxPartyKeys) + one + `]}`, 0},
		{`{"keys":[` + one + `]} {}`, 0}, {strings.Repeat(" ", maxKeySet) + one, 0},
		{strings.Replace(one, `{`, `{"d":"AAAA",`, 1), 0},
	} {
		keys, err := ParseJWKS([]byte(tt.document))
		if len(keys) != tt.want || (err == nil) != (tt.want > 0) || err != nil && !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%.80s: %d keys, %v", tt.document, len(keys), err)
		}
	}
}

// A body that comes behind its head is checked as one that came with it.
//
// FAULTS: A4 A5
func TestBodyThatFollows(t *testing.T) {
	s := macSigner(t, "k", 1)
	r := signed(t, s)
	body := r.Body
	r.Body, r.BodyFollows = nil, true
	var c Claim
	if err := c.Parse(r, testNow); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(s.Key()); !errors.Is(err, ErrDigest) {
		t.Errorf("verified without its body: %v", err)
	}
	if err := c.VerifyBody(body, nil); !errors.Is(err, ErrSignature) {
		t.Errorf("the body of an unproved head: %v", err)
	}
	if err := c.VerifyHead(macSigner(t, "k", 2).Key()); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if err := c.VerifyBody(body, nil); !errors.Is(err, ErrSignature) {
		t.Errorf("the body of a head that another key was tried on: %v", err)
	}
	if err := c.VerifyHead(s.Key()); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string][]byte{"empty": nil, "short": body[1:], "long": append([]byte("x"), body...)} {
		if err := c.VerifyBody(other, nil); !errors.Is(err, ErrDigest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.VerifyBody(body, nil); err != nil {
		t.Error(err)
	}
	if err := c.VerifyBody(body, &[32]byte{}); !errors.Is(err, ErrDigest) {
		t.Errorf("a digest of another body: %v", err)
	}
}

// A head that promises a body has to cover its digest, and one that promises none can not get one.
//
// FAULTS: A5
func TestBodyThatFollowsIsCovered(t *testing.T) {
	s := macSigner(t, "k", 1)
	r := testRequest()
	r.Body = nil
	if err := s.Sign(r, testStamp()); err != nil {
		t.Fatal(err)
	}
	var c Claim
	if err := c.Parse(r, testNow); err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyHead(s.Key()); err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyBody([]byte("x"), nil); !errors.Is(err, ErrProfile) {
		t.Errorf("a body that nobody promised: %v", err)
	}
	if err := c.VerifyBody(nil, nil); err != nil {
		t.Error(err)
	}
	r.BodyFollows = true
	if err := c.Parse(r, testNow); !errors.Is(err, ErrProfile) {
		t.Errorf("a promised body without a digest: %v", err)
	}
}
