package httpsig

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"math/big"
	"strings"
	"testing"

	"zhenni/simd"
)

// What is signed is verified, with a body and without, and the claim tells what was said.
func TestSignedRequestsAreVerified(t *testing.T) {
	for name, s := range testSigners(t) {
		t.Run(name, func(t *testing.T) {
			var c Claim
			for _, body := range [][]byte{[]byte("{}"), nil, bytes.Repeat([]byte("x"), 100_000)} {
				r := testRequest()
				r.Body = body
				if err := s.Sign(r, testStamp()); err != nil {
					t.Fatal(err)
				}
				if err := c.Parse(r, testNow); err != nil {
					t.Fatal(err)
				}
				if err := c.Verify(s.Key()); err != nil {
					t.Errorf("%d bytes: %v", len(body), err)
				}
				if c.Covers("content-digest") != (len(body) > 0) || len(r.ContentDigest) > 0 != (len(body) > 0) {
					t.Errorf("%d bytes: digest %q", len(body), r.ContentDigest)
				}
			}
			if string(c.KeyID) != s.Key().ID() || string(c.Nonce) != testNonce || c.Created != testCreated || c.Expires != 0 {
				t.Errorf("claims %s %s %d %d", c.KeyID, c.Nonce, c.Created, c.Expires)
			}
			if !c.Covers("content-type") || c.Covers("transaction-id") || c.Covers("date") {
				t.Error("covers other fields than the request has")
			}
		})
	}
}

// A claim that was not read, or not to its end, verifies with no key, whatever it held before.
func TestClaimThatWasNotRead(t *testing.T) {
	s := edSigner(t, 1)
	var c Claim
	wantRefusal(t, c.Verify(s.key), ErrSyntax, "there is no claim")
	if err := c.Parse(signed(t, s), testNow); err != nil {
		t.Fatal(err)
	}
	late := signed(t, s)
	late.Path = []byte("relative")
	if err := c.Parse(late, testNow); err == nil {
		t.Fatal("read")
	}
	wantRefusal(t, c.Verify(s.key), ErrSyntax, "there is no claim")
}

// FAULTS: A2 A3 A7
func TestKeysOfOthers(t *testing.T) {
	old, next := edSigner(t, 1), edSigner(t, 2)
	if old.key.id == next.key.id {
		t.Fatal("two keys of one id")
	}
	wantRefusal(t, check(signed(t, old), next.key), ErrKey, "keyid is of another key")
	wantRefusal(t, check(signed(t, old), nil), ErrKey, "keyid is of another key")
	wantRefusal(t, check(signed(t, old), new(Key)), ErrKey, "keyid is of another key")
	// Somebody who has the new key signs in the name of the old one.
	r := testRequest()
	signAs(t, next, r, `sig=`+allComponents+`;created=$C;nonce="$N";keyid="`+old.key.id+`"`)
	wantRefusal(t, check(r, old.key), ErrSignature, "not made by the key")
	// Somebody who has no key takes the public one for the secret of an HMAC.
	for _, public := range [][]byte{old.key.edwards, ecSigner(t, 1).key.point} {
		forged, err := NewHMACSigner("forged", public)
		forged = must(t, forged, err)
		for _, alg := range []string{"", `;alg="hmac-sha256"`} {
			r := testRequest()
			signAs(t, forged, r, `sig=`+allComponents+`;created=$C;nonce="$N";keyid="`+old.key.id+`"`+alg)
			if err := check(r, old.key); !errors.Is(err, ErrKey) && !errors.Is(err, ErrSignature) {
				t.Errorf("alg %q: %v", alg, err)
			}
		}
	}
	// A key that has the id of another algorithm's.
	for _, s := range testSigners(t) {
		for name, other := range testSigners(t) {
			if other.key.algorithm == s.key.algorithm {
				continue
			}
			other.key.id = s.key.id
			if err := check(signed(t, s), other.key); !errors.Is(err, ErrSignature) {
				t.Errorf("%v with %s: %v", s.key, name, err)
			}
		}
	}
}

// A session key signs each request anew: the signature of one is worth nothing on the next.
//
// FAULTS: A12 A17
func TestSignatureIsOfOneRequest(t *testing.T) {
	for name, s := range testSigners(t) {
		first := signed(t, s)
		if err := check(first, s.key); err != nil {
			t.Fatal(err)
		}
		for part, change := range map[string]func(*Request){
			"method": func(r *Request) { r.Method = []byte("GET") },
			"host":   func(r *Request) { r.Authority = []byte("other.example") },
			"port":   func(r *Request) { r.Authority = []byte("id.example:8443") },
			"scheme": func(r *Request) { r.TLS, r.Authority = false, []byte("id.example:443") },
			"path":   func(r *Request) { r.Path = []byte("/v1/verifications/") },
			"query":  func(r *Request) { r.Query = nil },
			"field":  func(r *Request) { r.Fields[1].Value = []byte("order-18") },
			"nonce":  func(r *Request) { replace(t, &r.SignatureInput, testNonce, "bm9uY2Utb2YtYS10ZXN1") },
			"time":   func(r *Request) { replace(t, &r.SignatureInput, "1700000000", "1700000001") },
		} {
			second := *first
			second.Fields = append([]Field(nil), first.Fields...)
			change(&second)
			if err := check(&second, s.key); !errors.Is(err, ErrSignature) {
				t.Errorf("%s: %s: %v", name, part, err)
			}
		}
	}
}

// Every digest is the body's, whoever computed it and whichever is wrong.
//
// FAULTS: A4 A6
func TestBodyIsTheOneThatWasSigned(t *testing.T) {
	s := macSigner(t, "k", 1)
	body := testRequest().Body
	other := []byte(`{"credential":"ffeeddccbbaa99887766554433221100"}`)
	d256 := func(body []byte) string { return string(appendDigest(nil, "sha-256", sha256.Sum256(body))) }
	d3 := func(body []byte) string { return string(appendDigest(nil, "blake3", simd.Blake3(body))) }
	d512 := func(body []byte) string {
		sum := sha512.Sum512(body)
		return "sha-512=:" + canonical.EncodeToString(sum[:]) + ":"
	}
	for _, e := range []struct {
		name, field string
		body        []byte
		want        error
	}{
		{"sha-256", d256(body), body, nil},
		{"sha-512", d512(body), body, nil},
		{"both", d512(body) + ", " + d256(body), body, nil},
		{"body changed", d256(body), other, ErrDigest},
		{"body longer", d256(body), append(bytes.Clone(body), ' '), ErrDigest},
		{"body gone", d256(body), nil, ErrDigest},
		{"sha-512 changed", d512(body), other, ErrDigest},
		{"sha-256 of another", d256(other) + ", " + d512(body), body, ErrDigest},
		{"sha-512 of another", d256(body) + ", " + d512(other), body, ErrDigest},
		{"none, and signed as such", d256(nil), nil, nil},
		{"blake3", d3(body), body, nil},
		{"all three", d3(body) + ", " + d512(body) + ", " + d256(body), body, nil},
		{"blake3, body changed", d3(body), other, ErrDigest},
		{"blake3, body gone", d3(body), nil, ErrDigest},
		{"blake3 of another", d256(body) + ", " + d3(other), body, ErrDigest},
		{"sha-256 of another, beside blake3", d256(other) + ", " + d3(body), body, ErrDigest},
		{"sha-256 in the name of blake3", "blake3" + strings.TrimPrefix(d256(body), "sha-256"), body, ErrDigest},
		{"blake3 in the name of sha-256", "sha-256" + strings.TrimPrefix(d3(body), "blake3"), body, ErrDigest},
	} {
		for _, given := range []bool{false, true} {
			r := testRequest()
			r.ContentDigest = []byte(e.field)
			signAs(t, s, r, "sig="+allComponents+allParameters)
			if r.Body = e.body; given {
				sum := sha256.Sum256(r.Body)
				r.BodySHA256 = &sum
			}
			if err := check(r, s.key); !errors.Is(err, e.want) || (err == nil) != (e.want == nil) {
				t.Errorf("%s, given %v: %v, want %v", e.name, given, err, e.want)
			}
		}
	}
	// A body that nothing covers, and a digest that nothing covers.
	r := testRequest()
	r.ContentDigest = []byte{}
	signAs(t, s, r, `sig=("@method" "@authority" "@path" "@query")`+allParameters)
	wantRefusal(t, check(r, s.key), ErrProfile, "does not cover content-digest")
	r = testRequest()
	r.ContentDigest = []byte(d256(body))
	signAs(t, s, r, `sig=("@method" "@authority" "@path" "@query")`+allParameters)
	r.Body = nil
	wantRefusal(t, check(r, s.key), ErrProfile, "does not cover content-digest")
}

// A body is hashed for nobody whose signature is wrong, and a digest that is at hand saves the operation with the key.
//
// FAULTS: O9
func TestCostliestLast(t *testing.T) {
	s := edSigner(t, 1)
	r := signed(t, s)
	r.Body = []byte("another")
	wantRefusal(t, check(r, s.key), ErrDigest, "not of this body")
	copy(r.Signature[5:], "AAAA")
	wantRefusal(t, check(r, s.key), ErrSignature, "not made by the key")
	sum := sha256.Sum256(r.Body)
	r.BodySHA256 = &sum
	wantRefusal(t, check(r, s.key), ErrDigest, "not of this body")
}

// order of the group of edwards25519, and of P-256.
var edwardsOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// What can be made of a signature without its key: another that is as good by Ed25519 is refused for its form; by P-256
// there is one more, which is why nothing is known by the bytes of its signature.
//
// FAULTS: A19
func TestMalleatedSignatures(t *testing.T) {
	s := edSigner(t, 1)
	r := signed(t, s)
	c := parsed(t, r)
	number := func(littleEndian []byte) *big.Int {
		n := new(big.Int)
		for i := len(littleEndian) - 1; i >= 0; i-- {
			n.Or(n.Lsh(n, 8), big.NewInt(int64(littleEndian[i])))
		}
		return n
	}
	scalar := number(c.signature[32:64])
	for multiple := int64(1); multiple <= 15; multiple++ {
		n := new(big.Int).Add(scalar, new(big.Int).Mul(edwardsOrder, big.NewInt(multiple)))
		if n.BitLen() > 256 {
			continue
		}
		for i, b := range n.FillBytes(make([]byte, 32)) {
			c.signature[63-i] = b
		}
		wantRefusal(t, c.Verify(s.key), ErrSignature, "not made by the key")
	}

	p := ecSigner(t, 1)
	c = parsed(t, signed(t, p))
	order := elliptic.P256().Params().N
	mirrored := new(big.Int).Sub(order, new(big.Int).SetBytes(c.signature[32:64]))
	mirrored.FillBytes(c.signature[32:64])
	if err := c.Verify(p.key); err != nil {
		t.Errorf("the mirrored s: %v", err)
	}
	for name, half := range map[string]*big.Int{"zero": new(big.Int), "order": order, "beyond": new(big.Int).Add(order, big.NewInt(1))} {
		for at := range 2 {
			c := parsed(t, signed(t, p))
			half.FillBytes(c.signature[32*at : 32*at+32])
			if err := c.Verify(p.key); !errors.Is(err, ErrSignature) {
				t.Errorf("%s at %d: %v", name, at, err)
			}
		}
	}
}

func parsed(t testing.TB, r *Request) *Claim {
	t.Helper()
	c := new(Claim)
	if err := c.Parse(r, testNow); err != nil {
		t.Fatal(err)
	}
	return c
}

// What no service would take is not signed.
func TestSignRefusesWhatParseDoes(t *testing.T) {
	s := edSigner(t, 1)
	for name, e := range map[string]struct {
		change func(*Request, *Stamp)
		want   error
	}{
		"short nonce":        {func(_ *Request, stamp *Stamp) { stamp.Nonce = "short" }, ErrProfile},
		"nonce with a quote": {func(_ *Request, stamp *Stamp) { stamp.Nonce = testNonce + `";tag="x` }, ErrSyntax},
		"expired":            {func(_ *Request, stamp *Stamp) { stamp.Expires = stamp.Created }, ErrTime},
		"before 1970":        {func(_ *Request, stamp *Stamp) { stamp.Created = stamp.Created.AddDate(-100, 0, 0) }, ErrSyntax},
		"no host":            {func(r *Request, _ *Stamp) { r.Authority = nil }, ErrSyntax},
		"field with a break": {func(r *Request, _ *Stamp) { r.Fields[0].Value = []byte("a\nb") }, ErrSyntax},
		"field with a quote": {func(r *Request, _ *Stamp) { r.Fields[0].Name = `x" "y` }, ErrProfile},
		"too many fields":    {func(r *Request, _ *Stamp) { r.Fields = manyFields(12) }, ErrProfile},
	} {
		r, stamp := testRequest(), testStamp()
		e.change(r, &stamp)
		if err := s.Sign(r, stamp); !errors.Is(err, e.want) || len(r.Signature) > 0 {
			t.Errorf("%s: %v and %q, want %v", name, err, r.Signature, e.want)
		}
	}
	r := testRequest()
	r.Fields = manyFields(11)
	if err := s.Sign(r, testStamp()); err != nil {
		t.Errorf("16 components: %v", err)
	}
}

func manyFields(n int) []Field {
	fields := make([]Field, n)
	for i := range fields {
		fields[i] = Field{Name: "x-" + string(rune('a'+i)), Value: []byte("1")}
	}
	return fields
}
