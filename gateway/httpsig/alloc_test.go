//go:build !race

package httpsig

import (
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
)

// A claim that is used again allocates nothing, and verifying nothing that the library does not: by Ed25519 and HMAC that
// is nothing as well. (The race detector makes a pool forget; it does not run this.)
func TestVerifyAllocatesNothing(t *testing.T) {
	for name, s := range testSigners(t) {
		r := signed(t, s)
		sum := sha256.Sum256(r.Body)
		for _, given := range []*[32]byte{nil, &sum} {
			r.BodySHA256 = given
			var c Claim
			verify := func() {
				if c.Parse(r, testNow) != nil || c.Verify(s.key) != nil {
					t.Error("refused")
				}
			}
			verify()
			library := 0.0
			if s.key.algorithm == P256 {
				library = testing.AllocsPerRun(100, func() { s.key.verify(c.base, c.signature[:c.length]) })
			}
			if got := testing.AllocsPerRun(100, verify); got > library {
				t.Errorf("%s: %v allocations, %v of them the library's", name, got, library)
			}
		}
	}
	s := edSigner(t, 1)
	c := parsed(t, signed(t, s))
	library := testing.AllocsPerRun(100, func() { ed25519.Verify(s.key.edwards, c.base, c.signature[:64]) })
	if library != 0 {
		t.Logf("Ed25519 of the library allocates %v times", library)
	}
}
