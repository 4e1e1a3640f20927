package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway"
	sdk "zhenni/holder"
	"zhenni/sandbox"
)

// rehearsal is a sandbox in a process of its own, as its developer sees it: by sandbox.json.
type rehearsal struct {
	t       *testing.T
	store   string
	server  *process
	written struct {
		URL      string
		Issuer   string
		Folder   string
		Parties  []sandbox.Party
		Subjects []struct {
			Name, Kind, Happens, Credential string
			Login                           string `json:"login_hint"`
			Question                        string `json:"question_file"`
			Phone                           string `json:"phone_file"`
		}
	}
}

func startSandbox(t *testing.T) *rehearsal {
	t.Helper()
	r := &rehearsal{t: t, store: filepath.Join(t.TempDir(), "store")}
	r.start()
	return r
}

func (r *rehearsal) start() {
	r.t.Helper()
	r.server = startServe(r.t, r.store, "--sandbox")
	if err := json.Unmarshal(readFile(r.t, filepath.Join(r.store, "sandbox", "sandbox.json")), &r.written); err != nil {
		r.t.Fatal(err)
	}
	if r.written.URL != r.server.url {
		r.t.Fatalf("sandbox.json has %s, the server is on %s", r.written.URL, r.server.url)
	}
}

// file reads a file that sandbox.json names.
func (r *rehearsal) file(name string) []byte {
	r.t.Helper()
	return readFile(r.t, filepath.Join(r.written.Folder, filepath.FromSlash(name)))
}

// ask sends a document as a party, and as nobody where that is empty, and reads the answer.
func (r *rehearsal) ask(method, path, party string, document any, extra ...string) (*http.Response, seen) {
	r.t.Helper()
	body, raw := document.([]byte)
	if document != nil && !raw {
		var err error
		if body, err = json.Marshal(document); err != nil {
			r.t.Fatal(err)
		}
	}
	request, err := http.NewRequest(method, r.written.URL+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if party != "" {
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(r.file("keys/"+party+".key"))))
	}
	for i := 0; i < len(extra); i += 2 {
		request.Header.Set(extra[i], extra[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var a seen
	if err != nil || len(text) > 0 && json.Unmarshal(text, &a) != nil {
		r.t.Fatalf("%s %s: %d %s %v", method, path, response.StatusCode, text, err)
	}
	if response.Header.Get("Sandbox") != "true" {
		r.t.Errorf("%s %s: the answer does not say that it is a sandbox's", method, path)
	}
	return response, a
}

// begins has the clerk begin a session, and returns its id and links.
func (r *rehearsal) begins(document map[string]any) (id string, links []string) {
	r.t.Helper()
	response, a := r.ask("POST", "/v1/sessions", "clerk", document)
	if response.StatusCode != 201 {
		r.t.Fatalf("%v: %d %v", document, response.StatusCode, a)
	}
	for _, link := range a["links"].([]any) {
		links = append(links, link.(string))
	}
	return a.text("session"), links
}

// plays has the phone of a subject play its part.
func (r *rehearsal) plays(subject string, document map[string]any) seen {
	r.t.Helper()
	response, a := r.ask("POST", "/sandbox/phones/"+subject, "", document)
	if response.StatusCode != 200 {
		r.t.Errorf("%s: %d %v", subject, response.StatusCode, a)
	}
	return a
}

// sees is a session of the clerk's.
func (r *rehearsal) sees(id string) seen {
	r.t.Helper()
	_, a := r.ask("GET", "/v1/sessions/"+id, "clerk", nil)
	return a
}

// ended waits for the end of a party's session.
func (r *rehearsal) ended(id, party string) seen {
	r.t.Helper()
	response, a := r.ask("GET", "/v1/sessions/"+id, party, nil)
	for a.text("outcome") == "live" {
		next, changed := r.ask("GET", "/v1/sessions/"+id, party, nil, "Prefer", "wait=30", "If-None-Match", response.Header.Get("ETag"))
		if next.StatusCode == http.StatusOK {
			response, a = next, changed
		}
	}
	return a
}

// The whole table of problems: each has a subject, or a reason why it can not be about one, and whoever asks about the subject is answered
// with it. sandbox.json and GET /sandbox/subjects list the same.
func TestEveryProblemHasASubject(t *testing.T) {
	r := startSandbox(t)
	questions, there := map[string]string{}, map[string]bool{}
	for _, s := range r.written.Subjects {
		if questions[s.Name] != "" || s.Credential != s.Login || s.Happens == "" {
			t.Errorf("subject %+v", s)
		}
		questions[s.Name] = s.Question
	}
	for _, p := range gateway.ProblemCodes() {
		there[p.Code] = true
		if reason := sandbox.Apart[p.Code]; (reason == "") == (questions[p.Code] == "") {
			t.Errorf("%s: the reason %q and the question %q, want one of them", p.Code, reason, questions[p.Code])
		}
		if questions[p.Code] == "" {
			continue
		}
		response, a := r.ask("POST", "/v1/verifications", "clerk", r.file(questions[p.Code]))
		if response.StatusCode != p.Status || a.text("code") != p.Code || a.is("retryable") != p.Retryable || a.text("action") != p.Action {
			t.Errorf("%s: %d %v", p.Code, response.StatusCode, a)
		}
	}
	for code := range sandbox.Apart {
		if !there[code] {
			t.Errorf("there is no problem %s to be kept apart", code)
		}
	}
	for name, outcome := range map[string]string{"mated": "match", "non-mated": "no_match", "credential_unusable": "no_match", "completed": "match"} {
		if response, a := r.ask("POST", "/v1/verifications", "clerk", r.file(questions[name])); response.StatusCode != 200 || a.text("outcome") != outcome {
			t.Errorf("%s: %d %v", name, response.StatusCode, a)
		}
	}
	if _, a := r.ask("GET", "/sandbox/subjects", "", nil); len(a["subjects"].([]any)) != len(questions) {
		t.Errorf("%d subjects are listed, %d written", len(a["subjects"].([]any)), len(questions))
	}
}

// Every end of a session has a subject, whose phone brings it about; who asks sees what the table of ends says.
func TestEveryEndHasASubject(t *testing.T) {
	t.Parallel()
	r := startSandbox(t)
	late, links := r.begins(counterOf("10"))
	r.plays("timeout", map[string]any{"link": links[0]})
	for end := zhenni.SessionCompleted; ; end++ {
		name, err := end.MarshalText()
		if err != nil {
			break
		}
		t.Run(string(name), func(t *testing.T) { r.endsIn(t, end, late) })
	}
	for _, name := range []string{"mated", "non-mated"} {
		id, links := r.begins(counterOf("60"))
		r.reads(id, r.plays(name, map[string]any{"link": links[0]}))
		if a := r.sees(id); a.text("outcome") != "completed" || a.is("confirmed") != (name == "mated") {
			t.Errorf("%s: %v", name, a)
		}
	}
}

func counterOf(seconds string) map[string]any {
	return map[string]any{"kind": "counter", "service": "visit", "purpose": "register", "expires_in_s": json.Number(seconds)}
}

// reads has the clerk type what the person reads out.
func (r *rehearsal) reads(id string, phone seen) {
	r.t.Helper()
	if code := phone.text("code"); code != "" {
		r.ask("POST", "/v1/sessions/"+id+"/code", "clerk", map[string]any{"code": code})
	}
}

func (r *rehearsal) endsIn(t *testing.T, end zhenni.SessionEnd, late string) {
	want := end.String()
	switch end {
	case zhenni.SessionTimeout:
		if a := r.ended(late, "clerk"); a.text("outcome") != want || a["opened"] != 0.0 {
			t.Errorf("%v", a)
		}
		return
	case zhenni.SessionQuorumFailed:
		ids := []string{r.credential("completed"), r.credential("quorum_failed")}
		id, links := r.begins(map[string]any{"kind": "group", "service": "vote", "purpose": "resolve", "credentials": ids, "quorum": 2, "expires_in_s": 60})
		r.plays("completed", map[string]any{"link": links[0]})
		r.plays("quorum_failed", map[string]any{"link": links[1]})
		if a := r.sees(id); a.text("outcome") != want {
			t.Errorf("%v", a)
		}
		return
	}
	id, links := r.begins(counterOf("60"))
	phone := r.plays(want, map[string]any{"link": links[0]})
	if end == zhenni.SessionCredentialUnusable { // its holder alone is told
		if phone.text("outcome") != want {
			t.Errorf("the phone sees %v", phone)
		}
		want = "completed"
	}
	r.reads(id, phone)
	a := r.sees(id)
	if a.text("outcome") != want || a.is("confirmed") != (end == zhenni.SessionCompleted) {
		t.Errorf("%v", a)
	}
	if again := r.plays(end.String(), map[string]any{"link": links[0]}); again.text("outcome") == "live" {
		t.Errorf("a phone that is asked again sees %v", again)
	}
}

func (r *rehearsal) credential(name string) string {
	r.t.Helper()
	for _, s := range r.written.Subjects {
		if s.Name == name {
			return s.Credential
		}
	}
	r.t.Fatalf("no subject %s", name)
	return ""
}

// Sessions about problem subjects begin as little as a question is answered; and what a phone can not play is told.
func TestWhatPhonesDoNotPlay(t *testing.T) {
	r := startSandbox(t)
	vote := map[string]any{"kind": "group", "service": "vote", "purpose": "resolve", "credentials": []string{r.credential("mated"), r.credential("halted")}}
	if response, a := r.ask("POST", "/v1/sessions", "clerk", vote); response.StatusCode != 503 || a.text("code") != "halted" || response.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", response.StatusCode, a)
	}
	_, links := r.begins(counterOf("60"))
	r.plays("mated", map[string]any{"link": links[0]})
	pay, payLinks := r.begins(map[string]any{"kind": "payment", "service": "wallet", "purpose": "pay", "payee": "水务局", "amount": 1230, "currency": "CNY", "reference": "a"})
	for _, c := range []struct {
		subject  string
		document map[string]any
		code     string
	}{
		{"nobody", map[string]any{"link": links[0]}, "not_found"}, {"halted", map[string]any{"link": links[0]}, "not_found"},
		{"completed", map[string]any{"link": "x"}, "bad_item"}, {"completed", map[string]any{}, "bad_item"},
		{"completed", map[string]any{"link": links[0], "more": 1}, "bad_item"},
		{"completed", map[string]any{"link": links[0]}, "session_taken"},
		{"completed", map[string]any{"link": strings.Replace(links[0], links[0][:32], strings.Repeat("0", 32), 1)}, "session_not_found"},
		{"wrong_code", map[string]any{"link": payLinks[0]}, "session_step"},
	} {
		if response, a := r.ask("POST", "/sandbox/phones/"+c.subject, "", c.document); a.text("code") != c.code {
			t.Errorf("%s %v: %d %v", c.subject, c.document, response.StatusCode, a)
		}
	}
	if a := r.sees(pay); a.text("outcome") != "live" {
		t.Errorf("%v", a)
	}
}

// A sandbox that is killed goes on with the same people, keys and sessions; one that was killed while it was made is made anew, and
// nothing that is not a sandbox's is touched.
func TestASandboxOutlivesKills(t *testing.T) {
	t.Parallel()
	r := startSandbox(t)
	key, asked := r.file("keys/clerk.key"), r.credential("completed")
	id, links := r.begins(counterOf("60"))
	first := r.plays("wrong_code", map[string]any{"link": links[0]})
	r.server.kill(t)
	r.start()
	if !bytes.Equal(r.file("keys/clerk.key"), key) || r.credential("completed") != asked {
		t.Error("another sandbox has taken the place of the one that was killed")
	}
	if again := r.plays("wrong_code", map[string]any{"link": links[0]}); again.text("code") != first.text("code") || first.text("code") == "" {
		t.Errorf("the phone sees %v, before the kill %v", again, first)
	}
	r.reads(id, first)
	if a := r.sees(id); a.text("outcome") != "wrong_code" {
		t.Errorf("%v", a)
	}
	r.server.kill(t)
	write(t, filepath.Join(r.store, "sandbox", sandboxBegun), "")
	r.start()
	if bytes.Equal(r.file("keys/clerk.key"), key) {
		t.Error("a sandbox that was not finished is taken as it is")
	}
	if response, a := r.ask("POST", "/v1/verifications", "clerk", r.file("questions/mated.json")); a.text("outcome") != "match" {
		t.Errorf("%d %v", response.StatusCode, a)
	}
}

// A sandbox that runs is no other's to make anew, finished or not.
func TestASandboxInUseIsLeftAlone(t *testing.T) {
	r := startSandbox(t)
	key := r.file("keys/clerk.key")
	write(t, filepath.Join(r.store, "sandbox", sandboxBegun), "")
	code, _, notes := runCommand(t, "serve", "--listen", "127.0.0.1:0", "--sandbox", "--store", r.store)
	if code != exitEnvironment || !strings.Contains(notes, "in use by another process") || !bytes.Equal(r.file("keys/clerk.key"), key) {
		t.Errorf("exit code %d: %s", code, notes)
	}
	if response, a := r.ask("POST", "/v1/verifications", "clerk", r.file("questions/mated.json")); a.text("outcome") != "match" {
		t.Errorf("%d %v", response.StatusCode, a)
	}
}

// A real store is no sandbox, nor the other way round, even with the right keys; and a sandbox takes no settings that are of a real server.
func TestSandboxesAreKeptApart(t *testing.T) {
	t.Parallel()
	real := filepath.Join(t.TempDir(), "store")
	if err := startProcess(t, real, "--create-key").terminate(t); err != nil {
		t.Fatal(err)
	}
	begun := filepath.Join(t.TempDir(), "store") // a real store where a sandbox was begun and never finished
	if err := startProcess(t, begun, "--create-key").terminate(t); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(begun, "sandbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(begun, "sandbox", sandboxBegun), "")
	before, beforeBegun, fresh := filesOf(t, real), filesOf(t, begun), filepath.Join(t.TempDir(), "fresh")
	r := startSandbox(t)
	r.server.kill(t)
	in := func(name string) string { return filepath.Join(r.store, "sandbox", name) }
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "notes.txt"), "mine")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--sandbox", "--store", real}, "holds a real store"},
		{[]string{"--sandbox", "--store", begun}, "holds a real store"},
		{[]string{"--sandbox", "--store", fresh, "--in-flight=-5"}, "InFlightItems -5"},
		{[]string{"--sandbox", "--store", elsewhere}, "neither empty nor a sandbox's"},
		{[]string{"--store", r.store, "--profile", in("profile.json"), "--key-file", in("root.key")}, "the store is a sandbox's"},
		{[]string{"--sandbox", "--profile", in("profile.json")}, "--profile: a sandbox has its own"},
		{[]string{"--sandbox", "--issuer", "https://zhenni.example"}, "--issuer: a sandbox has its own"},
		{[]string{"--store", fresh, "--profile", in("profile.json"), "--create-key", "--issuer", "https://sandbox.zhenni.invalid"}, "--issuer: "},
		{[]string{"--sandbox", "--verify-only", "--store", r.store}, "--verify-only: a sandbox has its own"},
		{[]string{"--sandbox", "--tls-cert", "x", "--tls-key", "x"}, "a sandbox has its own"},
	} {
		code, _, notes := runCommand(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, c.args...)...)
		if code == 0 || !strings.Contains(notes, c.says) {
			t.Errorf("%v: exit code %d: %s", c.args, code, notes)
		}
	}
	if filesOf(t, real) != before || filesOf(t, begun) != beforeBegun {
		t.Error("a real store has changed")
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("a refused setting leaves a sandbox begun")
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "notes.txt")); err != nil {
		t.Error(err)
	}
}

// phone is that of a subject, which a test holds in the place of the sandbox.
func (r *rehearsal) phone(subject string) *sdk.Phone {
	r.t.Helper()
	phone, err := sdk.OpenPhone(filepath.Join(r.written.Folder, "phones", subject+".keys"), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return phone
}

// Between persons the one who is asked types what the other reads out; a hotel claims who arrives, and captures.
func TestPersonsAndGuestsOfASandbox(t *testing.T) {
	r := startSandbox(t)
	for subject, want := range map[string]string{"completed": "completed", "wrong_code": "wrong_code", "refused": "refused"} {
		token := zhenni.SessionToken(sha256.Sum256([]byte(subject)))
		ann, name := r.phone("mated"), "person."+subject
		shown, err := ann.Possession(sdk.Question{Credential: ann.Credential, Capture: sha256.Sum256(token[:]), Transaction: name, Party: "person"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		_, begun := r.ask("POST", "/v1/person-sessions", "", map[string]any{
			"credential": ann.Credential, "phone": token.String(), "evidence": string(shown), "transaction": name,
		})
		links, _ := begun["links"].([]any)
		if len(links) != 1 || begun.text("code") == "" {
			t.Fatalf("%v", begun)
		}
		if a := r.plays(subject, map[string]any{"link": links[0], "code": begun.text("code")}); a.text("outcome") != want || a.is("confirmed") != (want == "completed") {
			t.Errorf("%s: %v", subject, a)
		}
	}
	for subject, match := range map[string]bool{"completed": true, "non-mated": false} {
		guest := r.plays(subject, map[string]any{"hotel": "hotel"})
		response, claimed := r.ask("POST", "/v1/arrivals/claim", "hotel", map[string]any{"code": guest.text("code")})
		if response.StatusCode != 200 || claimed.text("session") != guest.text("session") {
			t.Fatalf("%s: %d %v", subject, response.StatusCode, claimed)
		}
		var question map[string]any
		if err := json.Unmarshal(r.file("questions/"+subject+".json"), &question); err != nil {
			t.Fatal(err)
		}
		for after := claimed; after.text("outcome") == "live"; {
			_, after = r.ask("POST", "/v1/sessions/"+guest.text("session")+"/capture", "hotel", map[string]any{"probe_float32": question["probe_float32"]})
			if after.text("outcome") == "completed" && after.is("confirmed") != match || after.text("code") != "" && after.text("outcome") == "" {
				t.Fatalf("%s: %v", subject, after)
			}
		}
	}
	if a := r.plays("refused", map[string]any{"hotel": "hotel"}); a.text("outcome") != "refused" {
		t.Errorf("%v", a)
	}
}
