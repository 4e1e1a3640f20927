//go:build !linux

package main

import (
	"os"
	"testing"
)

// unwritable makes a folder one that takes no writes until the test ends, as far as modes do that.
func unwritable(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
}
