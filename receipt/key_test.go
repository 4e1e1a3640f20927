package receipt

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"zhenni"
)

// A published set is read as what was published, also when somebody spelled it otherwise or added to it.
func TestKeysArePublished(t *testing.T) {
	var keys Keys
	for _, a := range every {
		keys = keys.Add(testSigner(t, a, 1).Key(), testSigner(t, a, 2).Key(), testSigner(t, a, 1).Key())
	}
	if len(keys) != 6 {
		t.Fatalf("%d keys", len(keys))
	}
	set := keys.JWKS()
	for name, text := range map[string][]byte{
		"as published": set,
		"other space":  bytes.ReplaceAll(set, []byte(","), []byte(" ,\n\t")),
		"of others":    bytes.Replace(set, []byte("["), []byte(`[{"kty":"RSA","kid":"x","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-384"},`), 1),
		"with more":    bytes.Replace(set, []byte(`{"keys"`), []byte(`{"issuer":"x","keys"`), 1),
	} {
		got, err := ParseKeys(text)
		if err != nil || !bytes.Equal(got.JWKS(), set) {
			t.Errorf("%s: %v", name, err)
		}
	}
	one, err := ParseKeys(keys[0].JWK())
	if err != nil || len(one) != 1 || one[0].ID() != keys[0].ID() || one[0].Algorithm() != Ed25519 {
		t.Errorf("one key: %v", err)
	}
}

// FAULTS: A7 A19
func TestKeysThatAreRefused(t *testing.T) {
	for _, a := range every {
		k, other := testSigner(t, a, 1).Key(), testSigner(t, a, 2).Key()
		jwk := string(k.JWK())
		x := jwk[strings.Index(jwk, `"x":"`)+5:][:43]
		for name, text := range map[string]string{
			"private":          strings.Replace(jwk, `{`, `{"d":"AAAA",`, 1),
			"for encryption":   strings.Replace(jwk, `"use":"sig"`, `"use":"enc"`, 1),
			"of another alg":   strings.Replace(jwk, `"alg":"`, `"alg":"HS`, 1),
			"of another kid":   strings.Replace(jwk, k.ID(), other.ID(), 1),
			"without kid":      strings.Replace(jwk, `"kid":"`+k.ID()+`",`, "", 1),
			"off the curve":    strings.Replace(jwk, x, strings.Repeat("A", 43), 1),
			"padded":           strings.Replace(jwk, x, x+"=", 1),
			"short":            strings.Replace(jwk, x, x[1:], 1),
			"x twice":          strings.Replace(jwk, `"x"`, `"x":"`+x+`","x":"`+strings.Repeat("B", 43)+`","y"`, 1),
			"no set":           `{"keys":[]}`,
			"set of nothing":   `{}`,
			"not JSON":         jwk + "}",
			"a number":         strings.Replace(jwk, `"`+x+`"`, `7`, 1),
			"of too many":      `{"keys":[` + strings.Repeat(jwk+",", 500) + jwk + `]}`,
			"an array of keys": `[` + jwk + `]`,
		} {
			if keys, err := ParseKeys([]byte(text)); keys != nil || !errors.Is(err, zhenni.ErrBadValue) {
				t.Errorf("%s, %s: %v", a, name, err)
			}
		}
	}
}

func TestSecretsThatAreRefused(t *testing.T) {
	ones := bytes.Repeat([]byte{0xff}, SecretSize)
	for name, e := range map[string]struct {
		algorithm Algorithm
		secret    []byte
	}{
		"short":                    {Ed25519, ones[1:]},
		"zero of P-256":            {ES256, make([]byte, SecretSize)},
		"beyond the order":         {ES256, ones},
		"zero of SM2":              {SM2, make([]byte, SecretSize)},
		"beyond the order of SM2":  {SM2, ones},
		"an algorithm of nobody's": {4, ones},
		"no algorithm":             {0, ones},
	} {
		if s, err := NewSigner(e.algorithm, e.secret); err == nil || !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v %v", name, s, err)
		}
	}
}

func TestSecretsAreDrawn(t *testing.T) {
	for _, a := range every {
		drawn, err := NewSecret(a, bytes.NewReader(append(bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{3}, 32)...)))
		if a == Ed25519 {
			continue // any 32 bytes are a seed
		}
		if !bytes.Equal(must(t, drawn, err), bytes.Repeat([]byte{3}, 32)) {
			t.Errorf("%s: %x", a, drawn)
		}
		if _, err := NewSecret(a, bytes.NewReader(make([]byte, 31))); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("%s, no entropy: %v", a, err)
		}
		first, err := NewSecret(a, nil)
		must(t, first, err)
		if again, err := NewSecret(a, nil); bytes.Equal(must(t, again, err), first) {
			t.Errorf("%s: drawn twice", a)
		}
	}
	if _, err := NewSecret(9, nil); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
	if _, err := ParseAlgorithm("rs256"); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error(err)
	}
	for _, a := range every {
		if got, err := ParseAlgorithm(a.String()); err != nil || got != a {
			t.Error(a, err)
		}
	}
}
