package httpsig

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawRequest draws a request that can be signed.
func drawRequest(t *rapid.T) *Request {
	r := &Request{
		Method:    []byte(rapid.SampledFrom([]string{"GET", "POST", "PUT"}).Draw(t, "method")),
		Authority: []byte(rapid.StringMatching(`([A-Za-z0-9-]{1,20}\.){0,3}[A-Za-z]{1,8}(:[0-9]{0,5})?`).Draw(t, "authority")),
		TLS:       rapid.Bool().Draw(t, "tls"),
		Path:      []byte(rapid.StringMatching(`(/[!$-.0-;=@-~]{0,30}){0,4}`).Draw(t, "path")),
		Query:     []byte(rapid.StringMatching(`([!$-.0-;=?@-~]{1,30})?`).Draw(t, "query")),
		Body:      rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
	}
	for _, name := range []string{"content-type", "idempotency-key", "transaction-id"} {
		value := rapid.StringMatching(`([!-~]([ -~]{0,20}[!-~])?)?`).Draw(t, name)
		r.Fields = append(r.Fields, Field{name, []byte(value)})
	}
	if rapid.Bool().Draw(t, "digest at hand") {
		sum := sha256.Sum256(r.Body)
		r.BodySHA256 = &sum
	}
	return r
}

func drawStamp(t *rapid.T) Stamp {
	s := Stamp{
		Created: time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "created"), 0),
		Nonce:   rapid.StringMatching(`[A-Za-z0-9_-]{16,64}`).Draw(t, "nonce"),
	}
	if rapid.Bool().Draw(t, "expires") {
		s.Expires = s.Created.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "seconds")) * time.Second)
	}
	return s
}

func drawDigest(t *rapid.T) DigestAlgorithm {
	return rapid.SampledFrom([]DigestAlgorithm{SHA256, BLAKE3}).Draw(t, "digest")
}

func TestSignThenVerify(t *testing.T) {
	signers := testSigners(t)
	names := []string{"ed25519", "hmac", "p256"}
	var c Claim
	rapid.Check(t, func(t *rapid.T) {
		s := signers[rapid.SampledFrom(names).Draw(t, "algorithm")].Digesting(drawDigest(t))
		r, stamp := drawRequest(t), drawStamp(t)
		if err := s.Sign(r, stamp); err != nil {
			t.Fatalf("sign: %v", err)
		}
		if err := c.Parse(r, stamp.Created); err != nil {
			t.Fatalf("parse: %v", err)
		}
		if err := c.Verify(s.Key()); err != nil {
			t.Fatalf("verify: %v", err)
		}
		for _, f := range r.Fields {
			if c.Covers(f.Name) != (len(f.Value) > 0) {
				t.Fatalf("%s of %q is covered: %v", f.Name, f.Value, c.Covers(f.Name))
			}
		}
	})
}

// parts are all of a request that a signature protects.
func parts(r *Request) []*[]byte {
	all := []*[]byte{&r.Method, &r.Authority, &r.Path, &r.Query, &r.Body, &r.ContentDigest, &r.SignatureInput, &r.Signature}
	for i := range r.Fields {
		all = append(all, &r.Fields[i].Value)
	}
	return slices.DeleteFunc(all, func(part *[]byte) bool { return len(*part) == 0 })
}

// mutate changes one byte of one part in place, adds one or takes one away. It reports whether the request is another one
// by it: the case of a host and the white space around a field are not part of what is said.
func mutate(r *Request, pick func(n int) int) bool {
	before := canonicalParts(r)
	all := parts(r)
	part := all[pick(len(all))]
	at := pick(len(*part))
	switch pick(4) {
	case 0:
		*part = slices.Insert(bytes.Clone(*part), at, byte(pick(256)))
	case 1:
		*part = slices.Delete(bytes.Clone(*part), at, at+1)
	default:
		*part = bytes.Clone(*part)
		(*part)[at] ^= byte(1 + pick(255))
	}
	r.BodySHA256 = nil
	return !slices.EqualFunc(before, canonicalParts(r), bytes.Equal)
}

func canonicalParts(r *Request) [][]byte {
	host, err := r.appendAuthority(nil)
	if err != nil {
		host = bytes.Clone(r.Authority)
	}
	path := r.Path
	if len(path) == 0 {
		path = []byte("/")
	}
	all := [][]byte{r.Method, host, path, r.Query, r.Body, r.ContentDigest, r.SignatureInput, r.Signature}
	for _, f := range r.Fields {
		all = append(all, bytes.Trim(f.Value, " \t"))
	}
	return all
}

// Any change of one byte of anything that is covered is refused.
//
// FAULTS: A2 A4 A12
func TestAnyChangeIsRefused(t *testing.T) {
	signers := testSigners(t)
	names := []string{"ed25519", "hmac", "hmac", "hmac", "p256"}
	var c Claim
	rapid.Check(t, func(t *rapid.T) {
		s := signers[rapid.SampledFrom(names).Draw(t, "algorithm")].Digesting(drawDigest(t))
		r, stamp := drawRequest(t), drawStamp(t)
		if err := s.Sign(r, stamp); err != nil {
			t.Fatalf("sign: %v", err)
		}
		if !mutate(r, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }) {
			t.Skip("the same request")
		}
		if err := c.Parse(r, stamp.Created); err != nil {
			return
		}
		if err := c.Verify(s.Key()); err == nil {
			t.Fatalf("taken: %+v", r)
		}
	})
}

// Every byte of a request, and every other one it can become.
//
// FAULTS: A2 A4 A12
func TestEveryChangeOfAByteIsRefused(t *testing.T) {
	s := macSigner(t, "k", 1)
	r := signed(t, s)
	before := canonicalParts(r)
	for i := range before {
		before[i] = bytes.Clone(before[i])
	}
	var c Claim
	for i, part := range parts(r) {
		for at, was := range *part {
			for value := range 256 {
				(*part)[at] = byte(value)
				if slices.EqualFunc(before, canonicalParts(r), bytes.Equal) {
					continue
				}
				if c.Parse(r, testNow) == nil && c.Verify(s.Key()) == nil {
					t.Fatalf("taken: part %d, byte %d as %#x: %q", i, at, value, *part)
				}
			}
			(*part)[at] = was
		}
	}
	if err := check(r, s.Key()); err != nil {
		t.Fatal(err)
	}
}
