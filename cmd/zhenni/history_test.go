package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// A holder is told who asked, through the issuer, by a server that keeps a history: across a kill, a start without the flag
// and another root key. An erasure ends it, and so does --history none.
//
// FAULTS: S1 A15
func TestServeKeepsAHistory(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key", "--history", "make")
	ask := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier"))}
	ids := enrolPeople(t, newTestClient(t, server.url, ask.key), 2)
	for i, id := range ids {
		if status, text := ask.do(t, "POST", "/v1/verifications", "application/json", question(id, i)); status != 200 {
			t.Fatal(status, text)
		}
	}
	told := func(id zhenni.CredentialID, want int) {
		t.Helper()
		status, text := ask.do(t, "GET", "/v1/credentials/"+id.String()+"/history", "", "")
		if status != 200 || strings.Count(text, `{"outcome":"match","party":"desk","time":`) != want {
			t.Errorf("want %d entries: %d %s", want, status, text)
		}
	}
	told(ids[0], 1)
	told(ids[1], 1)
	server.kill(t) // what was told is written
	server = startProcess(t, store)
	ask.url = server.url
	told(ids[0], 1)
	if status, text := ask.do(t, "POST", "/v1/credentials/"+ids[0].String()+"/erase", "", ""); status != 200 {
		t.Fatal(status, text)
	}
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "keys", "rotate-root", "--store", store, "--new-key-file", store+".key2")
	server = startProcess(t, store, "--key-file", store+".key2")
	ask.url = server.url
	told(ids[0], 0)
	told(ids[1], 1)
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	server = startProcess(t, store, "--key-file", store+".key2", "--history", "none")
	ask.url = server.url
	if status, _ := ask.do(t, "GET", "/v1/credentials/"+ids[1].String()+"/history", "", ""); status != 404 {
		t.Errorf("a history that was destroyed: status %d", status)
	}
	if _, err := os.Stat(filepath.Join(store, "history")); !os.IsNotExist(err) {
		t.Error("its folder is there", err)
	}
}

// The check reads the history too: it states what is in it and its gaps, and damage is exit code 1.
//
// FAULTS: S3 S5
func TestCheckReadsTheHistory(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	server := startProcess(t, store, "--create-key", "--history", "make")
	ask := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier"))}
	ids := enrolPeople(t, newTestClient(t, server.url, ask.key), 1)
	if status, text := ask.do(t, "POST", "/v1/verifications", "application/json", question(ids[0], 0)); status != 200 {
		t.Fatal(status, text)
	}
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	if said := mustRun(t, "check", "--store", store); !strings.Contains(said, "1 entries in 1 files") || !strings.Contains(said, "Nothing is wrong") {
		t.Error(said)
	}
	if said := mustRun(t, "check", "--store", store, "--json"); !strings.Contains(said, `"entries": 1`) || !strings.Contains(said, `"gaps": []`) {
		t.Error(said)
	}
	dir := filepath.Join(store, "history")
	for _, name := range []string{"state", "key"} {
		whole, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		whole[len(whole)-1] ^= 1
		if err := os.WriteFile(filepath.Join(dir, name), whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, said, _ := runCommand(t, "check", "--store", store); code != exitNotSo || !strings.Contains(said, "history") {
			t.Errorf("%s: exit code %d: %s", name, code, said)
		}
	}
	if code, _, notes := runCommand(t, "check", "--store", store, "--history-dir", filepath.Join(store, "elsewhere")); code != 0 {
		t.Errorf("without a history: exit code %d: %s", code, notes)
	}
}
