package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/gateway"
	"zhenni/receipt"
)

// A key of results, sealed or not, signs under the public key that was printed when it was made, and a set is made of
// keys and sets.
func TestResultKeys(t *testing.T) {
	dir := t.TempDir()
	passphrase := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(passphrase, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all receipt.Keys
	for _, algorithm := range []string{"ed25519", "es256", "sm2"} {
		path := filepath.Join(dir, algorithm+".key")
		flags := []string{"--result-passphrase-file", passphrase}
		printed := mustRun(t, append([]string{"keys", "new-result-key", path, "--algorithm", algorithm}, flags...)...)
		keys, err := receipt.ParseKeys([]byte(printed))
		if err != nil || len(keys) != 1 || keys[0].Algorithm().String() != algorithm {
			t.Fatalf("%s: %v %s", algorithm, err, printed)
		}
		if again := mustRun(t, append([]string{"keys", "result-jwks", path}, flags...)...); again != printed {
			t.Errorf("%s: %s, want %s", algorithm, again, printed)
		}
		signer, err := secretFlags{passphrase}.signer("--result-key", path)
		if err != nil || signer.Key().ID() != keys[0].ID() {
			t.Errorf("%s: %v", algorithm, err)
		}
		if code, _, notes := runCommand(t, "keys", "result-jwks", path); code != exitEnvironment || !strings.Contains(notes, "passphrase") {
			t.Errorf("%s without its passphrase: %d, %s", algorithm, code, notes)
		}
		if code, _, _ := runCommand(t, "keys", "new-result-key", path); code != exitEnvironment {
			t.Errorf("%s made again: %d", algorithm, code)
		}
		all = all.Add(keys...)
	}
	set, plain := filepath.Join(dir, "all.jwks"), filepath.Join(dir, "plain.key")
	if err := os.WriteFile(set, all.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "keys", "new-result-key", plain)
	keys, err := receipt.ParseKeys([]byte(mustRun(t, "keys", "result-jwks", plain, set, plain)))
	if err != nil || len(keys) != 4 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

// A file is what it was made for, and no other.
func TestResultKeysThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	key, root, set := filepath.Join(dir, "result.key"), filepath.Join(dir, "pseudonyms.key"), filepath.Join(dir, "jwks")
	printed := mustRun(t, "keys", "new-result-key", key)
	mustRun(t, "keys", "new-pseudonym-root", root)
	if err := os.WriteFile(set, []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	var none, all gateway.Config
	if err := (receiptFlags{Issuer: "x"}).signResults(&none, dir, false); err != nil || none.Receipts != nil {
		t.Errorf("no key: %v", err)
	}
	flags := receiptFlags{ResultKey: key, ResultKeyBefore: key, ResultJWKS: set, PseudonymRoot: root, Issuer: "x"}
	if err := flags.signResults(&all, dir, false); err != nil || all.Receipts == nil {
		t.Errorf("all of them: %v", err)
	}
	for name, f := range map[string]receiptFlags{
		"no root":            {ResultKey: key, Issuer: "x"},
		"no key":             {PseudonymRoot: root, Issuer: "x"},
		"key for a root":     {ResultKey: key, PseudonymRoot: key, Issuer: "x"},
		"root for a key":     {ResultKey: root, PseudonymRoot: root, Issuer: "x"},
		"set for a key":      {ResultKey: set, PseudonymRoot: root, Issuer: "x"},
		"key for a set":      {ResultKey: key, PseudonymRoot: root, ResultJWKS: key, Issuer: "x"},
		"a root before":      {ResultKey: key, PseudonymRoot: root, ResultKeyBefore: root, Issuer: "x"},
		"an issuer of words": {ResultKey: key, PseudonymRoot: root, Issuer: "a b"},
		"nothing there":      {ResultKey: key + "x", PseudonymRoot: root, Issuer: "x"},
	} {
		var c gateway.Config
		if err := f.signResults(&c, t.TempDir(), false); err == nil || c.Receipts != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A store goes on under the root of pseudonyms that it began with, and under another only where that is said.
func TestPseudonymRootIsKnownAgain(t *testing.T) {
	dir := t.TempDir()
	key, first, second := filepath.Join(dir, "result.key"), filepath.Join(dir, "first.key"), filepath.Join(dir, "second.key")
	mustRun(t, "keys", "new-result-key", key)
	mustRun(t, "keys", "new-pseudonym-root", first)
	mustRun(t, "keys", "new-pseudonym-root", second)
	serve := func(root, store string, readOnly bool) error {
		var c gateway.Config
		return receiptFlags{ResultKey: key, PseudonymRoot: root, Issuer: "x"}.signResults(&c, store, readOnly)
	}
	store := t.TempDir()
	if err := serve(second, store, true); err != nil {
		t.Errorf("a store that is not written to: %v", err)
	}
	for range 2 {
		if err := serve(first, store, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, readOnly := range []bool{false, true} {
		var exit *exitError
		if err := serve(second, store, readOnly); !errors.As(err, &exit) || exit.code != exitNotSo {
			t.Errorf("another root: %v", err)
		}
	}
	if err := os.Remove(filepath.Join(store, pinnedPseudonyms)); err != nil {
		t.Fatal(err)
	}
	if err := serve(second, store, false); err != nil {
		t.Errorf("another root that is meant: %v", err)
	}
}
