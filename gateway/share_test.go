package gateway

import (
	"strings"
	"testing"

	"zhenni"
)

// A party that uses up its share of the cap, a request at a time and too few to be stopped, waits alone: the others go on.
//
// FAULTS: B4 O3
func TestOnePartyUsesUpItsShareOnly(t *testing.T) {
	l := startLimited(t, zhenni.PartyRules{PerMinute: 1000}, nil)
	answered := 0
	for i := range 400 {
		if l.try("verifier", i, someStranger(i)).status == 200 {
			answered++
		}
	}
	if answered != 250 {
		t.Errorf("%d non-matches were answered, want 250 of the 1,000 of all", answered)
	}
	a := l.try("verifier", 1, someProbe(1))
	checkDescribed(t, loadDescription(t), "POST", "/v1/verifications", a)
	if l.wantStatus("the party", a, 429); !strings.Contains(string(a.body), "non_match_share_used") || a.header.Get("Retry-After") == "" {
		t.Errorf("%v %s", a.header, a.body)
	}
	l.wantStatus("another", l.try("both", 1, someStranger(1)), 200)
	if s := l.server.LimitStats(); s.Caps != 0 || s.Stops != 0 || s.Shares != 1 {
		t.Errorf("%+v", s)
	}
	l.millis.Add(60_000)
	l.wantStatus("in the next minute", l.try("verifier", 1, someStranger(1)), 200)
	l.wantStatus("more than the share at once", l.lines("verifier", 300, someStranger), 429)
	l.wantStatus("another", l.try("both", 1, someStranger(1)), 200)
}

// An answer that is kept is not given again to a party that was stopped since, or has lost what it asked by.
//
// FAULTS: A21 Z7
func TestStoredAnswerEndsWithItsParty(t *testing.T) {
	f := start(t, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), &leafLog{}) })
	party := f.node.parties["verifier"]
	for form, q := range requestsOfEveryForm(t) {
		ask := func() answer {
			return f.call("POST", q.path, "verifier", q.media, q.body, "Transaction-Id: "+strings.ReplaceAll(form, " ", "-"))
		}
		first := ask()
		for loss, c := range losses {
			if loss == "another tenant" {
				continue // the answer is the party's own, whatever tenant it is of today
			}
			c.lose(f, party)
			if a := ask(); a.status != c.status || a.header.Get("Log-Index") != "" {
				t.Errorf("%s, %s: %d %v", form, loss, a.status, a.header)
			}
			f.node.parties["verifier"] = party
			f.server.limits.parties.Clear()
		}
		if a := ask(); a.status != first.status || string(a.body) != string(first.body) || a.header.Get("Replayed") != "true" {
			t.Errorf("%s, with the party back: %d %s", form, a.status, a.body)
		}
	}
}

// Nor is one for a service that was taken from the party.
//
// FAULTS: Z7
func TestStoredAnswerEndsWithItsService(t *testing.T) {
	d := startDesk(t, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), &leafLog{}) })
	document := []byte(d.question().document(t))
	ask := func() answer {
		return d.call("POST", "/v1/verifications", "hotel", mediaJSON, document, "Transaction-Id: t-1")
	}
	for range 2 {
		if a := ask(); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	party := d.node.parties["hotel"]
	party.Services = []string{"another"}
	d.node.parties["hotel"] = party
	if a := ask(); a.status != 403 || !strings.Contains(string(a.body), "service_refused") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// The decision on a face is kept too, and carries nothing for a party that was stopped since.
//
// FAULTS: A21
func TestStoredProofEndsWithItsParty(t *testing.T) {
	p := startProving(t, noLimits, nil)
	p.node.applyErr = zhenni.ErrUnavailable
	p.ask("issuer", "t-1", true, "")
	p.node.applyErr = nil
	losses["stopped"].lose(p.fixture, p.node.parties["issuer"])
	if a := p.ask("issuer", "t-1", true, ""); a.status != 429 {
		t.Errorf("%d %s", a.status, a.body)
	}
	p.wantCounts("stopped", 1, 0, 1)
}

// What is issued spends the quota, whether a face is proved or not; sent again it does not.
func TestIssueSpendsTheQuota(t *testing.T) {
	p := startProving(t, noLimits, nil)
	party := p.node.parties["terminal"]
	party.Quota = zhenni.Quota{PerMinute: 3}
	p.node.parties["terminal"] = party
	unproved := []byte(`{"identity":"sealed","reference_int8":"` + int8Probe(testDim, true) + `"}`)
	for i, step := range []struct {
		transaction string
		proved      bool
		status      int
	}{{"t-1", false, 201}, {"t-1", false, 201}, {"t-2", true, 201}, {"t-2", true, 201}, {"t-3", false, 201}, {"t-4", false, 429}, {"t-5", true, 429}, {"t-3", false, 201}} {
		var a answer
		if step.proved {
			a = p.ask("terminal", step.transaction, true, "")
		} else {
			a = p.call("POST", "/v1/credentials", "terminal", mediaJSON, unproved, "Transaction-Id: "+step.transaction)
		}
		if a.status != step.status {
			t.Errorf("step %d: %d %s", i, a.status, a.body)
		}
	}
}
