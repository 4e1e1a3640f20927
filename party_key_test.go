package zhenni_test

import (
	"testing"

	"zhenni"
)

// A key is compared whole: a hash that differs in any one byte admits nobody.
func TestAdmitsComparesTheWholeHash(t *testing.T) {
	key := zhenni.APIKey{Party: "p", Secret: [32]byte{1, 2, 3}}
	for i := range key.Secret {
		p := zhenni.RelyingParty{ID: "p", KeyHash: key.Hash()}
		p.KeyHash[i] ^= 1
		if p.Admits(key) {
			t.Errorf("admitted although byte %d of the hash differs", i)
		}
	}
}
