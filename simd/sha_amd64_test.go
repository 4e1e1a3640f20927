//go:build !purego

package simd

import "testing"

// extensions is whether the SHA instructions count as present; crypto/sha256 uses them regardless.
type extensions struct {
	name string
	has  bool
}

func withExtensions(testing.TB) []extensions {
	return []extensions{{"kernels", false}, {"extensions", true}}
}

func (e extensions) set(t testing.TB) {
	before := shaExtensions
	shaExtensions = e.has
	t.Cleanup(func() { shaExtensions = before })
}
