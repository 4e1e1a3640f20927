package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestReferenceTenants(t *testing.T) {
	tenants, err := referenceFlags{[]string{"1=9", "2=9"}}.tenants()
	if err != nil || len(tenants) != 2 || tenants[1] != 9 || tenants[2] != 9 {
		t.Errorf("%v, %v", tenants, err)
	}
	for _, written := range []string{"", "1", "=9", "1=", "1=9=9", "a=9", "1=-9", "1=4294967296"} {
		if _, err := (referenceFlags{[]string{written}}).tenants(); err == nil {
			t.Errorf("%q is taken", written)
		}
	}
	if _, err := (referenceFlags{[]string{"1=9", "1=8"}}).tenants(); err == nil {
		t.Error("two tenants of references for one are taken")
	}
}

// Tenants that can not be told apart are refused before anything is opened.
func TestServeRefusesReferencesOfThemselves(t *testing.T) {
	for _, written := range []string{"1=1", "0=1", "1=0", "1=2,2=3"} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{
			"serve", "--store", filepath.Join(t.TempDir(), "store"), "--listen", "127.0.0.1:0", "--profile", "profiles/synthetic-512.json",
			"--create-key", "--reference-tenant", written,
		}, &output{results: &stdout, notes: &stderr})
		if code != exitUsage || !strings.Contains(stderr.String(), "two tenants") {
			t.Errorf("%s: exit code %d: %s", written, code, &stderr)
		}
	}
}
