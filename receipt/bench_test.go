package receipt

import (
	"testing"

	"zhenni"
)

// BenchmarkResult is what a signed yes costs: what is said, then its signature. BenchmarkSignature is the signature alone,
// over as many bytes.
func BenchmarkResult(b *testing.B) {
	for _, a := range every {
		b.Run(a.String(), func(b *testing.B) {
			i, f := testIssuer(b, nil, testSigner(b, a, 1)), aFinding(zhenni.Match)
			b.ReportAllocs()
			for b.Loop() {
				draft, err := i.Draft(f)
				must(b, draft, err)
				result, err := i.Sign(draft, 17, [32]byte{})
				must(b, result, err)
			}
		})
	}
}

func BenchmarkSignature(b *testing.B) {
	message := make([]byte, 512)
	for _, a := range every {
		b.Run(a.String(), func(b *testing.B) {
			s := testSigner(b, a, 1)
			b.ReportAllocs()
			for b.Loop() {
				signature, err := s.Sign(message)
				must(b, signature, err)
			}
		})
	}
}

// BenchmarkVerify is what checking costs.
func BenchmarkVerify(b *testing.B) {
	for _, a := range every {
		b.Run(a.String(), func(b *testing.B) {
			s := testSigner(b, a, 1)
			result, keys := mustSign(b, s, aYes()), Keys{s.Key()}
			b.ReportAllocs()
			for b.Loop() {
				c, err := Verify(result, keys, Expectations{Audience: "bank"})
				must(b, c, err)
			}
		})
	}
}
