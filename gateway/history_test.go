package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/history"
)

func openHistory(t *testing.T) *history.History {
	t.Helper()
	h, err := history.Open(history.Options{
		Dir: t.TempDir(), Key: bytes.Repeat([]byte{7}, 32), Now: testNow, Beat: make(chan time.Time),
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// startWithHistory serves with a ledger and a history. Credential 1 is of tenant 1, 9 of tenant 2, 3 of an evaluation.
func startWithHistory(t *testing.T) *fixture {
	h := openHistory(t)
	f := start(t, func(c *Config) { c.History, c.Ledger = h, openLedger(t, t.TempDir(), &leafLog{}) })
	for i, tenant := range map[int]zhenni.TenantID{1: 1, 9: 2, 3: 3} {
		f.node.records[testID(i)] = zhenni.Credential{
			ID: testID(i), Tenant: tenant, Level: zhenni.LevelLite, Status: zhenni.StatusActive, Generation: 1, EnrolledAt: testNow(), ChangedAt: testNow(),
		}
	}
	return f
}

// historyAnswer is what a test looks at of a page.
type historyAnswer struct {
	Entries []struct{ Outcome, Party, Service, Purpose, Time string }
	Next    string
}

func (f *fixture) historyOf(path, party string) (h historyAnswer) {
	f.t.Helper()
	a := f.call("GET", path, party, "", nil)
	if err := json.Unmarshal(a.body, &h); err != nil || a.status != 200 {
		f.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	return h
}

func historyPath(i int) string { return "/v1/credentials/" + testID(i).String() + "/history" }

// documentOf asks about a credential.
func documentOf(i int) []byte {
	return []byte(`{"credential":"` + testID(i).String() + `","probe_int8":"` + int8Probe(testDim, true) + `"}`)
}

// Whoever verified is told to the issuer, on pages of a hundred; an erasure, or a wish, ends it. Every answer is as described.
func TestHistoryOfCredential(t *testing.T) {
	f := startWithHistory(t)
	doc := loadDescription(t)
	get := func(path, described string) answer {
		t.Helper()
		a := f.call("GET", path, "issuer", "", nil)
		checkDescribed(t, doc, "GET", described, a)
		return a
	}
	f.call("POST", "/v1/verifications", "verifier", mediaJSON, documentOf(1))
	lines := bytes.Repeat(append(documentOf(1), '\n'), 119)
	if a := f.call("POST", "/v1/verification-batches", "both", mediaNDJSON, append(lines, "{}\n"...)); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	get(historyPath(1), "/v1/credentials/{id}/history")
	first := f.historyOf(historyPath(1), "issuer")
	get(historyPath(1)+"/"+first.Next, "/v1/credentials/{id}/history/{cursor}")
	second := f.historyOf(historyPath(1)+"/"+first.Next, "issuer")
	if len(first.Entries) != historyPage || len(second.Entries) != 20 || second.Next != "" {
		t.Fatalf("pages of %d and %d, then %q", len(first.Entries), len(second.Entries), second.Next)
	}
	parties := map[string]int{}
	for _, e := range append(first.Entries, second.Entries...) {
		if e.Outcome != "match" || e.Time != "2023-11-14T22:13:20.000Z" {
			t.Fatalf("%+v", e)
		}
		parties[e.Party]++
	}
	if parties["verifier"] != 1 || parties["both"] != 119 {
		t.Errorf("%v", parties)
	}
	for _, end := range []string{"/history/forget", "/erase"} {
		path := "/v1/credentials/{id}" + end
		a := f.call("POST", strings.Replace(path, "{id}", testID(1).String(), 1), "issuer", "", nil)
		checkDescribed(t, doc, "POST", path, a)
		if left := f.historyOf(historyPath(1), "issuer"); a.status != 200 || len(left.Entries) != 0 {
			t.Errorf("%s: status %d, %d entries", path, a.status, len(left.Entries))
		}
		f.call("POST", "/v1/verifications", "verifier", mediaJSON, documentOf(1))
	}
}

// What an evaluation asks is not recorded, nor is what was not settled.
func TestHistoryLeavesOut(t *testing.T) {
	f := startWithHistory(t)
	if a := f.call("POST", "/v1/verifications", "trial", mediaJSON, documentOf(3)); a.status != 200 {
		t.Fatal(a.status)
	}
	f.node.verify = func(b *zhenni.Batch, _ time.Time) error { return zhenni.ErrOverloaded }
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, documentOf(1)); a.status != 503 {
		t.Fatal(a.status)
	}
	for i, party := range map[int]string{1: "issuer", 3: "trial"} {
		if h := f.historyOf(historyPath(i), party); len(h.Entries) != 0 {
			t.Errorf("credential %d: %+v", i, h)
		}
	}
}

// The history of another tenant's credential is like that of none, in every byte but the id of the request that asks; who
// is no issuer is told nothing; a cursor has one form.
//
// FAULTS: Z1 Z2 Z4 Z11
func TestHistoryIsForItsIssuer(t *testing.T) {
	f := startWithHistory(t)
	// A party of another tenant asks, finds nothing, and is not shown.
	f.call("POST", "/v1/verifications", "other", mediaJSON, documentOf(1))
	if h := f.historyOf(historyPath(1), "issuer"); len(h.Entries) != 0 {
		t.Errorf("%+v", h)
	}
	want := ""
	for _, end := range []string{"", "/1700000000-1", "/forget"} {
		for _, i := range []int{9, 5} {
			method := "GET"
			if end == "/forget" {
				method = "POST"
			}
			a := f.call(method, historyPath(i)+end, "issuer", "", nil, "Transaction-Id: same")
			if want == "" {
				want = string(a.body)
			}
			if a.status != 404 || string(a.body) != want {
				t.Errorf("%s of %d: %d %s", end, i, a.status, a.body)
			}
		}
	}
	for path, c := range map[string]struct {
		party  string
		status int
	}{
		historyPath(1):              {"verifier", 403},
		historyPath(1) + "/1-2":     {"", 401},
		historyPath(1) + "/01-2":    {"issuer", 404},
		historyPath(1) + "/forget":  {"issuer", 404},
		historyPath(1) + "/1":       {"issuer", 404},
		"/v1/credentials/x/history": {"issuer", 404},
	} {
		if a := f.call("GET", path, c.party, "", nil); a.status != c.status {
			t.Errorf("%s as %q: status %d, want %d", path, c.party, a.status, c.status)
		}
	}
}

// Without a history its routes are not there, and with one the metrics have it.
func TestHistoryIsOptional(t *testing.T) {
	f := start(t, nil)
	f.node.records[testID(1)] = zhenni.Credential{ID: testID(1), Tenant: 1, Level: zhenni.LevelLite, Status: zhenni.StatusActive, Generation: 1}
	if a := f.call("GET", historyPath(1), "issuer", "", nil); a.status != 404 || !strings.Contains(string(a.body), `"not_found"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.call("POST", "/v1/credentials/"+testID(1).String()+"/erase", "issuer", "", nil); a.status != 200 {
		t.Errorf("an erasure: %d %s", a.status, a.body)
	}
	f = startWithHistory(t)
	f.call("POST", "/v1/verifications", "verifier", mediaJSON, documentOf(1))
	if !strings.Contains(f.metrics(), `zhenni_history_items_total{result="noted"} 1`) {
		t.Error("the metrics do not have the history")
	}
}

// Trouble with the history is told to who asks for it, and keeps nobody from verifying.
func TestHistoryInTrouble(t *testing.T) {
	f := startWithHistory(t)
	if err := f.server.config.History.(*history.History).Close(); err != nil {
		t.Fatal(err)
	}
	if a := f.call("GET", historyPath(1), "issuer", "", nil); a.status != 503 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, documentOf(1)); a.status != 200 {
		t.Errorf("a verification beside a history in trouble: %d", a.status)
	}
}

// What every form of request settles is noted, item by item.
func TestEveryFormIsNoted(t *testing.T) {
	f := startWithHistory(t)
	items := map[string]uint64{"document": 1, "escaped document": 1, "refused document": 1, "lines": 3, "lines of both kinds": 2, "stream": 30, "stream of three": 9}
	for name, a := range requestsOfEveryForm(t) {
		before := f.server.config.History.Stats().Noted
		f.call("POST", a.path, "verifier", a.media, a.body)
		if noted := f.server.config.History.Stats().Noted - before; noted != items[name] || noted == 0 {
			t.Errorf("%s: %d items are noted, want %d", name, noted, items[name])
		}
	}
}
