package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"zhenni"
	"zhenni/simd"
	"zhenni/storage/audit"
)

// asker asks a server for one party over plain net/http.
type asker struct{ url, key string }

// do returns status and body.
func (a asker) do(t *testing.T, method, path, media, body string) (int, string) {
	t.Helper()
	status, _, text := a.full(t, method, path, media, body)
	return status, text
}

// full returns status, header and body.
func (a asker) full(t *testing.T, method, path, media, body string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// question asks whether subject i is credential id.
func question(id zhenni.CredentialID, i int) string {
	row, embedding := make([]int8, people.Dim), make([]float32, people.Dim)
	people.Probe(i, 0, embedding)
	simd.Quantize(row, embedding, 0)
	raw := make([]byte, len(row))
	for n, x := range row {
		raw[n] = byte(x)
	}
	return fmt.Sprintf(`{"credential":"%s","probe_int8":"%s"}`, id, base64.StdEncoding.EncodeToString(raw))
}

// fetchProof waits for the checkpoint that has the transaction, a second at most, and writes its proof to a file.
func fetchProof(t *testing.T, ask asker, path, file string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		status, body := ask.do(t, "GET", path, "", "")
		if status == 200 {
			if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
		if status != 503 || time.Now().After(deadline) {
			t.Fatalf("%s: %d %s", path, status, body)
		}
	}
}

// From the key to the proof and back: what a server answers is proven to its party offline, its witness watches it over
// HTTP, it survives SIGKILL, and a log whose tail was cut does not start, nor verify.
//
// FAULTS: S1 S6 Z1
func TestAuditLogFromEndToEnd(t *testing.T) {
	t.Parallel()
	b := bulk{dir: t.TempDir()}
	store := b.path("store")
	witnessPub := mustRun(t, "witness", "keygen", b.path("witness.key"), "--name", "witness.example")
	write(t, b.path("witness.pub"), witnessPub)
	server := startProcess(t, store, "--create-key", "--witness-key", b.path("witness.pub"))
	ask := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier"))}
	other := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "rival", "--store", store, "--tenant", "1", "--role", "verifier"))}
	ids := enrolPeople(t, newTestClient(t, server.url, ask.key), 3)
	write(t, b.path("log.pub"), mustRun(t, "audit", "key", "--store", store))

	single := strings.Replace(question(ids[0], 0), "{", `{"transaction":"t-1",`, 1)
	if status, body := ask.do(t, "POST", "/v1/verifications", "application/json", single); status != 200 || !strings.Contains(body, `"match"`) {
		t.Fatal(status, body)
	}
	fetchProof(t, ask, "/v1/verifications/t-1/proof", b.path("proof.json"))
	if status, body := other.do(t, "GET", "/v1/verifications/t-1/proof", "", ""); status != 404 {
		t.Errorf("another party's proof: %d %s", status, body)
	}
	shown := provenEvent{}
	verifyProofFile(t, b, &shown)
	if shown.Outcome != "match" || shown.Credential != ids[0] || shown.Facts == nil || shown.Facts.Transaction != "t-1" || shown.Kind != "verification" {
		t.Errorf("%+v", shown)
	}
	changed, err := os.ReadFile(b.path("proof.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.path("forged.json"), strings.Replace(string(changed), `"transaction":"t-1"`, `"transaction":"t-2"`, 1))
	if code, _, _ := runCommand(t, "audit", "verify", "--proof", b.path("forged.json"), "--key", b.path("log.pub")); code != exitNotSo {
		t.Errorf("a forged proof: exit code %d", code)
	}

	crossCheck(t, ask, b.path("proof.json"))

	witness := []string{"witness", "run", "--key-file", b.path("witness.key"), "--log-key", b.path("log.pub"), "--state", b.path("witness"), "--once"}
	mustRun(t, append(slices.Clone(witness), "--url", server.url)...)
	earlier := b.path("earlier")
	server.kill(t)
	if err := os.Remove(adminSocket(store)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(earlier, os.DirFS(store)); err != nil {
		t.Fatal(err)
	}

	seen := []string{"--witness-key", b.path("witness.pub"), "--witness-seen", b.path("witness/checkpoint")}
	server = startProcess(t, store, seen...)
	ask.url = server.url
	enrolPeople(t, newTestClient(t, server.url, ask.key), 2)
	again := strings.Replace(question(ids[1], 1), "{", `{"transaction":"t-2",`, 1)
	if status, body := ask.do(t, "POST", "/v1/verifications", "application/json", again); status != 200 || !strings.Contains(body, `"match"`) {
		t.Fatal(status, body)
	}
	for _, transaction := range []string{"t-1", "t-2"} {
		fetchProof(t, ask, "/v1/verifications/"+transaction+"/proof", b.path("proof.json"))
		verifyProofFile(t, b, &shown)
	}
	mustRun(t, append(slices.Clone(witness), "--url", server.url)...)
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	check := append([]string{"--store", store}, seen...)
	mustRun(t, append([]string{"check"}, check...)...)
	mustRun(t, "audit", "verify", filepath.Join(store, "audit"), "--key", b.path("log.pub"), "--witness", b.path("witness.pub"), "--seen", b.path("witness/checkpoint"))
	refusedWhenCut(t, b, earlier, store, seen)
}

// crossCheck holds what the routes serve against another implementation of RFC 6962: the root of all entries, the tile over
// them, and the inclusion of a proof's leaf.
func crossCheck(t *testing.T, ask asker, proofFile string) {
	t.Helper()
	text, err := os.ReadFile(proofFile)
	if err != nil {
		t.Fatal(err)
	}
	var e audit.Evidence
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(e.Checkpoint, "\n")
	var size uint64
	if _, err := fmt.Sscan(lines[1], &size); err != nil || size == 0 || size > 255 {
		t.Fatalf("size %q: %v", lines[1], err)
	}
	status, entries := ask.do(t, "GET", fmt.Sprintf("/log/tile/entries/000.p/%d", size), "", "")
	status2, tile := ask.do(t, "GET", fmt.Sprintf("/log/tile/0/000.p/%d", size), "", "")
	if status != 200 || status2 != 200 || len(tile) != 32*int(size) {
		t.Fatal(status, status2, len(tile))
	}
	hasher := rfc6962.DefaultHasher
	tree := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	for n := range size {
		length := int(entries[0])<<8 | int(entries[1])
		hash := hasher.HashLeaf([]byte(entries[2 : 2+length]))
		entries = entries[2+length:]
		if string(hash) != tile[32*n:32*n+32] {
			t.Errorf("the tile has another hash of entry %d", n)
		}
		if err := tree.Append(hash, nil); err != nil {
			t.Fatal(err)
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil || base64.StdEncoding.EncodeToString(root) != lines[2] || entries != "" {
		t.Errorf("root %x, the checkpoint has %s: %v", root, lines[2], err)
	}
	var path [][]byte
	for _, hash := range e.Inclusion {
		path = append(path, hash[:])
	}
	if err := proof.VerifyInclusion(hasher, uint64(e.Index), size, hasher.HashLeaf(e.Leaf), path, root); err != nil {
		t.Error(err)
	}
}

// refusedWhenCut puts an older copy back, the log alone and the store with it.
func refusedWhenCut(t *testing.T, b bulk, earlier, store string, seen []string) {
	t.Helper()
	verify := []string{"audit", "verify", filepath.Join(earlier, "audit"), "--key", b.path("log.pub"), "--witness", b.path("witness.pub")}
	if code, _, _ := runCommand(t, append(verify, "--seen", b.path("witness/checkpoint"))...); code != exitNotSo {
		t.Errorf("an old copy verifies: exit code %d", code)
	}
	list := []string{"rp", "list", "--key-file", store + ".key"} // it opens the store as serve does, and ends
	for name, flags := range map[string][]string{
		"the whole store put back":     append([]string{"--store", earlier}, seen...),
		"its audit log put back":       {"--store", store, "--audit-dir", filepath.Join(earlier, "audit")},
		"the store alone put back":     {"--store", earlier, "--audit-dir", filepath.Join(store, "audit")},
		"another folder for its log":   {"--store", store, "--audit-dir", b.path("empty")},
		"a checkpoint without its key": {"--store", store, "--witness-seen", b.path("witness/checkpoint")},
	} {
		if code, _, notes := runCommand(t, append(slices.Clone(list), flags...)...); code != exitEnvironment && code != exitUsage {
			t.Errorf("%s: exit code %d, %s", name, code, notes)
		}
	}
}

func verifyProofFile(t *testing.T, b bulk, shown *provenEvent) {
	t.Helper()
	text := mustRun(t, "audit", "verify", "--proof", b.path("proof.json"), "--key", b.path("log.pub"), "--json")
	if err := json.Unmarshal([]byte(text), shown); err != nil || !shown.OK {
		t.Fatalf("%v: %s", err, text)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A store put back does not open until its operator says that the changes since are lost, which the log then shows.
//
// FAULTS: S6 S15
func TestRestoredStoreIsAccepted(t *testing.T) {
	t.Parallel()
	b := bulk{dir: t.TempDir()}
	store, earlier, log := b.path("store"), b.path("earlier"), b.path("log")
	writeSet(t, b.path("first"), 3, enrolment, subjectName)
	flags := []string{"--store", store, "--audit-dir", log}
	mustRun(t, append([]string{"enrol", b.path("first"), "--map", b.path("first.csv"), "--create-key", "--base", "--profile", "profiles/synthetic-512.json"}, flags...)...)
	if err := os.CopyFS(earlier, os.DirFS(store)); err != nil {
		t.Fatal(err)
	}
	mustRun(t, append([]string{"rp", "add", "desk", "--tenant", "1", "--role", "issuer"}, flags...)...)
	mustRun(t, append([]string{"check"}, flags...)...)
	if said := mustRun(t, append([]string{"audit", "accept"}, flags...)...); !strings.Contains(said, "agree") {
		t.Error(said)
	}
	restored := []string{"--store", earlier, "--audit-dir", log, "--key-file", store + ".key"}
	code, _, notes := runCommand(t, append([]string{"rp", "list"}, restored...)...)
	if code != exitEnvironment || !strings.Contains(notes, "zhenni audit accept") {
		t.Errorf("a store put back: exit code %d, %s", code, notes)
	}
	if code, _, _ := runCommand(t, append([]string{"check"}, restored...)...); code != exitNotSo {
		t.Errorf("its check: exit code %d", code)
	}
	mustRun(t, append([]string{"audit", "accept"}, restored...)...)
	mustRun(t, append([]string{"rp", "add", "desk", "--tenant", "1", "--role", "issuer"}, restored...)...)
	mustRun(t, append([]string{"check"}, restored...)...)
}

// A witness refuses to be run by what it can not be sure of.
func TestWitnessRefusals(t *testing.T) {
	b := bulk{dir: t.TempDir()}
	write(t, b.path("witness.pub"), mustRun(t, "witness", "keygen", b.path("witness.key"), "--name", "w"))
	write(t, b.path("open.key"), "x")
	if err := os.Chmod(b.path("open.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := []string{"witness", "run", "--state", b.path("state"), "--log-key", b.path("witness.pub")}
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"made twice":     {[]string{"witness", "keygen", b.path("witness.key"), "--name", "w"}, exitEnvironment},
		"a bad name":     {[]string{"witness", "keygen", b.path("2.key"), "--name", "a b"}, exitUsage},
		"no log":         {append(slices.Clone(run), "--key-file", b.path("witness.key")), exitUsage},
		"no log's key":   {append(slices.Clone(run), "--key-file", b.path("witness.key"), "--log", b.dir), exitUsage},
		"a readable key": {append(slices.Clone(run), "--key-file", b.path("open.key"), "--log", b.dir), exitUsage},
	} {
		if code, _, notes := runCommand(t, c.args...); code != c.want {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, c.want, notes)
		}
	}
}

func TestRetentionIsRead(t *testing.T) {
	for text, want := range map[string]retention{
		"0": {}, "90d": {age: 90 * day}, "720h": {age: 30 * day}, "3h": {}, "500GiB": {size: 500 << 30}, "1KiB": {}, "x": {}, "-2d": {},
	} {
		var r retention
		err := r.UnmarshalText([]byte(text))
		if r != want || (err == nil) != (want != retention{} || text == "0") {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
		var again retention
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%q is written %q: %+v, %v", text, r, again, err)
		}
	}
}
