package gateway

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

const testServices = `{"version":"test","services":[{
  "id": "strict", "zh": "严", "en": "Strict", "category": "test", "purposes": ["open", "close"],
  "level": "full", "factors": [["face"]], "without_face": [["card"], ["pin"]],
  "liveness": "active", "liveness_max_age_s": 60, "capture_max_age_s": 30, "possession": true, "fmr": 1e-6
},{
  "id": "open", "zh": "宽", "en": "Open", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "full", "zh": "全", "en": "Full", "category": "test", "purposes": ["enter"],
  "level": "full", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "carded", "zh": "卡", "en": "Carded", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"], ["card", "document"]], "without_face": [["card"]],
  "liveness": "passive", "liveness_max_age_s": 60, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "voice", "zh": "声", "en": "Voice", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["voice"]], "without_face": [["voice"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "rare", "zh": "稀", "en": "Rare", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-7
}` + pinServices + `]}`

// question is a request for one verification, good for the service "strict" until a test changes it.
type question struct {
	id                                     zhenni.CredentialID
	service, purpose, captured, probe, txn string
	live, possession, card                 evidence.Claims
	liveBy, possessionBy, cardBy           crypto.Signer // nil: no token
}

func (d *desk) question() *question {
	q := &question{
		id: testID(1), service: "strict", purpose: "open", captured: testNow().Add(-10 * time.Second).UTC().Format("2006-01-02T15:04:05Z"),
		probe: int8Probe(testDim, true), txn: "t-1", liveBy: d.terminal, possessionBy: d.device,
	}
	probe, _ := base64.StdEncoding.DecodeString(q.probe)
	base := evidence.Claims{
		Subject: q.id, Capture: sha256.Sum256(probe), Transaction: q.txn, Party: "hotel", IssuedAt: testNow().Unix() - 10,
	}
	q.live, q.possession, q.card = base, base, base
	q.live.Kind, q.live.Level, q.live.Terminal = evidence.Liveness, zhenni.LivenessActive, "kiosk"
	q.possession.Kind = evidence.Possession
	q.card.Kind, q.card.Terminal = evidence.Card, "kiosk"
	return q
}

// about makes the question, and what is signed for it, one about another credential.
func (q *question) about(id zhenni.CredentialID) {
	q.id, q.live.Subject, q.possession.Subject, q.card.Subject = id, id, id, id
}

func (q *question) document(t testing.TB) string {
	t.Helper()
	var tokens []string
	for _, s := range []struct {
		claims evidence.Claims
		by     crypto.Signer
	}{{q.live, q.liveBy}, {q.possession, q.possessionBy}, {q.card, q.cardBy}} {
		if s.by == nil {
			continue
		}
		token, err := evidence.Sign(s.claims, s.by)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, string(token))
	}
	members := map[string]any{"credential": q.id.String(), "probe_int8": q.probe, "service": q.service, "purpose": q.purpose}
	if tokens != nil {
		members["evidence"] = tokens
	}
	if q.captured != "" {
		members["captured_at"] = q.captured
	}
	document, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

func (d *desk) ask(q *question) answer {
	d.t.Helper()
	return d.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(q.document(d.t)), "Transaction-Id: "+q.txn)
}

// A yes says what the evidence carried; a no says as little as one without a service does, to the byte.
func TestYesAndNoOfAService(t *testing.T) {
	d := startDesk(t, nil)
	profile := `,"profile":"` + d.server.config.Profile.ID + `","transaction":"t-1","time":"2023-11-14T22:13:20.000Z"}`
	yes := d.ask(d.question())
	want := `{"outcome":"match","assertions":{"identity_authentic":true,"document_valid":true,"same_person":true},"level":"full",` +
		`"factors":["face","possession"],"fmr":5e-07` + profile
	if yes.status != 200 || string(yes.body) != want {
		t.Errorf("%d %s\nwant %s", yes.status, yes.body, want)
	}
	open := d.question()
	open.service, open.purpose, open.liveBy, open.possessionBy, open.captured = "open", "enter", nil, nil, ""
	want = `{"outcome":"match","assertions":{"identity_authentic":true,"document_valid":true,"same_person":false},"level":"lite",` +
		`"factors":["face"],"fmr":5e-07` + profile
	if a := d.ask(open); string(a.body) != want {
		t.Errorf("without evidence: %s\nwant %s", a.body, want)
	}
	carded := d.question()
	carded.service, carded.purpose, carded.cardBy, carded.possessionBy = "carded", "enter", d.terminal, nil
	if a := d.ask(carded); !bytes.Contains(a.body, []byte(`"factors":["face","card"],"fmr":5e-07,`)) {
		t.Errorf("with the card: %s", a.body)
	}
	plainNo := strings.Replace(goodDocument(), int8Probe(testDim, true), int8Probe(testDim, false), 1)
	for name, document := range map[string]string{"match": goodDocument(), "no_match": plainNo} {
		a := d.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(document), "Transaction-Id: t-1")
		if want := `{"outcome":"` + name + `"` + profile; string(a.body) != want {
			t.Errorf("without a service: %s\nwant %s", a.body, want)
		}
	}
	no := d.question()
	no.probe = int8Probe(testDim, false)
	probe, _ := base64.StdEncoding.DecodeString(no.probe)
	no.live.Capture, no.possession.Capture = sha256.Sum256(probe), sha256.Sum256(probe)
	if a := d.ask(no); string(a.body) != `{"outcome":"no_match"`+profile {
		t.Errorf("a no: %s", a.body)
	}
}

// Evidence that is missing, old, of something else or by somebody else is refused before anything is compared, with what the
// party did wrong.
//
// FAULTS: B10 B11
func TestEvidenceIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*desk, *question)
		detail string
	}{
		"no liveness":            {func(_ *desk, q *question) { q.liveBy = nil }, "liveness is missing"},
		"passive liveness":       {func(_ *desk, q *question) { q.live.Level = zhenni.LivenessPassive }, "of a lower level"},
		"liveness 61 s old":      {func(_ *desk, q *question) { q.live.IssuedAt = testNow().Unix() - 61 }, "evidence[0]: too old"},
		"liveness 6 s ahead":     {func(_ *desk, q *question) { q.live.IssuedAt = testNow().Unix() + 6 }, "evidence[0]: of later than now"},
		"another capture":        {func(_ *desk, q *question) { q.live.Capture[0]++ }, "evidence[0]: of another capture"},
		"another probe":          {func(_ *desk, q *question) { q.probe = int8Probe(testDim, false) }, "evidence[0]: of another capture"},
		"another credential":     {func(_ *desk, q *question) { q.id = testID(2) }, "evidence[0]: of another credential"},
		"another transaction":    {func(_ *desk, q *question) { q.txn = "t-2" }, "evidence[0]: of another transaction"},
		"another party":          {func(_ *desk, q *question) { q.live.Party = "bank" }, "evidence[0]: for another relying party"},
		"a nonce of nothing":     {func(_ *desk, q *question) { q.live.Nonce = "bm9uY2Utb2YtYS10ZXN0" }, "evidence[0]: of another request"},
		"a stranger's key":       {func(d *desk, q *question) { q.liveBy = d.other }, "evidence[0]: not signed by a terminal of the tenant"},
		"an unknown terminal":    {func(_ *desk, q *question) { q.live.Terminal = "none" }, "evidence[0]: not signed by a terminal of the tenant"},
		"no terminal":            {func(_ *desk, q *question) { q.live.Terminal = "verifier" }, "evidence[0]: not signed by a terminal of the tenant"},
		"a terminal without key": {func(d *desk, _ *question) { d.changeKiosk(func(p *zhenni.RelyingParty) { p.Keys = nil }) }, "not signed by a terminal"},
		"a key in retirement": {func(d *desk, _ *question) {
			d.changeKiosk(func(p *zhenni.RelyingParty) { p.Keys[0].NotAfter = testNow() })
		}, "not signed by a terminal"},
		"another tenant's": {func(d *desk, _ *question) { d.changeKiosk(func(p *zhenni.RelyingParty) { p.Tenant = 2 }) }, "not signed by a terminal"},
		"a verifier's key": {func(d *desk, _ *question) {
			d.changeKiosk(func(p *zhenni.RelyingParty) { p.Roles = zhenni.RoleVerifier })
		}, "not signed by a terminal"},
		"no possession":       {func(_ *desk, q *question) { q.possessionBy = nil }, "possession is missing"},
		"possession too old":  {func(_ *desk, q *question) { q.possession.IssuedAt -= 60 }, "evidence[1]: too old"},
		"no time of capture":  {func(_ *desk, q *question) { q.captured = "" }, "captured_at is missing"},
		"an old capture":      {func(_ *desk, q *question) { q.captured = "2023-11-14T22:12:49.999Z" }, "the capture is too old"},
		"a capture of later":  {func(_ *desk, q *question) { q.captured = "2023-11-14T22:13:26Z" }, "the capture is too old"},
		"the card is missing": {func(_ *desk, q *question) { q.service, q.purpose, q.possessionBy = "carded", "enter", nil }, "a factor of the service is missing"},
		"liveness of a device": {func(_ *desk, q *question) {
			q.live.Terminal, q.liveBy, q.live.Level = "", q.possessionBy, zhenni.LivenessPassive
		}, "of a lower level"},
	} {
		d := startDesk(t, nil)
		q := d.question()
		c.change(d, q)
		a := d.ask(q)
		if a.status != 422 || !strings.Contains(string(a.body), `"evidence_refused"`) || !strings.Contains(string(a.body), c.detail) {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.body, c.detail)
		}
		if d.node.asked() != 0 {
			t.Errorf("%s: compared", name)
		}
	}
}

func (d *desk) changeKiosk(change func(*zhenni.RelyingParty)) {
	d.node.mu.Lock()
	defer d.node.mu.Unlock()
	p := d.node.parties["kiosk"]
	change(&p)
	d.node.parties["kiosk"] = p
}

// Tokens of no form are refused, as many and as large as they are.
func TestTokensThatAreNone(t *testing.T) {
	d := startDesk(t, nil)
	good := strings.TrimSuffix(d.question().document(t), "}")
	plain := strings.TrimSuffix(goodDocument(), "}") + `,"service":"open","purpose":"enter","evidence":`
	for evidence, status := range map[string]int{
		`[]`: 200, ` [ ] `: 200, `["x"]`: 422, `[""]`: 422, `["` + strings.Repeat("A", 8<<10) + `"]`: 422, `["` + strings.Repeat("A", 8<<10+1) + `"]`: 400,
		`["a","a","a","a","a","a","a","a"]`: 422, `["a","a","a","a","a","a","a","a","a"]`: 400, `"x"`: 400, `7`: 400, `null`: 400, `{}`: 400,
		`[7]`: 400, `[["x"]]`: 400, `["x",]`: 400, `[,"x"]`: 400, `["x" "x"]`: 400, `["x"`: 400, `[`: 400, `["\ud800"]`: 400, "[\"\x01\"]": 400,
	} {
		if a := d.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(plain+evidence+"}")); a.status != status {
			t.Errorf("%.60s: %d %s, want %d", evidence, a.status, a.body, status)
		}
	}
	if a := d.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(good+`,"evidence":[]}`), "Transaction-Id: t-1"); a.status != 400 {
		t.Errorf("evidence twice: %d %s", a.status, a.body)
	}
}

// What the credential lacks looks like any no: the same bytes, after the same comparison.
//
// FAULTS: Z2 B11
func TestFactsOfTheCredentialAreKept(t *testing.T) {
	var want []byte
	for name, change := range map[string]func(*desk, *question){
		"a face that does not match": func(d *desk, _ *question) {
			d.node.verify = func(b *zhenni.Batch, _ time.Time) error { b.Outcomes[0] = zhenni.NoMatch; return nil }
		},
		"lite for a full service": func(d *desk, q *question) {
			d.hold(testID(2), d.device)
			q.about(testID(2))
		},
		"no such credential": func(_ *desk, q *question) { q.about(testID(77)) },
		"another tenant's": func(d *desk, q *question) {
			d.enrol(testID(5), 2, zhenni.LevelFull, zhenni.StatusActive)
			d.hold(testID(5), d.device)
			q.about(testID(5))
		},
		"suspended":                  func(d *desk, _ *question) { d.enrol(testID(1), 1, zhenni.LevelFull, zhenni.StatusSuspended) },
		"another device":             func(d *desk, q *question) { q.possessionBy = nistKey(d.t, "another device") },
		"a device of another kind":   func(d *desk, q *question) { q.possessionBy = d.other },
		"no device":                  func(d *desk, _ *question) { d.hold(testID(1), nil) },
		"liveness by another device": func(d *desk, q *question) { q.live.Terminal, q.liveBy = "", d.other },
		"a decoy's key": func(d *desk, q *question) {
			d.hold(testID(1), nil)
			q.possessionBy = edwardsKey("zhenni decoy key")
		},
	} {
		d := startDesk(t, nil)
		q := d.question()
		change(d, q)
		a := d.ask(q)
		if want == nil {
			want = a.body
		}
		if a.status != 200 || !bytes.Equal(a.body, want) || !bytes.Contains(a.body, []byte(`"no_match"`)) {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.body, want)
		}
		if d.node.asked() != 1 {
			t.Errorf("%s: compared %d times", name, d.node.asked())
		}
	}
}

// What the holder's device vouches for is an attempt of its own lane, so that nobody else's failures bar it; without the device, or
// with another's, it is not, and then nothing is matched either, so that it is no attempt at the face.
//
// FAULTS: B5
func TestAttemptsOfTheHoldersDevice(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*desk, *question)
		lane   zhenni.Lane
		level  zhenni.Level
	}{
		"the device":     {func(*desk, *question) {}, zhenni.LanePossession, zhenni.LevelFull},
		"another device": {func(d *desk, q *question) { q.possessionBy = d.other }, zhenni.LaneOpen, noLevel},
		"no possession": {func(_ *desk, q *question) {
			q.service, q.purpose, q.liveBy, q.possessionBy, q.captured = "open", "enter", nil, nil, ""
		}, zhenni.LaneOpen, zhenni.LevelLite},
	} {
		d := startDesk(t, nil)
		var lane zhenni.Lane
		var level zhenni.Level
		d.node.verify = func(b *zhenni.Batch, at time.Time) error {
			lane, level = b.Lane(0), b.Level
			return d.answer(b, at)
		}
		q := d.question()
		c.change(d, q)
		if a := d.ask(q); a.status != 200 || lane != c.lane || level != c.level {
			t.Errorf("%s: %d %s, lane %d, level %d", name, a.status, a.body, lane, level)
		}
	}
}

// A party asks for what it was granted, under a purpose of it, and for nothing else; what exists is not told from what does not.
//
// FAULTS: Z8 L10
func TestServicesThatAreRefused(t *testing.T) {
	d := startDesk(t, nil)
	var notGranted []byte
	for _, c := range []struct {
		name, party, service, purpose, code string
		status                              int
	}{
		{"granted, and not in the catalogue", "hotel", "gone", "open", "service_refused", 403},
		{"not in the catalogue", "hotel", "none", "open", "service_refused", 403},
		{"of a party without services", "verifier", "open", "enter", "service_refused", 403},
		{"another purpose", "hotel", "open", "open", "purpose_refused", 403},
		{"another modality", "hotel", "voice", "enter", "modality_refused", 403},
		{"a rate that is not carried", "hotel", "rare", "enter", "service_unsupported", 403},
		{"a purpose in other letters", "hotel", "open", "Enter", "bad_request", 400},
		{"a purpose with a mark of direction", "hotel", "open", "ent\u202eer", "bad_request", 400},
		{"a service of no name", "hotel", "", "enter", "bad_request", 400},
	} {
		document, err := json.Marshal(map[string]string{
			"credential": testID(1).String(), "probe_int8": int8Probe(testDim, true), "service": c.service, "purpose": c.purpose,
		})
		if err != nil {
			t.Fatal(err)
		}
		single := d.call("POST", "/v1/verifications", c.party, mediaJSON, document, "Transaction-Id: t-1")
		bulk := single
		if c.service != "" && !strings.Contains(c.purpose, "\u202e") {
			bulk = d.call("POST", "/v1/verification-batches", c.party, mediaNDJSON, []byte(goodDocument()+"\n"), "Transaction-Id: t-1", "Service: "+c.service, "Purpose: "+c.purpose)
		}
		if single.status != c.status || !strings.Contains(string(single.body), `"`+c.code+`"`) || !bytes.Equal(single.body, bulk.body) {
			t.Errorf("%s: %d %s and in bulk %s, want %s", c.name, single.status, single.body, bulk.body, c.code)
		}
		if c.code == "service_refused" && notGranted == nil {
			notGranted = single.body
		}
		if c.code == "service_refused" && !bytes.Equal(notGranted, single.body) {
			t.Errorf("%s: %s, want %s", c.name, single.body, notGranted)
		}
	}
	for _, a := range []answer{
		d.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(goodDocument())),
		d.call("POST", "/v1/verification-batches", "hotel", mediaNDJSON, []byte(goodDocument()+"\n")),
	} {
		if a.status != 403 || !strings.Contains(string(a.body), "service_refused") {
			t.Errorf("no service by a party that was granted some: %d %s", a.status, a.body)
		}
	}
	if d.node.asked() != 0 {
		t.Error("compared")
	}
}

// The terms of a document are there together, and its own.
//
// FAULTS: L4
func TestTermsThatAreNone(t *testing.T) {
	d := startDesk(t, nil)
	good := strings.TrimSuffix(goodDocument(), "}")
	for _, members := range []string{
		`"service":"open"`, `"purpose":"enter"`, `"evidence":[]`, `"captured_at":"2023-11-14T22:13:20Z"`, `"service":7,"purpose":"enter"`,
		`"service":"open","purpose":7`, `"service":"open","purpose":"enter","captured_at":1700000000`,
		`"service":"open","purpose":"enter","captured_at":"2023-11-14T22:13:20+00:00"`, `"service":"open","purpose":"enter","captured_at":"2023-11-14t22:13:20z"`,
		`"service":"open","purpose":"enter","captured_at":"2023-11-14T22:13:20.5Z"`, `"service":"open","purpose":"enter","captured_at":"2023-02-30T22:13:20Z"`,
		`"service":"open","service":"open","purpose":"enter"`, `"service":["open"],"purpose":"enter"`,
	} {
		if a := d.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(good+","+members+"}")); a.status != 400 {
			t.Errorf("%s: %d %s", members, a.status, a.body)
		}
	}
	for _, head := range [][]string{{"Service: open"}, {"Purpose: enter"}, {"Service: open", "Purpose: enter", "Service: open"}, {"Service:", "Purpose: enter"}} {
		if a := d.call("POST", "/v1/verification-batches", "hotel", mediaNDJSON, []byte(goodDocument()+"\n"), head...); a.status != 400 {
			t.Errorf("%v: %d %s", head, a.status, a.body)
		}
	}
	if a := d.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Service: open", "Purpose: enter"); a.status != 400 {
		t.Errorf("the terms of one verification in its head: %d %s", a.status, a.body)
	}
}
