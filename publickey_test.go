package zhenni_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// pair is a key with what it signs by.
type pair struct {
	public zhenni.PublicKey
	sign   func(message []byte) []byte
}

func newPairs(t *testing.T) []pair {
	t.Helper()
	edwards, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	first, err := zhenni.NewPublicKey(zhenni.KeyEd25519, edwards)
	if err != nil {
		t.Fatal(err)
	}
	nist, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := nist.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	second, err := zhenni.NewPublicKey(zhenni.KeyP256, point)
	if err != nil {
		t.Fatal(err)
	}
	return []pair{
		{first, func(m []byte) []byte { return ed25519.Sign(private, m) }},
		{second, func(m []byte) []byte {
			sum := sha256.Sum256(m)
			r, s, err := ecdsa.Sign(rand.Reader, nist, sum[:])
			if err != nil {
				t.Fatal(err)
			}
			signature := make([]byte, 64)
			r.FillBytes(signature[:32])
			s.FillBytes(signature[32:])
			return signature
		}},
	}
}

func TestPublicKeysVerifyTheirOwnSignaturesOnly(t *testing.T) {
	pairs := newPairs(t)
	for i, p := range pairs {
		message := []byte("who asks")
		signature := p.sign(message)
		if !p.public.Verify(message, signature) {
			t.Errorf("%v: its signature is refused", p.public.Algorithm())
		}
		if pairs[1-i].public.Verify(message, signature) || (zhenni.PublicKey{}).Verify(message, signature) {
			t.Errorf("%v: another key takes the signature", p.public.Algorithm())
		}
		for at := range signature {
			signature[at] ^= 0x10
			if p.public.Verify(message, signature) {
				t.Errorf("%v: byte %d of the signature does not matter", p.public.Algorithm(), at)
			}
			signature[at] ^= 0x10
		}
		if p.public.Verify(message[1:], signature) || p.public.Verify(message, signature[:63]) || p.public.Verify(message, nil) {
			t.Errorf("%v: another message or a cut signature is taken", p.public.Algorithm())
		}
	}
}

func TestPublicKeysReadBack(t *testing.T) {
	for _, k := range append(newPairs(t), pair{}) {
		encoded := k.public.Append(nil)
		again, err := zhenni.ParsePublicKey(encoded)
		if err != nil || again != k.public || len(encoded) != zhenni.PublicKeySize {
			t.Errorf("%v: %v, %v", k.public.Algorithm(), again, err)
		}
		if kept, err := zhenni.KeptPublicKey(encoded); err != nil || kept != k.public {
			t.Errorf("kept, %v: %v, %v", k.public.Algorithm(), kept, err)
		}
	}
}

// The example of RFC 8037, appendix A.3.
func TestThumbprintOfTheRFC(t *testing.T) {
	point, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	k, err := zhenni.NewPublicKey(zhenni.KeyEd25519, point)
	if err != nil || k.ID() != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("%s, %v", k.ID(), err)
	}
	want := `{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","use":"sig"}`
	if string(k.JWK()) != want {
		t.Errorf("%s", k.JWK())
	}
}

// Whatever is read as a key has that one form, and nothing else panics.
func TestParsePublicKeyTakesOneForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		encoded := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "encoded")
		if len(encoded) > 0 {
			encoded[0] &= 3
		}
		k, err := zhenni.ParsePublicKey(encoded)
		if err == nil && string(k.Append(nil)) != string(encoded) {
			t.Fatalf("%x is read as %x", encoded, k.Append(nil))
		}
		if err != nil && !errors.Is(err, zhenni.ErrBadValue) {
			t.Fatal(err)
		}
		if kept, err2 := zhenni.KeptPublicKey(encoded); err == nil && (err2 != nil || kept != k) || err2 == nil && string(kept.Append(nil)) != string(encoded) &&
			!kept.IsZero() {
			t.Fatalf("%x is read as %x, %v where it was kept", encoded, kept.Append(nil), err2)
		}
	})
}
