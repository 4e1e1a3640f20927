package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
	sdk "zhenni/holder"
	"zhenni/identity"
)

// deskService is what terminals of these tests are held to.
const deskService = `{"version":"desk","services":[{
  "id": "desk", "zh": "柜", "en": "Desk", "category": "credential", "purposes": ["issue"],
  "level": "full", "factors": [["face"], ["card"], ["possession"]], "without_face": [["card"], ["possession", "document"]],
  "liveness": "passive", "liveness_max_age_s": 120, "capture_max_age_s": 120, "possession": false, "fmr": 1e-5
}]}`

// deskWorld is a server whose terminals are held to deskService, the reference of one person, a phone and a capture.
type deskWorld struct {
	issueWorld
	t      *testing.T
	server *process
	// accepts are further flags of what the phone answers with.
	accepts []string
}

func (w *deskWorld) in(name string) string { return filepath.Join(filepath.Dir(w.store), name) }

func startDesk(t *testing.T) *deskWorld {
	w := &deskWorld{issueWorld: newIssueWorld(t), t: t}
	write(t, w.in("services.json"), deskService)
	write(t, w.in("me.json"), fmt.Sprintf(`{"name":%q,"number":%q}`, canaryName, canaryNumber))
	write(t, w.in("engine.jwk"), mustRun(t, "keys", "identity", "--identity-root", w.root, "--identity-key", w.key))
	write(t, w.in("digits"), "58204917\n")
	write(t, w.in("live"), string(faceBytes(holder, 1)))
	write(t, w.in("again"), string(faceBytes(holder, 2)))
	write(t, w.in("other"), string(faceBytes(stranger, 1)))
	mustRun(t, "keys", "new-pepper", w.in("pins.key"))
	w.server = startProcess(t, w.store, append(w.flags(), "--catalogue", w.in("services.json"), "--reference-tenant", "1=9",
		"--terminal-issue-service", "desk", "--pin-pepper", w.in("pins.key"))...)
	registry := asker{w.server.url, strings.TrimSpace(mustRun(t, "rp", "add", "registry", "--store", w.store, "--tenant", "9", "--role", "issuer"))}
	sealed, err := identity.Seal(w.to, canaryName, canaryNumber, "registry/photo-1")
	if err != nil {
		t.Fatal(err)
	}
	photo := fmt.Sprintf(`{"identity":%q,"transaction":"photo-1","region":"330100","reference_float32":%q}`, sealed, face(holder, -1))
	if status, text := registry.do(t, "POST", "/v1/credentials", "application/json", photo); status != 201 {
		t.Fatal(status, text)
	}
	write(t, w.in("desk.jwk"), mustRun(t, "terminal", "keys", "--keys", w.in("desk.keys"), "--id", "desk"))
	write(t, w.in("desk.key"), mustRun(t, "rp", "add", "desk", "--store", w.store, "--tenant", "1", "--role", "terminal", "--jwks", w.in("desk.jwk"), "--api-key"))
	write(t, w.in("booth.jwk"), mustRun(t, "rp", "keys", "new", w.in("booth.pem")))
	mustRun(t, "rp", "add", "booth", "--store", w.store, "--tenant", "1", "--role", "terminal", "--jwks", w.in("booth.jwk"))
	mustRun(t, "holder", "keys", "--keys", w.in("phone.keys"))
	return w
}

// offered shows the code of a capture and has the phone answer it; the answer is in the file accepted.
func (w *deskWorld) offered(capture string, flags ...string) (accepted string) {
	w.t.Helper()
	offer := append([]string{"terminal", "offer", "--keys", w.in("desk.keys"), "--offer", w.in(capture + ".offer"), "--probe", w.in(capture)}, flags...)
	code := strings.TrimSpace(mustRun(w.t, offer...))
	answer := mustRun(w.t, append([]string{"holder", "accept", code, "--keys", w.in("phone.keys"), "--identity", w.in("me.json"),
		"--engine-key", w.in("engine.jwk")}, w.accepts...)...)
	if strings.Contains(answer, canaryNumber) || strings.Contains(answer, canaryName) {
		w.t.Errorf("the terminal reads who it is: %s", answer)
	}
	accepted = w.in(capture + ".accepted")
	write(w.t, accepted, answer)
	return accepted
}

func (w *deskWorld) issue(capture string, flags ...string) []string {
	return append([]string{"terminal", "issue", "--keys", w.in("desk.keys"), "--url", w.server.url, "--offer", w.in(capture + ".offer"),
		"--accepted", w.in(capture + ".accepted"), "--probe", w.in(capture), "--region", "330100"}, flags...)
}

// A phone scans the code of a terminal and is issued a full credential on the card, the face and the phone itself, by the commands; a
// PIN is set with it. Without one of them it is not, nor for another face; what is asked again is answered with the same.
//
// FAULTS: B10 B11 C8
func TestATerminalIssuesByHand(t *testing.T) {
	t.Parallel()
	w := startDesk(t)
	byKey := []string{"--api-key-file", w.in("desk.key")}
	refused := func(what, says string, args ...string) {
		t.Helper()
		code, _, notes := runCommand(t, args...)
		if code == 0 || !strings.Contains(notes, says) || strings.Contains(notes, canaryNumber) {
			t.Errorf("%s: exit code %d: %s", what, code, notes)
		}
	}
	w.offered("live")
	refused("no card", "a factor of the service is missing", w.issue("live", byKey...)...)
	w.offered("live")
	refused("nobody alive", "liveness", w.issue("live", append(byKey, "--card", "--liveness", "none")...)...)
	w.offered("other")
	refused("another face", "not_proved", w.issue("other", append(byKey, "--card")...)...)
	refused("another capture", "is not the capture", append(w.issue("live", append(byKey, "--card")...), "--probe", w.in("other"))...)

	accepted := w.offered("live")
	full := w.issue("live", append(byKey, "--card", "--pin-file", w.in("digits"), "--engine-key", w.in("engine.jwk"))...)
	code, made, notes := runCommand(t, full...)
	if code != 0 || strings.Contains(notes, "PIN") {
		t.Fatalf("exit code %d: %s", code, notes)
	}
	id := strings.TrimSpace(made)
	write(t, w.in("digits"), "20495817\n")
	if code, again, notes := runCommand(t, full...); code != 0 || strings.TrimSpace(again) != id || !strings.Contains(notes, "an earlier run has set") {
		t.Errorf("asked again, with other digits, it makes %s, then %d %s: %s", id, code, again, notes)
	}
	app := asker{w.server.url, strings.TrimSpace(mustRun(t, "rp", "add", "app", "--store", w.store, "--tenant", "1", "--role", "issuer"))}
	public := mustRun(t, "holder", "keys", "--keys", w.in("phone.keys"), "--credential", id)
	if status, text := app.do(t, "GET", "/v1/credentials/"+id, "", ""); status != 200 || !strings.Contains(text, `"full"`) || strings.Contains(text, `"rotated"`) ||
		!strings.Contains(text, `"device":"`+kidOf(t, public)+`"`) {
		t.Errorf("%d %s, of the phone %s", status, text, public)
	}

	w.staleAnswer(accepted, refused, byKey)
	if err := os.Remove(w.in("live.offer")); err != nil {
		t.Fatal(err)
	}
	w.offered("live", "--party", "booth", "--signed")
	signed := w.issue("live", "--signing-key-file", w.in("booth.pem"), "--party", "booth", "--card", "--kind", "card",
		"--pin-file", w.in("digits"), "--engine-key", w.in("engine.jwk"))
	id = strings.TrimSpace(mustRun(t, signed...))
	if again := strings.TrimSpace(mustRun(t, signed...)); again != id {
		t.Errorf("signed, and asked again, it makes %s, then %s", id, again)
	}

	mustRun(t, "holder", "rotate", w.in("live"), "--keys", w.in("phone.keys"), "--model", "synthetic-512", "--out", w.in("rotated"))
	w.accepts = []string{"--rotated"}
	w.offered("again")
	anew := w.issue("again", append(byKey, "--card", "--kind", "reenrolment")...)
	refused("rotated, and no template", "none is sent beside the capture", anew...)
	id = strings.TrimSpace(mustRun(t, append(anew, "--reference", w.in("rotated"))...))
	if status, text := app.do(t, "GET", "/v1/credentials/"+id, "", ""); status != 200 || !strings.Contains(text, `"rotated":true`) {
		t.Errorf("not said to be rotated: %d %s", status, text)
	}
}

// staleAnswer is an answer to a code that was never shown, with what the terminal keeps of its own in it, and without.
func (w *deskWorld) staleAnswer(accepted string, refused func(what, says string, args ...string), byKey []string) {
	var answer map[string]any
	if err := json.Unmarshal([]byte(readText(w.t, accepted)), &answer); err != nil {
		w.t.Fatal(err)
	}
	for name, value := range map[string]any{"at": time.Now(), "valid_until": "9999-01-01T00:00:00Z", "evidence": []string{}} {
		text, err := json.Marshal(map[string]any{
			"transaction": "issue-anything", "identity": answer["identity"], "device": answer["device"], "possession": answer["possession"], name: value,
		})
		if err != nil {
			w.t.Fatal(err)
		}
		write(w.t, accepted, string(text))
		refused("a phone that says what the terminal did", "unknown field", w.issue("live", append(byKey, "--card")...)...)
	}
	answer["transaction"] = "issue-" + strings.Repeat("0", 32)
	text, err := json.Marshal(answer)
	if err != nil {
		w.t.Fatal(err)
	}
	write(w.t, accepted, string(text))
	refused("a code that was not shown", "was not shown", w.issue("live", append(byKey, "--card")...)...)
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// deskOffer is an issue at a terminal that is not sent, and the phone that it is for.
type deskOffer struct {
	terminalIssue
	t     *testing.T
	phone *sdk.Phone
	to    identity.PublicKey
}

func newDeskOffer(t *testing.T) *deskOffer {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	d := &deskOffer{t: t, terminalIssue: terminalIssue{
		terminalFlags: terminalFlags{Keys: in("desk.keys")}, Offer: in("offer"), Accepted: in("accepted"), Probe: in("live"),
		Liveness: "passive", Card: true, Level: "full", Kind: "ordinary", Region: "330100", ValidFor: time.Hour,
	}}
	mustRun(t, "terminal", "keys", "--keys", d.Keys, "--id", "desk")
	write(t, d.Probe, string(faceBytes(holder, 1)))
	key, err := identity.NewPrivateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.to = key.Public()
	if d.phone, err = sdk.NewPhone(zhenni.KeyP256); err != nil {
		t.Fatal(err)
	}
	return d
}

// accept has the phone answer the code that is shown now, and returns what it wrote.
func (d *deskOffer) accept() string {
	d.t.Helper()
	code := strings.TrimSpace(mustRun(d.t, "terminal", "offer", "--keys", d.Keys, "--offer", d.Offer, "--probe", d.Probe, "--signed"))
	accepted, err := d.phone.Accept(code, d.to, canaryName, canaryNumber, time.Now())
	if err != nil {
		d.t.Fatal(err)
	}
	if err := keepSecret("--accepted", d.Accepted, accepted); err != nil {
		d.t.Fatal(err)
	}
	return readText(d.t, d.Accepted)
}

func (d *deskOffer) read() (transaction string, issue sdk.Issue) {
	d.t.Helper()
	transaction, issue, err := d.terminalIssue.read()
	if err != nil {
		d.t.Fatal(err)
	}
	return transaction, issue
}

func (d *deskOffer) refused(what string) {
	d.t.Helper()
	if _, _, err := d.terminalIssue.read(); !errors.Is(err, zhenni.ErrBadValue) || !strings.Contains(err.Error(), "was not shown") {
		d.t.Errorf("%s: %v", what, err)
	}
}

// What a terminal has asked for on an acceptance is asked for again alike, however much later; on another one, or for a code that was not
// shown, it is not. Of what the phone wrote the terminal changes nothing.
//
// FAULTS: B11 C8
func TestATerminalAsksOnWhatItKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeskOffer(t)
		first := d.accept()
		transaction, asked := d.read()
		if len(asked.Evidence) != 3 || !asked.ValidUntil.Equal(time.Now().Add(time.Hour)) || asked.Nonce != transaction {
			t.Errorf("%s: %+v", transaction, asked)
		}
		time.Sleep(time.Hour)
		again, same := d.read()
		same.CapturedAt, same.ValidUntil = same.CapturedAt.Local(), same.ValidUntil.Local()
		asked.CapturedAt, asked.ValidUntil = asked.CapturedAt.Round(0), asked.ValidUntil.Round(0)
		if again != transaction || !reflect.DeepEqual(same, asked) {
			t.Errorf("asked again it is %s %+v, and was %s %+v", again, same, transaction, asked)
		}
		if readText(t, d.Accepted) != first {
			t.Error("the terminal has written into what the phone wrote")
		}

		d.accept()
		time.Sleep(sdk.OfferLife + sdk.OfferStep)
		d.refused("another acceptance, of a code too long ago, beside what was asked on the first")
		second := d.accept()
		if other, issue := d.read(); other == transaction || slices.Equal(issue.Evidence, asked.Evidence) || issue.CapturedAt.Equal(asked.CapturedAt) {
			t.Errorf("on another acceptance it asks as on the first: %s %+v", other, issue)
		}
		write(t, d.Accepted, strings.Replace(second, `"issue-`, `"issue-0`, 1))
		d.refused("a transaction of the phone's choice")
		if err := os.Remove(d.Offer); err != nil {
			t.Fatal(err)
		}
		d.accept()
		write(t, d.Accepted, second)
		d.refused("what was asked on, beside another offer")
	})
}

// What a phone answers is one document of an acceptance, and small.
//
// FAULTS: L4
func TestAcceptancesThatAreNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accepted")
	for text, says := range map[string]string{
		`{"transaction":"a"} {"transaction":"b"}`: "something follows",
		`{"transaction":"a","at":1}`:              "unknown field",
		`{"transaction":1}`:                       "cannot unmarshal",
		``:                                        "EOF",
		strings.Repeat(" ", maxKeyFile+1):         "too large",
	} {
		write(t, path, text)
		var accepted sdk.Acceptance
		if err := readStrictly("--accepted", path, &accepted); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--accepted") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// kidOf is the id of a key that is printed as a JSON Web Key.
func kidOf(t *testing.T, jwk string) string {
	t.Helper()
	var key struct {
		ID string `json:"kid"`
	}
	if err := json.Unmarshal([]byte(jwk), &key); err != nil || key.ID == "" {
		t.Fatal(jwk, err)
	}
	return key.ID
}
