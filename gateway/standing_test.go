package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// losses are ways in which a party loses, while a request of its is in hand, what the request was let in for.
var losses = map[string]struct {
	lose   func(f *fixture, p zhenni.RelyingParty)
	status int
}{
	"removed":        {func(f *fixture, p zhenni.RelyingParty) { delete(f.node.parties, p.ID) }, 401},
	"another key":    {func(f *fixture, p zhenni.RelyingParty) { p.KeyHash[0]++; f.node.parties[p.ID] = p }, 401},
	"another tenant": {func(f *fixture, p zhenni.RelyingParty) { p.Tenant = 9; f.node.parties[p.ID] = p }, 401},
	"another role":   {func(f *fixture, p zhenni.RelyingParty) { p.Roles = zhenni.RoleAuditor; f.node.parties[p.ID] = p }, 403},
	"suspended":      {func(f *fixture, p zhenni.RelyingParty) { p.Suspended = true; f.node.parties[p.ID] = p }, 403},
	"bound to services": {func(f *fixture, p zhenni.RelyingParty) {
		p.Services = []string{"hotel-check-in"}
		f.node.parties[p.ID] = p
	}, 403},
	"stopped": {func(f *fixture, p zhenni.RelyingParty) {
		f.server.limits.of(p.ID).stopped.Store(true)
	}, 429},
	"stopped by its record": {func(f *fixture, p zhenni.RelyingParty) { p.Stopped = testClock; f.node.parties[p.ID] = p }, 429},
}

// Whatever a party loses while its request is with the node, in whichever form that came, it is not answered, and nothing is
// recorded that it could ask for later.
//
// FAULTS: A21
func TestRequestInHandEndsWithItsParty(t *testing.T) {
	log := &leafLog{}
	f := start(t, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), log) })
	party, sent := f.node.parties["verifier"], 0
	for form, q := range requestsOfEveryForm(t) {
		for loss, c := range losses {
			f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
				answerAll(b)
				f.node.mu.Lock()
				defer f.node.mu.Unlock()
				c.lose(f, party)
				return nil
			}
			sent++
			a := f.call("POST", q.path, "verifier", q.media, q.body, "Transaction-Id: t-"+itoa(sent))
			if a.status != c.status || a.header.Get("Log-Index") != "" || len(log.leaves) != 0 {
				t.Errorf("%s, %s: %d %v %s", form, loss, a.status, a.header, a.body)
			}
			f.node.parties["verifier"] = party
			f.server.limits.parties.Clear()
		}
	}
	f.node.verify = nil
	for form, q := range requestsOfEveryForm(t) {
		if a := f.call("POST", q.path, "verifier", q.media, q.body, "Transaction-Id: t-1"); a.status == 401 || len(log.leaves) == 0 {
			t.Errorf("%s, with the party back: %d %s", form, a.status, a.body)
		}
	}
}

// A batch that is not recorded ends like one that is.
//
// FAULTS: A21
func TestUnrecordedStreamEndsWithItsParty(t *testing.T) {
	f := start(t, nil)
	f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		answerAll(b)
		f.node.mu.Lock()
		defer f.node.mu.Unlock()
		delete(f.node.parties, "verifier")
		return nil
	}
	q := requestsOfEveryForm(t)["stream"]
	if a := f.call("POST", q.path, "verifier", q.media, q.body); a.status != 401 {
		t.Errorf("%d %.200s", a.status, a.body)
	}
}

// What a signature or a session key rests on is lost with the public key, at once: that of another key of the party goes on.
//
// FAULTS: A21
func TestSignedRequestInHandEndsWithItsKey(t *testing.T) {
	for _, bySession := range []bool{false, true} {
		f := startSigning(t, nil)
		signers := map[int]string{401: "its own key", 200: "another key"}
		for want, lost := range signers {
			signer := f.hotel
			if bySession {
				signer = f.sessionKey(f.hotel)
			}
			party := f.node.parties["hotel"]
			f.node.verify = func(b *zhenni.Batch, _ time.Time) error {
				answerAll(b)
				kept := party
				kept.Keys = []zhenni.PartyKey{party.Keys[map[int]int{401: 1, 200: 0}[want]]}
				f.put(kept)
				return nil
			}
			if a := f.send(f.question(signer, f.stamp())); a.status != want {
				t.Errorf("session %v, lost %s: %d %s", bySession, lost, a.status, a.body)
			}
			f.put(party)
		}
	}
}

// leavingNode loses its issuer with the first changes that it applies.
type leavingNode struct{ *fakeNode }

func (n leavingNode) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	results, err := n.fakeNode.Apply(ctx, commands)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.parties, "issuer")
	return results, err
}

// Of an enrolment in bulk the chunks end with the issuer: those before are enrolled and told.
//
// FAULTS: A21
func TestEnrolmentEndsWithItsIssuer(t *testing.T) {
	f := start(t, nil)
	f.server.node = leavingNode{f.node}
	line := `{"reference_int8":"` + int8Probe(testDim, true) + `"}` + "\n"
	a := f.call("POST", "/v1/enrolments", "issuer", mediaNDJSON, []byte(strings.Repeat(line, enrolChunk+5)))
	if enrolled := strings.Count(string(a.body), `"enrolled"`); a.status != 200 || enrolled != enrolChunk || len(f.node.applied) != enrolChunk {
		t.Errorf("%d: %d told as enrolled, %d are", a.status, enrolled, len(f.node.applied))
	}
}

// A party that is removed while its body arrives changes nothing.
//
// FAULTS: A21
func TestBodyOfARemovedParty(t *testing.T) {
	f := start(t, nil)
	body := `{"reference_int8":"` + int8Probe(testDim, true) + `"}`
	c := f.dial()
	head := "POST /v1/enrolments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + keyOf("issuer").String() +
		"\r\nContent-Type: " + mediaJSON + "\r\nExpect: 100-continue\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n"
	if _, err := c.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	interim := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := c.Read(interim); err != nil { // the head was taken
		t.Fatal(err)
	}
	f.node.mu.Lock()
	delete(f.node.parties, "issuer")
	f.node.mu.Unlock()
	if _, err := c.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if answers, _ := readAnswers(c, 1); len(answers) != 1 || answers[0].status != 401 || f.node.asked() != 0 {
		t.Errorf("%v, the node was asked %d times", answers, f.node.asked())
	}
}

// Of many requests in hand when their party is stopped, one makes that durable: none stops it again behind the operator who
// lifts it.
//
// FAULTS: B3
func TestPartyIsStoppedOnce(t *testing.T) {
	f := start(t, nil)
	p := f.node.parties["verifier"]
	f.server.limits.of(p.ID).stopped.Store(true)
	rq := &request{party: p}
	b := &zhenni.Batch{Tenant: p.Tenant, IDs: []zhenni.CredentialID{testID(1)}, Outcomes: []zhenni.Outcome{zhenni.NoMatch}}
	var r *refusal
	if err := f.server.reckon(rq, b, 0); !errors.As(err, &r) || r.kind != kindStopped {
		t.Errorf("%v, want that the party is stopped", err)
	}
	if stops := f.server.LimitStats().Stops; stops != 0 {
		t.Errorf("stopped %d times more", stops)
	}
}
