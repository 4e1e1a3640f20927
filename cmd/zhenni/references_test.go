package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestReferenceTenants(t *testing.T) {
	tenants, err := referenceFlags{ReferenceTenant: []string{"1=9", "2=9"}}.tenants()
	if err != nil || len(tenants) != 2 || tenants[1] != 9 || tenants[2] != 9 {
		t.Errorf("%v, %v", tenants, err)
	}
	for _, written := range []string{"", "1", "=9", "1=", "1=9=9", "a=9", "1=-9", "1=4294967296"} {
		if _, err := (referenceFlags{ReferenceTenant: []string{written}}).tenants(); err == nil {
			t.Errorf("%q is taken", written)
		}
	}
	if _, err := (referenceFlags{ReferenceTenant: []string{"1=9", "1=8"}}).tenants(); err == nil {
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

// Whoever tries faces on an identity is told no, and after fifty the person's own face is too: by the same bytes as where
// there is no such person. What was counted outlives a kill. The holder of the references re-proves the person, and the face
// is issued a credential.
//
// FAULTS: B1 B2 R3
func TestStrangersBarTheReference(t *testing.T) {
	t.Parallel()
	w := startLife(t, "--attempts-pause", "24h")
	reference := w.ask(w.issued("registry", "photograph", `"reference_float32":"`+face(holder, -1)+`"`), 201, `"active"`)
	refused := func(number string, person, sample int) string {
		t.Helper()
		q := w.next("app", "POST", "/v1/credentials")
		q.body = w.sealed(q, number, `"probe_float32":"`+face(person, sample)+`"`)
		status, text, err := w.try(q, func() {})
		if err != nil || status != 403 {
			t.Fatalf("%d %s, %v", status, text, err)
		}
		return strings.ReplaceAll(text, q.transaction, "t")
	}
	no := refused(canaryNumber, stranger, 0)
	for i := range 49 {
		if again := refused(canaryNumber, stranger, 1+i); again != no {
			t.Fatalf("%s, then %s", no, again)
		}
	}
	w.restart()
	if own := refused(canaryNumber, holder, 1); own != no {
		t.Errorf("the person's own face: %s, a stranger's %s", own, no)
	}
	if nobody := refused(nobodysNumber, holder, 3); nobody != no {
		t.Errorf("nobody's: %s, a stranger's %s", nobody, no)
	}
	w.ask(w.next("registry", "POST", "/v1/credentials/"+reference+"/re-prove"), 200, `"active"`)
	w.ask(w.issued("app", "face of holder", `"probe_float32":"`+face(holder, 2)+`"`), 201, `"lite"`)
}

// nobodysNumber is an ID number that the registry does not have.
const nobodysNumber = "110105194912310054"
