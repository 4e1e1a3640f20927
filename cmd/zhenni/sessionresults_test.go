package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
)

// begins has desk begin a session, and returns its id and links.
func (w *sessionWorld) begins(document string) (id string, links []string) {
	w.t.Helper()
	a := w.send("POST", "/v1/sessions", "", []byte(document), 201)
	for _, link := range a["links"].([]any) {
		links = append(links, link.(string))
	}
	return a.text("session"), links
}

// resultsOf are the signed results of a session.
func (w *sessionWorld) resultsOf(id string) (results []string) {
	w.t.Helper()
	a := w.get("/v1/sessions/"+id+"/results", "")
	if !a.is("confirmed") {
		w.t.Errorf("%v", a)
	}
	for _, result := range a["results"].([]any) {
		results = append(results, result.(string))
	}
	return results
}

// Results of a counter, a payment and a group hold up later: each says of which session it is, that of the payment of what was paid,
// and of no other; after a kill and a start they are the same to the byte, and they are checked with no server at all.
//
// FAULTS: A16 C11 C12
func TestSessionResultsHoldUp(t *testing.T) {
	t.Parallel()
	w := startSessionWorld(t)
	var ids []string
	var people []*citizen
	for n := 1; n <= 3; n++ {
		people = append(people, w.citizen(n, rotation.Key{}))
		ids = append(ids, people[n-1].id)
	}
	const asked = `,"service":"stay","purpose":"check-in"`
	counter, at := w.begins(`{"kind":"counter"` + asked + `}`)
	w.takes(people[0], at[0])
	payment, at := w.begins(`{"kind":"payment","payee":"水务局, 东","amount":1230,"currency":"CNY","reference":"2026-11"` + asked + `}`)
	w.takes(people[1], at[0])
	group, at := w.begins(`{"kind":"group","quorum":2,"credentials":["` + strings.Join(ids, `","`) + `"]` + asked + `}`)
	w.takes(people[0], at[0])
	w.takes(people[2], at[2])
	before := map[string][]string{counter: w.resultsOf(counter), payment: w.resultsOf(payment), group: w.resultsOf(group)}
	w.restart()
	for id, results := range before {
		if again := w.resultsOf(id); fmt.Sprint(again) != fmt.Sprint(results) {
			t.Errorf("%s: after a start %v, before it %v", id, again, results)
		}
	}
	summary := w.get("/v1/sessions/"+group+"/results", "").text("summary")
	w.restart()
	if again := w.get("/v1/sessions/"+group+"/results", "").text("summary"); again != summary || w.get("/v1/sessions/"+counter+"/results", "")["summary"] != nil {
		t.Errorf("after a start %s, before it %s", again, summary)
	}
	w.server.kill(t)
	w.checkSummary(summary, group, counter)

	if len(before[counter]) != 1 || len(before[payment]) != 1 || len(before[group]) != 2 {
		t.Fatalf("%v", before)
	}
	for id, results := range before {
		for _, result := range results {
			r, _ := w.result(t, 0, "--audience", "desk", "--session", id, result)
			if r.Session != id || r.Tries != 1 || r.Outcome != "match" || (r.Payment != "") != (id == payment) || r.LogIndex == nil || !strings.HasPrefix(r.Transaction, "session."+id+".") {
				t.Errorf("%s: %+v", id, r)
			}
		}
	}
	paid := []string{"--payment", `payee=水务局\, 东`, "--payment", "amount=1230,currency=CNY,reference=2026-11"}
	w.result(t, 0, append(paid, before[payment][0])...)
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"another amount":  {exitNotSo, []string{"--payment", `payee=水务局\, 东,amount=1231,currency=CNY,reference=2026-11`, before[payment][0]}},
		"another payee":   {exitNotSo, []string{"--payment", "payee=水务局,amount=1230,currency=CNY,reference=2026-11", before[payment][0]}},
		"of no payment":   {exitNotSo, append(paid, before[counter][0])},
		"another session": {exitNotSo, []string{"--session", counter, before[payment][0]}},
		"no payee":        {exitUsage, []string{"--payment", "amount=1230,currency=CNY,reference=2026-11", before[payment][0]}},
		"no such field":   {exitUsage, append(paid, "--payment", "tip=1", before[payment][0])},
		"no session":      {exitUsage, []string{"--session", "x", before[payment][0]}},
	} {
		if _, notes := w.result(t, c.code, c.args...); notes == "" {
			t.Errorf("%s: nothing is said", name)
		}
	}
	if text := mustRun(t, "verify-result", "--jwks", w.path("jwks.json"), before[payment][0]); !strings.Contains(text, payment) || !strings.Contains(text, "payment") {
		t.Errorf("%s", text)
	}
}

// checkSummary holds the summary of a group of which two of three confirmed to what it says, with no server.
func (w *sessionWorld) checkSummary(summary, group, other string) {
	w.t.Helper()
	write(w.t, w.path("results.json"), `{"results":[],"summary":"`+summary+`"}`)
	check := []string{"verify-result", "--jwks", w.path("jwks.json"), "--session", group}
	var said summaryReport
	if err := json.Unmarshal([]byte(mustRun(w.t, append(check, "--json", "--audience", "desk", w.path("results.json"))...)), &said); err != nil {
		w.t.Fatal(err)
	}
	if said.Session != group || said.Outcome != "completed" || !said.Yes || said.Seats != 3 || said.Quorum != 2 || said.Confirmed != 2 || said.Service != "stay" {
		w.t.Errorf("%+v", said)
	}
	if text := mustRun(w.t, append(check, summary)...); !strings.Contains(text, "yes, 2 were confirmed, where 2 of 3 had to be") || !strings.Contains(text, group) {
		w.t.Error(text)
	}
	for says, args := range map[string][]string{
		"not of session " + other: {"--session", other, summary},
		"not for bank":            {"--audience", "bank", summary},
		"no payment":              {"--payment", "payee=a,amount=1,currency=CNY,reference=r", summary},
		"its signature":           {summary[:len(summary)-8] + "AAAAAAAA"},
	} {
		if _, notes := w.result(w.t, exitNotSo, args...); !strings.Contains(notes, says) {
			w.t.Errorf("%v: %s, want %q", args, notes, says)
		}
	}
	w.result(w.t, exitUsage, "--proof", w.path("results.json"), "--log-key", w.path("jwks.json"), summary)
}

// A proof of life is followed by the next one, whose link both sides have: it is there after a kill, once and the same, and one that was
// cancelled stays so.
//
// FAULTS: C8 C10
func TestProofsOfLifeOverKills(t *testing.T) {
	t.Parallel()
	w := startSessionWorld(t)
	person := w.citizen(1, rotation.Key{})
	due := time.Now().AddDate(0, 0, 10).UTC().Format(time.RFC3339)
	_, links := w.begins(`{"kind":"life","service":"stay","purpose":"check-in","every":6,"due":"` + due + `","credential":"` + person.id + `"}`)
	next := w.takes(person, links[0]).text("next")
	part := strings.Split(next, ".")
	if len(part) != 3 {
		t.Fatalf("no link: %q", next)
	}
	var first string
	for range 3 {
		w.restart()
		a := w.get("/v1/sessions/"+part[0]+"/seats/0", part[2])
		if a.text("outcome") != "live" || a.text("due") <= due || first != "" && first != a.text("due") {
			t.Errorf("%v, before due %s", a, first)
		}
		first = a.text("due")
	}
	w.send("POST", "/v1/sessions/"+part[0]+"/cancel", "", nil, 200)
	w.restart()
	if a := w.get("/v1/sessions/"+part[0], ""); a.text("outcome") != "cancelled" {
		t.Errorf("%v", a)
	}
}

// A server with sessions keeps answers for as long as a session is asked for them, and one without no longer than others.
func TestAnswersAreKeptForSessions(t *testing.T) {
	there, none := t.TempDir(), filepath.Join(t.TempDir(), "none")
	for name, c := range map[string]struct {
		sessions sessionsConfig
		want     time.Duration
	}{
		"made": {sessionsConfig{dir: none, create: true}, zhenni.SessionRecordKept}, "there": {sessionsConfig{dir: there}, zhenni.SessionRecordKept},
		"not there": {sessionsConfig{dir: none}, 0}, "not wanted": {sessionsConfig{create: true}, 0},
	} {
		if got := (&nodeConfig{sessions: c.sessions}).answers().keep; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
