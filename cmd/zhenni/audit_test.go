package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zhenni/storage/audit"
)

func TestAuditVerify(t *testing.T) {
	dir, keyFile := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "log.pub")
	secret, public, err := note.GenerateKey(nil, "audit.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := note.NewSigner(secret)
	key, _ := note.NewVerifier(public)
	log, err := audit.Open(audit.Options{Files: audit.Folder(dir), Signer: signer, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	leaf := audit.Leaf{Kind: audit.KindVerification, At: time.Unix(1e9, 0)}
	if _, err := log.Append(t.Context(), []audit.Leaf{leaf, leaf}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, []byte(public+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(wantCode int, wantOK bool) {
		t.Helper()
		code, results, notes := runCommand(t, "audit", "verify", dir, "--key", keyFile, "--json")
		var report struct {
			OK   bool  `json:"ok"`
			Size int64 `json:"size"`
		}
		if err := json.Unmarshal([]byte(results), &report); err != nil || code != wantCode || report.OK != wantOK || report.Size != 2 {
			t.Errorf("exit code %d, %+v, %v: %s", code, report, err, notes)
		}
	}
	check(0, true)
	if code, results, _ := runCommand(t, "audit", "verify", dir, "--key", keyFile); code != 0 || results == "" {
		t.Errorf("exit code %d: %s", code, results)
	}
	if err := os.Remove(filepath.Join(dir, "tile/0/000.p/2")); err != nil {
		t.Fatal(err)
	}
	check(exitNotSo, false)
	for want, args := range map[int][]string{
		exitUsage:       {"audit", "verify", dir, "--key", dir},
		exitEnvironment: {"audit", "verify", dir + "-none", "--key", keyFile},
	} {
		if code, _, notes := runCommand(t, args...); code != want {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, want, notes)
		}
	}
}
