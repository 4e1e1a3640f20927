package gateway

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// referenceTenant holds the references for tenants 1 and 3 of these tests.
const referenceTenant zhenni.TenantID = 9

// heldReferences knows the person of fakeIdentities in the tenant of references too.
type heldReferences struct {
	fakeIdentities
	reference zhenni.Credential // of that person; zero: none is held
	err       error
	// found and missed count the looks.
	found, missed int
}

func (h *heldReferences) Subject(tenant zhenni.TenantID, subject zhenni.SubjectHandle) (zhenni.Credential, error) {
	if tenant != referenceTenant {
		return h.fakeIdentities.Subject(tenant, subject)
	}
	if h.err == nil && (h.reference.ID == (zhenni.CredentialID{}) || subject != zhenni.SubjectHandle{0xab}) {
		h.missed++
		return zhenni.Credential{}, zhenni.ErrNotFound
	}
	h.found++
	return h.reference, h.err
}

// proving is a server that issues by the references of another tenant, with a ledger.
type proving struct {
	*fixture
	held *heldReferences
	log  *leafLog
	// now is the time, in Unix seconds.
	now atomic.Int64
}

func startProving(t *testing.T, rules zhenni.PartyRules, history History, changes ...func(*Config)) *proving {
	p := &proving{log: &leafLog{}}
	p.now.Store(testNow().Unix())
	p.held = &heldReferences{reference: zhenni.Credential{ID: testID(40), Tenant: referenceTenant, Status: zhenni.StatusActive}}
	p.fixture = start(t, func(c *Config) {
		c.Identities, c.Subjects, c.Limits = p.held, p.held, rules
		c.Now = func() time.Time { return time.Unix(p.now.Load(), 0) }
		c.References = map[zhenni.TenantID]zhenni.TenantID{1: referenceTenant, 3: referenceTenant}
		c.Ledger, c.History = openLedger(t, t.TempDir(), p.log), history
		for _, change := range changes {
			change(c)
		}
	})
	for id, party := range map[string]zhenni.RelyingParty{
		"terminal": {Tenant: 1, Roles: zhenni.RoleTerminal},
		"keeper":   {Tenant: referenceTenant, Roles: zhenni.RoleIssuer | zhenni.RoleVerifier},
	} {
		party.ID, party.KeyHash = id, keyOf(id).Hash()
		p.node.parties[id] = party
	}
	return p
}

// ask is an issue for a face that the fake node matches where match is true.
func (p *proving) ask(party, transaction string, match bool, more string) answer {
	p.t.Helper()
	return p.askAs("sealed", party, transaction, match, more)
}

// askAs is ask for one of the persons of fakeIdentities.
func (p *proving) askAs(person, party, transaction string, match bool, more string) answer {
	p.t.Helper()
	face, _ := base64.StdEncoding.DecodeString(int8Probe(testDim, match))
	face[1] = byte(len(person)) // a capture of one's own
	body := `{"identity":"` + person + `","region":"330100","probe_int8":"` + base64.StdEncoding.EncodeToString(face) + `"` + more + `}`
	return p.call("POST", "/v1/credentials", party, mediaJSON, []byte(body), "Transaction-Id: "+transaction)
}

// counts are what the node was asked to verify, and to change.
func (p *proving) counts() (verified, applied int) {
	p.node.mu.Lock()
	defer p.node.mu.Unlock()
	return len(p.node.verified), len(p.node.applied)
}

// wantCounts checks the counts and the leaves of the log.
func (p *proving) wantCounts(what string, verified, applied, leaves int) {
	p.t.Helper()
	v, a := p.counts()
	if v != verified || a != applied || p.log.Size() != int64(leaves) {
		p.t.Errorf("%s: %d comparisons, %d changes, %d leaves; want %d, %d, %d", what, v, a, p.log.Size(), verified, applied, leaves)
	}
}

// A face that matches the reference is issued a credential whose template it is, or another that comes with it; sent again,
// the request is compared no more and answered with the same credential.
//
// FAULTS: C8 A16
func TestIssueOfAProvedFace(t *testing.T) {
	doc, p := loadDescription(t), startProving(t, noLimits, nil)
	var asked zhenni.Batch
	p.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		asked = zhenni.Batch{Tenant: b.Tenant, Evaluation: b.Evaluation, IDs: append([]zhenni.CredentialID(nil), b.IDs...)}
		answerAll(b)
		return nil
	}
	first := p.ask("issuer", "t-1", true, "")
	checkDescribed(t, doc, "POST", "/v1/credentials", first)
	if first.status != 201 || asked.Tenant != referenceTenant || asked.Evaluation || asked.IDs[0] != testID(40) {
		t.Fatalf("%d %s, asked %+v", first.status, first.body, asked)
	}
	p.wantCounts("issued", 1, 1, 1)
	made := p.node.applied[0].(zhenni.Enrol)
	if made.Tenant != 1 || made.Subject.IsZero() || made.Level != zhenni.LevelLite || made.Row[0] != 1 || made.Row[testDim-1] != 3 {
		t.Errorf("%+v", made)
	}
	again := p.ask("issuer", "t-1", true, "")
	if again.status != 201 || !bytes.Equal(again.body, first.body) || again.header.Get("Log-Index") != first.header.Get("Log-Index") {
		t.Errorf("sent again: %d %v %s", again.status, again.header, again.body)
	}
	p.wantCounts("sent again", 1, 2, 1)
	other := p.ask("issuer", "t-1", true, `,"level":"lite"`)
	checkDescribed(t, doc, "POST", "/v1/credentials", other)
	if other.status != 409 || !bytes.Contains(other.body, []byte("transaction_reused")) {
		t.Errorf("another body: %d %s", other.status, other.body)
	}
	p.wantCounts("another body", 1, 2, 1)
	rotated := p.ask("issuer", "t-2", true, `,"reference_float32":"`+float32Probe(testDim, 9)+`"`)
	if last := p.node.applied[2].(zhenni.Enrol); rotated.status != 201 || last.Row[0] != 127 {
		t.Errorf("with a template of its own: %d %s, %v", rotated.status, rotated.body, last.Row)
	}
}

// A no is one answer, byte for byte, whether the face is another's, nobody has that name, or the issuer holds no reference:
// in each case the node compares once, the answer is recorded, nothing is issued, and sent again it is the same.
//
// FAULTS: B2 C8 Z2
func TestNoIsTheSameWhateverItIsFor(t *testing.T) {
	doc, p := loadDescription(t), startProving(t, noLimits, nil)
	reference := p.held.reference
	var first answer
	for i, held := range []struct {
		reference zhenni.Credential
		match     bool
	}{{reference, false}, {zhenni.Credential{}, false}, {reference, false}} {
		p.held.reference = held.reference
		name := "t-" + strconv.Itoa(i)
		a := p.ask("issuer", name, held.match, "")
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		again := p.ask("issuer", name, held.match, "")
		p.wantCounts(name, i+1, 0, i+1)
		if !bytes.Equal(a.body, again.body) {
			t.Errorf("%s, then %s", a.body, again.body)
		}
		a.body = bytes.Replace(a.body, []byte(name), []byte("t-0"), 1)
		if i == 0 {
			first = a
		}
		if a.status != 403 || !bytes.Contains(a.body, []byte(`"code":"not_proved"`)) || !bytes.Equal(a.body, first.body) || len(a.header) != len(first.header) {
			t.Errorf("%d %s %v, first %s %v", a.status, a.body, a.header, first.body, first.header)
		}
	}
	if asked := p.node.verified[1][0]; asked == reference.ID || asked == (zhenni.CredentialID{}) {
		t.Errorf("nobody's face was compared with %s", asked)
	}
}

// What can not be decided or recorded is no answer: nothing is issued, nothing is kept, and sent again it is decided. What
// was decided and recorded stands, though the issue itself fails.
//
// FAULTS: C8 C10
func TestNothingIsIssuedUnproved(t *testing.T) {
	doc, p := loadDescription(t), startProving(t, noLimits, nil)
	refused := func(o zhenni.Outcome) func(*zhenni.Batch, time.Time) error {
		return func(b *zhenni.Batch, _ time.Time) error {
			b.Outcomes[0] = o
			return nil
		}
	}
	failing := func(err error) func(*zhenni.Batch, time.Time) error {
		return func(*zhenni.Batch, time.Time) error { return err }
	}
	for what, verify := range map[string]func(*zhenni.Batch, time.Time) error{
		"unavailable": failing(zhenni.ErrUnavailable), "overloaded": failing(zhenni.ErrOverloaded), "late": failing(zhenni.ErrDeadline),
		"refused": refused(zhenni.RefusedUnavailable), "damaged": refused(zhenni.RefusedInternal), "pending": refused(zhenni.Pending),
	} {
		p.node.verify = verify
		a := p.ask("issuer", "t-1", true, "")
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		if _, applied := p.counts(); a.status != 503 || applied != 0 || p.log.Size() != 0 {
			t.Errorf("%s: %d %s, %d changes, %d leaves", what, a.status, a.body, applied, p.log.Size())
		}
	}
	p.node.verify, p.held.err = nil, zhenni.ErrCorrupt
	before, _ := p.counts()
	if a := p.ask("issuer", "t-1", true, ""); a.status != 500 {
		t.Errorf("an index that can not be read: %d %s", a.status, a.body)
	}
	p.wantCounts("an index that can not be read", before, 0, 0)
	p.held.err = nil
	p.node.applyErr = zhenni.ErrUnavailable
	if a := p.ask("issuer", "t-1", true, ""); a.status != 503 {
		t.Errorf("a change that fails: %d %s", a.status, a.body)
	}
	p.wantCounts("a change that fails", before+1, 0, 1)
	p.node.applyErr = nil
	if a := p.ask("issuer", "t-1", true, ""); a.status != 201 {
		t.Errorf("sent again: %d %s", a.status, a.body)
	}
	p.wantCounts("sent again", before+1, 1, 1)
	p.log.err = zhenni.ErrUnavailable
	if a := p.ask("issuer", "t-2", true, ""); a.status != 503 {
		t.Errorf("a log that takes nothing: %d %s", a.status, a.body)
	}
	p.wantCounts("a log that takes nothing", before+2, 1, 1)
}

// Where references are held an enrolment is no way round the proof; the references themselves are enrolled.
//
// FAULTS: Z4
func TestReferencesLeaveNoWayRound(t *testing.T) {
	p := startProving(t, noLimits, nil)
	reference := `{"reference_int8":"` + int8Probe(testDim, true) + `"}`
	for party, want := range map[string]int{"issuer": 403, "keeper": 201, "other": 201} {
		if a := p.call("POST", "/v1/enrolments", party, mediaJSON, []byte(reference)); a.status != want {
			t.Errorf("%s: %d %s, want %d", party, a.status, a.body, want)
		}
	}
}

// Which issues are proved, and by whom they may be asked for without.
//
// FAULTS: Z4
func TestWhatIsProved(t *testing.T) {
	doc, p := loadDescription(t), startProving(t, noLimits, nil)
	probe := `,"probe_int8":"` + int8Probe(testDim, true) + `"`
	reference := `,"reference_int8":"` + int8Probe(testDim, true) + `"`
	sent := 0
	for what, c := range map[string]struct {
		party, fields    string
		status, compared int
	}{
		"an app without a face":          {"issuer", reference, 422, 0},
		"an app with neither":            {"issuer", "", 422, 0},
		"an app with two faces":          {"issuer", probe + `,"probe_float32":"` + float32Probe(testDim, 1) + `"`, 422, 0},
		"an app with no vector":          {"issuer", `,"probe_int8":"AAAA"`, 422, 0},
		"a face of nothing":              {"issuer", `,"probe_int8":"AAAAAAAAAAA="`, 422, 0},
		"a face for a re-enrolment":      {"issuer", probe + `,"issue":"reenrolment"`, 400, 0},
		"a face for a full one":          {"terminal", probe + `,"level":"full"`, 201, 1},
		"a face for a re-issue by card":  {"terminal", probe + reference + `,"issue":"card"`, 201, 1},
		"a face where none are held":     {"other", probe, 400, 0},
		"a terminal with a face":         {"terminal", probe, 201, 1},
		"a terminal's lite":              {"terminal", reference, 201, 0},
		"a terminal's full":              {"terminal", reference + `,"level":"full"`, 201, 0},
		"a re-enrolment, face to face":   {"terminal", reference + `,"issue":"reenrolment"`, 201, 0},
		"a re-enrolment by the app":      {"issuer", reference + `,"issue":"reenrolment"`, 403, 0},
		"where none are held":            {"other", reference, 201, 0},
		"the issuer of the references":   {"keeper", reference, 201, 0},
		"an evaluation":                  {"trial", probe, 201, 1},
		"a verifier":                     {"verifier", probe, 403, 0},
		"a template that is not a probe": {"issuer", probe + `,"reference_int8":"AAAA"`, 422, 0},
	} {
		sent++
		before, _ := p.counts()
		body := []byte(`{"identity":"sealed"` + c.fields + `}`)
		a := p.call("POST", "/v1/credentials", c.party, mediaJSON, body, "Transaction-Id: t-"+strconv.Itoa(sent))
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		after, _ := p.counts()
		if a.status != c.status || after-before != c.compared {
			t.Errorf("%s: %d %s, %d comparisons; want %d, %d", what, a.status, a.body, after-before, c.status, c.compared)
		}
	}
}

// References are of people whoever asks: a party of evaluation is limited at them like any other, and they are asked about by
// no verification.
//
// FAULTS: B3 Z4
func TestReferencesAreNoEvaluation(t *testing.T) {
	p := startProving(t, zhenni.PartyRules{Least: 10, StopPercent: 50}, nil)
	var asked []bool
	p.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		asked = append(asked, b.Evaluation)
		answerAll(b)
		return nil
	}
	status := 0
	for i := 0; i < 20 && status != 429; i++ {
		a := p.ask("trial", "t-"+strconv.Itoa(i), false, "")
		checkDescribed(t, loadDescription(t), "POST", "/v1/credentials", a)
		status = a.status
	}
	if status != 429 || len(asked) != 10 || asked[0] {
		t.Errorf("%d comparisons, evaluation %v, the last answered with %d", len(asked), asked, status)
	}
	if a := p.call("POST", "/v1/verifications", "keeper", mediaJSON, documentOf(40)); a.status != 403 {
		t.Errorf("a verification of a reference: %d %s", a.status, a.body)
	}
}

// The holder of a reference is told who had it compared, a party of evaluation too.
func TestReferenceTellsWhoAsked(t *testing.T) {
	p := startProving(t, noLimits, openHistory(t))
	p.node.records[testID(40)] = zhenni.Credential{ID: testID(40), Tenant: referenceTenant, Status: zhenni.StatusActive}
	p.ask("issuer", "t-1", true, "")
	p.ask("trial", "t-2", false, "")
	told := p.historyOf(historyPath(40), "keeper").Entries
	if len(told) != 2 || told[0].Party != "trial" || told[0].Outcome != "no_match" || told[1].Party != "issuer" || told[1].Outcome != "match" {
		t.Errorf("%+v", told)
	}
}
