package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/receipt"
)

// A key of results, sealed or not, signs under the public key that was printed when it was made, and a set is made of
// keys and sets.
func TestResultKeys(t *testing.T) {
	t.Parallel()
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
	second, third := filepath.Join(dir, "second.key"), filepath.Join(dir, "third.key")
	mustRun(t, "keys", "new-result-key", second)
	mustRun(t, "keys", "new-result-key", third)
	before := func(paths ...string) receiptFlags {
		return receiptFlags{ResultKey: key, ResultKeyBefore: paths, PseudonymRoot: root, Issuer: "x"}
	}
	flags := receiptFlags{ResultKey: key, ResultKeyBefore: []string{second, third}, ResultJWKS: set, PseudonymRoot: root, Issuer: "x"}
	if err := flags.signResults(&all, dir, false); err != nil || all.Receipts == nil {
		t.Errorf("all of them: %v", err)
	}
	for name, c := range map[string]struct {
		flags receiptFlags
		says  string
	}{
		"no root":            {receiptFlags{ResultKey: key, Issuer: "x"}, "--result-key"},
		"no key":             {receiptFlags{PseudonymRoot: root, Issuer: "x"}, "--result-key"},
		"a key before alone": {receiptFlags{ResultKeyBefore: []string{key}, Issuer: "x"}, "--result-key"},
		"key for a root":     {receiptFlags{ResultKey: key, PseudonymRoot: key, Issuer: "x"}, "--pseudonym-root: " + key},
		"root for a key":     {receiptFlags{ResultKey: root, PseudonymRoot: root, Issuer: "x"}, "--result-key: " + root},
		"set for a key":      {receiptFlags{ResultKey: set, PseudonymRoot: root, Issuer: "x"}, set},
		"key for a set":      {receiptFlags{ResultKey: key, PseudonymRoot: root, ResultJWKS: key, Issuer: "x"}, "--result-jwks " + key},
		"an issuer of words": {receiptFlags{ResultKey: key, PseudonymRoot: root, Issuer: "a b"}, "--issuer"},
		"nothing there":      {receiptFlags{ResultKey: key + "x", PseudonymRoot: root, Issuer: "x"}, key + "x"},
		"a root before":      {before(second, root), "--result-key-before: " + root + " is a pseudonym-root"},
		"nothing before":     {before(second, third+"x"), third + "x"},
		"the key before":     {before(second, key), "--result-key-before " + key + ": it is the same key as --result-key " + key},
		"one before twice":   {before(second, third, second), "--result-key-before " + second + ": it is the same key as --result-key-before " + second},
		"too many before":    {before(second, second, second, second, second, second), "--result-key-before: 6 keys, want at most 5"},
		"a set before":       {before(second, set), "--result-key-before: "},
	} {
		var config gateway.Config
		if err := c.flags.signResults(&config, t.TempDir(), false); err == nil || config.Receipts != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// After each of as many rotations as there may be, whatever a key before signed is signed again as it was, and its key is published. The
// keys come as they are typed, from the environment, or from a file.
//
// FAULTS: A15
func TestResultsOfEveryKeyBefore(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "pseudonyms.key")
	mustRun(t, "keys", "new-pseudonym-root", root)
	var keys []string
	var drafts, signed [][]byte
	for n := range maxKeysBefore + 1 {
		key := filepath.Join(dir, fmt.Sprintf("%d.key", n))
		mustRun(t, "keys", "new-result-key", key, "--algorithm", []string{"ed25519", "es256", "sm2"}[n%3])
		issuer := servedIssuer(t, root, append([]string{key}, keys...))
		draft, err := issuer.Draft(zhenni.Finding{
			Party: zhenni.RelyingParty{ID: "bank", Tenant: 1}, Transaction: "t-1", At: time.Unix(1_790_000_000, 0), Profile: strings.Repeat("a", 16), Outcome: zhenni.NoMatch,
		})
		if err != nil {
			t.Fatal(err)
		}
		result, err := issuer.Sign(draft, int64(n), [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		keys, drafts, signed = append([]string{key}, keys...), append(drafts, draft), append(signed, result)
		for before, draft := range drafts {
			if again, err := issuer.Sign(draft, int64(before), [32]byte{}); err != nil || !bytes.Equal(again, signed[before]) {
				t.Errorf("rotation %d, signed after %d: %v", n, before, err)
			}
		}
		if published, err := receipt.ParseKeys(issuer.JWKS()); err != nil || len(published) != n+1 {
			t.Errorf("rotation %d: %d keys are published, %v", n, len(published), err)
		}
	}
	list := strings.Join(keys[1:], ",")
	t.Setenv("ZHENNI_RESULT_KEY_BEFORE", list)
	if s := printConfig(t)["result-key-before"]; s.Value != list || s.Source != "env" {
		t.Errorf("%+v", s)
	}
	file := writeConfig(t, "result-key-before:\n- "+strings.Join(keys[1:], "\n- ")+"\n")
	t.Setenv("ZHENNI_RESULT_KEY_BEFORE", "")
	unsetEmpty()
	if s := printConfig(t, "--config", file)["result-key-before"]; s.Value != list || s.Source != "file" {
		t.Errorf("%+v", s)
	}
	if s := printConfig(t, "--result-key-before", keys[1], "--result-key-before", keys[2])["result-key-before"]; s.Value != keys[1]+","+keys[2] || s.Source != "flag" {
		t.Errorf("%+v", s)
	}
}

// servedIssuer signs as a server does that is given keys, the first of which signs.
func servedIssuer(t *testing.T, root string, keys []string) *receipt.Issuer {
	t.Helper()
	flags := receiptFlags{ResultKey: keys[0], ResultKeyBefore: keys[1:], PseudonymRoot: root, Issuer: "x"}
	pseudonyms, err := flags.pseudonyms()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := flags.issuer(pseudonyms)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
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
