package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/receipt"
	"zhenni/storage/audit"
)

// signing makes the keys of results beside a store, starts it with them, and keeps the public keys.
func (b bulk) signing(t *testing.T, store string, flags ...string) *process {
	t.Helper()
	if _, err := os.Stat(b.path("result.key")); err != nil {
		write(t, b.path("jwks.json"), mustRun(t, "keys", "new-result-key", b.path("result.key")))
		mustRun(t, "keys", "new-pseudonym-root", b.path("pseudonyms.key"))
	}
	return startProcess(t, store, append(flags, "--result-key", b.path("result.key"), "--pseudonym-root", b.path("pseudonyms.key"), "--issuer", "https://zhenni.example")...)
}

// result asks for the report on a result, whose check has to end with that exit code.
func (b bulk) result(t *testing.T, code int, args ...string) (r resultReport, notes string) {
	t.Helper()
	args = append([]string{"verify-result", "--json", "--jwks", b.path("jwks.json")}, args...)
	got, text, notes := runCommand(t, args...)
	if got != code {
		t.Fatalf("%v: exit code %d, want %d: %s%s", args, got, code, text, notes)
	}
	if code == 0 {
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
	}
	return r, notes
}

// A relying party keeps its answers, and shows them to somebody who has two public keys and no server: a yes, a no, and an
// item of a batch, each with its place in the log. The server is killed in between; sent again, an answer is the same.
//
// FAULTS: A16 A20
func TestResultsHoldUpLater(t *testing.T) {
	t.Parallel()
	b := bulk{dir: t.TempDir()}
	store := b.path("store")
	server := b.signing(t, store, "--create-key")
	ask := asker{server.url, strings.TrimSpace(mustRun(t, "rp", "add", "desk", "--store", store, "--tenant", "1", "--role", "issuer,verifier"))}
	ids := enrolPeople(t, newTestClient(t, server.url, ask.key), 3)
	write(t, b.path("log.pub"), mustRun(t, "audit", "key", "--store", store))
	named := func(transaction, question string) string {
		return strings.Replace(question, "{", `{"transaction":"`+transaction+`",`, 1)
	}
	yes, no := named("t-yes", question(ids[0], 0)), named("t-no", question(ids[0], 1))
	answers := map[string]string{}
	for _, body := range []string{yes, no} {
		status, text := ask.do(t, "POST", "/v1/verifications", "application/json", body)
		if status != 200 {
			t.Fatal(status, text)
		}
		answers[body] = text
	}
	write(t, b.path("yes.json"), answers[yes])
	write(t, b.path("no.json"), answers[no])
	lines := question(ids[0], 0) + "\n" + question(ids[1], 0) + "\n{}\n"
	header := ask.batch(t, "t-batch", lines)
	for name, path := range map[string]string{"yes": "t-yes/proof", "no": "t-no/proof", "item0": "t-batch/proof/0", "item1": "t-batch/proof/1"} {
		fetchProof(t, ask, "/v1/verifications/"+path, b.path(name+".proof"))
	}
	status, served := ask.do(t, "GET", "/.well-known/jwks.json", "", "")
	if kept, err := os.ReadFile(b.path("jwks.json")); status != 200 || err != nil || served != string(kept) {
		t.Errorf("published %s, kept %s, %v", served, kept, err)
	}
	server.kill(t)

	checkYesAndNo(t, b, ids[0])
	checkItems(t, b, header.Get("Result"), ids)

	server = b.signing(t, store)
	ask.url = server.url
	for body, want := range answers {
		if _, got := ask.do(t, "POST", "/v1/verifications", "application/json", body); got != want {
			t.Errorf("sent again:\n%s\nwas\n%s", got, want)
		}
	}
	if again := ask.batch(t, "t-batch", lines); again.Get("Result") != header.Get("Result") || again.Get("Replayed") != "true" {
		t.Errorf("sent again: %v", again)
	}
}

// batch verifies lines under a transaction and returns the fields of the answer.
func (a asker) batch(t *testing.T, transaction, lines string) http.Header {
	t.Helper()
	request, err := http.NewRequest("POST", a.url+"/v1/verification-batches", strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("Transaction-Id", transaction)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		t.Fatal(response.Status)
	}
	return response.Header
}

func checkYesAndNo(t *testing.T, b bulk, id zhenni.CredentialID) {
	t.Helper()
	log := []string{"--log-key", b.path("log.pub")}
	yes, _ := b.result(t, 0, append(log, "--audience", "desk", "--issuer", "https://zhenni.example", "--proof", b.path("yes.proof"), b.path("yes.json"))...)
	if yes.Outcome != "match" || yes.Level != "full" || len(yes.Subject) != 43 || yes.Proof.Credential != id || *yes.LogIndex != yes.Proof.Index || fmt.Sprint(yes.Methods) != "[face]" {
		t.Errorf("%+v", yes)
	}
	no, _ := b.result(t, 0, append(log, "--audience", "desk", "--proof", b.path("no.proof"), b.path("no.json"))...)
	if no.Outcome != "no_match" || no.Level != "" || no.Subject != "" || no.Methods != nil || no.Proof.Outcome != "no_match" {
		t.Errorf("%+v", no)
	}
	for says, args := range map[string][]string{
		"not for rival":           {"--audience", "rival", b.path("yes.json")},
		"not by":                  {"--issuer", "https://zhenni.example.org", b.path("yes.json")},
		"the proof is of entry 6": append(log, "--proof", b.path("no.proof"), b.path("yes.json")),
		"not the JSON":            append(log, "--proof", b.path("log.pub"), b.path("yes.json")),
		"without a result":        {b.path("yes.proof")},
		"not three parts":         {b.path("log.pub")},
		"of none of the":          {"a.b.c"},
		"the proof is of entry 5": append(log, "--proof", b.path("yes.proof"), b.path("no.json")),
	} {
		if _, notes := b.result(t, exitNotSo, args...); !strings.Contains(notes, says) {
			t.Errorf("%v: %s, want %q", args, notes, says)
		}
	}
	for _, flag := range []string{"--audience", "--issuer", "--session"} {
		if _, notes := b.result(t, exitUsage, flag, "", b.path("yes.json")); !strings.Contains(notes, flag) {
			t.Errorf("%s of nothing: %s", flag, notes)
		}
	}
	for code, args := range map[int][]string{
		exitUsage:       {"--proof", b.path("yes.proof"), b.path("yes.json")},
		exitEnvironment: {b.path("nothing.json")},
	} {
		b.result(t, code, args...)
	}
	text := mustRun(t, "verify-result", "--jwks", b.path("jwks.json"), b.path("yes.json"))
	if !strings.Contains(text, "yes, this is the person") || !strings.Contains(text, yes.Subject) {
		t.Error(text)
	}
}

func checkItems(t *testing.T, b bulk, result string, ids []zhenni.CredentialID) {
	t.Helper()
	log := []string{"--log-key", b.path("log.pub"), "--audience", "desk"}
	for i, want := range []string{"match", "no_match"} {
		r, _ := b.result(t, 0, append(log, "--proof", b.path(fmt.Sprintf("item%d.proof", i)), result)...)
		if r.Items != 3 || r.Outcome != "" || *r.Proof.Item != i || r.Proof.Outcome != want || r.Proof.Credential != ids[i] {
			t.Errorf("item %d: %+v", i, r)
		}
	}
	b.result(t, exitNotSo, append(log, "--proof", b.path("yes.proof"), result)...)
	text := mustRun(t, append([]string{"verify-result", "--jwks", b.path("jwks.json"), "--proof", b.path("item1.proof"), result}, log...)...)
	if !strings.Contains(text, "a batch of 3 items; item 1 was answered no_match; and it is in the log.") {
		t.Error(text)
	}
}

// A result fits one event of the log and no other.
func TestResultsFitTheirEvent(t *testing.T) {
	at := time.Unix(1700000000, 0)
	single := receipt.Claims{Audience: "desk", Transaction: "t", Profile: "p", Outcome: zhenni.Match, At: at, LogIndex: 4}
	batch := receipt.Claims{Audience: "desk", Transaction: "t", Profile: "p", Items: 3, Root: [32]byte{1}, At: at, LogIndex: 4}
	event := provenEvent{Index: 4, Outcome: "match", Facts: &audit.Facts{Party: "desk", Transaction: "t", Profile: "p"}}
	leaf, root := audit.Leaf{Kind: audit.KindVerification, At: at}, audit.Leaf{Kind: audit.KindBatch, At: at, Number: 3, Hash: [32]byte{1}}
	if err := fits(single, leaf, event); err != nil {
		t.Error(err)
	}
	if err := fits(batch, root, event); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(c *receipt.Claims, l *audit.Leaf, e *provenEvent){
		"another entry":       func(c *receipt.Claims, _ *audit.Leaf, _ *provenEvent) { c.LogIndex++ },
		"no entry":            func(c *receipt.Claims, _ *audit.Leaf, e *provenEvent) { c.LogIndex, e.Index = -1, -1 },
		"another time":        func(c *receipt.Claims, _ *audit.Leaf, _ *provenEvent) { c.At = at.Add(1e9) },
		"another party":       func(_ *receipt.Claims, _ *audit.Leaf, e *provenEvent) { e.Facts.Party = "rival" },
		"another transaction": func(_ *receipt.Claims, _ *audit.Leaf, e *provenEvent) { e.Facts.Transaction = "u" },
		"another profile":     func(_ *receipt.Claims, _ *audit.Leaf, e *provenEvent) { e.Facts.Profile = "q" },
		"a change of state":   func(_ *receipt.Claims, l *audit.Leaf, _ *provenEvent) { l.Kind = audit.KindChange },
		"the other kind": func(_ *receipt.Claims, l *audit.Leaf, _ *provenEvent) {
			l.Kind ^= audit.KindVerification ^ audit.KindBatch
		},
	} {
		for _, c := range []receipt.Claims{single, batch} {
			l := leaf
			if c.Items > 0 {
				l = root
			}
			facts := *event.Facts
			e := event
			e.Facts = &facts
			if change(&c, &l, &e); fits(c, l, e) == nil {
				t.Errorf("%s, %d items: fits", name, c.Items)
			}
		}
	}
	said, fewer, other := single, batch, batch
	said.Outcome, fewer.Items, other.Root = zhenni.NoMatch, 2, [32]byte{2}
	if fits(said, leaf, event) == nil || fits(fewer, root, event) == nil || fits(other, root, event) == nil {
		t.Error("another outcome, count or root fits")
	}
}
