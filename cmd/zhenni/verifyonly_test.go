package main

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Verify-only serves a folder that can not be written, and says where its answers are recorded or that they are not: it
// never leaves that open.
//
// FAULTS: S8 S10 R12
func TestVerifyOnlyIsRecordedOrSaysSo(t *testing.T) {
	t.Parallel()
	store, ask, request, answer := servedStore(t)
	for _, dir := range []string{"audit", "ledger"} {
		if err := os.CopyFS(filepath.Join(filepath.Dir(store), dir), os.DirFS(filepath.Join(store, dir))); err != nil {
			t.Fatal(err)
		}
	}
	_ = os.Remove(adminSocket(store))
	unwritable(t, store)
	before := filesOf(t, store)
	beside := []string{"--audit-dir", filepath.Join(filepath.Dir(store), "audit"), "--ledger-dir", filepath.Join(filepath.Dir(store), "ledger")}

	serve := []string{"serve", "--store", store, "--profile", "profiles/synthetic-512.json", "--listen", "127.0.0.1:0"}
	for what, flags := range map[string][]string{
		"nothing said":      {"--verify-only"},
		"half of it":        append([]string{"--verify-only"}, beside[:2]...),
		"the other half":    append([]string{"--verify-only"}, beside[2:]...),
		"the store's own":   {"--verify-only", "--audit-dir", filepath.Join(store, "audit"), beside[2], beside[3]},
		"without need":      {"--unrecorded"},
		"another audit log": {"--verify-only", "--audit-dir", filepath.Join(t.TempDir(), "new"), beside[2], beside[3]},
	} {
		code, _, notes := runCommand(t, append(serve, flags...)...)
		if what == "another audit log" {
			if code != exitEnvironment || !strings.Contains(notes, "--audit-dir") {
				t.Errorf("%s: exit code %d, %s", what, code, notes)
			}
			continue
		}
		if code != exitUsage || !strings.Contains(notes, "--unrecorded") || what != "without need" &&
			!(strings.Contains(notes, "--audit-dir") && strings.Contains(notes, "--ledger-dir")) {
			t.Errorf("%s: exit code %d, %s", what, code, notes)
		}
	}

	server := startProcess(t, store, append([]string{"--verify-only"}, beside...)...)
	ask.url = server.url
	if status, header, text := ask.full(t, "POST", "/v1/verifications", "application/json", request); status != 200 || text != answer ||
		header.Get("Replayed") != "true" || header.Get("Unrecorded") != "" {
		t.Errorf("recorded, sent again: %d %v %s", status, header, text)
	}
	fresh := strings.Replace(request, "t-1", "t-2", 1)
	if status, header, text := ask.full(t, "POST", "/v1/verifications", "application/json", fresh); status != 200 || header.Get("Log-Index") == "" {
		t.Errorf("recorded: %d %v %s", status, header, text)
	}
	fetchProof(t, ask, "/v1/verifications/t-2/proof", filepath.Join(t.TempDir(), "proof.json"))
	refusesAChange(t, ask)
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}

	socket := filepath.Join(t.TempDir(), "admin.sock")
	server = startProcess(t, store, "--verify-only", "--unrecorded", "--admin-socket", socket)
	ask.url = server.url
	isUnrecorded(t, ask, fresh)
	if text := overSocket(t, socket, "/metrics"); !strings.Contains(text, "zhenni_unrecorded 1\n") {
		t.Error("the metrics do not say that nothing is recorded")
	}
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	if notes := server.notes.String(); !strings.Contains(notes, "UNRECORDED") {
		t.Error(notes)
	}
	if after := filesOf(t, store); after != before {
		t.Error("the folder was changed")
	}
}

func refusesAChange(t *testing.T, ask asker) {
	t.Helper()
	people := `{"level":"full","reference_int8":"` + strings.Repeat("AQID", 512/3) + `AQI="}`
	if status, _, text := ask.full(t, "POST", "/v1/enrolments", "application/json", people); status != 503 {
		t.Errorf("a change: %d %s", status, text)
	}
}

// isUnrecorded expects every answer to say that it is, and what was recorded before to be shown.
func isUnrecorded(t *testing.T, ask asker, request string) {
	t.Helper()
	for _, c := range []struct {
		method, path, media, body string
		status                    int
		holds                     string
	}{
		{"POST", "/v1/verifications", "application/json", request, 200, `"match"`},
		{"POST", "/v1/verifications", "application/json", request, 200, `"match"`}, // not a replay
		{"POST", "/v1/verifications", "application/json", "{", 400, ""},
		{"GET", "/v1/verifications/t-1/proof", "", "", 503, "records nothing"},
		{"POST", "/log/witness", "text/plain", "x", 503, "records nothing"},
		{"GET", "/log/checkpoint", "", "", 200, "zhenni/"},
		{"GET", "/log/tile/entries/000", "", "", 404, ""},
		{"GET", "/v1/nowhere", "", "", 404, ""},
		{"GET", "/v1/profiles?x", "", "", 400, "query"}, // refused before it is a request
	} {
		status, header, text := ask.full(t, c.method, c.path, c.media, c.body)
		if status != c.status || header.Get("Unrecorded") != "true" || header.Get("Replayed") != "" || header.Get("Log-Index") != "" ||
			!strings.Contains(text, c.holds) {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, status, header, text)
		}
	}
	_, signed := ask.do(t, "GET", "/log/checkpoint", "", "")
	if status, _ := ask.do(t, "GET", "/log/tile/0/000.p/"+strings.Split(signed, "\n")[1], "", ""); status != 200 {
		t.Errorf("the tile under the checkpoint: %d", status)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		status, header, text := ask.full(t, http.MethodGet, "/readyz", "", "")
		if header.Get("Unrecorded") != "true" || time.Now().After(deadline) {
			t.Fatalf("/readyz: %d %v %s", status, header, text)
		}
		if status == 200 {
			break
		}
	}
	refusesAChange(t, ask)
}

// filesOf is the names and contents of all files in a folder.
func filesOf(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.WriteString(path + "\x00" + string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
