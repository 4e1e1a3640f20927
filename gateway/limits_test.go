package gateway

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// limited is a server with limits, whose clock the test moves.
type limited struct {
	*fixture
	millis atomic.Int64
}

func startLimited(t *testing.T, rules zhenni.PartyRules, change func(*Config)) *limited {
	l := &limited{}
	l.millis.Store(1_700_000_000_000)
	l.fixture = start(t, func(c *Config) {
		c.Limits, c.Now = rules, func() time.Time { return time.UnixMilli(l.millis.Load()) }
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
		if change != nil {
			change(c)
		}
	})
	return l
}

// try is one verification: of a credential by a probe, mated where that begins with a positive element.
func (l *limited) try(party string, who int, probe string) answer {
	document := fmt.Sprintf(`{"credential":"%s","probe_int8":"%s"}`, testID(who), base64.StdEncoding.EncodeToString([]byte(probe)))
	return l.call("POST", "/v1/verifications", party, mediaJSON, []byte(document))
}

func (l *limited) lines(party string, n int, probe func(int) string) answer {
	var body strings.Builder
	for i := range n {
		fmt.Fprintf(&body, `{"credential":"%s","probe_int8":"%s"}`+"\n", testID(i), base64.StdEncoding.EncodeToString([]byte(probe(i))))
	}
	return l.call("POST", "/v1/verification-batches", party, mediaNDJSON, []byte(body.String()))
}

// someProbe is a probe of which no two are alike; strangers match nobody.
func someProbe(i int) string    { return fmt.Sprintf("\x01%07d", i) }
func someStranger(i int) string { return fmt.Sprintf("\xf0%07d", i) }

func (l *limited) wantStatus(what string, a answer, status int) {
	l.t.Helper()
	if a.status != status {
		l.t.Fatalf("%s: status %d, want %d: %s", what, a.status, status, a.body)
	}
}

// One face tried on one person after another, a request each: the party is stopped, and nobody else is.
//
// FAULTS: B3
func TestSprayOfSinglesStopsTheParty(t *testing.T) {
	l := startLimited(t, zhenni.PartyRules{AlarmShared: 10, StopShared: 30}, nil)
	tried := 0
	for ; tried < 100; tried++ {
		a := l.try("verifier", tried, someStranger(1))
		l.try("verifier", tried, someProbe(tried)) // honest requests in between
		if a.status != 200 {
			break
		}
	}
	if tried != 30 {
		t.Errorf("%d people were tried", tried)
	}
	l.wantStatus("an honest request of the stopped party", l.try("verifier", 1, someProbe(1)), 429)
	l.wantStatus("a batch of the stopped party", l.lines("verifier", 3, someProbe), 429)
	l.wantStatus("another party", l.try("both", 1, someProbe(1)), 200)
	if s := l.server.LimitStats(); s.Alarms != 1 || s.Stops != 1 || s.Refused < 2 || len(s.Stopped) != 1 || s.Stopped[0] != "verifier" {
		t.Errorf("%+v", s)
	}
	l.millis.Add(24 * 60 * 60_000)
	l.wantStatus("long after", l.try("verifier", 1, someProbe(1)), 429)
}

// A batch that tries one face on many is not answered, nor recorded, whatever it would have said.
//
// FAULTS: B3
func TestSprayInABatchIsNotAnswered(t *testing.T) {
	log := &leafLog{}
	l := startLimited(t, zhenni.PartyRules{}, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), log) })
	a := l.lines("verifier", 1000, func(i int) string {
		if i == 500 {
			return someProbe(1)
		}
		return someStranger(1)
	})
	l.wantStatus("the spray", a, 429)
	if strings.Contains(string(a.body), "match\"") || len(log.leaves) != 0 {
		t.Errorf("%d leaves, answered: %s", len(log.leaves), a.body)
	}
	checkDescribed(t, loadDescription(t), "POST", "/v1/verification-batches", a)
}

// Non-matches above their share raise an alarm, then a stop, which an operator lifts.
func TestNonMatchesStopTheParty(t *testing.T) {
	l := startLimited(t, zhenni.PartyRules{Least: 100}, nil)
	strangers := func(percent int) func(int) string {
		return func(i int) string {
			if i%100 < percent {
				return someStranger(i)
			}
			return someProbe(i)
		}
	}
	l.wantStatus("few", l.lines("verifier", 99, strangers(100)), 200)
	l.wantStatus("honest", l.lines("both", 1000, strangers(29)), 200)
	if s := l.server.LimitStats(); s.Alarms != 0 {
		t.Errorf("%+v", s)
	}
	l.wantStatus("suspicious", l.lines("both", 1000, strangers(59)), 200)
	if s := l.server.LimitStats(); s.Alarms != 1 || s.Stops != 0 {
		t.Errorf("%+v", s)
	}
	l.wantStatus("too many", l.lines("verifier", 100, strangers(100)), 429)
	l.wantStatus("evaluation", l.lines("trial", 1000, strangers(100)), 200)
	l.wantStatus("stopped", l.try("verifier", 1, someProbe(1)), 429)
	admin := NewAdmin(nil, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	admin.Limit(l.server)
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/admin/limits", 200, `"stopped":["verifier"]`},
		{"POST", "/admin/relying-parties/both/lift", 404, "stopped"},
		{"POST", "/admin/relying-parties/nobody/lift", 404, "stopped"},
		{"POST", "/admin/relying-parties/verifier/lift", 200, `"stopped":[]`},
	} {
		w := httptest.NewRecorder()
		admin.server.Handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, http.NoBody))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
	l.wantStatus("lifted", l.try("verifier", 1, someProbe(1)), 200)
}

// A spray of which each of a hundred parties has little is stopped by the sum.
//
// FAULTS: B4
func TestSprayOverManyPartiesIsCapped(t *testing.T) {
	l := startLimited(t, zhenni.PartyRules{PerMinute: 1000}, nil)
	for i := range 100 {
		id := fmt.Sprintf("party-%d", i)
		l.node.parties[id] = zhenni.RelyingParty{ID: id, Tenant: 1, Roles: zhenni.RoleVerifier, KeyHash: keyOf(id).Hash()}
	}
	answered := 0
	for i := range 4000 {
		if l.try(fmt.Sprintf("party-%d", i%100), i, someStranger(i)).status == 200 {
			answered++
		}
	}
	if answered != 1000 {
		t.Errorf("%d attempts were answered in a minute", answered)
	}
	a := l.try("verifier", 1, someProbe(1))
	l.wantStatus("anybody", a, 429)
	if a.header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "non_matches_capped") {
		t.Errorf("%v %s", a.header, a.body)
	}
	l.wantStatus("evaluation", l.try("trial", 1, someStranger(1)), 200)
	l.millis.Add(60_000)
	l.wantStatus("in the next minute", l.try("verifier", 1, someProbe(1)), 200)
	if s := l.server.LimitStats(); s.Caps != 1 || s.Stops != 0 {
		t.Errorf("%+v", s)
	}
}

// What the node counted is in the record of the answer, of all parts of a request, and none of another's.
//
// FAULTS: B1
func TestCountsGoIntoTheRecord(t *testing.T) {
	ledger := openLedger(t, t.TempDir(), &leafLog{})
	l := startLimited(t, noLimits, func(c *Config) { c.Ledger = ledger })
	version := uint64(0)
	l.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		answerAll(b)
		for i, o := range b.Outcomes {
			if o == zhenni.NoMatch {
				version++
				b.Attempts = append(b.Attempts, zhenni.AttemptCount{Credential: b.IDs[i], Attempts: zhenni.Attempts{Streak: 1, Total: 1, Version: version}})
			}
		}
		return nil
	}
	want := map[zhenni.CredentialID]bool{}
	for i := range 30 {
		l.wantStatus("single", l.try("verifier", i, someStranger(i)), 200)
		l.wantStatus("mated", l.try("verifier", 100+i, someProbe(i)), 200)
		want[testID(i)] = true
	}
	l.wantStatus("lines", l.lines("verifier", 60, someStranger), 200)
	for i := range 60 {
		want[testID(i)] = true
	}
	q := requestsOfEveryForm(t)["stream of three"]
	l.wantStatus("stream", l.call("POST", q.path, "verifier", q.media, q.body), 200)
	n := 0
	for count := range ledger.Attempts {
		if delete(want, count.Credential); count.Total == 1 {
			n++
		}
	}
	if len(want) != 0 || n < 60 || version < 90 {
		t.Errorf("%d counts of %d are recorded, %d are missing", n, version, len(want))
	}
}

func TestReprove(t *testing.T) {
	f := start(t, nil)
	f.node.records[testID(1)] = zhenni.Credential{ID: testID(1), Tenant: 1, Level: zhenni.LevelLite, Status: zhenni.StatusActive, Generation: 1}
	path := "/v1/credentials/" + testID(1).String() + "/re-prove"
	a := f.call("POST", path, "issuer", "", nil)
	if a.status != 200 || len(f.node.applied) != 1 || f.node.applied[0].(zhenni.ResetAttempts).ID != testID(1) {
		t.Errorf("%d %s, %v", a.status, a.body, f.node.applied)
	}
	checkDescribed(t, loadDescription(t), "POST", "/v1/credentials/{id}/re-prove", a)
	for party, status := range map[string]int{"verifier": 403, "other": 404} {
		if a := f.call("POST", path, party, "", nil); a.status != status {
			t.Errorf("%s: %d %s", party, a.status, a.body)
		}
	}
}

// One request that stops its party uses up nothing of what all parties have: the others go on.
//
// FAULTS: B3 B4
func TestWhatStopsAPartyIsNotOfTheCap(t *testing.T) {
	l := startLimited(t, zhenni.PartyRules{PerMinute: 900}, nil)
	l.wantStatus("the spray", l.lines("verifier", 1000, func(int) string { return someStranger(1) }), 429)
	l.wantStatus("another party", l.try("both", 1, someProbe(1)), 200)
	if s := l.server.LimitStats(); s.Caps != 0 || s.Stops != 1 {
		t.Errorf("%+v", s)
	}
}
