package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zhenni"
	"zhenni/identity"
)

const (
	canaryName   = "阿卜杜拉•买买提"
	canaryNumber = "11010519491231002X"
)

// issueWorld is a store with the secrets by which its credentials are issued.
type issueWorld struct {
	store, root, key string
	to               identity.PublicKey
}

func newIssueWorld(t *testing.T) issueWorld {
	t.Helper()
	dir := t.TempDir()
	w := issueWorld{store: filepath.Join(dir, "store"), root: filepath.Join(dir, "identity.root"), key: filepath.Join(dir, "identity.key")}
	jwk := mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key)
	if again := mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key); again != jwk {
		t.Error("the key is another when it is shown again")
	}
	var err error
	if w.to, err = identity.ParsePublicKey([]byte(strings.TrimSpace(jwk))); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w issueWorld) flags() []string {
	return []string{"--create-key", "--identity-root", w.root, "--identity-key", w.key}
}

// document is an issue to the canary by the party desk.
func (w issueWorld) document(t *testing.T, transaction, more string) string {
	t.Helper()
	sealed, err := identity.Seal(w.to, canaryName, canaryNumber, "desk/"+transaction)
	if err != nil {
		t.Fatal(err)
	}
	row := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9, 250, 3, 77}, 128))
	return fmt.Sprintf(`{"identity":%q,"transaction":%q,"region":"330100","valid_until":"2100-01-01T00:00:00Z","reference_int8":%q%s}`,
		sealed, transaction, row, more)
}

var credentialOf = regexp.MustCompile(`"credential":"([0-9a-f]{32})"`)

// issue sends one and returns the id of what it made.
func (w issueWorld) issue(t *testing.T, ask asker, transaction, more string, want int) (id string) {
	t.Helper()
	status, text := ask.do(t, "POST", "/v1/credentials", "application/json", w.document(t, transaction, more))
	if status != want {
		t.Fatalf("%s: %d %s", transaction, status, text)
	}
	if found := credentialOf.FindStringSubmatch(text); found != nil {
		id = found[1]
	}
	return id
}

// A life of a credential over a server that is killed in between: issued, issued again by the same request, issued anew in
// its place, lost. A retry finds what the first request made, and the one replaced is void. Neither name nor number is in
// any file or line of the log.
//
// FAULTS: B2 C2 C4 C8 C9
func TestIssueOverServe(t *testing.T) {
	t.Parallel()
	w := newIssueWorld(t)
	server := startProcess(t, w.store, w.flags()...)
	ask := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", w.store, "--tenant", "1", "--role", "issuer"))}
	first := w.issue(t, ask, "t-1", "", 201)
	if again := w.issue(t, ask, "t-1", "", 201); again != first {
		t.Errorf("repeated, an issue makes %s, then %s", first, again)
	}
	w.issue(t, ask, "t-2", "", 409)
	w.issue(t, ask, "t-2", `,"level":"full"`, 403)
	second := w.issue(t, ask, "t-3", `,"issue":"reenrolment"`, 201)
	server.kill(t)
	if strings.Contains(server.notes.String(), canaryNumber) || strings.Contains(server.notes.String(), canaryName) {
		t.Error("the log has the name or the number")
	}

	server = startProcess(t, w.store, w.flags()...)
	ask.url = server.url
	for id, want := range map[string]zhenni.Status{first: zhenni.StatusSuperseded, second: zhenni.StatusActive} {
		if status, text := ask.do(t, "GET", "/v1/credentials/"+id, "", ""); status != 200 || !strings.Contains(text, `"status":"`+want.String()) {
			t.Errorf("%s after a kill: %d %s", id, status, text)
		}
	}
	if again := w.issue(t, ask, "t-3", `,"issue":"reenrolment"`, 201); again != second {
		t.Errorf("repeated after a kill, an issue makes %s, then %s", second, again)
	}
	for range 2 {
		if status, text := ask.do(t, "POST", "/v1/credentials/"+second+"/report-loss", "", ""); status != 200 || !strings.Contains(text, "suspended") {
			t.Errorf("lost: %d %s", status, text)
		}
	}
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	w.scan(t)
}

// A key of before is opened with beside a new one, which is the one that is published as to be used, until it is not named any
// more.
func TestIdentityKeyIsExchanged(t *testing.T) {
	t.Parallel()
	w := newIssueWorld(t)
	next := filepath.Join(filepath.Dir(w.store), "identity2.key")
	to, err := identity.ParsePublicKey([]byte(strings.TrimSpace(mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", next, "--identity-key", w.key))))
	if err != nil || to.ID() == w.to.ID() {
		t.Fatal(to.ID(), err)
	}
	renewed := w
	renewed.to, renewed.key = to, next
	both := append(w.flags(), "--identity-key", next)
	both[len(both)-3], both[len(both)-1] = next, w.key
	server := startProcess(t, w.store, both...)
	ask := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", w.store, "--tenant", "1", "--role", "issuer"))}
	w.issue(t, ask, "t-1", "", 201)
	renewed.issue(t, ask, "t-2", `,"issue":"reenrolment"`, 201)
	status, text := ask.do(t, "GET", "/.well-known/identity-keys.json", "", "")
	if status != 200 || !strings.Contains(text, `"current":"`+to.ID()) || !strings.Contains(text, `"kid":"`+w.to.ID()) {
		t.Errorf("%d %s", status, text)
	}
	server.kill(t)
	server = startProcess(t, w.store, renewed.flags()...)
	ask.url = server.url
	w.issue(t, ask, "t-3", `,"issue":"reenrolment"`, 422)
	renewed.issue(t, ask, "t-4", `,"issue":"reenrolment"`, 201)
	if _, text := ask.do(t, "GET", "/.well-known/identity-keys.json", "", ""); strings.Contains(text, w.to.ID()) {
		t.Errorf("the key of before is published: %s", text)
	}
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	if _, err := (identityFlags{IdentityRoot: w.root, IdentityKey: []string{next, next}}).open(); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("the same key twice: %v", err)
	}
}

// scan looks for the canary in every file of the store.
func (w issueWorld) scan(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(w.store, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(canaryNumber)) || bytes.Contains(b, []byte(canaryName)) {
			t.Errorf("%s has the name or the number", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A store whose subjects are known under one root is not served under another.
func TestAnotherIdentityRootIsRefused(t *testing.T) {
	t.Parallel()
	w := newIssueWorld(t)
	server := startProcess(t, w.store, w.flags()...)
	if err := server.terminate(t); err != nil {
		t.Fatal(err)
	}
	other := newIssueWorld(t)
	serve := []string{"serve", "--store", w.store, "--listen", "127.0.0.1:0", "--profile", "profiles/synthetic-512.json", "--arena", "64MiB"}
	code, _, notes := runCommand(t, append(serve, "--identity-root", other.root, "--identity-key", w.key)...)
	if code != exitEnvironment || !strings.Contains(notes, "another root") {
		t.Errorf("exit code %d: %s", code, notes)
	}
	if code, _, notes := runCommand(t, append(serve, "--identity-root", w.root)...); code != exitUsage || !strings.Contains(notes, "together") {
		t.Errorf("half of the secrets: exit code %d: %s", code, notes)
	}
}

// A secret that others may read, or that is cut short, is refused.
func TestIdentitySecretsAreForTheirOwner(t *testing.T) {
	w := newIssueWorld(t)
	if err := os.Chmod(w.root, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (identityFlags{IdentityRoot: w.root, IdentityKey: []string{w.key}}).open(); err == nil {
		t.Error("a root that others may read is taken")
	}
	if err := os.WriteFile(w.key, []byte("00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (identityFlags{IdentityRoot: w.root, IdentityKey: []string{w.key}}).open(); err == nil {
		t.Error("a key that is cut short is taken")
	}
}

// A credential's id is of its party and its transaction, and of nothing else.
func TestCredentialIDIsOfTheTransaction(t *testing.T) {
	key, err := identity.NewPrivateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[zhenni.CredentialID]bool{}
	for _, root := range []byte{1, 2} {
		i, err := newIdentities(bytes.Repeat([]byte{root}, identity.RootSize), key)
		if err != nil {
			t.Fatal(err)
		}
		for _, of := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b"}} {
			for range 2 {
				ids[i.credential(of[0], of[1])] = true
			}
		}
	}
	if len(ids) != 6 {
		t.Errorf("%d ids of 6 transactions", len(ids))
	}
}
