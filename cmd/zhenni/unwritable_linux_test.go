package main

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// unwritable makes a folder one that takes no writes until the test ends: by a mount of it, since modes do not bind the
// superuser, or by its mode for everybody else.
func unwritable(t *testing.T, dir string) {
	t.Helper()
	if unix.Mount(dir, dir, "", unix.MS_BIND, "") == nil {
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Errorf("the mount of %s is left: %v", dir, err)
			}
		})
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err == nil {
			return
		}
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
}
