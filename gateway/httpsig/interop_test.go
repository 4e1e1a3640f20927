package httpsig_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/yaronf/httpsign"

	"zhenni/gateway/httpsig"
)

// A peer is one key on both sides: this package and yaronf/httpsign, which shares no code with it.
type peer struct {
	ours     *httpsig.Signer
	signer   func(*httpsign.SignConfig, httpsign.Fields) (*httpsign.Signer, error)
	verifier func(*httpsign.VerifyConfig, httpsign.Fields) (*httpsign.Verifier, error)
}

func peers(t *testing.T) map[string]peer {
	t.Helper()
	edwards := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	nist, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	secret := bytes.Repeat([]byte{7}, 64)
	signerOf := func(s *httpsig.Signer, err error) *httpsig.Signer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return map[string]peer{
		"ed25519": {
			signerOf(httpsig.NewEd25519Signer(edwards)),
			func(c *httpsign.SignConfig, f httpsign.Fields) (*httpsign.Signer, error) {
				return httpsign.NewEd25519Signer(edwards, c, f)
			},
			func(c *httpsign.VerifyConfig, f httpsign.Fields) (*httpsign.Verifier, error) {
				return httpsign.NewEd25519Verifier(edwards.Public().(ed25519.PublicKey), c, f)
			},
		},
		"p256": {
			signerOf(httpsig.NewP256Signer(nist)),
			func(c *httpsign.SignConfig, f httpsign.Fields) (*httpsign.Signer, error) {
				return httpsign.NewP256Signer(*nist, c, f)
			},
			func(c *httpsign.VerifyConfig, f httpsign.Fields) (*httpsign.Verifier, error) {
				return httpsign.NewP256Verifier(nist.PublicKey, c, f)
			},
		},
		"hmac": {
			signerOf(httpsig.NewHMACSigner("session", secret)),
			func(c *httpsign.SignConfig, f httpsign.Fields) (*httpsign.Signer, error) {
				return httpsign.NewHMACSHA256Signer(secret, c, f)
			},
			func(c *httpsign.VerifyConfig, f httpsign.Fields) (*httpsign.Verifier, error) {
				return httpsign.NewHMACSHA256Verifier(secret, c, f)
			},
		},
	}
}

const interopNonce = "aW50ZXJvcGVyYWJpbGl0eQ"

// interopCases are requests that both sides see alike.
var interopCases = []struct{ method, url, body string }{
	{"POST", "https://id.example/v1/verifications?wait=1&x=%20y", `{"a":1}`},
	{"POST", "https://id.example:8443/v1/verification-batches", "{}\n{}\n"},
	{"GET", "https://id.example/v1/profiles", ""},
	{"GET", "https://id.example/a%2Fb?", ""},
}

func components(body string) []string {
	names := []string{"@method", "@authority", "@path", "@query", "content-type"}
	if body != "" {
		names = append(names, "content-digest")
	}
	return names
}

// ours is the same request as theirs.
func ours(theirs *http.Request, body string) *httpsig.Request {
	return &httpsig.Request{
		Method: []byte(theirs.Method), Authority: []byte(theirs.Host), TLS: true,
		Path: []byte(theirs.URL.EscapedPath()), Query: []byte(theirs.URL.RawQuery),
		Fields:        []httpsig.Field{{Name: "content-type", Value: []byte(theirs.Header.Get("Content-Type"))}},
		Body:          []byte(body),
		ContentDigest: []byte(theirs.Header.Get("Content-Digest")), SignatureInput: []byte(theirs.Header.Get("Signature-Input")),
		Signature: []byte(theirs.Header.Get("Signature")),
	}
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestTheirSignaturesAreVerified(t *testing.T) {
	for name, p := range peers(t) {
		for _, e := range interopCases {
			t.Run(name+" "+e.method+" "+e.url, func(t *testing.T) {
				theirs := request(t, e.method, e.url, e.body)
				signTheirs(t, p, theirs, e.body)
				r := ours(theirs, e.body)
				var c httpsig.Claim
				if err := c.Parse(r, time.Now()); err != nil {
					t.Fatalf("%v: %s", err, r.SignatureInput)
				}
				if err := c.Verify(p.ours.Key()); err != nil {
					t.Fatalf("%v: %s", err, r.SignatureInput)
				}
				r.Path = []byte("/v1/other")
				if err := c.Parse(r, time.Now()); err != nil {
					t.Fatal(err)
				}
				if err := c.Verify(p.ours.Key()); !errors.Is(err, httpsig.ErrSignature) {
					t.Errorf("on another path: %v", err)
				}
			})
		}
	}
}

func signTheirs(t *testing.T, p peer, r *http.Request, body string) {
	t.Helper()
	if body != "" {
		digest, err := httpsign.GenerateContentDigestHeader(&r.Body, []string{httpsign.DigestSha512, httpsign.DigestSha256})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Digest", digest)
	}
	config := httpsign.NewSignConfig().SetKeyID(p.ours.Key().ID()).SetNonce(interopNonce).SetExpires(time.Now().Add(time.Minute).Unix())
	signer, err := p.signer(config, httpsign.Headers(components(body)...))
	if err != nil {
		t.Fatal(err)
	}
	input, signature, err := httpsign.SignRequest("theirs", *signer, r)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Signature-Input", input)
	r.Header.Set("Signature", signature)
}

func TestTheyVerifyOurSignatures(t *testing.T) {
	for name, p := range peers(t) {
		for _, e := range interopCases {
			t.Run(name+" "+e.method+" "+e.url, func(t *testing.T) {
				theirs := request(t, e.method, e.url, e.body)
				r := ours(theirs, e.body)
				if err := p.ours.Sign(r, httpsig.Stamp{Created: time.Now(), Nonce: interopNonce}); err != nil {
					t.Fatal(err)
				}
				theirs.Header.Set("Signature-Input", string(r.SignatureInput))
				theirs.Header.Set("Signature", string(r.Signature))
				if e.body != "" {
					theirs.Header.Set("Content-Digest", string(r.ContentDigest))
					err := httpsign.ValidateContentDigestHeader([]string{string(r.ContentDigest)}, &theirs.Body, []string{httpsign.DigestSha256})
					if err != nil {
						t.Error(err)
					}
				}
				verifier, err := p.verifier(httpsign.NewVerifyConfig().SetKeyID(p.ours.Key().ID()), httpsign.Headers(components(e.body)...))
				if err != nil {
					t.Fatal(err)
				}
				if err := httpsign.VerifyRequest("sig", *verifier, theirs); err != nil {
					t.Errorf("%v: %s", err, r.SignatureInput)
				}
				theirs.Method = "PUT"
				if httpsign.VerifyRequest("sig", *verifier, theirs) == nil {
					t.Error("they take it for another method")
				}
			})
		}
	}
}
