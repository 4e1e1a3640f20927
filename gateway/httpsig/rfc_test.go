package httpsig

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"testing"
)

// The keys of RFC 9421 B.1.3–B.1.5.
const (
	rfcEdwardsD = "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU"
	rfcEdwards  = `{"kty":"OKP","crv":"Ed25519","kid":"test-key-ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}`
	rfcNistD    = "UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs"
	rfcNist     = `{"kty":"EC","crv":"P-256","kid":"test-key-ecc-p256","x":"qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",` +
		`"y":"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0"}`
	rfcSecret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)

// rfcRequest is the test-request of RFC 9421 B.2.
func rfcRequest() *Request {
	return &Request{
		Method: []byte("POST"), Authority: []byte("example.com"), TLS: true,
		Path: []byte("/foo"), Query: []byte("param=Value&Pet=dog"),
		Fields: []Field{
			{"date", []byte("Tue, 20 Apr 2021 02:07:55 GMT")},
			{"content-type", []byte("application/json")},
			{"content-length", []byte("18")},
		},
		Body:          []byte(`{"hello": "world"}`),
		ContentDigest: []byte("sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"),
	}
}

// rfcResponse is the test-response of B.2, with its status as if it were a field.
func rfcResponse() *Request {
	return &Request{
		Fields: []Field{
			{"@status", []byte("200")}, {"content-type", []byte("application/json")}, {"content-length", []byte("23")},
		},
		Body:          []byte(`{"message": "good dog"}`),
		ContentDigest: []byte("sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"),
	}
}

// rfcProxied is the request of B.3.
func rfcProxied() *Request {
	r := rfcRequest()
	r.Authority = []byte("service.internal.example")
	r.Fields = []Field{{"client-cert", []byte(":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdX" +
		"RoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJD" +
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7" +
		"uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUH" +
		"AwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEA" +
		"x/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:")}}
	return r
}

// rfcTransformed is the request of B.4.
func rfcTransformed() *Request {
	return &Request{
		Method: []byte("GET"), Authority: []byte("example.org"), TLS: true,
		Path: []byte("/demo"), Query: []byte("name1=Value1&Name2=value2"),
		Fields: []Field{{"accept", []byte("application/json, */*")}},
	}
}

func rfcSigners(t testing.TB) (edwards, nist, session *Signer) {
	t.Helper()
	seed, err := urlBase64.DecodeString(rfcEdwardsD)
	edwards, err2 := NewEd25519Signer(ed25519.NewKeyFromSeed(must(t, seed, err)))
	edwards = must(t, edwards, err2)
	d, err := urlBase64.DecodeString(rfcNistD)
	private, err2 := ecdsa.ParseRawPrivateKey(elliptic.P256(), must(t, d, err))
	nist, err = NewP256Signer(must(t, private, err2))
	nist = must(t, nist, err)
	secret, err := base64.StdEncoding.DecodeString(rfcSecret)
	session, err2 = NewHMACSigner("test-shared-secret", must(t, secret, err))
	return edwards, nist, must(t, session, err2)
}

// The examples of RFC 9421 B.2–B.4 by the three algorithms: base, signature, and the signature again where the algorithm
// gives the same one. They cover other things than the profile asks for, so they are built and verified below it.
//
// FAULTS: A2
func TestExamplesOfRFC9421(t *testing.T) {
	edwards, nist, session := rfcSigners(t)
	for _, e := range []struct {
		name             string
		request          *Request
		signer           *Signer
		input, signature string
		lines            string
	}{
		{"B.2.4", rfcResponse(), nist,
			`sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"`,
			"sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:",
			"\"@status\": 200\n\"content-type\": application/json\n\"content-digest\": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41Q" +
				"JgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:\n\"content-length\": 23\n"},
		{"B.2.5", rfcRequest(), session,
			`sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"`,
			"sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
			"\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@authority\": example.com\n\"content-type\": application/json\n"},
		{"B.2.6", rfcRequest(), edwards,
			`sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
			"sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
			"\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@authority\": example.com\n" +
				"\"content-type\": application/json\n\"content-length\": 18\n"},
		{"B.3", rfcProxied(), nist,
			`ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"`,
			"ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:",
			"\"@path\": /foo\n\"@query\": ?param=Value&Pet=dog\n\"@method\": POST\n\"@authority\": service.internal.example\n" +
				"\"client-cert\": " + string(rfcProxied().Fields[0].Value) + "\n"},
		{"B.4", rfcTransformed(), edwards,
			`transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"`,
			"transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:",
			"\"@method\": GET\n\"@path\": /demo\n\"@authority\": example.org\n\"accept\": application/json, */*\n"},
	} {
		t.Run(e.name, func(t *testing.T) {
			var c Claim
			label, err := c.readInput([]byte(e.input))
			base, err2 := e.request.appendBase(nil, c.names[:c.covered], must(t, c.parameters, err))
			want := e.lines + `"@signature-params": ` + e.input[len(label)+1:]
			if got := string(must(t, base, err2)); got != want {
				t.Fatalf("base\n%s\nwant\n%s", got, want)
			}
			if err := c.readSignature([]byte(e.signature), label); err != nil {
				t.Fatal(err)
			}
			if !e.signer.key.verify(base, c.signature[:c.length]) {
				t.Error("the example's signature is refused")
			}
			signature, err := e.signer.sign(base)
			same := string(must(t, signature, err)) == string(c.signature[:c.length])
			if !same && e.signer != nist {
				t.Error("another signature than the example's")
			}
			if !e.signer.key.verify(base, signature) {
				t.Error("the signature is refused by its own key")
			}
		})
	}
}

// The values of RFC 9421 §2.2 and of its rules that have no example.
func TestComponentValues(t *testing.T) {
	host := func(host string, tls bool) *Request { return &Request{Authority: []byte(host), TLS: tls} }
	for _, e := range []struct {
		component string
		request   *Request
		want      string
	}{
		{"@method", &Request{Method: []byte("POST")}, "POST"},
		{"@authority", host("www.example.com", true), "www.example.com"},
		{"@authority", host("WWW.Example.COM:443", true), "www.example.com"},
		{"@authority", host("www.example.com:80", false), "www.example.com"},
		{"@authority", host("www.example.com:80", true), "www.example.com:80"},
		{"@authority", host("www.example.com:443", false), "www.example.com:443"},
		{"@authority", host("www.example.com:0443", true), "www.example.com:0443"},
		{"@authority", host("www.example.com:", true), "www.example.com"},
		{"@authority", host("[2001:DB8::80]", false), "[2001:db8::80]"},
		{"@authority", host("[2001:DB8::1]:80", false), "[2001:db8::1]"},
		{"@path", &Request{Path: []byte("/path")}, "/path"},
		{"@path", &Request{Path: []byte("/a%2Fb/../c//")}, "/a%2Fb/../c//"},
		{"@path", &Request{}, "/"},
		{"@query", &Request{Query: []byte("param=value&foo=bar&baz=batman")}, "?param=value&foo=bar&baz=batman"},
		{"@query", &Request{Query: []byte("queryString")}, "?queryString"},
		{"@query", &Request{Query: []byte("a=?b")}, "?a=?b"},
		{"@query", &Request{}, "?"},
		{"@query", &Request{Query: []byte{}}, "?"},
		{"x", &Request{Fields: []Field{{"x", []byte(" \t a  b\t ")}}}, "a  b"},
	} {
		got, err := e.request.appendComponent(nil, []byte(e.component))
		if err != nil || string(got) != e.want {
			t.Errorf("%s: %q, %v; want %q", e.component, got, err, e.want)
		}
	}
}

// The examples of RFC 9530 B.1 and B.2: a body of 19 bytes, and none.
func TestExamplesOfRFC9530(t *testing.T) {
	const hello = "{\"hello\": \"world\"}\n"
	const (
		hello256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
		hello512 = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:"
		empty256 = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
	)
	for _, e := range []struct {
		field, body string
		want        bool
	}{
		{hello256, hello, true}, {hello512, hello, true}, {empty256, "", true},
		{hello256 + ", " + hello512, hello, true}, {hello512 + "," + hello256, hello, true},
		{hello256, "", false}, {empty256, hello, false},
		{empty256 + ", " + hello512, hello, false}, {hello512 + ", " + empty256, "", false},
	} {
		var d digest
		if err := d.read([]byte(e.field)); err != nil {
			t.Fatalf("%s: %v", e.field, err)
		}
		sum := (&Request{Body: []byte(e.body)}).bodySHA256()
		if made, given := d.matches([]byte(e.body), nil), d.matches([]byte(e.body), &sum); made != e.want || given != e.want {
			t.Errorf("%s: of %q: %v, by its digest %v", e.field, e.body, made, given)
		}
	}
	if got := appendDigest(nil, "sha-256", (&Request{Body: []byte(hello)}).bodySHA256()); string(got) != hello256 {
		t.Errorf("wrote %s", got)
	}
}

// The thumbprints of RFC 7638 §3.1 and RFC 8037 A.3.
func TestThumbprints(t *testing.T) {
	const rsa = `{"e":"AQAB","kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_` +
		`BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb` +
		`9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg` +
		`U8awapJzKnqDKgw"}`
	if got, want := thumbprint([]byte(rsa)), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; got != want {
		t.Errorf("RFC 7638: %s, want %s", got, want)
	}
	const edwards = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	k, err := ParseJWK([]byte(edwards))
	if got, want := must(t, k, err).ID(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; got != want {
		t.Errorf("RFC 8037: %s, want %s", got, want)
	}
}

// The keys of RFC 9421 B.1 are the public halves of the private ones.
func TestKeysOfRFC9421(t *testing.T) {
	edwards, nist, _ := rfcSigners(t)
	for document, signer := range map[string]*Signer{rfcEdwards: edwards, rfcNist: nist} {
		k, err := ParseJWK([]byte(document))
		if got := must(t, k, err).ID(); got != signer.Key().ID() {
			t.Errorf("%s: id %s, want %s", document, got, signer.Key().ID())
		}
	}
}

// The RFC's request inside the profile: its body, its SHA-512 and its keys.
func TestRequestOfRFC9421InTheProfile(t *testing.T) {
	edwards, nist, session := rfcSigners(t)
	for _, s := range []*Signer{edwards, nist, session} {
		r := rfcRequest()
		signAs(t, s, r, `x=("@method" "@authority" "@path" "@query" "content-digest" "date");created=$C;nonce="$N";keyid="$K";alg="`+
			s.key.algorithm.String()+`"`)
		if err := check(r, s.key); err != nil {
			t.Errorf("%v: %v", s.key, err)
		}
	}
}
