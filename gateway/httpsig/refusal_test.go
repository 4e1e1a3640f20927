package httpsig

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	allComponents = `("@method" "@authority" "@path" "@query" "content-digest")`
	allParameters = `;created=$C;nonce="$N";keyid="$K"`
)

// An outsider is a Signature-Input under which its key signed the request as it says, and for which alone
// it is refused. The part of the text that is named is the reason, so that no row passes by another's.
type outsider struct {
	name, input string
	want        error
	reason      string
}

func testOutsiders(t *testing.T, outsiders []outsider) {
	t.Helper()
	s := edSigner(t, 1)
	for _, o := range outsiders {
		t.Run(o.name, func(t *testing.T) {
			r := testRequest()
			signAs(t, s, r, o.input)
			wantRefusal(t, check(r, s.key), o.want, o.reason)
		})
	}
}

// FAULTS: A5 O9
func TestComponentsOutsideTheProfile(t *testing.T) {
	list := func(components string) string { return "sig=(" + components + ")" + allParameters }
	testOutsiders(t, []outsider{
		{"no method", list(`"@authority" "@path" "@query" "content-digest"`), ErrProfile, "does not cover @method"},
		{"no authority", list(`"@method" "@path" "@query" "content-digest"`), ErrProfile, "does not cover @authority"},
		{"no path", list(`"@method" "@authority" "@query" "content-digest"`), ErrProfile, "does not cover @path"},
		{"no query", list(`"@method" "@authority" "@path" "content-digest"`), ErrProfile, "does not cover @query"},
		{"no digest", list(`"@method" "@authority" "@path" "@query"`), ErrProfile, "does not cover content-digest"},
		{"nothing", list(``), ErrProfile, "does not cover @method"},
		{"method twice", list(`"@method" "@authority" "@path" "@query" "content-digest" "@method"`), ErrProfile, "component occurs twice"},
		{"field twice", list(`"content-type" "@method" "@authority" "@path" "@query" "content-type" "content-digest"`), ErrProfile, "component occurs twice"},
		{"field not listed", list(`"@method" "@authority" "@path" "@query" "content-digest" "date"`), ErrProfile, "component that is not taken"},
		{"field in capitals", list(`"@method" "@authority" "@path" "@query" "Content-Digest"`), ErrProfile, "does not cover content-digest"},
		{"field in capitals beside", list(`"@method" "@authority" "@path" "@query" "content-digest" "Content-Type"`), ErrProfile, "component that is not taken"},
		{"field that is absent", list(`"@method" "@authority" "@path" "@query" "content-digest" "transaction-id"`), ErrProfile, "does not have it"},
		{"target-uri", list(`"@method" "@authority" "@path" "@query" "content-digest" "@target-uri"`), ErrProfile, "component that is not taken"},
		{"signature-params", list(`"@method" "@authority" "@path" "@query" "content-digest" "@signature-params"`), ErrProfile, "component that is not taken"},
		{"sf", list(`"@method" "@authority" "@path" "@query" "content-digest";sf`), ErrProfile, "component has a parameter"},
		{"bs", list(`"@method";bs "@authority" "@path" "@query" "content-digest"`), ErrProfile, "component has a parameter"},
		{"key", list(`"@method" "@authority" "@path" "@query" "content-digest";key="sha-256"`), ErrProfile, "component has a parameter"},
		{"req", list(`"@method";req "@authority" "@path" "@query" "content-digest"`), ErrProfile, "component has a parameter"},
		{"tr", list(`"@method" "@authority" "@path" "@query" "content-digest";tr`), ErrProfile, "component has a parameter"},
		{"17 components", list(`"@method" "@authority" "@path" "@query" "content-digest"` + numbered(12)), ErrProfile, "more than 16"},
	})
}

func more(parameters string) string { return "sig=" + allComponents + allParameters + parameters }
func only(parameters string) string { return "sig=" + allComponents + parameters }

// FAULTS: A7 O9
func TestParametersOutsideTheProfile(t *testing.T) {
	testOutsiders(t, []outsider{
		{"no created", only(`;nonce="$N";keyid="$K"`), ErrProfile, "created is missing"},
		{"no nonce", only(`;created=$C;keyid="$K"`), ErrProfile, "nonce is missing"},
		{"no keyid", only(`;created=$C;nonce="$N"`), ErrProfile, "keyid is missing"},
		{"no parameter", only(``), ErrProfile, "keyid is missing"},
		{"nonce of 15", only(`;created=$C;nonce="123456789012345";keyid="$K"`), ErrProfile, "nonce is not"},
		{"nonce of 65", only(`;created=$C;nonce="` + strings.Repeat("a", 65) + `";keyid="$K"`), ErrProfile, "nonce is not"},
		{"nonce with plus", only(`;created=$C;nonce="1234567890123456+";keyid="$K"`), ErrProfile, "nonce is not"},
		{"nonce with space", only(`;created=$C;nonce="12345678 90123456";keyid="$K"`), ErrProfile, "nonce is not"},
		{"empty keyid", only(`;created=$C;nonce="$N";keyid=""`), ErrProfile, "keyid is not"},
		{"keyid of 65", only(`;created=$C;nonce="$N";keyid="` + strings.Repeat("k", 65) + `"`), ErrProfile, "keyid is not"},
		{"keyid with space", only(`;created=$C;nonce="$N";keyid="a b"`), ErrProfile, "keyid is not"},
		{"tag of others", more(`;tag="web-bot-auth"`), ErrProfile, "tag is of another"},
		{"empty tag", more(`;tag=""`), ErrProfile, "tag is of another"},
		{"unknown parameter", more(`;purpose="x"`), ErrProfile, "parameter that is not taken"},
		{"parameter in other case", more(`;Tag="zhenni"`), ErrSyntax, "not a name and a value"},

		{"alg of RSA", more(`;alg="rsa-pss-sha512"`), ErrKey, "alg is not the key's"},
		{"alg of HMAC", more(`;alg="hmac-sha256"`), ErrKey, "alg is not the key's"},
		{"alg none", more(`;alg="none"`), ErrKey, "alg is not the key's"},
		{"alg empty", more(`;alg=""`), ErrKey, "alg is not the key's"},
		{"alg in capitals", more(`;alg="Ed25519"`), ErrKey, "alg is not the key's"},
	})
}

// FAULTS: A8 O9
func TestTimesOutsideTheWindow(t *testing.T) {
	testOutsiders(t, []outsider{
		{"61 s old", only(`;created=1699999959;nonce="$N";keyid="$K"`), ErrTime, "more than 60 s ago"},
		{"6 s ahead", only(`;created=1700000026;nonce="$N";keyid="$K"`), ErrTime, "more than 5 s ahead"},
		{"created 0", only(`;created=0;nonce="$N";keyid="$K"`), ErrTime, "more than 60 s ago"},
		{"created huge", only(`;created=999999999999999;nonce="$N";keyid="$K"`), ErrTime, "more than 5 s ahead"},
		{"created beyond", only(`;created=1000000000000000;nonce="$N";keyid="$K"`), ErrSyntax, "created is not a number"},
		{"created negative", only(`;created=-1700000000;nonce="$N";keyid="$K"`), ErrSyntax, "created is not a number"},
		{"created decimal", only(`;created=1700000000.0;nonce="$N";keyid="$K"`), ErrSyntax, "something follows"},
		{"created as text", only(`;created="$C";nonce="$N";keyid="$K"`), ErrSyntax, "created is not a number"},
		{"created as date", only(`;created=@$C;nonce="$N";keyid="$K"`), ErrSyntax, "created is not a number"},
		{"created with zero", only(`;created=01700000000;nonce="$N";keyid="$K"`), ErrSyntax, "created is not a number"},
		{"expires passed", more(`;expires=1700000019`), ErrTime, "expires has passed"},
		{"expires at created", more(`;expires=$C`), ErrTime, "expires is not after created"},
		{"expires before created", more(`;expires=0`), ErrTime, "expires is not after created"},
	})
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(` "x-` + string(rune('a'+i)) + `"`)
	}
	return b.String()
}

// wantRefusal wants an error of its group alone, with its reason and without what was sent.
func wantRefusal(t *testing.T, err, want error, reason string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), reason) {
		t.Fatalf("got %v, want %v: %s", err, want, reason)
	}
	for _, other := range []error{ErrSyntax, ErrProfile, ErrTime, ErrKey, ErrDigest, ErrSignature} {
		if other != want && errors.Is(err, other) {
			t.Errorf("%v is of two groups", err)
		}
	}
	for _, sent := range []string{testNonce, "id.example", "order-17", "verifications", "00112233"} {
		if strings.Contains(err.Error(), sent) {
			t.Errorf("%v tells what was sent", err)
		}
	}
}

// A malformation is a change to a signed request, by which it is refused whatever its signature.
type malformation struct {
	name   string
	change func(*Request)
	want   error
	reason string
}

func testMalformations(t *testing.T, malformations []malformation) {
	t.Helper()
	s := edSigner(t, 1)
	for _, m := range malformations {
		t.Run(m.name, func(t *testing.T) {
			r := signed(t, s)
			m.change(r)
			wantRefusal(t, check(r, s.key), m.want, m.reason)
		})
	}
}

// Signature-Input that is not of the one form in which it is read.
//
// FAULTS: A1 O9
func TestMalformedInput(t *testing.T) {
	input := func(old, new string) func(*Request) {
		return func(r *Request) { replace(t, &r.SignatureInput, old, new) }
	}
	testMalformations(t, []malformation{
		{"unsigned", func(r *Request) { r.SignatureInput, r.Signature = nil, nil }, ErrProfile, "Signature-Input: the field is missing"},
		{"no input", func(r *Request) { r.SignatureInput = nil }, ErrProfile, "Signature-Input: the field is missing"},
		{"input too long", func(r *Request) { r.SignatureInput = bytes.Repeat([]byte("a"), 2049) }, ErrSyntax, "more than 2048"},
		{"line break", input(";created", "\r\n;created"), ErrSyntax, "Signature-Input: there is a character"},
		{"tab", input(";created", "\t;created"), ErrSyntax, "Signature-Input: there is a character"},
		{"zero byte", input(";created", "\x00;created"), ErrSyntax, "Signature-Input: there is a character"},
		{"not ASCII", input("@method", "@méthod"), ErrSyntax, "Signature-Input: there is a character"},
		{"no label", input("sig=", "="), ErrSyntax, "want a label"},
		{"label in capitals", input("sig=", "Sig="), ErrSyntax, "want a label"},
		{"leading space", input("sig=", " sig="), ErrSyntax, "want a label"},
		{"no list", input("(", ""), ErrSyntax, "want a label"},
		{"open list", input(")", ""), ErrProfile, "a component has a parameter"},
		{"space in list", input(`("@method"`, `( "@method"`), ErrSyntax, "not a plain string"},
		{"two spaces in list", input(`"@method" `, `"@method"  `), ErrSyntax, "not a plain string"},
		{"no space in list", input(`"@method" `, `"@method"`), ErrSyntax, "not separated"},
		{"space before the end", input(`")`, `" )`), ErrSyntax, "not a plain string"},
		{"token in list", input(`"@method"`, `method`), ErrSyntax, "not a plain string"},
		{"escape", input(`"@method"`, `"\@method"`), ErrSyntax, "not a plain string"},
		{"escaped quote", input(`"@method"`, `"@met\"hod"`), ErrSyntax, "not a plain string"},
		{"space behind a semicolon", input(";created", "; created"), ErrSyntax, "not a name and a value"},
		{"space before a semicolon", input(";created", " ;created"), ErrSyntax, "something follows"},
		{"parameter without value", input(";nonce", ";tr;nonce"), ErrSyntax, "not a name and a value"},
		{"created twice", input(";nonce", ";created=1700000000;nonce"), ErrSyntax, "created occurs twice"},
		{"nonce twice", input(";nonce", `;nonce="bm9uY2Utb2YtYS10ZXN1";nonce`), ErrSyntax, "nonce occurs twice"},
		{"keyid twice", input(";keyid", `;keyid="a";keyid`), ErrSyntax, "keyid occurs twice"},
		{"tag twice", input(";tag", `;tag="zhenni";tag`), ErrSyntax, "tag occurs twice"},
		{"token as nonce", input(`"`+testNonce+`"`, testNonce), ErrSyntax, "nonce is not a plain string"},
		{"open string", input(`;tag="zhenni"`, `;tag="zhenni`), ErrSyntax, "tag is not a plain string"},
		{"two signatures", input(`;tag="zhenni"`, `;tag="zhenni", b=()`), ErrProfile, "more than one signature"},
		{"the same signature twice", func(r *Request) {
			r.SignatureInput = bytes.Join([][]byte{r.SignatureInput, r.SignatureInput}, []byte(","))
		}, ErrProfile, "more than one signature"},
		{"comma at the end", input(`;tag="zhenni"`, `;tag="zhenni",`), ErrProfile, "more than one signature"},
		{"space at the end", input(`;tag="zhenni"`, `;tag="zhenni" `), ErrSyntax, "something follows"},
		{"member without list", input("sig=(", "sig=1;x=("), ErrSyntax, "want a label"},
	})
}

// Signature that is not of the one form in which it is read.
//
// FAULTS: A1 O9
func TestMalformedSignature(t *testing.T) {
	signature := func(old, new string) func(*Request) {
		return func(r *Request) { replace(t, &r.Signature, old, new) }
	}
	first := string(signed(t, edSigner(t, 1)).Signature[5:9])
	testMalformations(t, []malformation{
		{"no signature", func(r *Request) { r.Signature = nil }, ErrProfile, "Signature: the field is missing"},
		{"signature too long", func(r *Request) { r.Signature = bytes.Repeat([]byte("a"), 2049) }, ErrSyntax, "more than 2048"},
		{"other label", signature("sig=", "sig1="), ErrSyntax, "Signature: want the label"},
		{"no colon", signature("=:", "="), ErrSyntax, "Signature: not canonical base64"},
		{"empty value", func(r *Request) { r.Signature = []byte("sig=::") }, ErrSignature, "not of the length"},
		{"empty value and more", signature("=:", "=::"), ErrSyntax, "Signature: something follows"},
		{"no padding", signature("==:", ":"), ErrSyntax, "Signature: not canonical base64"},
		{"bits behind the end", func(r *Request) { r.Signature[len(r.Signature)-4] = 'B' }, ErrSyntax, "Signature: not canonical base64"},
		{"base64url", signature("sig=:", "sig=:-_"), ErrSyntax, "Signature: not canonical base64"},
		{"space in base64", signature("sig=:", "sig=: "), ErrSyntax, "Signature: not canonical base64"},
		{"two values", signature("==:", "==:, b=:AAAA:"), ErrProfile, "Signature: more than one"},
		{"parameter of the value", signature("==:", "==:;a=1"), ErrSyntax, "Signature: something follows"},
		{"65 bytes", signature("sig=:", "sig=:AAAA"), ErrSyntax, "Signature: not canonical base64"},
		{"61 bytes", signature("sig=:"+first, "sig=:"), ErrSignature, "not of the length"},
	})
}

// Content-Digest of other forms and other algorithms.
//
// FAULTS: A6 O9
func TestMalformedDigest(t *testing.T) {
	digest := func(field string) func(*Request) { return func(r *Request) { r.ContentDigest = []byte(field) } }
	good256 := string(signed(t, edSigner(t, 1)).ContentDigest)
	good3 := string(signed(t, edSigner(t, 1).Digesting(BLAKE3)).ContentDigest)
	testMalformations(t, []malformation{
		{"no digest", digest(""), ErrProfile, "Content-Digest: the field is missing"},
		{"digest too long", digest(strings.Repeat("a", 2049)), ErrSyntax, "more than 2048"},
		{"MD5 alone", digest("md5=:Sd/dVLAcvNLSq16eXua5uQ==:"), ErrDigest, "none of sha-256, sha-512 and blake3"},
		{"SHA-1 alone", digest("sha=:07CavjDP4u3/TungoUHJO/Wzr4c=:"), ErrDigest, "none of sha-256, sha-512 and blake3"},
		{"MD5 beside a good one", digest(good256 + ", md5=:Sd/dVLAcvNLSq16eXua5uQ==:"), ErrDigest, "none of sha-256, sha-512 and blake3"},
		{"a good one beside an unknown one", digest("sha-384=:AAAA:, " + good256), ErrDigest, "none of sha-256, sha-512 and blake3"},
		{"name in capitals", digest(strings.Replace(good256, "sha", "SHA", 1)), ErrSyntax, "no name"},
		{"digest twice", digest(good256 + ", " + good256), ErrSyntax, "an algorithm occurs twice"},
		{"digest too short", digest("sha-256=:AAAA:"), ErrSyntax, "not canonical base64 of its length"},
		{"blake3 of 64 bytes", digest("blake3=:" + strings.Repeat("A", 86) + "==:"), ErrSyntax, "not canonical base64 of its length"},
		{"blake3 in capitals", digest(strings.Replace(good256, "sha-256", "BLAKE3", 1)), ErrSyntax, "no name of an algorithm"},
		{"blake2 beside a good one", digest(good256 + ", blake2b=:AAAA:"), ErrDigest, "none of sha-256, sha-512 and blake3"},
		{"blake3 twice", digest(good3 + ", " + good3), ErrSyntax, "occurs twice"},
		{"sha-512 of 32 bytes", digest(strings.Replace(good256, "256", "512", 1)), ErrSyntax, "not canonical base64 of its length"},
		{"digest as token", digest("sha-256=abc"), ErrSyntax, "not canonical base64 of its length"},
		{"digest without value", digest("sha-256"), ErrSyntax, "has no digest"},
		{"comma behind digest", digest(good256 + ","), ErrSyntax, "no name"},
		{"parameter of a digest", digest(good256 + ";a"), ErrSyntax, "something follows a digest"},
		{"tab in digest", digest(good256 + "\t"), ErrSyntax, "Content-Digest: there is a character"},
	})
}

// Requests of which no signature base can be made.
func TestMalformedRequest(t *testing.T) {
	testMalformations(t, []malformation{
		{"empty method", func(r *Request) { r.Method = nil }, ErrProfile, "@method: covered"},
		{"method with break", func(r *Request) { r.Method = []byte("GET\n\"@path\": /") }, ErrSyntax, "@method: there is a character"},
		{"no host", func(r *Request) { r.Authority = nil }, ErrSyntax, "@authority: not a name"},
		{"only a port", func(r *Request) { r.Authority = []byte(":443") }, ErrSyntax, "@authority: not a name"},
		{"user in host", func(r *Request) { r.Authority = []byte("u@id.example") }, ErrSyntax, "@authority: not a name"},
		{"long host", func(r *Request) { r.Authority = bytes.Repeat([]byte("a"), 256) }, ErrSyntax, "@authority: not a name"},
		{"relative path", func(r *Request) { r.Path = []byte("v1") }, ErrSyntax, "@path: not an absolute path"},
		{"query in path", func(r *Request) { r.Path = []byte("/v1?wait=1") }, ErrSyntax, "@path: not an absolute path"},
		{"long path", func(r *Request) { r.Path = append([]byte("/"), bytes.Repeat([]byte("a"), 2048)...) }, ErrSyntax, "@path: more than 2048"},
		{"fragment", func(r *Request) { r.Query = []byte("a#b") }, ErrSyntax, "@query: there is a fragment"},
		{"space in query", func(r *Request) { r.Query = []byte("a b") }, ErrSyntax, "@query: there is a character"},
		{"long query", func(r *Request) { r.Query = bytes.Repeat([]byte("a"), 2049) }, ErrSyntax, "@query: more than 2048"},
		{"break in a field", func(r *Request) { r.Fields[0].Value = []byte("a\n\"@path\": /") }, ErrSyntax, "field: there is a character"},
		{"long field", func(r *Request) { r.Fields[0].Value = bytes.Repeat([]byte("a"), 2049) }, ErrSyntax, "field: more than 2048"},
		{"field gone", func(r *Request) { r.Fields[0].Value = nil }, ErrProfile, "does not have it"},
		{"field blank", func(r *Request) { r.Fields[0].Value = []byte(" \t ") }, ErrProfile, "does not have it"},
	})
}

func replace(t *testing.T, field *[]byte, old, new string) {
	t.Helper()
	if !bytes.Contains(*field, []byte(old)) {
		t.Fatalf("%q is not in %q", old, *field)
	}
	*field = bytes.Replace(*field, []byte(old), []byte(new), 1)
}

// The edges of the window, to the nanosecond.
//
// FAULTS: A8
func TestWindow(t *testing.T) {
	s := macSigner(t, "k", 1)
	created := time.Unix(testCreated, 0)
	for _, e := range []struct {
		name    string
		expires time.Duration
		now     time.Duration
		want    error
	}{
		{"at once", 0, 0, nil},
		{"60 s old", 0, 60 * time.Second, nil},
		{"60 s and 1 ns old", 0, 60*time.Second + 1, ErrTime},
		{"5 s ahead", 0, -5 * time.Second, nil},
		{"5 s and 1 ns ahead", 0, -5*time.Second - 1, ErrTime},
		{"at expires", 10 * time.Second, 10 * time.Second, nil},
		{"1 ns behind expires", 10 * time.Second, 10*time.Second + 1, ErrTime},
		{"expires late", time.Hour, 61 * time.Second, ErrTime},
	} {
		r, stamp := testRequest(), testStamp()
		if e.expires != 0 {
			stamp.Expires = created.Add(e.expires)
		}
		if err := s.Sign(r, stamp); err != nil {
			t.Fatal(err)
		}
		var c Claim
		if err := c.Parse(r, created.Add(e.now)); !errors.Is(err, e.want) || (err == nil) != (e.want == nil) {
			t.Errorf("%s: %v, want %v", e.name, err, e.want)
		}
		if late := created.Add(e.now).After(c.Until()); late != (e.want != nil && e.now > 0) {
			t.Errorf("%s: behind Until: %v", e.name, late)
		}
	}
	for _, now := range []time.Time{{}, time.Unix(1<<62, 0), time.Unix(-1<<62, 0)} {
		var c Claim
		if err := c.Parse(signed(t, s), now); !errors.Is(err, ErrTime) {
			t.Errorf("at %v: %v", now, err)
		}
	}
}
