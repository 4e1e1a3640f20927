//go:build purego || !amd64

package simd

import "testing"

// extensions has nothing to choose where crypto/sha256 does all the work.
type extensions struct{ name string }

func withExtensions(testing.TB) []extensions { return []extensions{{"crypto"}} }

func (extensions) set(testing.TB) {}
