//go:build long

package gateway

import "testing"

// A million of them.
//
// FAULTS: A2 A4 A6 A7 A12 A19 L14
func TestMillionMutatedSignedRequests(t *testing.T) { sendMutated(t, 1_000_000) }
