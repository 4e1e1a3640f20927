package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// What is printed to be edited is read again; what is broken is refused with the field.
func TestCatalogueIsPrintedEditedAndChecked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services.json")
	source := mustRun(t, "catalogue", "list", "--source")
	if err := os.WriteFile(file, []byte(strings.Replace(source, "Hotel check-in", "Arrival at a hotel", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if checked := mustRun(t, "catalogue", "check", file); !strings.Contains(checked, "Nothing is wrong") {
		t.Error(checked)
	}
	for _, args := range [][]string{{"catalogue", "list", "--catalogue", file}, {"catalogue", "list", "--catalogue", file, "--json"}} {
		if list := mustRun(t, args...); !strings.Contains(list, "Arrival at a hotel") || !strings.Contains(list, "face") {
			t.Errorf("%v: %s", args, list)
		}
	}
	if again := mustRun(t, "catalogue", "list", "--source", "--catalogue", file); !strings.Contains(again, "Arrival at a hotel") {
		t.Error("not the file's source")
	}
	if list := mustRun(t, "catalogue", "list"); strings.Count(list, "\n") != len(zhenni.ShippedCatalogue().Services())+1 {
		t.Error(list)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(source, `"level": "full"`, `"level": "fuller"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, notes := runCommand(t, "serve", "--profile", "profiles/synthetic-512.json", "--allow-unsupported", "--catalogue", file); code != exitNotSo {
		t.Errorf("serve: exit code %d: %s", code, notes)
	}
	for args, want := range map[string]int{"check " + file: exitNotSo, "list --catalogue " + file: exitNotSo, "check " + file + ".none": exitEnvironment} {
		code, _, notes := runCommand(t, append([]string{"catalogue"}, strings.Fields(args)...)...)
		if code != want || want == exitNotSo && !strings.Contains(notes, "services[0].level") {
			t.Errorf("%s: exit code %d, want %d: %s", args, code, want, notes)
		}
	}
}
