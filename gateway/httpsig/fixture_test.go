package httpsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"strings"
	"testing"
	"time"
)

const (
	testNonce   = "bm9uY2Utb2YtYS10ZXN0"
	testCreated = 1_700_000_000
)

var testNow = time.Unix(testCreated, 0).Add(20 * time.Second)

// testSigners are one signer of each algorithm, and one whose key is prepared.
func testSigners(t testing.TB) map[string]*Signer {
	prepared := edSigner(t, 1)
	if err := prepared.key.Prepare(); err != nil {
		t.Fatal(err)
	}
	return map[string]*Signer{
		"ed25519": edSigner(t, 1), "ed25519, prepared": prepared, "p256": ecSigner(t, 1), "hmac": macSigner(t, "session-1", 1),
	}
}

func edSigner(t testing.TB, seed byte) *Signer {
	t.Helper()
	s, err := NewEd25519Signer(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	return must(t, s, err)
}

func ecSigner(t testing.TB, seed byte) *Signer {
	t.Helper()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{seed}, 32))
	s, err2 := NewP256Signer(must(t, private, err))
	return must(t, s, err2)
}

func macSigner(t testing.TB, id string, seed byte) *Signer {
	t.Helper()
	s, err := NewHMACSigner(id, bytes.Repeat([]byte{seed}, MinSecret))
	return must(t, s, err)
}

func must[T any](t testing.TB, value T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// testRequest is a request like that of a relying party.
func testRequest() *Request {
	return &Request{
		Method: []byte("POST"), Authority: []byte("id.example"), TLS: true,
		Path: []byte("/v1/verifications"), Query: []byte("wait=1"),
		Fields: []Field{
			{"content-type", []byte("application/json")},
			{"idempotency-key", []byte("order-17")},
			{"transaction-id", nil},
		},
		Body: []byte(`{"credential":"00112233445566778899aabbccddeeff"}`),
	}
}

func testStamp() Stamp { return Stamp{Created: time.Unix(testCreated, 0), Nonce: testNonce} }

// signed is a test request that s signed.
func signed(t testing.TB, s *Signer) *Request {
	t.Helper()
	r := testRequest()
	if err := s.Sign(r, testStamp()); err != nil {
		t.Fatal(err)
	}
	return r
}

// signAs signs a request by whatever Signature-Input is given, as somebody does who knows of no profile. In it $C stands
// for the time, $N for the nonce and $K for the key id.
func signAs(t testing.TB, s *Signer, r *Request, input string) {
	t.Helper()
	input = strings.NewReplacer("$C", "1700000000", "$N", testNonce, "$K", s.key.id).Replace(input)
	if r.ContentDigest == nil && len(r.Body) > 0 {
		r.ContentDigest = appendDigest(nil, "sha-256", r.bodySHA256())
	}
	r.SignatureInput = []byte(input)
	var c Claim
	base := []byte(input) // of what can not be read there is no base
	if _, err := c.readInput(r.SignatureInput); err == nil {
		if b, err := r.appendBase(nil, c.names[:c.covered], c.parameters); err == nil {
			base = b
		}
	}
	signature, err := s.sign(base)
	name, _, _ := strings.Cut(input, "=")
	r.Signature = canonical.AppendEncode([]byte(name+"=:"), must(t, signature, err))
	r.Signature = append(r.Signature, ':')
}

// check parses and verifies, at testNow.
func check(r *Request, k *Key) error {
	var c Claim
	if err := c.Parse(r, testNow); err != nil {
		return err
	}
	return c.Verify(k)
}
