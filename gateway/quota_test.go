package gateway

import (
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// The items of a party are counted one by one, by the minute and by the day; a request beyond what is left is refused
// whole, and the answer says when to come again.
//
// FAULTS: L7
func TestQuotas(t *testing.T) {
	now := atomic.Int64{}
	now.Store(testClock.Unix()) // 22:13:20 UTC
	f := start(t, func(c *Config) { c.Now = func() time.Time { return time.Unix(now.Load(), 0) } })
	party, _ := f.node.RelyingParty("both")
	party.Quota = zhenni.Quota{PerMinute: 3, PerDay: 5}
	f.node.parties["both"] = party
	single := func() answer { return f.call("POST", "/v1/verifications", "both", mediaJSON, []byte(goodDocument())) }
	lines := func(n int) answer {
		return f.call("POST", "/v1/verification-batches", "both", mediaNDJSON, []byte(strings.Repeat(goodDocument()+"\n", n)))
	}
	enrolments := func(n int) answer {
		line := `{"reference_int8":"` + int8Probe(testDim, true) + "\"}\n"
		return f.call("POST", "/v1/enrolments", "both", mediaNDJSON, []byte(strings.Repeat(line, n)))
	}
	for i, step := range []struct {
		pass   int64
		ask    func() answer
		status int
		left   string
		retry  string
	}{
		{0, single, 200, `"minute";r=2;t=40, "day";r=4;t=6400`, ""},
		{0, func() answer { return lines(3) }, 429, `"minute";r=2;t=40, "day";r=4;t=6400`, "40"},
		{0, func() answer { return lines(2) }, 200, `"minute";r=0;t=40, "day";r=2;t=6400`, ""},
		{1, single, 429, `"minute";r=0;t=39, "day";r=2;t=6399`, "39"},
		{39, func() answer { return enrolments(1) }, 200, `"minute";r=2;t=60, "day";r=1;t=6360`, ""},
		{0, func() answer { return enrolments(2) }, 429, `"minute";r=2;t=60, "day";r=1;t=6360`, "6360"},
		{-3600, single, 200, `"minute";r=1;t=60, "day";r=0;t=9960`, ""},
		{3600, single, 429, `"minute";r=1;t=60, "day";r=0;t=6360`, "6360"},
		{6360, single, 200, `"minute";r=2;t=60, "day";r=4;t=86400`, ""},
	} {
		now.Add(step.pass)
		a := step.ask()
		if a.status != step.status || a.header.Get("RateLimit") != step.left || a.header.Get("Retry-After") != step.retry {
			t.Errorf("step %d: %d, %q, retry %q: %s", i, a.status, a.header.Get("RateLimit"), a.header.Get("Retry-After"), a.body)
		}
		if policy := a.header.Get("RateLimit-Policy"); policy != `"minute";q=3;w=60, "day";q=5;w=86400` {
			t.Errorf("step %d: policy %q", i, policy)
		}
		if step.status == 429 && a.code() != "quota_exceeded" {
			t.Errorf("step %d: %s", i, a.code())
		}
	}
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument())); a.status != 200 || a.header.Get("RateLimit") != "" {
		t.Errorf("a party without a quota: %d %q", a.status, a.header.Get("RateLimit"))
	}
	want := []PartyUsage{{Party: "both", Items: 6, Refused: 7, Minute: 1, Day: 1}, {Party: "verifier", Items: 1, Minute: 1, Day: 1}}
	if got := f.server.Usage(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v", got)
	}
}

// An answer that is stored costs nothing the second time.
func TestReplayedAnswersAreFree(t *testing.T) {
	f := startLedger(t)
	party, _ := f.node.RelyingParty("verifier")
	party.Quota = zhenni.Quota{PerDay: 1}
	f.node.parties["verifier"] = party
	for i := range 3 {
		a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: t-1")
		if a.status != 200 || a.header.Get("Replayed") != map[bool]string{true: "true"}[i > 0] {
			t.Errorf("%d: %d %s", i, a.status, a.body)
		}
	}
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: t-2"); a.status != 429 {
		t.Errorf("another: %d", a.status)
	}
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: t-1"); a.status != 200 {
		t.Errorf("the first again: %d", a.status)
	}
}

// A signed request that is signed anew under its transaction gets the stored answer; another one under it is refused.
//
// FAULTS: A16
func TestSignedTransactions(t *testing.T) {
	l := openLedger(t, t.TempDir(), &leafLog{})
	f := startSigning(t, func(c *Config) { c.Ledger = l })
	key := httpsig.Field{Name: "idempotency-key", Value: []byte(`"order-17"`)}
	ask := func(body string) answer {
		m := signedRequest{method: "POST", path: "/v1/verifications", host: "x", body: body}
		return f.send(signMessage(t, f.hotel, f.stamp(), m, jsonField, key))
	}
	first, again := ask(goodDocument()), ask(goodDocument())
	if first.status != 200 || again.status != 200 || string(first.body) != string(again.body) || again.header.Get("Replayed") != "true" {
		t.Errorf("%d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	if a := ask(strings.Replace(goodDocument(), "00", "10", 1)); a.status != 422 {
		t.Errorf("another: %d %s", a.status, a.body)
	}
	if f.node.asked() != 1 {
		t.Errorf("the node was asked %d times", f.node.asked())
	}
}

// FAULTS: A16
func TestIdempotencyKeys(t *testing.T) {
	f := startLedger(t)
	ask := func(body string, fields ...string) answer {
		return f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(body), fields...)
	}
	other := strings.Replace(goodDocument(), "00", "10", 1)
	first := ask(goodDocument(), `Idempotency-Key: "order-17"`)
	if first.status != 200 || first.header.Get("Transaction-Id") != "order-17" {
		t.Fatalf("%d %s", first.status, first.body)
	}
	for name, tt := range map[string]struct {
		body   string
		fields []string
		status int
		code   string
	}{
		"the same":                 {goodDocument(), []string{`Idempotency-Key: "order-17"`}, 200, ""},
		"without quotes":           {goodDocument(), []string{`Idempotency-Key: order-17`}, 200, ""},
		"by the other name":        {goodDocument(), []string{`Transaction-Id: order-17`}, 200, ""},
		"by both":                  {goodDocument(), []string{`Transaction-Id: order-17`, `Idempotency-Key: "order-17"`}, 200, ""},
		"another body":             {other, []string{`Idempotency-Key: "order-17"`}, 422, "idempotency_key_reused"},
		"another body, other name": {other, []string{`Transaction-Id: order-17`}, 409, "transaction_reused"},
		"two that differ":          {goodDocument(), []string{`Transaction-Id: order-18`, `Idempotency-Key: "order-17"`}, 400, "bad_request"},
		"twice":                    {goodDocument(), []string{`Idempotency-Key: "a"`, `Idempotency-Key: "a"`}, 400, "malformed_request"},
		"empty":                    {goodDocument(), []string{`Idempotency-Key: ""`}, 400, "bad_request"},
		"half a quote":             {goodDocument(), []string{`Idempotency-Key: "a`}, 400, "bad_request"},
		"parameters":               {goodDocument(), []string{`Idempotency-Key: "a";b=1`}, 400, "bad_request"},
		"the document differs":     {strings.TrimSuffix(goodDocument(), "}") + `,"transaction":"b"}`, []string{`Idempotency-Key: "a"`}, 400, "bad_request"},
	} {
		a := ask(tt.body, tt.fields...)
		if a.status != tt.status || a.code() != tt.code || tt.status == 200 && string(a.body) != string(first.body) {
			t.Errorf("%s: %d %s: %s", name, a.status, a.code(), a.body)
		}
	}
}

// startLedger is a server that records what it answers.
func startLedger(t *testing.T) *fixture {
	t.Helper()
	l := openLedger(t, t.TempDir(), &leafLog{})
	return start(t, func(c *Config) { c.Ledger = l })
}

// The operator sees what each party has asked for.
func TestStatsTellUsage(t *testing.T) {
	f := start(t, nil)
	f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
	admin := NewAdmin(&fakeOperator{fakeNode: f.node}, testNow, nil)
	admin.Count(f.server)
	w := httptest.NewRecorder()
	admin.mux.ServeHTTP(w, httptest.NewRequest("GET", "/admin/stats", nil))
	if want := `"parties":[{"party":"verifier","items":1,"refused":0,"minute":1,"day":1}]`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %s in %s", want, w.Body)
	}
}
