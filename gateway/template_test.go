package gateway

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// startMigrating is a server of two models, for a tenant whose references are held.
func startMigrating(t *testing.T, changes ...func(*Config)) *tenants {
	var w *tenants
	held := func(c *Config) {
		c.References = map[zhenni.TenantID]zhenni.TenantID{1: referenceTenant}
	}
	w = startTenants(t, append([]func(*Config){held}, changes...)...)
	w.server.config.Devices = w.store
	return w
}

// migrating is a template of the second model with a probe of the first, good until a test changes it.
type migrating struct {
	id, party, transaction, reference, probeModel, probe, more string
	// tokens are signed by keys.
	tokens []evidence.Claims
	keys   []crypto.Signer
}

func migratingOf(id, transaction string) *migrating {
	return &migrating{id: id, party: "issuer", transaction: transaction, reference: strangeOne, probeModel: `,"probe_model":"test-model"`, probe: matedProbe}
}

// both is the digest of probe and reference together.
func (m *migrating) both() [32]byte {
	first, second := sha256.Sum256(decoded(m.probe)), sha256.Sum256(decoded(m.reference))
	return sha256.Sum256(append(first[:], second[:]...))
}

// possessed adds a token of the holder's device.
func (m *migrating) possessed(t *testing.T, by crypto.Signer, capture [32]byte) {
	m.tokens = append(m.tokens, evidence.Claims{
		Kind: evidence.Possession, Subject: zhenni.CredentialID(parsed(t, m.id)), Party: m.party, Transaction: m.transaction, Capture: capture, IssuedAt: testNow().Unix(),
	})
	m.keys = append(m.keys, by)
}

// seen adds the terminal's token that a card or document of the holder was seen with both vectors.
func (m *migrating) seen(t *testing.T, by crypto.Signer, kind evidence.Kind) {
	m.possessed(t, by, m.both())
	last := &m.tokens[len(m.tokens)-1]
	last.Kind, last.Terminal = kind, "kiosk"
}

// alive adds a terminal's token on the liveness of one of the two vectors.
func (m *migrating) alive(t *testing.T, by crypto.Signer, vector string) {
	m.possessed(t, by, sha256.Sum256(decoded(vector)))
	last := &m.tokens[len(m.tokens)-1]
	last.Kind, last.Level, last.Terminal = evidence.Liveness, zhenni.LivenessActive, "kiosk"
}

func (w *tenants) migrate(m *migrating) (int, map[string]any) {
	w.t.Helper()
	body := `{"model":"second-1","reference_int8":"` + m.reference + `"` + m.probeModel + m.more
	if m.probe != "" {
		body += `,"probe_int8":"` + m.probe + `"`
	}
	var tokens []string
	for i, claims := range m.tokens {
		token, err := evidence.Sign(claims, m.keys[i])
		if err != nil {
			w.t.Fatal(err)
		}
		tokens = append(tokens, string(token))
	}
	if tokens != nil {
		list, _ := json.Marshal(tokens)
		body += `,"evidence":` + string(list)
	}
	var fields []string
	if m.transaction != "" {
		fields = append(fields, "Transaction-Id: "+m.transaction)
	}
	return w.answerOf(sent{"POST", "/v1/credentials/" + m.id + "/templates", mediaJSON, body + "}", fields}, m.party)
}

// has reports whether a credential has the template of the second model.
func (w *tenants) has(id string) bool {
	templates, err := w.store.Templates("second-1")
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = templates.Reference(zhenni.CredentialID(parsed(w.t.(*testing.T), id)), make([]int8, testDim))
	return err == nil
}

// rotatedAlike has the credential be rotated by one key and the template by another, 0 for none.
func rotatedAlike(w *tenants, m *migrating, enrolled, brought byte) {
	sum := sha256.Sum256([]byte(m.transaction))
	m.id = zhenni.CredentialID(sum[:16]).String()
	w.apply(zhenni.Enrol{
		ID: zhenni.CredentialID(sum[:16]), Tenant: 1, Level: zhenni.LevelLite, Model: "test-model", Row: tenantRow, At: testNow(), Subject: sum,
		Rotation: zhenni.RotationCommitment(bytes.Repeat([]byte{enrolled}, 32)),
	})
	if brought != 0 {
		m.more = `,"rotation_commitment":"` + commitmentText(brought) + `"`
	}
}

// Where references are held a further template is proved by a probe of the credential's own template, and by what else the credential
// was issued on: nothing that an app can bring is weaker. Who is refused has no template.
//
// FAULTS: L9 B10
func TestFurtherTemplateIsProved(t *testing.T) {
	phone, thief := edwardsKey("phone"), edwardsKey("thief")
	bound := func(w *tenants, id string) { // to the phone
		w.apply(zhenni.MoveDevice{ID: zhenni.CredentialID(parsed(w.t.(*testing.T), id)), Tenant: 1, To: publicOf(t, phone), At: testNow()})
	}
	full := func(w *tenants, m *migrating) {
		sum := sha256.Sum256([]byte(m.transaction))
		m.id = zhenni.CredentialID(sum[:16]).String()
		w.apply(zhenni.Enrol{ID: zhenni.CredentialID(sum[:16]), Tenant: 1, Level: zhenni.LevelFull, Model: "test-model", Row: tenantRow, At: testNow(), Subject: sum, ValidUntil: testNow().AddDate(10, 0, 0)})
	}
	w := startMigrating(t)
	for name, c := range map[string]struct {
		change func(m *migrating)
		status int
		says   string
	}{
		"proved":                       {func(*migrating) {}, 200, "credential"},
		"somebody else":                {func(m *migrating) { m.probe = nearStrange() }, 403, "not_proved"},
		"no probe":                     {func(m *migrating) { m.probe, m.probeModel = "", "" }, 403, "role"},
		"no probe, by a terminal":      {func(m *migrating) { m.probe, m.probeModel, m.party = "", "", "terminal" }, 200, "credential"},
		"somebody else, by a terminal": {func(m *migrating) { m.probe, m.party = nearStrange(), "terminal" }, 403, "not_proved"},
		"no model of the probe":        {func(m *migrating) { m.probeModel = "" }, 400, "model_mismatch"},
		"of the new model":             {func(m *migrating) { m.probeModel = `,"probe_model":"second-1"` }, 400, "model_mismatch"},
		"of no model served":           {func(m *migrating) { m.probeModel = `,"probe_model":"third-1"` }, 400, "model_mismatch"},
		"a number for a model":         {func(m *migrating) { m.probeModel = `,"probe_model":1` }, 400, "model_mismatch"},
		"no transaction":               {func(m *migrating) { m.transaction = "" }, 400, "transaction id"},
		"one vector for both":          {func(m *migrating) { m.reference = m.probe }, 422, "one vector"},
		"no vector":                    {func(m *migrating) { m.probe = "AAAA" }, 422, "bad_probe"},
		"evidence without a probe":     {func(m *migrating) { m.probe, m.probeModel, m.more = "", "", `,"evidence":["a"]` }, 400, "go with a probe"},
		"evidence that is none":        {func(m *migrating) { m.more = `,"evidence":["a"]` }, 422, "malformed"},
		"suspended":                    {func(m *migrating) { m.id = w.make(suspended) }, 403, "not_proved"},
		"another tenant's":             {func(m *migrating) { m.id = w.make(foreign) }, 404, "credential"},
		"of a device, unsigned":        {func(m *migrating) { bound(w, m.id) }, 422, "possession is missing"},
		"of a device": {func(m *migrating) {
			bound(w, m.id)
			m.possessed(t, phone, m.both())
		}, 200, "credential"},
		"of a device, another's face": {func(m *migrating) {
			bound(w, m.id)
			m.probe = nearStrange()
			m.possessed(t, phone, m.both())
		}, 403, "not_proved"},
		"signed by another device": {func(m *migrating) {
			bound(w, m.id)
			m.possessed(t, thief, m.both())
		}, 422, "not signed by the credential's device"},
		"signed for the probe alone": {func(m *migrating) {
			bound(w, m.id)
			m.possessed(t, phone, sha256.Sum256(decoded(m.probe)))
		}, 422, "of another capture"},
		"full, without a device": {func(m *migrating) { full(w, m) }, 403, "full credential without a device"},
		"full, with its device": {func(m *migrating) {
			full(w, m)
			bound(w, m.id)
			m.possessed(t, phone, m.both())
		}, 200, "credential"},
	} {
		m := migratingOf(w.make(own), "t-"+itoa(len(name))+strings.Map(nameRune, name))
		c.change(m)
		status, answer := w.migrate(m)
		if status != c.status || !strings.Contains(fmt.Sprint(answer), c.says) {
			t.Errorf("%s: %d %v, want %d and %q", name, status, answer, c.status, c.says)
		}
		if w.has(m.id) != (status == 200) {
			t.Errorf("%s: answered %d, and the template is there: %v", name, status, w.has(m.id))
		}
	}
}

// A further template of a rotated credential is rotated by its key, and says so; nothing is proved for one that is not.
//
// FAULTS: B7
func TestFurtherTemplateIsRotatedAlike(t *testing.T) {
	w := startMigrating(t)
	for name, c := range map[string]struct {
		change func(m *migrating)
		status int
		says   string
	}{
		"rotated by a key":          {func(m *migrating) { m.more = `,"rotation_commitment":"` + commitmentText(5) + `"` }, 400, "is not the one of the credential"},
		"of no commitment":          {func(m *migrating) { m.more = `,"rotation_commitment":"AAAA"` }, 400, "32 bytes"},
		"rotated as the credential": {func(m *migrating) { rotatedAlike(w, m, 5, 5) }, 200, `rotated:true`},
		"rotated, by another key":   {func(m *migrating) { rotatedAlike(w, m, 5, 6) }, 400, "is not the one of the credential"},
		"rotated, and not said":     {func(m *migrating) { rotatedAlike(w, m, 5, 0) }, 400, "is not the one of the credential"},
	} {
		m := migratingOf(w.make(own), "t-"+itoa(len(name)))
		c.change(m)
		status, answer := w.migrate(m)
		if status != c.status || !strings.Contains(fmt.Sprint(answer), c.says) || w.has(m.id) != (status == 200) {
			t.Errorf("%s: %d %v, want %d and %q", name, status, answer, c.status, c.says)
		}
	}
}

func nameRune(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return '-'
}

// A proof is a verification like any other: recorded once, counted among the failed attempts, and not made again for a transaction that
// is sent again, which it carries for a minute.
//
// FAULTS: B1 C8
func TestProofOfATemplateIsRecorded(t *testing.T) {
	w := startMigrating(t)
	m := migratingOf(w.make(own), "t-1")
	for range 2 {
		if status, answer := w.migrate(m); status != 200 {
			t.Fatal(status, answer)
		}
	}
	if stats := w.server.config.Ledger.Stats(); stats.Admitted != 1 || stats.Answered != 1 || stats.Replayed != 1 {
		t.Errorf("%+v: want one decision", stats)
	}
	other := *m
	other.reference = nearStrange()
	if status, answer := w.migrate(&other); status != 409 {
		t.Errorf("another template under the transaction: %d %v", status, answer)
	}
	moved := migratingOf(w.make(own), "t-2")
	if status, answer := w.migrate(moved); status != 200 {
		t.Fatal(status, answer)
	}
	w.apply(zhenni.MoveDevice{ID: zhenni.CredentialID(parsed(t, moved.id)), Tenant: 1, To: publicOf(t, edwardsKey("other phone")), At: testNow()})
	if status, answer := w.migrate(moved); status != 409 {
		t.Errorf("sent again for a credential that was moved since it was proved: %d %v", status, answer)
	}
	w.ahead.Store(int64(provedFor / time.Second))
	if status, answer := w.migrate(m); status != 410 || answer["code"] != "proof_expired" {
		t.Errorf("a minute later: %d %v", status, answer)
	}
	w.ahead.Store(0)

	tried := w.make(own)
	for n := range 5 {
		wrong := migratingOf(tried, "w-"+itoa(n))
		wrong.probe = nearStrange()
		for range 2 {
			if status, answer := w.migrate(wrong); status != 403 || answer["code"] != "not_proved" {
				t.Errorf("attempt %d: %d %v", n, status, answer)
			}
		}
	}
	if status, answer := w.migrate(migratingOf(tried, "w-9")); status != 403 || answer["code"] != "not_proved" || w.has(tried) {
		t.Errorf("in the pause: %d %v", status, answer)
	}
}

// Where issues are held to a service there has to be evidence of liveness for both vectors.
//
// FAULTS: B10
func TestFurtherTemplateAsksForLiveness(t *testing.T) {
	w := startMigrating(t, func(c *Config) {
		c.Profile, c.Catalogue, c.IssueService = ratedProfile(t), catalogueOf(t, issueServices), "issue"
	})
	terminal := edwardsKey("terminal")
	w.apply(zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
		ID: "kiosk", Tenant: 1, Roles: zhenni.RoleTerminal, CreatedAt: testNow(), Keys: []zhenni.PartyKey{{Public: publicOf(t, terminal)}},
	}})
	captured := `,"captured_at":"` + testNow().UTC().Format("2006-01-02T15:04:05Z") + `"`
	for name, c := range map[string]struct {
		vectors []string
		status  int
	}{"none": {nil, 422}, "the probe": {[]string{matedProbe}, 422}, "the template": {[]string{strangeOne}, 422}, "both": {[]string{matedProbe, strangeOne}, 200}} {
		m := migratingOf(w.make(own), "t-"+strings.Map(nameRune, name))
		m.more = captured
		for _, vector := range c.vectors {
			m.alive(t, terminal, vector)
		}
		if status, answer := w.migrate(m); status != c.status || w.has(m.id) != (status == 200) {
			t.Errorf("%s: %d %v, want %d", name, status, answer, c.status)
		}
	}
}

// A terminal that is held to a service proves a further template as it proves an issue, with references held or without: the face by the
// credential's own template, and by evidence on both vectors the card, the living person and the phone, or the document in its place. Its
// API key alone brings nothing; one that is held to nothing is believed.
//
// FAULTS: B10 B11
func TestFurtherTemplateByATerminal(t *testing.T) {
	kiosk, phone := edwardsKey("terminal"), edwardsKey("phone")
	unproved := func(m *migrating) { m.probe, m.probeModel, m.more, m.tokens = "", "", "", nil }
	without := func(n int) func(m *migrating) { // of possession, card, and the liveness of probe and reference
		return func(m *migrating) { m.tokens, m.keys = slices.Delete(m.tokens, n, n+1), slices.Delete(m.keys, n, n+1) }
	}
	type try struct {
		change func(m *migrating)
		status int
		says   string
	}
	held := map[string]try{
		"all of it":            {func(*migrating) {}, 200, "credential"},
		"the key alone":        {unproved, 403, "proved by a probe"},
		"a probe alone":        {func(m *migrating) { m.tokens = nil }, 422, "liveness is missing"},
		"no phone":             {without(0), 422, "a factor of the service is missing"},
		"no card":              {without(1), 422, "a factor of the service is missing"},
		"a dead probe":         {without(2), 422, "liveness is missing"},
		"a dead template":      {without(3), 422, "liveness is missing"},
		"somebody else":        {func(m *migrating) { m.probe = nearStrange(); m.sign(t, kiosk, phone) }, 403, "not_proved"},
		"a document, no phone": {func(m *migrating) { without(0)(m); m.seen(t, kiosk, evidence.Document) }, 200, "credential"},
		"a document, nobody alive": {func(m *migrating) {
			m.tokens, m.keys = m.tokens[1:2], m.keys[1:2]
			m.seen(t, kiosk, evidence.Document)
		}, 422, "liveness is missing"},
		"the card of another":         {func(m *migrating) { m.tokens[1].Subject[0]++ }, 422, "of another credential"},
		"the card of the probe alone": {func(m *migrating) { m.tokens[1].Capture = sha256.Sum256(decoded(m.probe)) }, 422, "of another capture"},
		"an old capture":              {func(m *migrating) { m.more = `,"captured_at":"2023-11-14T22:12:19Z"` }, 422, "capture is too old"},
	}
	believed := map[string]try{"the key alone": {unproved, 200, "credential"}, "a probe alone": {func(m *migrating) { m.tokens = nil }, 200, "credential"}}
	for world, c := range map[string]struct {
		references bool
		service    string
		tries      map[string]try
	}{"references": {true, "desk", held}, "no references": {false, "desk", held}, "held to nothing": {true, "", believed}} {
		w := startMigrating(t, func(config *Config) {
			config.Profile, config.Catalogue, config.TerminalIssueService = ratedProfile(t), catalogueOf(t, issueServices), c.service
			if !c.references {
				config.References = nil
			}
		})
		w.apply(zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
			ID: "kiosk", Tenant: 1, Roles: zhenni.RoleTerminal, CreatedAt: testNow(), Keys: []zhenni.PartyKey{{Public: publicOf(t, kiosk)}},
		}})
		for name, try := range c.tries {
			m := migratingOf(w.make(own), "t-"+strings.Map(nameRune, name))
			w.apply(zhenni.MoveDevice{ID: zhenni.CredentialID(parsed(t, m.id)), Tenant: 1, To: publicOf(t, phone), At: testNow()})
			m.party, m.more = "terminal", `,"captured_at":"`+testNow().UTC().Format("2006-01-02T15:04:05Z")+`"`
			m.sign(t, kiosk, phone)
			try.change(m)
			status, answer := w.migrate(m)
			if status != try.status || !strings.Contains(fmt.Sprint(answer), try.says) || w.has(m.id) != (status == 200) {
				t.Errorf("%s, %s: %d %v, want %d and %q; the template is there: %v", world, name, status, answer, try.status, try.says, w.has(m.id))
			}
		}
	}
}

// sign has the phone and the terminal sign all that an issue at a terminal asks for, for the vectors as they are.
func (m *migrating) sign(t *testing.T, kiosk, phone crypto.Signer) {
	m.tokens, m.keys = nil, nil
	m.possessed(t, phone, m.both())
	m.seen(t, kiosk, evidence.Card)
	m.alive(t, kiosk, m.probe)
	m.alive(t, kiosk, m.reference)
}
