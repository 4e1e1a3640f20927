package httpsig

import (
	"bytes"
	"errors"
	"testing"

	"zhenni/simd"
)

// A body in bulk is the one that was signed; one changed in any part of it is not.
//
// FAULTS: A4 A6
func TestBulkBodyIsTheOneThatWasSigned(t *testing.T) {
	s := macSigner(t, "k", 1).Digesting(BLAKE3)
	r := testRequest()
	r.Body = bytes.Repeat([]byte("sixteen chunks. "), 5000)
	if err := s.Sign(r, testStamp()); err != nil {
		t.Fatal(err)
	}
	body := bytes.Clone(r.Body)
	r.Body, r.BodyFollows = nil, true
	var c Claim
	if err := c.Parse(r, testNow); err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyHead(s.Key()); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(body); at += 499 {
		body[at]++
		if err := c.VerifyBody(body, nil); !errors.Is(err, ErrDigest) {
			t.Errorf("byte %d changed: %v", at, err)
		}
		body[at]--
	}
	if got := c.AppendBodyDigest(nil); len(got) > 0 {
		t.Errorf("a digest of a body that is another: %x", got)
	}
	for name, other := range map[string][]byte{"empty": nil, "short": body[:len(body)-1], "long": append(bytes.Clone(body), 0)} {
		if err := c.VerifyBody(other, nil); !errors.Is(err, ErrDigest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.VerifyBody(body, nil); err != nil {
		t.Error(err)
	}
	sum := simd.Blake3(body)
	if got := c.AppendBodyDigest(nil); string(got) != "blake3="+string(sum[:]) || len(got) > MaxBodyDigest {
		t.Errorf("the digest of the body: %x", got)
	}
	if err := c.Parse(signed(t, s), testNow); err != nil || len(c.AppendBodyDigest(nil)) > 0 {
		t.Errorf("a digest of a body that was not looked at, %v", err)
	}
}

// What a signer digests by is its own: the one it was made of keeps SHA-256.
func TestSignersDigest(t *testing.T) {
	s := edSigner(t, 1)
	if got := string(signed(t, s.Digesting(BLAKE3)).ContentDigest); got[:8] != "blake3=:" {
		t.Error(got)
	}
	if got := string(signed(t, s).ContentDigest); got[:9] != "sha-256=:" {
		t.Error(got)
	}
	if s.Digests() != SHA256 || s.Digesting(BLAKE3).Digests() != BLAKE3 {
		t.Error(s.Digests(), s.Digesting(BLAKE3).Digests())
	}
	if err := check(signed(t, s.Digesting(BLAKE3)), s.Key()); err != nil {
		t.Error(err)
	}
}
