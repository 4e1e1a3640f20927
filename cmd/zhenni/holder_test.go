package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
	sdk "zhenni/holder"
)

// A phone from its keys to a payment, by the commands: a face is rotated and enrolled by the app, a later capture is rotated and
// shown, and the phone signs that it is there. What a server, its store and its log get of the face is rotated.
//
// FAULTS: B8 B10 C8
func TestAPhoneByHand(t *testing.T) {
	t.Parallel()
	w := newIssueWorld(t)
	dir := filepath.Dir(w.store)
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in("services.json"), walletService)
	write(t, in("me.json"), fmt.Sprintf(`{"name":%q,"number":%q}`, canaryName, canaryNumber))
	write(t, in("engine.jwk"), mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key))
	server := startProcess(t, w.store, append(w.flags(), "--catalogue", in("services.json"))...)
	write(t, in("app.key"), mustRun(t, "rp", "add", "app", "--store", w.store, "--tenant", "1", "--role", "issuer"))
	wallet := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "wallet", "--store", w.store, "--tenant", "1", "--role", "verifier", "--service", "wallet"))}

	phone := []string{"--keys", in("phone.keys")}
	with := func(flags []string, args ...string) []string { return append(args, flags...) }
	public := mustRun(t, with(phone, "holder", "keys")...)
	if again := mustRun(t, with(phone, "holder", "keys")...); again != public {
		t.Errorf("the keys are others when they are shown again: %s, %s", public, again)
	}
	for name, sample := range map[string]int{"photo": -1, "live": 1} {
		write(t, in(name), string(faceBytes(holder, sample)))
		mustRun(t, with(phone, "holder", "rotate", in(name), "--model", "synthetic-512", "--out", in(name+".rotated"))...)
	}
	issue := with(phone, "holder", "issue", "--url", server.url, "--api-key-file", in("app.key"), "--identity", in("me.json"),
		"--engine-key", in("engine.jwk"), "--reference", in("photo.rotated"), "--rotated", "--region", "330100", "--transaction", "issue-1")
	id := strings.TrimSpace(mustRun(t, issue...))
	if shown := mustRun(t, append(issue, "--json")...); !strings.Contains(shown, `"rotated":true`) && !strings.Contains(shown, `"rotated": true`) {
		t.Errorf("the credential is not said to be rotated: %s", shown)
	}
	if again := strings.TrimSpace(mustRun(t, issue...)); again != id {
		t.Errorf("repeated, the issue makes %s, then %s", id, again)
	}
	if code, _, notes := runCommand(t, append(issue, "--transaction", "issue-2")...); code != exitNotSo || strings.Contains(notes, canaryNumber) {
		t.Errorf("a second credential: exit code %d: %s", code, notes)
	}
	if shown := mustRun(t, with(phone, "holder", "keys", "--json")...); !strings.Contains(shown, id) {
		t.Errorf("the phone does not know its credential: %s", shown)
	}

	pay := func(transaction, probe, token, want string) {
		t.Helper()
		content, err := os.ReadFile(in(probe))
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(map[string]any{
			"credential": id, "probe_float32": content, "service": "wallet", "purpose": "pay", "transaction": transaction, "evidence": []string{token},
		})
		if err != nil {
			t.Fatal(err)
		}
		if status, text := wallet.do(t, "POST", "/v1/verifications", "application/json", string(body)); !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %s", transaction, status, text, want)
		}
	}
	sign := func(transaction, probe string) string {
		return strings.TrimSpace(mustRun(t, with(phone, "holder", "evidence", "possession", "--probe", in(probe), "--asker", "wallet", "--transaction", transaction)...))
	}
	pay("pay-1", "live.rotated", sign("pay-1", "live.rotated"), `"outcome":"match"`)
	pay("pay-2", "live", sign("pay-2", "live"), `"outcome":"no_match"`)     // the face itself, not rotated
	pay("pay-3", "live.rotated", sign("pay-3", "live"), "evidence")         // of another capture
	pay("pay-4", "live.rotated", sign("pay-1", "live.rotated"), "evidence") // of another transaction
	mustRun(t, with(phone, "holder", "keys", "--renew")...)                 // what was enrolled is of no use any more
	mustRun(t, with(phone, "holder", "rotate", in("live"), "--model", "synthetic-512", "--out", in("renewed"))...)
	pay("pay-5", "renewed", sign("pay-5", "renewed"), `"outcome":"no_match"`)
	if err := server.terminate(t); err != nil {
		t.Error(err)
	}
	w.scan(t)
}

// Keys that a passphrase seals are opened with it alone.
func TestKeysUnderAPassphraseByHand(t *testing.T) {
	dir := t.TempDir()
	phrase, keys := filepath.Join(dir, "phrase"), filepath.Join(dir, "phone.keys")
	write(t, phrase, "correct horse\n")
	public := mustRun(t, "holder", "keys", "--keys", keys, "--passphrase-file", phrase)
	if again := mustRun(t, "holder", "keys", "--keys", keys, "--passphrase-file", phrase); again != public {
		t.Errorf("%s, then %s", public, again)
	}
	if code, _, _ := runCommand(t, "holder", "keys", "--keys", keys); code != exitEnvironment {
		t.Errorf("without it: exit code %d", code)
	}
	write(t, phrase, "wrong horse\n")
	if code, _, notes := runCommand(t, "holder", "keys", "--keys", keys, "--passphrase-file", phrase); code != exitEnvironment || strings.Contains(notes, "horse") {
		t.Errorf("with another: exit code %d: %s", code, notes)
	}
}

// A picture comes to an embedding by a manifest and its network; exit codes tell a bad picture from a bad manifest.
//
// FAULTS: L1
func TestCaptureByHand(t *testing.T) {
	const models = "../../holder/capture/onnx/testdata/"
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	picture := image.NewGray(image.Rect(0, 0, 112, 112))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	write(t, in("white.png"), file.String())
	mustRun(t, "holder", "capture", in("white.png"), "--model", models+"quadrants.json", "--out", in("white.f32"))
	content, err := os.ReadFile(in("white.f32"))
	if err != nil || len(content) != 16 {
		t.Fatalf("%d bytes, %v", len(content), err)
	}
	for i, want := range []float64{10, 10, 10, 0} {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(content[4*i:])); math.Abs(float64(got)-want) > 1e-3 {
			t.Errorf("element %d is %g, want %g", i, got, want)
		}
	}
	wide := image.NewPaletted(image.Rect(0, 0, 9000, 1), color.Palette{color.Black})
	file.Reset()
	if err := png.Encode(&file, wide); err != nil {
		t.Fatal(err)
	}
	write(t, in("wide.png"), file.String())
	write(t, in("no.json"), "{}")
	points := "--points=38.3,51.7,73.5,51.5,56,71.7,41.5,92.4,70.7,92.2"
	for name, c := range map[string]struct {
		want int
		args []string
	}{
		"points":           {0, []string{in("white.png"), "--model", models + "quadrants.json", points}},
		"four points":      {exitUsage, []string{in("white.png"), "--model", models + "quadrants.json", "--points=1,2,3,4,5,6,7,8"}},
		"no picture":       {exitNotSo, []string{in("no.json"), "--model", models + "quadrants.json"}},
		"too wide":         {exitNotSo, []string{in("wide.png"), "--model", models + "quadrants.json"}},
		"no manifest":      {exitUsage, []string{in("white.png"), "--model", in("no.json")}},
		"no file":          {exitEnvironment, []string{in("none.png"), "--model", models + "quadrants.json"}},
		"no manifest file": {exitEnvironment, []string{in("white.png"), "--model", in("none.json")}},
	} {
		args := append([]string{"holder", "capture", "--out", in("out.f32")}, c.args...)
		if code, _, notes := runCommand(t, args...); code != c.want {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, c.want, notes)
		}
	}
}

// A terminal by the commands: its key is made once, and what it signs is read back with it.
func TestATerminalByHand(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "desk.keys")
	if code, _, notes := runCommand(t, "terminal", "keys", "--keys", keys); code != exitUsage {
		t.Errorf("a terminal without an id: exit code %d: %s", code, notes)
	}
	public := mustRun(t, "terminal", "keys", "--keys", keys, "--id", "desk", "--algorithm", "p256")
	if again := mustRun(t, "terminal", "keys", "--keys", keys); again != public {
		t.Errorf("%s, then %s", public, again)
	}
	code, _, notes := runCommand(t, "terminal", "keys", "--keys", keys, "--id", "hotel")
	if code != exitUsage || !strings.Contains(notes, "is the key of desk") {
		t.Errorf("the key of another terminal: exit code %d, %s", code, notes)
	}
	id := zhenni.CredentialID{15: 7}.String()
	for _, kind := range []string{"liveness", "card", "document"} {
		token := mustRun(t, "terminal", "evidence", kind, "--keys", keys, "--credential", id, "--asker", "hotel", "--transaction", "t-1")
		if strings.Count(token, ".") != 2 {
			t.Errorf("%s: %s", kind, token)
		}
	}
	if code, _, _ := runCommand(t, "terminal", "evidence", "card", "--keys", keys, "--credential", id, "--asker", "No Party", "--transaction", "t-1"); code != exitUsage {
		t.Errorf("a party that is none: exit code %d", code)
	}
	if code, _, _ := runCommand(t, "holder", "keys", "--keys", keys); code != exitEnvironment {
		t.Errorf("a terminal's key as a phone's: exit code %d", code)
	}
}

// Before the sentence stands the program's name, once.
func TestErrorsInWords(t *testing.T) {
	inner := fmt.Errorf("folder: %w: no keys", zhenni.ErrNotFound)
	for want, err := range map[string]error{
		"not found": zhenni.ErrNotFound, "folder: not found: no keys": inner, "--dir: folder: not found: no keys": environment("--dir: %w", inner),
		"zhenni serve first": usage("zhenni serve first"),
	} {
		if got := plainly(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A clerk is told to type digits once there is a phone that shows some.
func TestTheDigitsAreAskedForOnceAPhoneShowsThem(t *testing.T) {
	for opened, want := range []string{"Opened by 0. The session: live.", "Opened by 1. Type the two digits that the phone shows. The session: live."} {
		if got := askedText(sdk.SessionView{CodeWanted: true, Opened: opened}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
