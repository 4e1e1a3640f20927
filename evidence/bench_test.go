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
