package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/identity"
)

const canaryPIN = "58204917"

// counter is a server whose terminal "desk" issues credentials and sets PINs, with "hotel" as a party that asks.
type counter struct {
	issueWorld
	desk, hotel asker
	terminal    crypto.Signer
	answers     strings.Builder
}

// terminalKey makes a key for the desk, and adds the desk by it.
func (c *counter) addDesk(t *testing.T) {
	t.Helper()
	file := filepath.Join(filepath.Dir(c.store), "desk")
	if err := os.WriteFile(file+".jwk", []byte(mustRun(t, "rp", "keys", "new", file+".pem")), 0o600); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(file + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(document)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	c.terminal = key.(crypto.Signer)
	c.desk.key = strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", c.store, "--tenant", "1", "--role", "terminal", "--jwks", file+".jwk", "--api-key"))
}

func (c *counter) setPIN(t *testing.T, id, transaction, digits string, want int) {
	t.Helper()
	sealed, err := identity.SealPIN(c.to, digits, "desk/"+transaction)
	if err != nil {
		t.Fatal(err)
	}
	status, text := c.desk.do(t, "POST", "/v1/credentials/"+id+"/pin", "application/json", `{"pin":"`+sealed+`","transaction":"`+transaction+`"}`)
	if c.answers.WriteString(text); status != want {
		t.Errorf("set by %s: %d %s", transaction, status, text)
	}
}

// enter asks by card and PIN, and returns the outcome.
func (c *counter) enter(t *testing.T, id, transaction, digits string) string {
	t.Helper()
	sealed, err := identity.SealPIN(c.to, digits, "hotel/"+transaction)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := zhenni.ParseCredentialID(id)
	if err != nil {
		t.Fatal(err)
	}
	token, err := evidence.Sign(evidence.Claims{
		Kind: evidence.Card, Terminal: "desk", Party: "hotel", Transaction: transaction, Subject: subject,
		Capture: sha256.Sum256([]byte(sealed)), IssuedAt: time.Now().Unix(),
	}, c.terminal)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(map[string]any{
		"credential": id, "service": "gov.household-registration", "purpose": "register", "transaction": transaction,
		"pin": sealed, "evidence": []string{string(token)},
	})
	if err != nil {
		t.Fatal(err)
	}
	status, text := c.hotel.do(t, "POST", "/v1/verifications", "application/json", string(document))
	if c.answers.WriteString(text); status != 200 {
		t.Fatalf("%s: %d %s", transaction, status, text)
	}
	var answer struct{ Outcome string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Outcome
}

// A PIN is set at a terminal and verified with the card; five wrong ones pause it, over a kill too, so that the right one is
// a no; set anew it is a yes. No digit of it is in an answer, in the log or in a file.
//
// FAULTS: B1 B2
func TestPINOverServe(t *testing.T) {
	t.Parallel()
	c := &counter{issueWorld: newIssueWorld(t)}
	pepper := filepath.Join(filepath.Dir(c.store), "pins.key")
	mustRun(t, "keys", "new-pepper", pepper)
	flags := append(c.flags(), "--pin-pepper", pepper)
	server := startProcess(t, c.store, flags...)
	c.addDesk(t)
	c.hotel.key = strings.TrimSpace(mustRun(t, "rp", "add", "hotel", "--store", c.store, "--tenant", "1", "--role", "verifier", "--service", "gov.household-registration"))
	c.desk.url, c.hotel.url = server.url, server.url
	id := c.issue(t, c.desk, "t-1", `,"level":"full"`, 201)
	if got := c.enter(t, id, "v-0", canaryPIN); got != "no_match" {
		t.Errorf("without a PIN: %s", got)
	}
	c.setPIN(t, id, "p-1", "12345678", 422)
	c.setPIN(t, id, "p-2", canaryPIN, 200)
	if got := c.enter(t, id, "v-1", canaryPIN); got != "match" {
		t.Errorf("the PIN: %s", got)
	}
	for n := range zhenni.PINFree {
		if n == 3 {
			server.kill(t)
			c.mustNotShow(t, server.notes)
			server = startProcess(t, c.store, flags...)
			c.desk.url, c.hotel.url = server.url, server.url
		}
		if got := c.enter(t, id, "w-"+string(rune('a'+n)), "71940285"); got != "no_match" {
			t.Errorf("a wrong PIN: %s", got)
		}
	}
	if got := c.enter(t, id, "v-2", canaryPIN); got != "no_match" {
		t.Errorf("the PIN in its pause: %s", got)
	}
	c.setPIN(t, id, "p-3", canaryPIN, 200)
	if got := c.enter(t, id, "v-3", canaryPIN); got != "match" {
		t.Errorf("set anew: %s", got)
	}
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	c.mustNotShow(t, server.notes)
	if strings.Contains(c.answers.String(), canaryPIN) {
		t.Error("an answer has the PIN")
	}
	c.refusesAnotherPepper(t)
}

// refusesAnotherPepper starts with a pepper of the same number, which is not the one that the PINs are sealed under.
func (c *counter) refusesAnotherPepper(t *testing.T) {
	t.Helper()
	other := filepath.Join(filepath.Dir(c.store), "other.key")
	mustRun(t, "keys", "new-pepper", other)
	serve := append([]string{"serve", "--store", c.store, "--listen", "127.0.0.1:0", "--profile", "profiles/synthetic-512.json", "--allow-unsupported"}, c.flags()...)
	code, _, notes := runCommand(t, append(serve, "--pin-pepper", other)...)
	if code != exitEnvironment || !strings.Contains(notes, "sealed under another pepper 1") {
		t.Errorf("another pepper: exit code %d: %s", code, notes)
	}
}

// mustNotShow looks for the PIN in the lines of the log and in every file of the store.
func (c *counter) mustNotShow(t *testing.T, notes *bytes.Buffer) {
	t.Helper()
	for name, trace := range pinTraces() {
		if bytes.Contains(notes.Bytes(), trace) {
			t.Errorf("the log has the PIN, %s", name)
		}
		err := filepath.WalkDir(c.store, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if bytes.Contains(b, trace) {
				t.Errorf("%s has the PIN, %s", path, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func pinTraces() canaries {
	traces := canaries{}
	traces.text("as text", canaryPIN)
	return traces
}

// A pepper is a file of its own purpose; half of the secrets, and another's file, are refused.
func TestPeppers(t *testing.T) {
	w := newIssueWorld(t)
	dir := filepath.Dir(w.store)
	first, second, root := filepath.Join(dir, "1"), filepath.Join(dir, "2"), filepath.Join(dir, "root")
	mustRun(t, "keys", "new-pepper", first)
	mustRun(t, "keys", "new-pepper", second, "--number", "2")
	mustRun(t, "keys", "new-pseudonym-root", root)
	if code, _, _ := runCommand(t, "keys", "new-pepper", first); code != exitEnvironment {
		t.Errorf("a pepper is written over: exit code %d", code)
	}
	for name, f := range map[string]struct {
		flags pinFlags
		held  bool
	}{
		"one":               {pinFlags{PINPepper: first}, true},
		"one and before":    {pinFlags{PINPepper: second, PINPepperBefore: first}, true},
		"the same twice":    {pinFlags{PINPepper: first, PINPepperBefore: first}, false},
		"before alone":      {pinFlags{PINPepperBefore: first}, false},
		"none":              {pinFlags{}, false},
		"a root of another": {pinFlags{PINPepper: root}, false},
		"nothing there":     {pinFlags{PINPepper: first + "x"}, false},
	} {
		pins, err := (&serveCommand{pinFlags: f.flags}).openPINs(&identities{})
		if (pins != nil) != f.held || (err == nil) != (f.held || name == "none") {
			t.Errorf("%s: %v, %v", name, pins, err)
		}
	}
	serve := []string{"serve", "--store", w.store, "--listen", "127.0.0.1:0", "--profile", "profiles/synthetic-512.json", "--pin-pepper", first}
	if code, _, notes := runCommand(t, serve...); code != exitUsage || !strings.Contains(notes, "--identity-root") {
		t.Errorf("without identities: exit code %d: %s", code, notes)
	}
}
