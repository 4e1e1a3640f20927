package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zhenni"
)

// A running server is backed up, with the keys apart, killed, lost and restored, and matches as before; its store was left as
// a crash leaves it, and serves verify-only until then.
//
// FAULTS: S15
func TestBackupAndRestoreOfAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, copies, made := filepath.Join(dir, "store"), filepath.Join(dir, "backup"), filepath.Join(dir, "new")
	keys := filepath.Join(dir, "apart", "keys")
	server := startProcess(t, store, "--create-key")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", store, "--tenant", "1", "--role", "issuer,verifier", "--evaluation"))
	client := newTestClient(t, server.url, key)
	ids := enrolPeople(t, client, 20)
	backup := []string{"backup", copies, "--store", store, "--keys-copy", keys}
	var done zhenni.Backup
	if err := json.Unmarshal([]byte(mustRun(t, append(backup, "--json")...)), &done); err != nil || !done.Base || done.Credentials != 20 || done.KeysBytes == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	revoked := map[zhenni.CredentialID]bool{ids[3]: true}
	if err := client.Revoke(ids[3]); err != nil {
		t.Fatal(err)
	}
	if text := mustRun(t, backup...); !strings.HasPrefix(text, "Added 1 entries") || !strings.Contains(text, "Copied the keys") {
		t.Error(text)
	}
	if err := client.Revoke(ids[4]); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{filepath.Dir(store)}, {copies, "--keys-copy", filepath.Join(copies, "keys")}} {
		if code, _, notes := runCommand(t, append([]string{"backup", "--store", store}, args...)...); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", args, code, notes)
		}
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
	restore := []string{"restore", copies, "--store", made, "--key-file", store + ".key"}
	if code, _, notes := runCommand(t, restore[:4]...); code != exitUsage || !strings.Contains(notes, "root key of the store that was lost") || strings.Contains(notes, "--create-key") {
		t.Errorf("without the root key: exit code %d, %s", code, notes)
	}
	if code, _, notes := runCommand(t, restore...); code != exitUsage || !strings.Contains(notes, "--keys-copy") {
		t.Errorf("without keys: exit code %d, %s", code, notes)
	}
	whole := append(restore, "--keys-copy", filepath.Join(store, "keys"), "--log", filepath.Join(store, "log"), "--audit-dir", filepath.Join(store, "audit"))
	text := mustRun(t, whole...)
	if !strings.Contains(text, "1 commits are from the log") || !strings.Contains(text, "The audit log agrees") {
		t.Error(text)
	}
	if code, _, notes := runCommand(t, whole...); code != exitUsage {
		t.Errorf("into a store: exit code %d, %s", code, notes)
	}
	mustRun(t, "check", "--store", made, "--key-file", store+".key", "--audit-dir", filepath.Join(store, "audit"), "--prune-quarantine")
	server = serveAsTold(t, text)
	askAll(t, newTestClient(t, server.url, key), ids, revoked)
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	damagedBackupIsRefused(t, copies, made, store+".key")
}

func damagedBackupIsRefused(t *testing.T, copies, made, keyFile string) {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(copies, "log-*"))
	if err != nil || len(parts) != 2 {
		t.Fatal(parts, err)
	}
	if err := os.Truncate(parts[0], 100); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"backup", copies, "--verify", "--store", made}, {"restore", copies, "--store", made + "-2"}} {
		if code, _, notes := runCommand(t, append(args, "--key-file", keyFile)...); code != exitNotSo || !strings.Contains(notes, filepath.Base(parts[0])) {
			t.Errorf("%s of a damaged backup: exit code %d, %s", args[0], code, notes)
		}
	}
}

// serveAsTold runs the commands at the end of what restore printed, the last of which serves.
func serveAsTold(t *testing.T, text string) *process {
	t.Helper()
	for line := range strings.Lines(text) {
		if _, accept, found := strings.Cut(strings.TrimSpace(line), "zhenni audit accept "); found {
			mustRun(t, append([]string{"audit", "accept"}, strings.Fields(accept)...)...)
		}
		if _, serve, found := strings.Cut(strings.TrimSpace(line), "zhenni serve "); found {
			flags := strings.Fields(serve)
			return startProcess(t, strings.TrimPrefix(flags[1], "--store="), flags[2:]...)
		}
	}
	t.Fatalf("nothing says how to serve: %s", text)
	return nil
}

// A server is backed up while people are enrolled, killed, and its folder is lost but for, or with, its audit log. Who was
// enrolled before the last backup began matches after a restore.
//
// FAULTS: S15
func TestLostServerIsRestored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, copies, keys := filepath.Join(dir, "store"), filepath.Join(dir, "backup"), filepath.Join(dir, "keys")
	server := startProcess(t, store, "--create-key")
	key := strings.TrimSpace(mustRun(t, "rp", "add", "trial", "--store", store, "--tenant", "1", "--role", "issuer,verifier", "--evaluation"))
	client := newTestClient(t, server.url, key)
	ids := enrolPeople(t, client, 20)
	var enrolling sync.WaitGroup
	enrolling.Go(func() {
		for range 5 {
			if _, err := client.EnrolLines(zhenni.LevelFull, references(20), nil); err != nil {
				t.Error(err)
			}
		}
	})
	mustRun(t, "backup", copies, "--store", store, "--keys-copy", keys)
	enrolling.Wait()
	enrolPeople(t, client, 20) // after the backup: lost, and known to the audit log
	server.kill(t)
	oldAudit := filepath.Join(dir, "audit")
	if err := os.Rename(filepath.Join(store, "audit"), oldAudit); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flags []string
		says  string
	}{
		"new log": {nil, "a new audit log begins"},
		"old log": {[]string{"--audit-dir", oldAudit}, "zhenni audit accept"},
	} {
		made := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		text := mustRun(t, append([]string{"restore", copies, "--store", made, "--key-file", store + ".key", "--keys-copy", keys}, c.flags...)...)
		if !strings.Contains(text, c.says) {
			t.Errorf("%s: %s", name, text)
		}
		if c.flags == nil {
			mustRun(t, "check", "--store", made, "--key-file", store+".key")
		}
		restored := serveAsTold(t, text)
		askAll(t, newTestClient(t, restored.url, key), ids, nil)
		askAll(t, newTestClient(t, restored.url, key), enrolPeople(t, newTestClient(t, restored.url, key), 20), nil)
		if err := restored.terminate(t); err != nil {
			t.Errorf("%s: %v", name, err)
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
