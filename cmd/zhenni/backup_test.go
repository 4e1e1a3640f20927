package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// A running server is backed up, killed, lost and restored, and matches as before; its store was left as a crash leaves
// it, and serves verify-only until then.
//
// FAULTS: S15
func TestBackupAndRestoreOfAServer(t *testing.T) {
	dir := t.TempDir()
	store, copies, made := filepath.Join(dir, "store"), filepath.Join(dir, "backup"), filepath.Join(dir, "new")
	server := startProcess(t, store, "--create-key")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", store, "--tenant", "1", "--role", "issuer,verifier", "--evaluation"))
	client := newTestClient(t, server.url, key)
	ids := enrolPeople(t, client, 20)
	var done zhenni.Backup
	if err := json.Unmarshal([]byte(mustRun(t, "backup", copies, "--store", store, "--json")), &done); err != nil || !done.Base || done.Credentials != 20 {
		t.Fatalf("%+v, %v", done, err)
	}
	revoked := map[zhenni.CredentialID]bool{ids[3]: true}
	if err := client.Revoke(ids[3]); err != nil {
		t.Fatal(err)
	}
	if text := mustRun(t, "backup", copies, "--store", store); !strings.HasPrefix(text, "Added 1 entries") {
		t.Error(text)
	}
	if err := client.Revoke(ids[4]); err != nil {
		t.Fatal(err)
	}
	if code, _, notes := runCommand(t, "backup", filepath.Dir(store), "--store", store); code != exitUsage {
		t.Errorf("a folder of something else: exit code %d, %s", code, notes)
	}
	server.kill(t)

	revoked[ids[4]] = true
	server = startProcess(t, store, "--verify-only", "--unrecorded")
	askAll(t, newTestClient(t, server.url, key), ids, revoked)
	if err := newTestClient(t, server.url, key).Revoke(ids[5]); err == nil {
		t.Error("verify-only takes a change")
	}
	if _, _, notes := runCommand(t, "shards", "get", "--store", store); !strings.Contains(notes, "Changes are refused") {
		t.Error(notes)
	}
	server.kill(t)

	mustRun(t, "backup", copies, "--verify", "--store", store)
	keyFile := store + ".key"
	if text := mustRun(t, "restore", copies, "--store", made, "--key-file", keyFile, "--log", filepath.Join(store, "log")); !strings.Contains(text, "1 commits are from the log") {
		t.Error(text)
	}
	if code, _, notes := runCommand(t, "restore", copies, "--store", made, "--key-file", keyFile); code != exitUsage {
		t.Errorf("into a store: exit code %d, %s", code, notes)
	}
	mustRun(t, "check", "--store", made, "--key-file", keyFile, "--prune-quarantine")
	server = startProcess(t, made, "--key-file", keyFile)
	askAll(t, newTestClient(t, server.url, key), ids, revoked)
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}

	parts, err := filepath.Glob(filepath.Join(copies, "log-*"))
	if err != nil || len(parts) != 2 {
		t.Fatal(parts, err)
	}
	if err := os.Truncate(parts[0], 100); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"backup", copies, "--verify", "--store", made}, {"restore", copies, "--store", filepath.Join(dir, "third")}} {
		if code, _, notes := runCommand(t, append(args, "--key-file", keyFile)...); code != exitNotSo || !strings.Contains(notes, filepath.Base(parts[0])) {
			t.Errorf("%s of a damaged backup: exit code %d, %s", args[0], code, notes)
		}
	}
}

// FAULTS: S3
func TestCheckOfADamagedStoreSaysSo(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	if err := startProcess(t, store, "--create-key").terminate(t); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(store, "mark"), 5); err != nil {
		t.Fatal(err)
	}
	if code, _, notes := runCommand(t, "check", "--store", store); code != exitNotSo {
		t.Errorf("exit code %d, want %d: %s", code, exitNotSo, notes)
	}
	if code, _, notes := runCommand(t, "check", "--store", filepath.Join(t.TempDir(), "none"), "--key-file", store+".key"); code != exitEnvironment {
		t.Errorf("no store: exit code %d, want %d: %s", code, exitEnvironment, notes)
	}
}
