package gateway

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// issueServices is a catalogue with the service that the issues of these tests are held to.
const issueServices = `{"version": "test", "services": [{
  "id": "issue", "zh": "领", "en": "Issue", "category": "test", "purposes": ["issue"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "active", "liveness_max_age_s": 60, "capture_max_age_s": 30, "possession": false, "fmr": 1e-6
},{
  "id": "held", "zh": "持", "en": "Held", "category": "test", "purposes": ["issue"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": true, "fmr": 1e-6
},{
  "id": "full", "zh": "全", "en": "Full", "category": "test", "purposes": ["issue"],
  "level": "full", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "pinned", "zh": "密", "en": "Pinned", "category": "test", "purposes": ["issue"],
  "level": "lite", "factors": [["face"], ["pin"]], "without_face": [["pin"], ["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "desk", "zh": "柜", "en": "Desk", "category": "test", "purposes": ["issue"],
  "level": "full", "factors": [["face"], ["card"], ["possession"]], "without_face": [["card"], ["possession", "document"]],
  "liveness": "passive", "liveness_max_age_s": 60, "capture_max_age_s": 60, "possession": false, "fmr": 1e-6
}]}`

// alive is a server whose issues are held to a service, with the terminal "kiosk" of the issuing tenant.
type alive struct {
	*proving
	terminal crypto.Signer
}

func startAlive(t *testing.T) *alive {
	a := &alive{terminal: edwardsKey("terminal")}
	a.proving = startProving(t, noLimits, nil, func(c *Config) {
		c.Profile, c.Catalogue, c.IssueService = ratedProfile(t), catalogueOf(t, issueServices), "issue"
	})
	for id, roles := range map[string]zhenni.Role{"kiosk": zhenni.RoleTerminal, "shop": zhenni.RoleVerifier} {
		a.node.parties[id] = zhenni.RelyingParty{ID: id, Tenant: 1, Roles: roles, Keys: []zhenni.PartyKey{{Public: publicOf(t, a.terminal)}}}
	}
	return a
}

// application is an issue that is asked for, good until a test changes it.
type application struct {
	transaction, probe, captured string
	live                         evidence.Claims
	by                           crypto.Signer // nil: no token
	wrong                        func(token []byte) []byte
}

func (a *alive) application(transaction string) *application {
	row, _ := base64.StdEncoding.DecodeString(int8Probe(testDim, true))
	return &application{
		transaction: transaction, probe: `"probe_int8":"` + int8Probe(testDim, true) + `"`, by: a.terminal,
		captured: testNow().Add(-10 * time.Second).UTC().Format("2006-01-02T15:04:05Z"),
		live: evidence.Claims{
			Kind: evidence.Liveness, Level: zhenni.LivenessActive, Terminal: "kiosk", Capture: sha256.Sum256(row),
			Transaction: transaction, Party: "issuer", IssuedAt: testNow().Unix() - 10,
		},
	}
}

func (a *alive) apply(q *application) answer {
	a.t.Helper()
	more := ""
	if q.captured != "" {
		more = `,"captured_at":"` + q.captured + `"`
	}
	if q.by != nil {
		token, err := evidence.Sign(q.live, q.by)
		if err != nil {
			a.t.Fatal(err)
		}
		if q.wrong != nil {
			token = q.wrong(token)
		}
		list, _ := json.Marshal([]string{string(token)})
		more += `,"evidence":` + string(list)
	}
	return a.call("POST", "/v1/credentials", "issuer", mediaJSON, []byte(`{"identity":"sealed",`+q.probe+more+`}`), "Transaction-Id: "+q.transaction)
}

// A face is proved for an issue only with evidence of a living person, by a terminal, of this capture, party and transaction, and
// new. Anything else is refused before anything is compared.
//
// FAULTS: B10 B11
func TestIssueAsksForLiveness(t *testing.T) {
	doc, a := loadDescription(t), startAlive(t)
	sent := 0
	for what, c := range map[string]struct {
		change func(*application)
		status int
		says   string
	}{
		"as it should be":            {func(*application) {}, 201, "credential"},
		"no evidence":                {func(q *application) { q.by = nil }, 422, "liveness is missing"},
		"passive":                    {func(q *application) { q.live.Level = zhenni.LivenessPassive }, 422, "of a lower level"},
		"too old":                    {func(q *application) { q.live.IssuedAt -= 51 }, 422, "too old"},
		"of later than now":          {func(q *application) { q.live.IssuedAt += 16 }, 422, "of later than now"},
		"an old capture":             {func(q *application) { q.captured = "2023-11-14T22:12:49Z" }, 422, "capture is too old"},
		"a capture without a time":   {func(q *application) { q.captured = "" }, 422, "captured_at is missing"},
		"of another capture":         {func(q *application) { q.live.Capture[0]++ }, 422, "of another capture"},
		"of another transaction":     {func(q *application) { q.live.Transaction = "t-0" }, 422, "of another transaction"},
		"for another party":          {func(q *application) { q.live.Party = "shop" }, 422, "for another relying party"},
		"of another request":         {func(q *application) { q.live.Nonce = "0123456789abcdef" }, 422, "of another request"},
		"of a credential":            {func(q *application) { q.live.Subject = testID(40) }, 422, "of another credential"},
		"by another key":             {func(q *application) { q.by = edwardsKey("other") }, 422, "not signed by a terminal"},
		"by no terminal":             {func(q *application) { q.live.Terminal = "shop" }, 422, "not signed by a terminal"},
		"by nobody known":            {func(q *application) { q.live.Terminal = "nobody" }, 422, "not signed by a terminal"},
		"unsigned":                   {func(q *application) { q.wrong = unsigned }, 422, "malformed"},
		"of the card alone":          {func(q *application) { q.live.Kind, q.live.Level = evidence.Card, 0 }, 422, "liveness is missing"},
		"as floats, which it is of":  {asFloats, 201, "credential"},
		"as floats, not their bytes": {func(q *application) { q.probe = `"probe_float32":"` + float32Probe(testDim, 1) + `"` }, 422, "of another capture"},
	} {
		sent++
		q := a.application("t-" + itoa(sent))
		c.change(q)
		before, _ := a.counts()
		answer := a.apply(q)
		checkDescribed(t, doc, "POST", "/v1/credentials", answer)
		after, _ := a.counts()
		if answer.status != c.status || !strings.Contains(string(answer.body), c.says) || (after > before) != (c.status == 201) {
			t.Errorf("%s: %d %s, %d comparisons", what, answer.status, answer.body, after-before)
		}
	}
}

// unsigned takes the signature off a token.
func unsigned(token []byte) []byte { return token[:bytes.LastIndexByte(token, '.')+1] }

func asFloats(q *application) {
	row, _ := base64.StdEncoding.DecodeString(float32Probe(testDim, 1))
	q.probe, q.live.Capture = `"probe_float32":"`+float32Probe(testDim, 1)+`"`, sha256.Sum256(row)
}

// What the evidence was good for is recorded: sent again it is not asked for anew, as it would be too old by then; and what was
// refused for want of it left nothing behind.
//
// FAULTS: B10 C8
func TestEvidenceOfAnIssueIsLookedAtOnce(t *testing.T) {
	a := startAlive(t)
	q := a.application("t-1")
	q.by = nil
	if refused := a.apply(q); refused.status != 422 {
		t.Fatalf("%d %s", refused.status, refused.body)
	}
	q.by = a.terminal
	first := a.apply(q)
	a.now.Add(3600)
	again := a.apply(q)
	if first.status != 201 || again.status != 201 {
		t.Errorf("%d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	a.wantCounts("sent again", 1, 2, 1)
}

// Evidence goes with a face, and a service that issues are held to is one that they can meet.
func TestIssueServiceIsOneThatCanBeMet(t *testing.T) {
	a := startAlive(t)
	body := []byte(`{"identity":"sealed","captured_at":"2023-11-14T22:13:10Z","reference_int8":"` + int8Probe(testDim, true) + `"}`)
	if got := a.call("POST", "/v1/credentials", "terminal", mediaJSON, body, "Transaction-Id: t-1"); got.status != 400 {
		t.Errorf("captured_at without a face: %d %s", got.status, got.body)
	}
	check := func(what string, config Config, ok bool) {
		if err := config.Validate(); (err == nil) != ok || err != nil && !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for service, byTerminal := range map[string]bool{"issue": false, "held": false, "full": true, "desk": true, "gone": false, "pinned": false} {
		app, terminal := a.server.config, a.server.config
		app.IssueService, terminal.TerminalIssueService = service, service
		check(service, app, service == "issue" || service == "held")
		check(service+", of terminals", terminal, byTerminal)
	}
	none := a.server.config
	none.IssueService = ""
	check("none", none, true)
	config := a.server.config
	config.Catalogue = nil
	if err := config.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("without a catalogue: %v", err)
	}
}
