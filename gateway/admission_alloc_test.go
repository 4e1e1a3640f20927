//go:build !race

package gateway

import "testing"

// A signature costs the operation with its key, and the memory of its nonce. (The race detector makes a pool forget; it does not run
// this.)
func TestAdmissionAllocates(t *testing.T) {
	a := newAdmission(t)
	var rq request
	for name, most := range map[string]float64{"key": 2, "hmac": 1, "ed25519": 1} {
		for range prepareAfter { // by then the key is prepared
			a.admit(t, &rq, name)
		}
		if n := testing.AllocsPerRun(100, func() { a.admit(t, &rq, name) }); n > most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, most)
		}
	}
}
