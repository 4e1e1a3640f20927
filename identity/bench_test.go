package identity

import (
	"crypto/aes"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	josecipher "github.com/go-jose/go-jose/v4/cipher"
)

// BenchmarkOpenAndHandle is what one enrolment costs here; BenchmarkPrimitives is the cryptography it can not do without.
func BenchmarkOpenAndHandle(b *testing.B) {
	key := testKey(b, 1)
	opener, d := newOpener(b, key), newDeriver(b, testRoot(7))
	sealed := mustSeal(b, key.Public(), "阿卜杜拉·买买提", "11010519491231002X", "txn-1")
	b.ReportAllocs()
	for b.Loop() {
		p, err := opener.Open(sealed, "txn-1", today)
		if err != nil {
			b.Fatal(err)
		}
		h, err := d.Handle(p.Number)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.NameTag(h, p.Name); err != nil {
			b.Fatal(err)
		}
		p.Forget()
	}
}

func BenchmarkPrimitives(b *testing.B) {
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	point := own.PublicKey().Bytes()
	kek, contentKey := make([]byte, 32), make([]byte, 32)
	wrapped := keyWrap(b, kek, contentKey)
	sealed := newGCM(b, contentKey).Seal(nil, make([]byte, nonceSize), make([]byte, 100), make([]byte, 400))
	b.ReportAllocs()
	for b.Loop() {
		ephemeral, err := ecdh.P256().NewPublicKey(point)
		if err != nil {
			b.Fatal(err)
		}
		z, err := own.ECDH(ephemeral)
		if err != nil {
			b.Fatal(err)
		}
		concatKDF(z, "ECDH-ES+A256KW", "", "", 32)
		block, err := aes.NewCipher(kek)
		if err != nil {
			b.Fatal(err)
		}
		content, err := josecipher.KeyUnwrap(block, wrapped)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := newGCM(b, content).Open(nil, make([]byte, nonceSize), sealed, make([]byte, 400)); err != nil {
			b.Fatal(err)
		}
		for range 2 {
			h := hmac.New(sha256.New, kek)
			h.Write(point)
			h.Sum(nil)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	number, name := []byte("１１０１０５１９４９１２３１００２Ｘ"), []byte("阿卜杜拉•买买提")
	b.Run("number", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseNumber(number, today); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("name", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseName(name); err != nil {
				b.Fatal(err)
			}
		}
	})
}
