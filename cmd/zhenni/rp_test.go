package main

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// writeJWK writes the public key of a seed as a JSON Web Key and returns the file with the id.
func writeJWK(t *testing.T, seed byte) (path, id string) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	key, err := zhenni.NewPublicKey(zhenni.KeyEd25519, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "key.jwk")
	if err := os.WriteFile(path, key.JWK(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, key.ID()
}

// Keys are added, replaced and retired alike in the store of a stopped server and over the socket of a running one.
func TestPartiesWithKeys(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	first := startProcess(t, store, "--create-key")
	rotateKeys(t, store, "hotel")
	if err := first.terminate(t); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "rp", "remove", "hotel", "--store", store)
	rotateKeys(t, store, "motel")
}

func rotateKeys(t *testing.T, store, id string) {
	t.Helper()
	one, oneID := writeJWK(t, 1)
	two, twoID := writeJWK(t, 2)
	if key := mustRun(t, "rp", "add", id, "--store", store, "--tenant", "4", "--role", "verifier", "--jwks", one); key != "" {
		t.Errorf("a party with a key gets an API key too: %q", key)
	}
	if list := mustRun(t, "rp", "list", "--store", store); !strings.Contains(list, oneID) {
		t.Error(list)
	}
	shown := mustRun(t, "rp", "keys", "set", id, "--store", store, "--jwks", two, "--grace", "1h")
	if !strings.Contains(shown, twoID+"  open") || strings.Contains(shown, oneID+"  open") || !strings.Contains(shown, oneID) {
		t.Error(shown)
	}
	shown = mustRun(t, "rp", "keys", "add", id, "--store", store, "--jwks", one)
	if !strings.Contains(shown, oneID+"  open") {
		t.Error(shown)
	}
	mustRun(t, "rp", "keys", "retire", id, twoID, "--store", store, "--grace", "0s")
	mustRun(t, "rp", "suspend", id, "--store", store)
	mustRun(t, "rp", "add", id, "--store", store, "--tenant", "4", "--role", "verifier", "--jwks", one)
	if list := mustRun(t, "rp", "list", "--store", store); !strings.Contains(list, "regular, suspended") {
		t.Errorf("added again, it is not suspended any more: %s", list)
	}
	mustRun(t, "rp", "resume", id, "--store", store)
	if list := mustRun(t, "rp", "list", "--store", store); strings.Contains(list, "suspended") {
		t.Error(list)
	}
	for _, args := range [][]string{
		{"rp", "keys", "retire", id, "nothing", "--store", store},
		{"rp", "keys", "add", "nobody", "--store", store, "--jwks", one},
		{"rp", "suspend", "nobody", "--store", store},
		{"rp", "add", id, "--store", store, "--tenant", "5", "--role", "verifier", "--jwks", one},
	} {
		if code, _, notes := runCommand(t, args...); code != exitNotSo {
			t.Errorf("%q: exit code %d, %s", args, code, notes)
		}
	}
	mustRun(t, "rp", "add", id, "--store", store, "--tenant", "4", "--role", "terminal", "--jwks", one, "--sector", "hotels", "--service", "check-in", "--per-day", "100000")
	list := mustRun(t, "rp", "list", "--store", store, "--json")
	for _, part := range []string{`"tenant": 4`, `"terminal"`, `"sector": "hotels"`, `"check-in"`, `"per_day": 100000`} {
		if !strings.Contains(list, part) {
			t.Errorf("no %s in %s", part, list)
		}
	}
	if code, _, _ := runCommand(t, "rp", "add", "bad", "--store", store, "--tenant", "5", "--role", "verifier", "--jwks", store); code == 0 {
		t.Error("a folder is taken for keys")
	}
}
