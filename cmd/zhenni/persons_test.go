package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni/identity"
)

// The name that somebody is asked for by is compared with what was kept of them at their issue.
func TestNamesAreThoseOfTheIssue(t *testing.T) {
	key, err := identity.NewPrivateKey(rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	i, err := newIdentities(bytes.Repeat([]byte{1}, identity.RootSize), key)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := identity.Seal(key.Public(), "张三", "11010519491231002X", "app/issue-1")
	if err != nil {
		t.Fatal(err)
	}
	who, err := i.Identify([]byte(issued), "app", "issue-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{"张三": true, "张 三": true, "张四": false} {
		sealed, err := identity.SealName(key.Public(), name, "square/person.1")
		if err != nil {
			t.Fatal(err)
		}
		opened, err := i.OpenName(sealed, "square", "person.1")
		if err != nil {
			t.Fatal(err)
		}
		if tag, err := i.NameTag(who.Subject, opened); err != nil || (tag == who.NameTag) != same {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := i.OpenName(sealed, "bank", "person.1"); !errors.Is(err, identity.SealedTransaction) {
			t.Errorf("for another party: %v", err)
		}
	}
}

// Who names a party that is not there for persons is told so at the start, and of one that is no verifier too.
func TestAbsentPartyOfPersonsIsSaid(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	add := func(id, role string) func() {
		return func() { mustRun(t, "rp", "add", id, "--store", store, "--tenant", "7", "--role", role) }
	}
	for _, c := range []struct {
		party  string
		before func()
		said   bool
	}{
		{"square", func() {}, true},
		{"square", add("square", "verifier"), false},
		{"registry", add("registry", "issuer"), true},
	} {
		c.before()
		server := startProcess(t, store, "--create-key", "--sessions", "make", "--person-party", c.party)
		if err := server.terminate(t); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(server.notes.String(), "persons can not ask each other"); said != c.said {
			t.Errorf("%s: said %v, want %v", c.party, said, c.said)
		}
	}
}
