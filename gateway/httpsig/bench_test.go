package httpsig

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"zhenni"
)

// BenchmarkVerify measures a whole verification, from fields to verdict, beside the one operation of the library in it; the
// body is of 512 bytes, its digest made by the way or at hand.
func BenchmarkVerify(b *testing.B) {
	for _, name := range []string{"ed25519", "p256", "hmac"} {
		s := testSigners(b)[name]
		r := testRequest()
		r.Body = make([]byte, 512)
		if err := s.Sign(r, testStamp()); err != nil {
			b.Fatal(err)
		}
		c := parsed(b, r)
		sum := sha256.Sum256(r.Body)
		b.Run(name+"/bare", func(b *testing.B) { benchmarkBare(b, s.key, c) })
		b.Run(name+"/whole", func(b *testing.B) { benchmarkWhole(b, s.key, r) })
		r2 := *r
		r2.BodySHA256 = &sum
		b.Run(name+"/whole, digest at hand", func(b *testing.B) { benchmarkWhole(b, s.key, &r2) })
	}
}

func benchmarkWhole(b *testing.B, k *Key, r *Request) {
	b.ReportAllocs()
	var c Claim
	for b.Loop() {
		if c.Parse(r, testNow) != nil || c.Verify(k) != nil {
			b.Fatal("refused")
		}
	}
}

func benchmarkBare(b *testing.B, k *Key, c *Claim) {
	b.ReportAllocs()
	signature := c.signature[:c.length]
	der := zhenni.AppendDER(nil, append(c.signature[:32:32], c.signature[32:64]...))
	session := hmac.New(sha256.New, make([]byte, MinSecret))
	for b.Loop() {
		switch k.algorithm {
		case Ed25519:
			if !ed25519.Verify(k.edwards, c.base, signature) {
				b.Fatal("refused")
			}
		case P256:
			digest := sha256.Sum256(c.base)
			if !ecdsa.VerifyASN1(k.nist, digest[:], der) {
				b.Fatal("refused")
			}
		case HMAC:
			session.Reset()
			session.Write(c.base)
			session.Sum(nil)
		}
	}
}

// BenchmarkParse measures what a stranger costs who has no key.
func BenchmarkParse(b *testing.B) {
	r := signed(b, edSigner(b, 1))
	var c Claim
	b.ReportAllocs()
	for b.Loop() {
		if c.Parse(r, testNow) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, name := range []string{"ed25519", "p256", "hmac"} {
		s, r := testSigners(b)[name], testRequest()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s.Sign(r, testStamp()) != nil {
					b.Fatal("refused")
				}
			}
		})
	}
}
