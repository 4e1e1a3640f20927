package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage"
)

// storeOfOne makes a store with one credential and returns its folder.
func storeOfOne(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	root, err := storage.CreateKeyFile(dir+".key", nil)
	if err != nil {
		t.Fatal(err)
	}
	model := zhenni.Model{ID: "test.1", Dim: 4, Factor: zhenni.FactorFace}
	store, err := storage.Open(storage.Options{Dir: dir, Model: model, Root: root, Reserve: 1})
	if err != nil {
		t.Fatal(err)
	}
	results, err := store.Apply(t.Context(), []zhenni.Command{zhenni.Enrol{
		ID: zhenni.CredentialID{1}, Tenant: 1, Level: zhenni.LevelLite, Model: model.ID, Row: []int8{1, 2, 3, 4}, At: time.Unix(1, 0),
	}})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// FAULTS: A15
func TestRotateKeys(t *testing.T) {
	t.Parallel()
	store := storeOfOne(t)
	mustRun(t, "keys", "rotate-tenant", "--tenant", "1", "--store", store)
	if code, _, notes := runCommand(t, "keys", "rotate-tenant", "--tenant", "2", "--store", store); code != exitEnvironment {
		t.Errorf("unknown tenant: exit code %d, %s", code, notes)
	}
	for range 2 { // interrupted or not, it is called again with the same two
		mustRun(t, "keys", "rotate-root", "--store", store, "--new-key-file", store+".key2")
	}
	if code, _, _ := runCommand(t, "check", "--store", store); code != exitEnvironment {
		t.Errorf("the old key: exit code %d", code)
	}
	if text := mustRun(t, "check", "--store", store, "--key-file", store+".key2"); !strings.Contains(text, "Nothing is wrong") {
		t.Error(text)
	}
}

// FAULTS: S5
func TestLostKeyFileIsAdopted(t *testing.T) {
	store := storeOfOne(t)
	if err := os.Remove(filepath.Join(store, "keys")); err != nil {
		t.Fatal(err)
	}
	if code, _, notes := runCommand(t, "check", "--store", store); code != exitNotSo || !strings.Contains(notes, "zhenni keys adopt") {
		t.Errorf("exit code %d, %s", code, notes)
	}
	mustRun(t, "keys", "adopt", "--store", store)
	if code, text, _ := runCommand(t, "check", "--store", store); code != exitNotSo || !strings.Contains(text, "template") {
		t.Errorf("exit code %d, %s", code, text)
	}
}
