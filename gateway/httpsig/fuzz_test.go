package httpsig

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is read of Signature-Input is canonical: written again from what was understood, it is the same.
//
// FAULTS: L12
func FuzzSignatureInput(f *testing.F) {
	f.Add([]byte(`sig=("@method" "@authority" "@path" "@query" "content-digest");created=1700000000;nonce="bm9uY2Utb2YtYS10ZXN0";keyid="k"`))
	f.Add([]byte(`sig1=("date" "@authority");expires=0;alg="hmac-sha256";tag="zhenni"`))
	f.Add([]byte(`*a-._=();created=999999999999999`))
	f.Fuzz(func(t *testing.T, field []byte) {
		var c Claim
		label, err := c.readInput(field)
		if err != nil {
			return
		}
		if again := string(label) + "=" + writeAgain(&c, string(field)); again != string(field) {
			t.Fatalf("%q was read as %q", field, again)
		}
	})
}

// writeAgain writes what a claim understood, its parameters in the order that the field has.
func writeAgain(c *Claim, field string) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, name := range c.names[:c.covered] {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, `"%s"`, name)
	}
	b.WriteByte(')')
	written := map[string]string{
		"created": fmt.Sprint(c.Created), "expires": fmt.Sprint(c.Expires), "nonce": `"` + string(c.Nonce) + `"`,
		"keyid": `"` + string(c.KeyID) + `"`, "alg": `"` + string(c.alg) + `"`, "tag": `"` + string(c.tag) + `"`,
	}
	_, rest, _ := strings.Cut(field, b.String())
	for rest != "" {
		name, _, _ := strings.Cut(rest[1:], "=")
		one := ";" + name + "=" + written[name]
		if !strings.HasPrefix(rest, one) {
			return b.String() + "!" + rest
		}
		b.WriteString(one)
		rest = rest[len(one):]
	}
	return b.String()
}

// What is read of Signature is canonical too.
//
// FAULTS: L12
func FuzzSignature(f *testing.F) {
	f.Add([]byte("sig=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"))
	f.Add([]byte("sig=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"))
	f.Add([]byte("sig=::"))
	f.Fuzz(func(t *testing.T, field []byte) {
		var c Claim
		if c.readSignature(field, []byte("sig")) != nil {
			return
		}
		if again := "sig=:" + canonical.EncodeToString(c.signature[:c.length]) + ":"; again != string(field) {
			t.Fatalf("%q was read as %q", field, again)
		}
	})
}

// What is read of Content-Digest is canonical but for the spaces around its comma.
//
// FAULTS: L12
func FuzzContentDigest(f *testing.F) {
	const sum256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
	const sum512 = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:"
	f.Add([]byte(sum256))
	f.Add([]byte(sum512 + " ,  " + sum256))
	f.Add([]byte("md5=:Sd/dVLAcvNLSq16eXua5uQ==:"))
	f.Fuzz(func(t *testing.T, field []byte) {
		var d digest
		if d.read(field) != nil {
			return
		}
		var again []string
		if d.has256 {
			again = append(again, "sha-256=:"+canonical.EncodeToString(d.sum256[:])+":")
		}
		if d.has512 {
			again = append(again, "sha-512=:"+canonical.EncodeToString(d.sum512[:])+":")
		}
		tight := strings.ReplaceAll(string(field), " ", "")
		if first := strings.Join(again, ","); tight != first && (len(again) < 2 || tight != again[1]+","+again[0]) {
			t.Fatalf("%q was read as %q", field, first)
		}
	})
}

// What is read of a JWK is a key that is written and read again as the same.
func FuzzParseJWK(f *testing.F) {
	f.Add([]byte(rfcEdwards))
	f.Add([]byte(rfcNist))
	f.Add([]byte(`{"kty":"OKP","crv":"Ed25519","x":"AQ","use":"sig","key_ops":["verify"]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		k, err := ParseJWK(document)
		if err != nil {
			return
		}
		again, err := k.JWK()
		if err != nil {
			t.Fatal(err)
		}
		same, err := ParseJWK(again)
		if err != nil || same.ID() != k.ID() {
			t.Fatalf("%s: %v, %v", again, same, err)
		}
	})
}

// A request by somebody who has no key is refused, whatever it looks like; and none of it makes a line of its own in what
// is signed.
//
// FAULTS: A2
func FuzzRequest(f *testing.F) {
	s := edSigner(f, 1)
	r := signed(f, s)
	signature := bytes.Clone(r.Signature)
	f.Add(string(r.Method), string(r.Authority), string(r.Path), string(r.Query), "application/json", string(r.ContentDigest), string(r.SignatureInput))
	f.Add("GET", "ID.example:443", "", "", "text/plain", "", `a=("@method" "@authority" "@path" "@query");created=1700000000;nonce="bm9uY2Utb2YtYS10ZXN0";keyid="k"`)
	f.Fuzz(func(t *testing.T, method, authority, path, query, media, digest, input string) {
		r := &Request{
			Method: []byte(method), Authority: []byte(authority), TLS: true, Path: []byte(path), Query: []byte(query),
			Fields: []Field{{"content-type", []byte(media)}}, Body: []byte("forged"), ContentDigest: []byte(digest),
			SignatureInput: []byte(input), Signature: signature,
		}
		var c Claim
		if c.Parse(r, time.Unix(testCreated, 0)) != nil {
			return
		}
		if lines := bytes.Count(c.base, []byte("\n")); lines != c.covered {
			t.Fatalf("%d lines for %d components", lines, c.covered)
		}
		if c.Verify(s.Key()) == nil {
			t.Fatalf("taken: %q", c.base)
		}
	})
}
