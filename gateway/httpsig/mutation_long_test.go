//go:build long

package httpsig

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A million signed requests, each changed in one byte: none is taken.
//
// FAULTS: A2 A4 A12
func TestMillionMutatedRequests(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	signers := []*Signer{macSigner(t, "k", 1).Digesting(BLAKE3), edSigner(t, 1), ecSigner(t, 1)}
	signedRequests := make([]*Request, len(signers))
	for i, s := range signers {
		signedRequests[i] = signed(t, s)
	}
	var c Claim
	changed, atTheKey := 0, 0
	for changed < 1_000_000 {
		i := max(0, source.IntN(40)-37) // the operations by a public key are the slow ones
		r := *signedRequests[i]
		r.Fields = slices.Clone(r.Fields)
		if !mutate(&r, source.IntN) {
			continue
		}
		changed++
		if c.Parse(&r, testNow) != nil {
			continue
		}
		if atTheKey++; c.Verify(signers[i].Key()) == nil {
			t.Fatalf("taken: %+v", r)
		}
	}
	t.Logf("%d requests, %d of them refused by the key alone", changed, atTheKey)
}
