package main

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever command opens a root key, not only serve, keeps it out of core files.
func TestWhoeverOpensARootKeyLeavesNoCore(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Skip(err)
	}
	if code, _, notes := runCommand(t, "check", "--store", store); code != exitUsage {
		t.Errorf("exit code %d, %s", code, notes)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("dumpable is %d, %v", dumpable, err)
	}
}
