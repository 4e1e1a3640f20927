package gateway

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"zhenni"
	"zhenni/evidence"
)

// full is an issue that a terminal asks for, good until a test changes it.
type full struct {
	party, transaction string
	members            map[string]any
	tokens             []evidence.Claims
	phone              crypto.Signer // signs possession
}

// atTerminal is an issue with a face to be proved, the card and the phone.
func (a *alive) atTerminal(transaction string) *full {
	row, _ := base64.StdEncoding.DecodeString(int8Probe(testDim, true))
	phone := edwardsKey("phone")
	about := func(kind evidence.Kind, terminal string) evidence.Claims {
		return evidence.Claims{
			Kind: kind, Terminal: terminal, Capture: sha256.Sum256(row), Transaction: transaction, Party: "terminal", IssuedAt: testNow().Unix() - 10,
		}
	}
	live := about(evidence.Liveness, "kiosk")
	live.Level = zhenni.LivenessPassive
	point, _ := publicOf(a.t, phone).Ed25519()
	return &full{
		party: "terminal", transaction: transaction, phone: phone,
		members: map[string]any{
			"identity": "sealed", "level": "full", "probe_int8": int8Probe(testDim, true), "captured_at": "2023-11-14T22:13:10Z",
			"device_algorithm": "ed25519", "device_key": base64.StdEncoding.EncodeToString(point),
		},
		tokens: []evidence.Claims{live, about(evidence.Card, "kiosk"), about(evidence.Possession, "")},
	}
}

func (a *alive) issueAt(q *full) answer {
	a.t.Helper()
	var list []string
	for _, claims := range q.tokens {
		by := a.terminal
		if claims.Terminal == "" {
			by = q.phone
		}
		token, err := evidence.Sign(claims, by)
		if err != nil {
			a.t.Fatal(err)
		}
		list = append(list, string(token))
	}
	if list != nil {
		q.members["evidence"] = list
	}
	body, err := json.Marshal(q.members)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.call("POST", "/v1/credentials", q.party, mediaJSON, body, "Transaction-Id: "+q.transaction)
}

// without leaves out the tokens of a kind.
func without(kind evidence.Kind) func(*full) {
	return func(q *full) {
		kept := q.tokens[:0]
		for _, claims := range q.tokens {
			if claims.Kind != kind {
				kept = append(kept, claims)
			}
		}
		q.tokens = kept
	}
}

// unproved brings the capture as the template, without a comparison.
func unproved(q *full) {
	q.members["reference_int8"] = q.members["probe_int8"]
	delete(q.members, "probe_int8")
}

// all makes several changes.
func all(changes ...func(*full)) func(*full) {
	return func(q *full) {
		for _, change := range changes {
			change(q)
		}
	}
}

// document has somebody look at the document in the place of the phone.
func document(q *full) {
	c := q.tokens[1]
	without(evidence.Possession)(q)
	c.Kind = evidence.Document
	q.tokens = append(q.tokens, c)
}

func set(member string, value any) func(*full) { return func(q *full) { q.members[member] = value } }

// What a terminal issues is held to its service: the chip of the card, the phone that the credential is for, a living person, all
// about this capture, party and transaction. Anything else is refused before anything is compared or made.
//
// FAULTS: B10 B11 Z4
func TestTerminalIssueAsksForTheCard(t *testing.T) {
	doc, a := loadDescription(t), startAlive(t)
	a.server.config.TerminalIssueService, a.server.config.IssueService = "desk", "" // what an app proves is held to nothing
	sent := 0
	for what, c := range map[string]struct {
		change   func(*full)
		status   int
		says     string
		compared int
	}{
		"face, card and phone":               {func(*full) {}, 201, "full", 1},
		"with a template of its own":         {set("reference_float32", float32Probe(testDim, 9)), 201, "full", 1},
		"a document and no phone":            {document, 201, "full", 1},
		"no face compared":                   {unproved, 201, "full", 0},
		"by card":                            {set("issue", "card"), 201, "full", 1},
		"no card":                            {without(evidence.Card), 422, "a factor of the service is missing", 0},
		"no card, nothing compared":          {all(unproved, without(evidence.Card)), 422, "a factor of the service is missing", 0},
		"no phone":                           {without(evidence.Possession), 422, "a factor of the service is missing", 0},
		"nobody alive":                       {without(evidence.Liveness), 422, "liveness is missing", 0},
		"nobody alive, nothing compared":     {all(unproved, without(evidence.Liveness)), 422, "liveness is missing", 0},
		"a document, nobody alive":           {all(unproved, document, without(evidence.Liveness)), 422, "liveness is missing", 0},
		"nothing":                            {func(q *full) { q.tokens = nil }, 422, "missing", 0},
		"a document, no phone, nobody alive": {all(document, without(evidence.Liveness)), 422, "liveness is missing", 0},
		"a lite one, its face proved":        {set("level", "lite"), 201, "lite", 1},
		"a lite one proved without the card": {all(set("level", "lite"), without(evidence.Card)), 422, "a factor of the service is missing", 0},
		"a lite one, the face alone":         {all(set("level", "lite"), func(q *full) { q.tokens = nil }), 422, "missing", 0},
		"a lite one on nothing":              {all(unproved, set("level", "lite"), func(q *full) { q.tokens = nil }), 422, "missing", 0},
		"a re-enrolment on nothing":          {all(unproved, set("issue", "reenrolment"), func(q *full) { q.tokens = nil }), 422, "missing", 0},
		"an old capture":                     {set("captured_at", "2023-11-14T22:12:19Z"), 422, "capture is too old", 0},
		"an old capture as the template":     {all(unproved, set("captured_at", "2023-11-14T22:12:19Z")), 422, "capture is too old", 0},
		"the card of another capture":        {func(q *full) { q.tokens[1].Capture[0]++ }, 422, "of another capture", 0},
		"the card of another transaction":    {func(q *full) { q.tokens[1].Transaction = "t-0" }, 422, "of another transaction", 0},
		"the card at another terminal's":     {func(q *full) { q.tokens[1].Party = "kiosk" }, 422, "for another relying party", 0},
		"the card of an hour ago":            {func(q *full) { q.tokens[1].IssuedAt -= 3600 }, 422, "too old", 0},
		"the card by no terminal":            {func(q *full) { q.tokens[1].Terminal = "shop" }, 422, "not signed by a terminal", 0},
		"another phone":                      {func(q *full) { q.phone = edwardsKey("another") }, 422, "not signed by device_key", 0},
		"a phone and no device": {func(q *full) {
			delete(q.members, "device_key")
			delete(q.members, "device_algorithm")
		}, 422, "not signed by device_key", 0},
		"somebody else's face": {func(q *full) {
			other := int8Probe(testDim, false)
			raw, _ := base64.StdEncoding.DecodeString(other)
			q.members["probe_int8"] = other
			for i := range q.tokens {
				q.tokens[i].Capture = sha256.Sum256(raw)
			}
		}, 403, "not_proved", 1},
	} {
		sent++
		q := a.atTerminal("t-" + itoa(sent))
		c.change(q)
		verified, applied := a.counts()
		answer := a.issueAt(q)
		checkDescribed(t, doc, "POST", "/v1/credentials", answer)
		after, made := a.counts()
		if answer.status != c.status || !strings.Contains(string(answer.body), c.says) || after-verified != c.compared || (made > applied) != (c.status == 201) {
			t.Errorf("%s: %d %s, %d comparisons, %d changes", what, answer.status, answer.body, after-verified, made-applied)
		}
	}
}

// What was issued on evidence is answered again when that is old; an app's issue is not a terminal's; and where terminals are held
// to nothing, evidence that nobody would look at is refused.
//
// FAULTS: C8
func TestTerminalIssueSentAgain(t *testing.T) {
	a := startAlive(t)
	a.server.config.TerminalIssueService, a.server.config.IssueService = "desk", ""
	q := a.atTerminal("t-1")
	unproved(q)
	first := a.issueAt(q)
	a.node.records[a.node.applied[0].(zhenni.Enrol).ID] = zhenni.Credential{ID: a.node.applied[0].(zhenni.Enrol).ID, Tenant: 1, Status: zhenni.StatusActive}
	a.now.Add(3600)
	if again := a.issueAt(q); first.status != 201 || again.status != 201 {
		t.Errorf("%d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	app := a.application("t-2")
	app.by = nil
	if got := a.apply(app); got.status != 201 {
		t.Errorf("by an app: %d %s", got.status, got.body)
	}
	a.server.config.TerminalIssueService = ""
	q = a.atTerminal("t-3")
	unproved(q)
	if got := a.issueAt(q); got.status != 400 || !strings.Contains(string(got.body), "evidence and captured_at") {
		t.Errorf("evidence for nobody: %d %s", got.status, got.body)
	}
}

// Whoever has no quota left is told so before any signature is verified, and what is wrong with the evidence is paid for: a terminal is
// no way to have signatures verified for nothing. What is wrong in form costs nothing, nor does an issue that is sent again.
//
// FAULTS: L7
func TestIssueWithoutQuotaIsNotLookedAt(t *testing.T) {
	a := startAlive(t)
	a.server.config.TerminalIssueService = "desk"
	party, _ := a.node.RelyingParty("terminal")
	party.Quota = zhenni.Quota{PerDay: 2}
	a.node.parties["terminal"] = party
	good, bad := all(unproved), all(unproved, without(evidence.Card))
	for i, step := range []struct {
		transaction string
		change      func(*full)
		status      int
		left        string
	}{
		{"t-1", all(good, set("region", "none")), 400, ""},
		{"t-2", good, 201, `"day";r=1;t=6400`},
		{"t-2", good, 201, ""},
		{"t-3", bad, 422, `"day";r=0;t=6400`},
		{"t-4", bad, 429, `"day";r=0;t=6400`},
		{"t-5", good, 429, `"day";r=0;t=6400`},
		{"t-2", good, 201, ""},
	} {
		q := a.atTerminal(step.transaction)
		step.change(q)
		got := a.issueAt(q)
		if got.status != step.status || got.header.Get("RateLimit") != step.left {
			t.Errorf("step %d: %d %q %s, want %d %q", i, got.status, got.header.Get("RateLimit"), got.body, step.status, step.left)
		}
		if step.status == 201 {
			made := a.node.applied[0].(zhenni.Enrol).ID
			a.node.records[made] = zhenni.Credential{ID: made, Tenant: 1, Status: zhenni.StatusActive}
		}
	}
}
