package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A secret goes to a file of its own, for its owner alone, whatever somebody has put beside it; none is left where it fails.
func TestKeepSecret(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "seat.json")
	write(t, path+".new", "somebody else's")
	if err := os.Chmod(path+".new", 0o666); err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{"first", "second"} {
		if err := keepSecret("--seat", path, document); err != nil {
			t.Fatal(err)
		}
		var kept string
		if err := readKept("--seat", path, &kept); err != nil || kept != document {
			t.Errorf("%q, %v, want %q", kept, err, document)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(path + ".new"); err != nil || string(text) != "somebody else's" {
		t.Errorf("%q, %v: the secret went to another's file", text, err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "taken", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := keepSecret("--seat", filepath.Join(folder, "taken"), "third"); err == nil {
		t.Error("it replaced a folder")
	}
	if left, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || len(left) != 3 {
		t.Errorf("%q, %v", left, err)
	}
}
