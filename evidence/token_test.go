package evidence

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhenni"
)

// What is signed is opened as it was, whatever it says.
func TestRoundTrip(t *testing.T) {
	for name, private := range signers(t) {
		key := keyOf(t, private)
		rapid.Check(t, func(rt *rapid.T) {
			c := drawClaims(rt)
			token, err := Sign(c, private)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := Open(token, key, expected(c), time.Unix(c.IssuedAt, 0))
			if c.KeyID = key.Thumbprint(); err != nil || got != c {
				rt.Fatalf("%s: %s: %+v, %v; want %+v", name, token, got, err, c)
			}
		})
	}
}

// The longest and the shortest claims fit.
func TestSizes(t *testing.T) {
	long := strings.Repeat("a", 64)
	c := Claims{Kind: Liveness, Transaction: long, Party: long, Terminal: long, Nonce: long, IssuedAt: maxIssuedAt, Level: zhenni.LivenessPassive}
	if n := len(c.appendTo(nil)); n > maxClaims {
		t.Errorf("claims of %d bytes", n)
	}
	for name, private := range signers(t) {
		token := signed(t, c, private)
		if _, err := Parse(token); err != nil || len(token) > MaxToken {
			t.Errorf("%s: %d bytes: %v", name, len(token), err)
		}
	}
}

func TestHeaders(t *testing.T) {
	for encoded, want := range map[string]string{
		headerEdDSA: `{"alg":"EdDSA","typ":"zhenni-evidence"}`, headerES256: `{"alg":"ES256","typ":"zhenni-evidence"}`,
	} {
		if got, err := base64.RawURLEncoding.DecodeString(encoded); err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// FAULTS: B10
func TestMismatches(t *testing.T) {
	c := testClaims()
	for name, e := range map[string]struct {
		change func(*Expected)
		at     time.Time
		want   error
	}{
		"as it was made":      {func(*Expected) {}, testNow, nil},
		"oldest":              {func(*Expected) {}, time.Unix(testIssued+60, 0), nil},
		"clock behind":        {func(*Expected) {}, time.Unix(testIssued-5, 0), nil},
		"another credential":  {func(e *Expected) { e.Subject[15]++ }, testNow, ErrSubject},
		"another capture":     {func(e *Expected) { e.Capture[31]++ }, testNow, ErrCapture},
		"another transaction": {func(e *Expected) { e.Transaction = "t-2" }, testNow, ErrTransaction},
		"another party":       {func(e *Expected) { e.Party = "bank" }, testNow, ErrParty},
		"another nonce":       {func(e *Expected) { e.Nonce += "A" }, testNow, ErrNonce},
		"unsigned request":    {func(e *Expected) { e.Nonce = "" }, testNow, ErrNonce},
		"too old":             {func(*Expected) {}, time.Unix(testIssued+60, 1), ErrStale},
		"an age of nothing":   {func(e *Expected) { e.MaxAge = 0 }, testNow, ErrStale},
		"of later":            {func(*Expected) {}, time.Unix(testIssued-6, 0), ErrAhead},
		"clock at its start":  {func(*Expected) {}, time.Time{}, ErrAhead},
		"clock at its end":    {func(*Expected) {}, time.Unix(1<<40, 0), ErrStale},
	} {
		for algorithm, private := range signers(t) {
			want := expected(c)
			e.change(&want)
			got, err := Open(signed(t, c, private), keyOf(t, private), want, e.at)
			if !errors.Is(err, e.want) || (got == Claims{}) != (e.want != nil) {
				t.Errorf("%s, %s: %v with %+v, want %v", algorithm, name, err, got, e.want)
			}
		}
	}
	unsigned := testClaims()
	unsigned.Nonce = ""
	private := signers(t)["Ed25519"]
	want := expected(testClaims())
	if _, err := Open(signed(t, unsigned, private), keyOf(t, private), want, testNow); !errors.Is(err, ErrNonce) {
		t.Errorf("a token without the nonce of a signed request: %v", err)
	}
}

// A token is the key's that it names, and of no other. No header makes a key verify by another algorithm than its own.
//
// FAULTS: B11 A7
func TestOtherKeys(t *testing.T) {
	c := testClaims()
	all := signers(t)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all["stranger"] = stranger
	for by, private := range all {
		token := signed(t, c, private)
		for of, other := range all {
			if _, err := Open(token, keyOf(t, other), expected(c), testNow); (err == nil) != (by == of) || by != of && !errors.Is(err, ErrKey) {
				t.Errorf("by %s, opened with the key of %s: %v", by, of, err)
			}
		}
		if _, err := Open(token, zhenni.PublicKey{}, expected(c), testNow); !errors.Is(err, ErrKey) {
			t.Errorf("by %s, opened with no key: %v", by, err)
		}
	}
	// A stranger's token that names the key of another is refused by its signature, under either header.
	honest := keyOf(t, all["Ed25519"])
	c.KeyID = honest.Thumbprint()
	for _, head := range []string{headerEdDSA, headerES256, base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"zhenni-evidence"}`))} {
		message := base64url.AppendEncode([]byte(head+"."), c.appendTo(nil))
		token := base64url.AppendEncode(append(bytes.Clone(message), '.'), ed25519.Sign(stranger, message))
		if got, err := Open(token, honest, expected(c), testNow); err == nil || got != (Claims{}) {
			t.Errorf("forged under %s: %v", head, err)
		}
	}
}

// Every byte of a token counts: no other byte in its place, none more and none fewer gives a token that is opened.
//
// FAULTS: L12 L14
func TestEveryByteCounts(t *testing.T) {
	c := testClaims()
	for name, private := range signers(t) {
		key, token := keyOf(t, private), signed(t, c, private)
		try := func(changed []byte, what string, i int) {
			if got, err := Open(changed, key, expected(c), testNow); err == nil || got != (Claims{}) {
				t.Errorf("%s: %s at %d is opened: %s", name, what, i, changed)
			}
		}
		for i := range token {
			changed := bytes.Clone(token)
			for _, b := range []byte("A_-z9.=+/\n\r \x00\"\xff") {
				if b != token[i] {
					changed[i] = b
					try(changed, "another byte", i)
				}
			}
			for bit := range 8 {
				changed[i] = token[i] ^ 1<<bit
				try(changed, "another bit", i)
			}
			try(append(bytes.Clone(token[:i]), token[i+1:]...), "a byte fewer", i)
			try(token[:i], "the end", i)
			for _, b := range []byte("A\n.=") {
				try(append(append(bytes.Clone(token[:i]), b), token[i:]...), "a byte more", i)
			}
		}
		try(append(bytes.Clone(token), '\n'), "a line break", len(token))
		try(append(bytes.Clone(token), '='), "padding", len(token))
	}
}

// Claims in any other form are refused, though their key signed them.
//
// FAULTS: L2 L4
func TestOtherForms(t *testing.T) {
	private := signers(t)["Ed25519"].(ed25519.PrivateKey)
	c := testClaims()
	c.KeyID = keyOf(t, private).Thumbprint()
	good := string(c.appendTo(nil))
	sign := func(claims string) []byte {
		message := base64url.AppendEncode([]byte(headerEdDSA+"."), []byte(claims))
		return base64url.AppendEncode(append(bytes.Clone(message), '.'), ed25519.Sign(private, message))
	}
	if _, err := Open(sign(good), keyOf(t, private), expected(c), testNow); err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]string{
		{`{"kind"`, `{ "kind"`}, {`{"kind"`, `{"Kind"`}, {`"liveness"`, `"livenesS"`}, {`"liveness"`, `"life"`}, {`"liveness"`, `"possession"`},
		{`"liveness"`, `"card"`}, {`"t-1"`, `"T-1"`}, {`"t-1"`, `""`}, {`"t-1"`, `"t\u002d1"`}, {`"hotel"`, `"hôtel"`}, {`"desk.7"`, `""`},
		{`"desk.7"`, `"` + strings.Repeat("a", 65) + `"`}, {`,"level":"active"`, ``}, {`"active"`, `"none"`}, {`"active"`, `"certain"`},
		{`1700000000`, `01700000000`}, {`1700000000`, `1700000000.0`}, {`1700000000`, `17e8`}, {`1700000000`, `-1`}, {`1700000000`, `0`},
		{`1700000000`, `10000000000`}, {`1700000000`, `"1700000000"`}, {`1700000000`, ``}, {`1700000000`, `99999999999999999999`},
		{`"bm9uY2Utb2YtYS10ZXN0"`, `"short"`}, {`"bm9uY2Utb2YtYS10ZXN0"`, `"bm9uY2Utb2Yt+/10ZXN0"`}, {`"bm9uY2Utb2YtYS10ZXN0"`, `""`},
		{`"sub":"010203`, `"sub":"0102`}, {`"sub":"0102030`, `"sub":"010203A`}, {`"}`, `","exp":1}`}, {`"}`, `"} `}, {`"}`, `"`}, {`"}`, ``},
		{`,"kid"`, `,"level":"active","kid"`}, {`,"kid"`, ` ,"kid"`}, {`"capture":"`, `"capture":"A`}, {good, ``}, {good, `{}`}, {good, `null`},
	} {
		claims := strings.Replace(good, r[0], r[1], 1)
		if claims == good {
			t.Fatalf("there is no %s", r[0])
		}
		if _, err := Open(sign(claims), keyOf(t, private), expected(c), testNow); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", claims, err)
		}
	}
}

// oddSigner signs as its functions say.
type oddSigner struct {
	public crypto.PublicKey
	sign   func() ([]byte, error)
}

func (s oddSigner) Public() crypto.PublicKey { return s.public }
func (s oddSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return s.sign()
}

func TestSignRefuses(t *testing.T) {
	for name, change := range map[string]func(*Claims){
		"no kind": func(c *Claims) { c.Kind = 0 }, "another kind": func(c *Claims) { c.Kind = 5 }, "no transaction": func(c *Claims) { c.Transaction = "" },
		"no party": func(c *Claims) { c.Party = "" }, "short nonce": func(c *Claims) { c.Nonce = "x" }, "no time": func(c *Claims) { c.IssuedAt = 0 },
		"late": func(c *Claims) { c.IssuedAt = maxIssuedAt + 1 }, "no level": func(c *Claims) { c.Level = 0 }, "quote": func(c *Claims) { c.Terminal = `a"b` },
		"possession by a terminal": func(c *Claims) { c.Kind, c.Level = Possession, 0 },
		"card by a device":         func(c *Claims) { c.Kind, c.Level, c.Terminal = Card, 0, "" },
		"document with a level":    func(c *Claims) { c.Kind = Document },
	} {
		c := testClaims()
		change(&c)
		if token, err := Sign(c, signers(t)["P-256"]); token != nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %s, %v", name, token, err)
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nist, edwards := signers(t)["P-256"].Public(), signers(t)["Ed25519"].Public()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		private crypto.Signer
		want    error
	}{
		"P-384":         {p384, zhenni.ErrBadValue},
		"short Ed25519": {ed25519.PrivateKey("short"), zhenni.ErrBadValue},
		"RSA":           {oddSigner{public: &rsa.PublicKey{}}, zhenni.ErrBadValue},
		"no DER":        {oddSigner{nist, func() ([]byte, error) { return []byte("x"), nil }}, ErrSignature},
		"large numbers": {oddSigner{nist, func() ([]byte, error) {
			return append([]byte{0x30, 0x27, 2, 0x22, 1}, append(make([]byte, 33), 2, 1, 1)...), nil
		}}, ErrSignature},
		"negative":       {oddSigner{nist, func() ([]byte, error) { return []byte{0x30, 6, 2, 1, 0xff, 2, 1, 1}, nil }}, ErrSignature},
		"of another":     {oddSigner{edwards, func() ([]byte, error) { return make([]byte, 64), nil }}, ErrSignature},
		"short":          {oddSigner{edwards, func() ([]byte, error) { return make([]byte, 63), nil }}, ErrSignature},
		"broken Ed25519": {oddSigner{edwards, func() ([]byte, error) { return nil, broken }}, broken},
		"broken P-256":   {oddSigner{nist, func() ([]byte, error) { return nil, broken }}, broken},
	} {
		if token, err := Sign(testClaims(), c.private); token != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %s, %v", name, token, err)
		}
	}
}

func TestKinds(t *testing.T) {
	for k, want := range map[Kind]string{Liveness: "liveness", Possession: "possession", Card: "card", Document: "document", 0: "kind(0)", 9: "kind(9)"} {
		if k.String() != want {
			t.Errorf("%d: %s", k, k)
		}
	}
}
