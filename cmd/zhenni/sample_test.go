package main

import (
	"path/filepath"
	"slices"
	"testing"

	"zhenni/bench/labelled"
)

func TestSampleIsReadBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "people")
	if code, _, notes := runCommand(t, "sample", dir, "--people", "5", "--dim", "16"); code != 0 {
		t.Fatalf("exit code %d: %s", code, notes)
	}
	var sets []*labelled.Set
	for _, part := range []string{"references", "probes"} {
		set, err := labelled.Read(t.Context(), filepath.Join(dir, part), nil)
		if err != nil {
			t.Fatal(err)
		}
		if set.Persons() != 5 || set.Dim() != 16 {
			t.Errorf("%s: %d people of dimension %d", part, set.Persons(), set.Dim())
		}
		sets = append(sets, set)
	}
	if slices.Equal(sets[0].Embedding(0), sets[1].Embedding(0)) {
		t.Error("the probe of a person is a copy of the reference")
	}
	if code, _, _ := runCommand(t, "sample", dir); code != exitUsage {
		t.Errorf("an existing folder: exit code %d, want %d", code, exitUsage)
	}
	if code, _, _ := runCommand(t, "sample", filepath.Join(dir, "more"), "--people", "0"); code != exitUsage {
		t.Errorf("no people: exit code %d, want %d", code, exitUsage)
	}
}
