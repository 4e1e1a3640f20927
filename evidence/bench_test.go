package evidence

import "testing"

func BenchmarkOpen(b *testing.B) {
	for name, private := range signers(b) {
		c := testClaims()
		key, token, e := keyOf(b, private), signed(b, c, private), expected(c)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Open(token, key, e, testNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	token := signed(b, testClaims(), signers(b)["Ed25519"])
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Reading a token costs its own memory and one copy of its text, refusing it no more.
func TestParseAllocates(t *testing.T) {
	token := signed(t, testClaims(), signers(t)["Ed25519"])
	broken := append([]byte("A"), token...)
	for name, c := range map[string]struct {
		token []byte
		most  float64
	}{"token": {token, 2}, "no token": {broken, 1}} {
		if got := testing.AllocsPerRun(100, func() { _, _ = Parse(c.token) }); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, c.most)
		}
	}
}

// Verifying one allocates nothing by Ed25519, and by P-256 what the library does.
func TestVerifyAllocates(t *testing.T) {
	for name, most := range map[string]float64{"Ed25519": 0, "P-256": 20} {
		private := signers(t)[name]
		key := keyOf(t, private)
		token, err := Parse(signed(t, testClaims(), private))
		if err != nil {
			t.Fatal(err)
		}
		if got := testing.AllocsPerRun(100, func() { _ = token.Verify(key) }); got > most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, most)
		}
	}
}
