package receipt

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// What is signed is what is read, under the key that signed it, for every algorithm and form.
func TestResultsSayWhatWasSigned(t *testing.T) {
	for _, a := range every {
		s := testSigner(t, a, 1)
		for name, c := range forms() {
			result := mustSign(t, s, c)
			got, key, err := Open(result, Keys{testSigner(t, a, 2).Key(), s.Key()})
			if err != nil || key.ID() != s.Key().ID() || !reflect.DeepEqual(got, c) {
				t.Errorf("%s, %s: %v\n%+v\n%+v", a, name, err, got, c)
			}
			if again := mustSign(t, s, c); again != result {
				t.Errorf("%s, %s: signed again it is another", a, name)
			}
		}
	}
}

// A result that says yes to one relying party says nothing to another: not under its id, not for another transaction of
// its own, not from another issuer.
//
// FAULTS: A20
func TestResultsAreForTheirAudience(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	keys, result := Keys{s.Key()}, mustSign(t, s, aYes())
	trial := aYes()
	trial.Evaluation = true
	for name, e := range map[string]struct {
		result string
		want   Expectations
		ok     bool
	}{
		"its audience":        {result, Expectations{Audience: "bank"}, true},
		"all that it is":      {result, Expectations{Audience: "bank", Issuer: "https://zhenni.example", Transaction: "t-1", Now: testTime, MaxAge: time.Second, Real: true}, true},
		"a clock behind":      {result, Expectations{Audience: "bank", Now: testTime.Add(-5 * time.Second)}, true},
		"years later":         {result, Expectations{Audience: "bank", Now: testTime.AddDate(30, 0, 0)}, true},
		"another party":       {result, Expectations{Audience: "hotel"}, false},
		"a prefix":            {result, Expectations{Audience: "ban"}, false},
		"another case":        {result, Expectations{Audience: "Bank"}, false},
		"another transaction": {result, Expectations{Audience: "bank", Transaction: "t-2"}, false},
		"another issuer":      {result, Expectations{Audience: "bank", Issuer: "https://zhenni.example.org"}, false},
		"from the future":     {result, Expectations{Audience: "bank", Now: testTime.Add(-6 * time.Second)}, false},
		"too old":             {result, Expectations{Audience: "bank", Now: testTime.Add(2 * time.Second), MaxAge: time.Second}, false},
		"a trial":             {mustSign(t, s, trial), Expectations{Audience: "bank", Real: true}, false},
	} {
		c, err := Verify(e.result, keys, e.want)
		if (err == nil) != e.ok || err != nil && (!errors.Is(err, zhenni.ErrBadResult) || !reflect.DeepEqual(c, Claims{})) {
			t.Errorf("%s: %v %+v", name, err, c)
		}
	}
	if _, err := Verify(result, keys, Expectations{}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("without an audience: %v", err)
	}
}

// What a sandbox signed is taken by whoever asks for a sandbox's by name, and for nothing real.
func TestResultsOfASandboxAreNobodys(t *testing.T) {
	c := aYes()
	c.Issuer = SandboxIssuer
	for _, w := range []struct {
		want  Expectations
		taken bool
	}{
		{Expectations{}, false}, {Expectations{Real: true}, false}, {Expectations{Issuer: "zhenni"}, false},
		{Expectations{Issuer: SandboxIssuer, Real: true}, false}, {Expectations{Issuer: SandboxIssuer}, true},
	} {
		w.want.Audience = c.Audience
		if err := w.want.Check(c); (err == nil) != w.taken || err != nil && !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("%+v: %v", w.want, err)
		}
	}
}

// Every bit of a result is signed, or is in a part that has one form.
//
// FAULTS: A2 A19
func TestEveryBitOfAResultCounts(t *testing.T) {
	for _, a := range every {
		s := testSigner(t, a, 1)
		result := mustSign(t, s, aYes())
		for i := range result {
			for bit := range 8 {
				changed := []byte(result)
				changed[i] ^= 1 << bit
				refused(t, a.String(), string(changed), s.Key())
			}
		}
		for i := range len(result) {
			refused(t, "cut", result[:i], s.Key())
			refused(t, "cut out", result[:i]+result[i+1:], s.Key())
			refused(t, "inserted", result[:i]+"\n"+result[i:], s.Key())
		}
		for _, more := range []string{"=", ".", "\n", "A", " "} {
			refused(t, "longer", result+more, s.Key())
		}
	}
}

func refused(t *testing.T, name, result string, keys ...Key) {
	t.Helper()
	if c, _, err := Open(result, keys); !errors.Is(err, zhenni.ErrBadResult) || !reflect.DeepEqual(c, Claims{}) {
		t.Fatalf("%s is taken: %v\n%s", name, err, result)
	}
}

// signedText is a text under a valid signature, whatever it is.
func signedText(t *testing.T, s Signer, header, payload string) string {
	t.Helper()
	message := urlBase64.EncodeToString([]byte(header)) + "." + urlBase64.EncodeToString([]byte(payload))
	signature, err := s.Sign([]byte(message))
	return message + "." + urlBase64.EncodeToString(must(t, signature, err))
}

func headerOf(t *testing.T, k Key) string {
	t.Helper()
	header, err := urlBase64.DecodeString(k.protected)
	return string(must(t, header, err))
}

// A header is the constant of its key: no algorithm, no key and no type is taken from the message, and no spelling but one.
//
// FAULTS: A7
func TestHeadersAreNotObeyed(t *testing.T) {
	c := aYes()
	payload := string(c.payload())
	for _, a := range every {
		s := testSigner(t, a, 1)
		header := headerOf(t, s.Key())
		if _, _, err := Open(signedText(t, s, header, payload), Keys{s.Key()}); err != nil {
			t.Fatal(err)
		}
		alg := algorithms[a].alg
		for name, changed := range map[string]string{
			"none":             strings.Replace(header, alg, "none", 1),
			"HS256":            strings.Replace(header, alg, "HS256", 1),
			"another":          strings.Replace(header, alg, algorithms[a%3+1].alg, 1),
			"no kid":           strings.Replace(header, `"kid":"`+s.Key().ID()+`",`, "", 1),
			"key of another":   strings.Replace(header, s.Key().ID(), testSigner(t, a, 2).Key().ID(), 1),
			"its own key":      strings.Replace(header, `{`, `{"jwk":`+string(s.Key().JWK())+`,`, 1),
			"critical":         strings.Replace(header, `{`, `{"crit":["b64"],"b64":false,`, 1),
			"alg twice":        strings.Replace(header, `{`, `{"alg":"none",`, 1),
			"another type":     strings.Replace(header, typ, "JWT", 1),
			"white space":      strings.Replace(header, `,`, `, `, 1),
			"escaped":          strings.Replace(header, `"alg"`, `"\u0061lg"`, 1),
			"upper case alg":   strings.Replace(header, `"alg"`, `"ALG"`, 1),
			"nothing":          "",
			"an empty object":  "{}",
			"another encoding": header + " ",
		} {
			refused(t, name, signedText(t, s, changed, payload), s.Key())
		}
		message := s.Key().protected + "." + urlBase64.EncodeToString([]byte(payload))
		refused(t, "no signature", message+".", s.Key())
		refused(t, "two parts", message, s.Key())
		refused(t, "no keys", signedText(t, s, header, payload))
	}
}

// A payload is read in its one form, however well it is signed.
//
// FAULTS: B2
func TestPayloadsHaveOneForm(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	yes, no, batch := aYes(), aNo(), aBatch()
	text := string(yes.payload())
	silent := strings.TrimSuffix(string(no.payload()), "}")
	changed := map[string]string{
		"a member twice":       strings.Replace(text, `"outcome":"match"`, `"outcome":"no_match","outcome":"match"`, 1),
		"another case":         strings.Replace(text, `"sub"`, `"SUB"`, 1),
		"white space":          strings.Replace(text, `,`, `, `, 1),
		"another order":        strings.Replace(text, `"iss":"https://zhenni.example","aud":"bank"`, `"aud":"bank","iss":"https://zhenni.example"`, 1),
		"an escape":            strings.Replace(text, `"bank"`, `"b\u0061nk"`, 1),
		"an unknown member":    strings.Replace(text, `}`, `,"score":0.93}`, 1),
		"a score":              strings.Replace(text, `"outcome"`, `"score":0.93,"outcome"`, 1),
		"two audiences":        strings.Replace(text, `"bank"`, `["bank","hotel"]`, 1),
		"a number as a text":   strings.Replace(text, `"log_index":17`, `"log_index":"17"`, 1),
		"a leading zero":       strings.Replace(text, `"log_index":17`, `"log_index":017`, 1),
		"a fraction":           strings.Replace(text, `1700000000`, `1700000000.0`, 1),
		"an exponent":          strings.Replace(text, `1700000000`, `17e8`, 1),
		"a rate otherwise":     strings.Replace(text, `1e-06`, `0.000001`, 1),
		"a rate of two":        strings.Replace(text, `1e-06`, `2`, 1),
		"no purpose":           strings.Replace(text, `"outcome"`, `"service":"a","outcome"`, 1),
		"null":                 strings.Replace(text, `"log_index":17`, `"log_index":null`, 1),
		"a negative place":     strings.Replace(text, `"log_index":17`, `"log_index":-1`, 1),
		"no evaluation":        strings.Replace(text, `"outcome"`, `"evaluation":false,"outcome"`, 1),
		"a refusal":            strings.Replace(string(no.payload()), `no_match`, `refused`, 1),
		"a no with a reason":   silent + `,"reason":"revoked"}`,
		"a no with a subject":  strings.Replace(string(no.payload()), `"no_match"`, `"no_match","sub":"`+yes.Subject+`"`, 1),
		"a no with a level":    strings.Replace(string(no.payload()), `"no_match"`, `"no_match","acr":"full"`, 1),
		"a yes of nobody":      strings.Replace(text, `"sub":"`+yes.Subject+`",`, "", 1),
		"a batch with outcome": strings.Replace(string(batch.payload()), `"items":1000`, `"items":1000,"outcome":"match"`, 1),
		"a batch of too many":  strings.Replace(string(batch.payload()), `"items":1000`, `"items":65537`, 1),
		"a batch unrecorded":   strings.Replace(string(batch.payload()), `,"log_index":17`, ``, 1),
		"two documents":        text + text,
		"an array":             "[" + text + "]",
		"nothing":              "",
		"deep":                 strings.Repeat("[", 1000),
		"long":                 strings.Replace(text, `"face"`, `"face`+strings.Repeat("e", 2000)+`"`, 1),
	}
	for name, payload := range changed {
		if payload == text {
			t.Fatalf("%s: nothing is changed", name)
		}
		refused(t, name, signedText(t, s, headerOf(t, s.Key()), payload), s.Key())
	}
}

// Claims that contradict themselves are not signed either.
func TestClaimsThatAreNotSigned(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	for name, change := range map[string]func(*Claims){
		"no issuer":          func(c *Claims) { c.Issuer = "" },
		"a quoted issuer":    func(c *Claims) { c.Issuer = `a"b` },
		"no audience":        func(c *Claims) { c.Audience = "" },
		"no transaction":     func(c *Claims) { c.Transaction = "" },
		"no profile":         func(c *Claims) { c.Profile = "" },
		"before 1970":        func(c *Claims) { c.At = time.Unix(-1, 0) },
		"no outcome":         func(c *Claims) { c.Outcome = zhenni.Pending },
		"a refusal":          func(c *Claims) { c.Outcome = zhenni.RefusedProbe },
		"no subject":         func(c *Claims) { c.Subject = "" },
		"a short subject":    func(c *Claims) { c.Subject = c.Subject[1:] },
		"no level":           func(c *Claims) { c.Level = 0 },
		"no method":          func(c *Claims) { c.Methods = nil },
		"a method twice":     func(c *Claims) { c.Methods = []string{"face", "face"} },
		"too many methods":   func(c *Claims) { c.Methods = strings.Split("abcdefghi", "") },
		"a quoted assertion": func(c *Claims) { c.Assertions = []string{`a"`} },
		"no rate":            func(c *Claims) { c.FMR = math.NaN() },
		"a negative rate":    func(c *Claims) { c.FMR = -1 },
		"a root":             func(c *Claims) { c.Root[0] = 1 },
		"no service":         func(c *Claims) { c.Purpose = "p" },
		"no place":           func(c *Claims) { c.LogIndex = -2 },
		"a no with a level":  func(c *Claims) { *c = aNo(); c.Level = zhenni.LevelFull },
		"a batch that says":  func(c *Claims) { c.Items = 3 },
	} {
		c := aYes()
		change(&c)
		if result, err := Sign(s, c); result != "" || !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// name draws a [zhenni.ValidName].
func name() *rapid.Generator[string] { return rapid.StringMatching(`[a-z0-9._-]{1,64}`) }

func words(least int) *rapid.Generator[[]string] {
	return rapid.SliceOfNDistinct(name(), least, maxWords, rapid.ID)
}

// drawClaims draws claims of any form.
func drawClaims(t *rapid.T) Claims {
	c := Claims{
		Issuer: rapid.StringMatching(`[!#-\[\]-~]{1,200}`).Draw(t, "iss"), Audience: name().Draw(t, "aud"),
		At: time.Unix(rapid.Int64Range(0, latest-1).Draw(t, "iat"), 0).UTC(), Transaction: name().Draw(t, "txn"),
		Profile: name().Draw(t, "profile"), Unsupported: rapid.Bool().Draw(t, "unsupported"), Evaluation: rapid.Bool().Draw(t, "evaluation"),
		LogIndex: rapid.Int64Min(0).Draw(t, "index"),
	}
	if rapid.Bool().Draw(t, "for a service") {
		c.Service, c.Purpose = name().Draw(t, "service"), name().Draw(t, "purpose")
	}
	switch rapid.IntRange(0, 2).Draw(t, "form") {
	case 0:
		c.Outcome = zhenni.Match
		c.Subject = urlBase64.EncodeToString(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sub"))
		c.Level = rapid.SampledFrom([]zhenni.Level{zhenni.LevelLite, zhenni.LevelFull}).Draw(t, "acr")
		c.Methods, c.FMR = words(1).Draw(t, "amr"), rapid.Float64Range(0, 0.999).Draw(t, "fmr")
		if assertions := words(0).Draw(t, "assertions"); len(assertions) > 0 {
			c.Assertions = assertions
		}
	case 1:
		c.Outcome, c.LogIndex = zhenni.NoMatch, rapid.Int64Min(NotRecorded).Draw(t, "place")
	case 2:
		c.Items = rapid.IntRange(1, zhenni.MaxBatchItems).Draw(t, "items")
		c.Root = [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root"))
	}
	return c
}

// Whatever can be said is said in one text, within the bounds, and read as it was said.
func TestClaimsRoundTrip(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	rapid.Check(t, func(rt *rapid.T) {
		c := drawClaims(rt)
		result, err := Sign(s, c)
		if err != nil {
			rt.Fatal(err)
		}
		if len(result) > maxResult {
			rt.Fatalf("%d bytes", len(result))
		}
		got, err := Verify(result, Keys{s.Key()}, Expectations{Audience: c.Audience})
		if err != nil || !reflect.DeepEqual(got, c) {
			rt.Fatalf("%v\n%+v\n%+v", err, got, c)
		}
	})
}
