//go:build long

package evidence

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// A million tokens, each with one to three changes anywhere: none is opened.
//
// FAULTS: L14
func TestMutatedTokens(t *testing.T) {
	const each = 500_000
	for name, private := range signers(t) {
		c := testClaims()
		key, token, e := keyOf(t, private), signed(t, c, private), expected(c)
		rng := rand.New(rand.NewPCG(1, 2))
		read := 0
		for range each {
			changed := bytes.Clone(token)
			for range 1 + rng.IntN(3) {
				changed[rng.IntN(len(changed))] = base64Alphabet[rng.IntN(len(base64Alphabet))]
			}
			if bytes.Equal(changed, token) {
				continue
			}
			if _, err := Parse(changed); err == nil {
				read++
			}
			if got, err := Open(changed, key, e, testNow); err == nil || got != (Claims{}) {
				t.Fatalf("%s: opened: %s", name, changed)
			}
		}
		t.Logf("%s: %d, of which %d could be read, 0 opened", name, each, read)
	}
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
