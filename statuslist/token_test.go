package statuslist

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"zhenni"
)

const testURI = "https://example.com/status-lists"

var testTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// edSigner signs by Ed25519, deterministically.
type edSigner struct{ key ed25519.PrivateKey }

func newSigner(t testing.TB, fill byte) edSigner {
	t.Helper()
	return edSigner{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize))}
}

func (s edSigner) public() zhenni.PublicKey {
	k, err := zhenni.NewPublicKey(zhenni.KeyEd25519, s.key.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	return k
}

func (s edSigner) Algorithm() string                   { return "EdDSA" }
func (s edSigner) KeyID() string                       { return s.public().ID() }
func (s edSigner) Sign(message []byte) ([]byte, error) { return ed25519.Sign(s.key, message), nil }
func (s edSigner) keys() Keys                          { return Keys{s.KeyID(): s.public()} }

// p256Signer signs by ES256.
type p256Signer struct{ key *ecdsa.PrivateKey }

func (s p256Signer) Algorithm() string { return "ES256" }
func (s p256Signer) KeyID() string     { return "12" }
func (s p256Signer) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return signature, nil
}

func testToken(t testing.TB) Token {
	t.Helper()
	l, err := NewList(2, 16)
	if err != nil {
		t.Fatal(err)
	}
	l.Set(3, Suspended)
	l.Set(12, Invalid)
	return Token{URI: testURI + "/0", IssuedAt: testTime, Expires: testTime.Add(time.Hour), TTL: 10 * time.Minute, List: l}
}

// sign puts header and payload under a signature as they are.
func sign(t testing.TB, s Signer, header, payload string) []byte {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	message := []byte(encode([]byte(header)) + "." + encode([]byte(payload)))
	signature, err := s.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	return append(message, "."+encode(signature)...)
}

func TestTokenIsReadAsItWasSigned(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	public, err := zhenni.NewPublicKey(zhenni.KeyP256, point)
	if err != nil {
		t.Fatal(err)
	}
	ed := newSigner(t, 1)
	keys := Keys{"12": public, ed.KeyID(): ed.public()}
	want := testToken(t)
	for _, s := range []Signer{ed, p256Signer{key}} {
		token, err := want.Sign(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(token, want.URI, testTime.Add(time.Minute), keys)
		if err != nil || got.URI != want.URI || !got.IssuedAt.Equal(want.IssuedAt) || !got.Expires.Equal(want.Expires) ||
			got.TTL != want.TTL || !bytes.Equal(got.List.array, want.List.array) {
			t.Errorf("%s: %+v, %v", s.Algorithm(), got, err)
		}
	}
}

// testdata/token.golden was signed once and has to be read for ever. All but the compressed list, which may be written
// otherwise by another release of Go, is written the same today.
func TestTokenIsFrozen(t *testing.T) {
	want := testToken(t)
	token, err := want.Sign(newSigner(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/token.golden")
	if err != nil {
		t.Fatal(err)
	}
	golden = bytes.TrimSpace(golden)
	got, err := Read(golden, want.URI, testTime, newSigner(t, 1).keys())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if a, b := withoutList(t, golden), withoutList(t, token); a != b {
		t.Errorf("%s\nwant %s", b, a)
	}
}

// withoutList is the header of a token and its payload up to the list and from there on.
func withoutList(t *testing.T, token []byte) string {
	t.Helper()
	header, rest, _ := bytes.Cut(token, []byte("."))
	payload, _, _ := bytes.Cut(rest, []byte("."))
	text, err := base64.RawURLEncoding.DecodeString(string(payload))
	before, rest, ok := bytes.Cut(text, []byte(`"lst":"`))
	_, after, _ := bytes.Cut(rest, []byte(`"`))
	if err != nil || !ok {
		t.Fatalf("%s: %v", text, err)
	}
	return string(header) + "." + string(before) + string(after)
}

// anyKey takes every signature.
type anyKey struct{}

func (anyKey) Verify(string, string, []byte, []byte) bool { return true }

// The draft's own token (§8.2), whose key it does not publish; it says iss too, which is passed over.
func TestTokenOfTheDraft(t *testing.T) {
	const token = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEyIiwidHlwIjoic3RhdHVzbGlzdCtqd3QifQ.e" +
		"yJleHAiOjIyOTE3MjAxNzAsImlhdCI6MTY4NjkyMDE3MCwiaXNzIjoiaHR0cHM6Ly9le" +
		"GFtcGxlLmNvbSIsInN0YXR1c19saXN0Ijp7ImJpdHMiOjEsImxzdCI6ImVOcmJ1UmdBQ" +
		"WhjQlhRIn0sInN1YiI6Imh0dHBzOi8vZXhhbXBsZS5jb20vc3RhdHVzbGlzdHMvMSIsI" +
		"nR0bCI6NDMyMDB9.2lKUUNG503R9htu4aHAYi7vjmr3sgApbfoDvPrl65N3URUO1EYqq" +
		"Ql45Jfzd-Av4QzlKa3oVALpLwOEUOq-U_g"
	got, err := Read([]byte(token), "https://example.com/statuslists/1", testTime, anyKey{})
	if err != nil || got.IssuedAt.Unix() != 1686920170 || got.Expires.Unix() != 2291720170 || got.TTL != 12*time.Hour {
		t.Fatalf("%+v, %v", got, err)
	}
	if v, ok := got.List.Value(15); !ok || v != Invalid || got.List.Len() != 16 {
		t.Errorf("entry 15 is %d", v)
	}
}

const (
	edHeader    = `{"alg":"EdDSA","kid":"k","typ":"statuslist+jwt"}`
	testPayload = `{"exp":1795352400,"iat":1795348800,"status_list":{"bits":2,"lst":"eNo76fITAAPfAgc"},"sub":"https://example.com/status-lists/0","ttl":600}`
)

// FAULTS: A2 A7 A8 P15 L2 L3
func TestTokensThatAreRefused(t *testing.T) {
	s := newSigner(t, 1)
	keys := Keys{"k": s.public()}
	read := func(header, payload string) error {
		_, err := Read(sign(t, s, header, payload), testURI+"/0", testTime, keys)
		return err
	}
	if err := read(edHeader, testPayload); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	for _, header := range []string{
		``, `[]`, `{}`, `"EdDSA"`, edHeader + edHeader, edHeader[1:],
		`{"alg":"none","kid":"k","typ":"statuslist+jwt"}`,
		`{"alg":"HS256","kid":"k","typ":"statuslist+jwt"}`,
		`{"alg":"ES256","kid":"k","typ":"statuslist+jwt"}`,
		`{"alg":"eddsa","kid":"k","typ":"statuslist+jwt"}`,
		`{"alg":"EdDSA","kid":"j","typ":"statuslist+jwt"}`,
		`{"alg":"EdDSA","kid":null,"typ":"statuslist+jwt"}`,
		`{"alg":"EdDSA","typ":"statuslist+jwt"}`,
		`{"alg":"EdDSA","kid":"k","typ":"JWT"}`,
		`{"alg":"EdDSA","kid":"k","Typ":"statuslist+jwt"}`,
		`{"alg":"EdDSA","kid":"k"}`,
		`{"alg":"EdDSA","kid":"k","typ":"statuslist+jwt","crit":["exp"]}`,
		`{"alg":"none","alg":"EdDSA","kid":"k","typ":"statuslist+jwt"}`,
	} {
		if err := read(header, testPayload); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", header, err)
		}
	}
	for from, to := range map[string]string{
		`/0"`:                                `/1"`,
		`"sub"`:                              `"Sub"`,
		`"iat":1795348800`:                   `"iat":1795348861`,
		`"iat":1795348800,`:                  ``,
		`"exp":1795352400`:                   `"exp":1795348800`,
		`"exp":1795352400,`:                  `"exp":1795352400,"nbf":1795352400,`,
		`1795352400`:                         `"1795352400"`,
		`1795348800`:                         `1795348800.5`,
		`,"iat"`:                             `,"iat":0,"iat"`,
		`"ttl":600`:                          `"ttl":0`,
		`:600`:                               `:-600`,
		`600`:                                `9223372036854775807`,
		`"bits":2`:                           `"bits":3`,
		`"bits":2,`:                          `"bits":2,"bits":2,`,
		`"bits"`:                             `"Bits"`,
		`"lst":"eNo76fITAAPfAgc`:             `"lst":"eNo76fITAAPfAgd`,
		`eNo`:                                `eN\no`,
		`},"sub"`:                            `},"status_list":{},"sub"`,
		`{"bits":2,"lst":"eNo76fITAAPfAgc"}`: `"eNo76fITAAPfAgc"`,
		`600}`:                               `600}{}`,
		`l":600}`:                            "l\":600,\"x\":\"\xff\"}",
	} {
		payload := strings.Replace(testPayload, from, to, 1)
		if err := read(edHeader, payload); payload == testPayload || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// FAULTS: A2 L12 L14
func TestTokenIsSigned(t *testing.T) {
	s := newSigner(t, 1)
	token, err := testToken(t).Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, token []byte, uri string, keys Verifier) {
		t.Helper()
		if _, err := Read(token, uri, testTime, keys); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range token {
		changed := bytes.Clone(token)
		changed[i] ^= 1
		refuse(fmt.Sprintf("byte %d changed", i), changed, testURI+"/0", s.keys())
		refuse(fmt.Sprintf("cut at %d", i), token[:i], testURI+"/0", s.keys())
	}
	refuse("another key", token, testURI+"/0", Keys{s.KeyID(): newSigner(t, 2).public()})
	refuse("no key", token, testURI+"/0", Keys{})
	refuse("the zero key", token, testURI+"/0", Keys{s.KeyID(): {}})
	refuse("another URI", token, testURI+"/1", s.keys())
	refuse("no URI", token, "", s.keys())
	refuse("a fourth part", append(bytes.Clone(token), '.'), testURI+"/0", s.keys())
	refuse("a line break", append(bytes.Clone(token), '\n'), testURI+"/0", s.keys())
	refuse("too long", make([]byte, MaxToken+1), testURI+"/0", s.keys())
}

type brokenSigner struct{ edSigner }

var errBroken = errors.New("broken")

func (brokenSigner) Sign([]byte) ([]byte, error) { return nil, errBroken }

func TestSignerFails(t *testing.T) {
	if token, err := testToken(t).Sign(brokenSigner{newSigner(t, 1)}); token != nil || !errors.Is(err, errBroken) {
		t.Errorf("%q, %v", token, err)
	}
}

// FAULTS: L1 L2 L12
func FuzzRead(f *testing.F) {
	f.Add(edHeader, testPayload)
	f.Add(edHeader, strings.Replace(testPayload, `"bits":2,`, `"bits":2,"bits":2,`, 1))
	f.Add(`{"typ":"statuslist+jwt","crit":[]}`, `{`)
	encode := base64.RawURLEncoding.EncodeToString
	f.Fuzz(func(t *testing.T, header, payload string) {
		token := []byte(encode([]byte(header)) + "." + encode([]byte(payload)) + ".")
		got, err := Read(token, testURI+"/0", testTime, anyKey{})
		if err != nil {
			if !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("%v", err)
			}
			return
		}
		if got.URI != testURI+"/0" || got.List == nil || got.List.Len() < 1 || got.TTL < 0 || got.IssuedAt.After(testTime.Add(Skew)) ||
			!got.Expires.IsZero() && !testTime.Before(got.Expires) {
			t.Errorf("%s is read as %+v", payload, got)
		}
		// What is read is written, and read as the same.
		again, err := got.Sign(newSigner(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		if same, err := Read(again, got.URI, testTime, anyKey{}); err != nil || same.TTL != got.TTL || !bytes.Equal(same.List.array, got.List.array) {
			t.Errorf("%s is written as %s: %v", payload, again, err)
		}
	})
}
