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
	"zhenni/receipt"
)

const duoServices = `{"version":"test","services":[{
  "id": "all", "zh": "全", "en": "All", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"], ["voice"]], "without_face": [["voice"], ["card"]],
  "liveness": "passive", "liveness_max_age_s": 60, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "any", "zh": "任", "en": "Any", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face", "voice"]], "without_face": [["voice"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-3
},{
  "id": "narrow", "zh": "窄", "en": "Narrow", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face", "voice"]], "without_face": [["voice"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-4
},{
  "id": "face", "zh": "脸", "en": "Face", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"]], "without_face": [["voice"], ["document"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-3
},{
  "id": "held", "zh": "持", "en": "Held", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"], ["voice"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": true, "fmr": 1e-6
}]}`

// duo is a question with a face and a voice, good for the service "all" until a test changes it.
type duo struct {
	service, model, txn string
	id                  zhenni.CredentialID
	face, voice         string
	tokens              []evidence.Claims // signed by the terminal, or by the device where they name none
	members             map[string]any
}

// withVoice serves a voice beside the face, for the services of both.
func withVoice(t testing.TB, c *Config) {
	t.Helper()
	catalogue, err := zhenni.ReadCatalogue(strings.NewReader(duoServices))
	if err == nil {
		voice := c.Profile
		voice.Model.ID, voice.Model.Factor = "voice-1", zhenni.FactorVoice
		voice.FMRUpper95, voice.FMRUpper95Subjects = 1e-4, 2e-4
		voice, err = voice.Seal()
		c.Catalogue, c.Beside = catalogue, []zhenni.Profile{voice, secondProfile(t)}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func startDuo(t testing.TB, change func(*Config)) *desk {
	t.Helper()
	d := startDesk(t, func(c *Config) {
		withVoice(t, c)
		if change != nil {
			change(c)
		}
	})
	d.compareBoth()
	return d
}

// compareBoth has the node compare two probes, and the hotel ask for what takes them.
func (d *desk) compareBoth() {
	hotel := d.node.parties["hotel"]
	hotel.Services = []string{"all", "any", "narrow", "face", "held"}
	d.node.parties["hotel"] = hotel
	d.node.verify = func(b *zhenni.Batch, _ time.Time) error {
		answerAll(b)
		if b.Also != nil {
			if err := b.ValidateAlso(testDim); err != nil {
				return err
			}
			answerAll(b.Also)
			b.Outcomes[0], b.Also.Outcomes[0] = zhenni.Together(b.Outcomes[0], b.Also.Outcomes[0], b.AnyOne), zhenni.Pending
		}
		return d.withhold(b)
	}
}

// voiceProbe differs from the probe of a face, as two captures do.
func voiceProbe(match bool) string {
	row, _ := base64.StdEncoding.DecodeString(int8Probe(testDim, match))
	row[1] = 7
	return base64.StdEncoding.EncodeToString(row)
}

func digestOf(probe string) [sha256.Size]byte {
	row, _ := base64.StdEncoding.DecodeString(probe)
	return sha256.Sum256(row)
}

func bothDigests(face, voice string) [sha256.Size]byte {
	first, second := digestOf(face), digestOf(voice)
	return sha256.Sum256(append(first[:], second[:]...))
}

// live is a token of the terminal about one capture.
func (q *duo) live(probe string, level zhenni.Liveness, age int64) evidence.Claims {
	return evidence.Claims{
		Kind: evidence.Liveness, Level: level, Terminal: "kiosk", Subject: q.id, Capture: digestOf(probe), Transaction: q.txn, Party: "hotel",
		IssuedAt: testNow().Unix() - age,
	}
}

func newDuo(face, voice bool) *duo {
	q := &duo{service: "all", model: "voice-1", txn: "t-1", id: testID(1), face: int8Probe(testDim, face), voice: voiceProbe(voice)}
	q.tokens = []evidence.Claims{q.live(q.face, zhenni.LivenessActive, 10), q.live(q.voice, zhenni.LivenessPassive, 20)}
	return q
}

func (d *desk) askDuo(q *duo) answer {
	d.t.Helper()
	members := map[string]any{
		"credential": q.id.String(), "probe_int8": q.face, "also_model": q.model, "also_probe_int8": q.voice, "service": q.service, "purpose": "enter",
	}
	var tokens []string
	for _, claims := range q.tokens {
		var by crypto.Signer = d.terminal
		if claims.Terminal == "" {
			by = d.device
		}
		token, err := evidence.Sign(claims, by)
		if err != nil {
			d.t.Fatal(err)
		}
		tokens = append(tokens, string(token))
	}
	if tokens != nil {
		members["evidence"] = tokens
	}
	for name, value := range q.members {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	}
	document, err := json.Marshal(members)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.call("POST", "/v1/verifications", "hotel", mediaJSON, document, "Transaction-Id: "+q.txn)
}

// A face and a voice are told as one: yes where both match for a service of both, or either for one of any; at the lesser of their
// rates, or at the sum. The answer and the result name both factors and both profiles.
//
// FAULTS: Z8
func TestVerifiedByTwoProbes(t *testing.T) {
	doc := loadDescription(t)
	d := startDuo(t, func(c *Config) { c.Receipts = testReceipts(t, receipt.Ed25519, 1) })
	profiles := d.server.config.Profile.ID + d.server.config.Beside[0].ID
	for n, c := range []struct {
		service     string
		face, voice bool
		yes         bool
		fmr         string
	}{
		{"all", true, true, true, `5e-07`}, {"all", true, false, false, ""}, {"all", false, true, false, ""}, {"all", false, false, false, ""},
		{"any", true, true, true, `0.00020050000000000005`}, {"any", true, false, true, `0.00020050000000000005`},
		{"any", false, true, true, `0.00020050000000000005`}, {"any", false, false, false, ""},
	} {
		q := newDuo(c.face, c.voice)
		q.service, q.txn = c.service, "t-"+string(rune('a'+n))
		for i := range q.tokens {
			q.tokens[i].Transaction = q.txn
		}
		a := d.askDuo(q)
		checkDescribed(t, doc, "POST", "/v1/verifications", a)
		if a.status != 200 || !bytes.Contains(a.body, []byte(`"profile":"`+profiles+`"`)) {
			t.Fatalf("%+v: %d %s", c, a.status, a.body)
		}
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(resultOf(a), ".")[1])
		if err != nil || !bytes.Contains(claims, []byte(`"profile":"`+profiles+`"`)) {
			t.Errorf("%+v: %s, %v", c, claims, err)
		}
		if !c.yes {
			if !bytes.HasPrefix(a.body, []byte(`{"outcome":"no_match","profile":`)) || bytes.Contains(claims, []byte("amr")) {
				t.Errorf("%+v: %s %s", c, a.body, claims)
			}
			continue
		}
		if !bytes.HasPrefix(a.body, []byte(`{"outcome":"match"`)) || !bytes.Contains(a.body, []byte(`"same_person":true`)) ||
			!bytes.Contains(a.body, []byte(`"factors":["face","voice"],"fmr":`+c.fmr+`,`)) || !bytes.Contains(claims, []byte(`"amr":["face","vbm"]`)) {
			t.Errorf("%+v: %s %s", c, a.body, claims)
		}
	}
}

// It is recorded like any verification: sent again it is answered as before, and nothing is compared again.
func TestTwoProbesAreReplayed(t *testing.T) {
	d := startDuo(t, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), &leafLog{}) })
	first, again := d.askDuo(newDuo(true, true)), d.askDuo(newDuo(true, true))
	if first.header.Get("Log-Index") == "" || again.header.Get("Replayed") != "true" || !bytes.Equal(first.body, again.body) || len(d.node.verified) != 1 {
		t.Errorf("%s, then %s, %d comparisons", first.body, again.body, len(d.node.verified))
	}
	other := newDuo(true, false)
	if a := d.askDuo(other); a.status != 409 {
		t.Errorf("another voice under the transaction: %d %s", a.status, a.body)
	}
}

// Whoever is not there, or not as the service asks, is told the same no after the same comparison.
//
// FAULTS: Z1 Z2
func TestNoByTwoProbes(t *testing.T) {
	var want []byte
	for name, change := range map[string]func(*desk, *duo){
		"another voice":    func(_ *desk, q *duo) { *q = *newDuo(true, false) },
		"nobody":           func(_ *desk, q *duo) { q.id = testID(77) },
		"another tenant's": func(d *desk, _ *duo) { d.enrol(testID(1), 2, zhenni.LevelFull, zhenni.StatusActive) },
		"suspended":        func(d *desk, _ *duo) { d.enrol(testID(1), 1, zhenni.LevelFull, zhenni.StatusSuspended) },
	} {
		d := startDuo(t, nil)
		q := newDuo(true, true)
		change(d, q)
		q.tokens[0].Subject, q.tokens[1].Subject = q.id, q.id
		a := d.askDuo(q)
		if want == nil {
			want = a.body
		}
		if a.status != 200 || !bytes.Equal(a.body, want) || !bytes.HasPrefix(a.body, []byte(`{"outcome":"no_match"`)) || len(d.node.verified) != 1 {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.body, want)
		}
	}
}

// Each capture is of somebody alive: a token counts for the one that it names, and what is not about a capture vouches for both.
//
// FAULTS: B10 B11
func TestEvidenceOfTwoCaptures(t *testing.T) {
	possession := func(q *duo, capture [32]byte) evidence.Claims {
		return evidence.Claims{Kind: evidence.Possession, Subject: q.id, Capture: capture, Transaction: q.txn, Party: "hotel", IssuedAt: testNow().Unix()}
	}
	for name, c := range map[string]struct {
		change func(*duo)
		says   string // "" for a yes
	}{
		"both alive":             {func(*duo) {}, ""},
		"the face alone":         {func(q *duo) { q.tokens = q.tokens[:1] }, "liveness is missing"},
		"the voice alone":        {func(q *duo) { q.tokens = q.tokens[1:] }, "liveness is missing"},
		"the face twice":         {func(q *duo) { q.tokens[1] = q.live(q.face, zhenni.LivenessActive, 1) }, "liveness is missing"},
		"an old voice":           {func(q *duo) { q.tokens[1] = q.live(q.voice, zhenni.LivenessPassive, 61) }, "evidence[1]: too old"},
		"of a third":             {func(q *duo) { q.tokens[1].Capture[0] ^= 1 }, "evidence[1]: of another capture"},
		"of both":                {func(q *duo) { q.tokens[1].Capture = bothDigests(q.face, q.voice) }, "evidence[1]: of another capture"},
		"another voice is shown": {func(q *duo) { q.voice = voiceProbe(false) }, "evidence[1]: of another capture"},
		"the device for both": {func(q *duo) {
			q.service, q.tokens = "held", []evidence.Claims{possession(q, bothDigests(q.face, q.voice))}
		}, ""},
		"the device for the face":  {func(q *duo) { q.service, q.tokens = "held", []evidence.Claims{possession(q, digestOf(q.face))} }, "of another capture"},
		"the device for the voice": {func(q *duo) { q.service, q.tokens = "held", []evidence.Claims{possession(q, digestOf(q.voice))} }, "of another capture"},
		"in the other order": {func(q *duo) {
			q.service, q.tokens = "held", []evidence.Claims{possession(q, bothDigests(q.voice, q.face))}
		}, "of another capture"},
	} {
		d := startDuo(t, nil)
		q := newDuo(true, true)
		c.change(q)
		a := d.askDuo(q)
		if yes := bytes.HasPrefix(a.body, []byte(`{"outcome":"match"`)); yes != (c.says == "") || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if c.says != "" && (a.status != 422 || len(d.node.verified) != 0) {
			t.Errorf("%s: %d, %d comparisons", name, a.status, len(d.node.verified))
		}
	}
}

// What the party does wrong is told before anything is compared.
//
// FAULTS: Z8 L4 L9
func TestTwoProbesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*duo)
		status int
		says   string
	}{
		"a service of the face":     {func(q *duo) { q.service, q.tokens = "face", nil }, 422, "does not take both probes"},
		"rates that sum to more":    {func(q *duo) { q.service, q.tokens = "narrow", nil }, 403, "does not carry the false match rate"},
		"a model of the face":       {func(q *duo) { q.model = "second-1" }, 400, "of the factor of the first"},
		"the first model":           {func(q *duo) { q.model = "test-model" }, 400, "of the factor of the first"},
		"none that is served":       {func(q *duo) { q.model = "other" }, 400, "not served"},
		"no model":                  {func(q *duo) { q.members = map[string]any{"also_model": nil} }, 400, "also_model"},
		"a model that is a number":  {func(q *duo) { q.members = map[string]any{"also_model": 7} }, 400, "also_model"},
		"a model and no probe":      {func(q *duo) { q.members = map[string]any{"also_probe_int8": nil} }, 422, "want also_probe_int8"},
		"a probe that is cut":       {func(q *duo) { q.voice = q.voice[:4] }, 422, "want also_probe_int8"},
		"both forms":                {func(q *duo) { q.members = map[string]any{"also_probe_float32": float32Probe(testDim, 1)} }, 422, "want also_probe_int8"},
		"no first probe":            {func(q *duo) { q.members = map[string]any{"probe_int8": nil} }, 422, "beside a first probe"},
		"one capture for both":      {func(q *duo) { q.voice, q.tokens = q.face, nil }, 422, "one capture"},
		"no service":                {func(q *duo) { q.tokens, q.members = nil, map[string]any{"service": nil, "purpose": nil} }, 400, "is for a service"},
		"a voice of another person": {func(q *duo) { q.tokens[1].Subject = testID(2) }, 422, "of another credential"},
	} {
		d := startDuo(t, nil)
		q := newDuo(true, true)
		c.change(q)
		a := d.askDuo(q)
		if a.status != c.status || !strings.Contains(string(a.body), c.says) || len(d.node.verified) != 0 {
			t.Errorf("%s: %d %s, %d comparisons", name, a.status, a.body, len(d.node.verified))
		}
	}
}

// One voice tried on several people is noticed, whatever faces it comes with.
//
// FAULTS: B3
func TestSprayOfASecondProbe(t *testing.T) {
	d := startDuo(t, func(c *Config) {
		c.Limits = zhenni.PartyRules{AlarmShared: 2, StopShared: 4, AlarmPercent: 101, StopPercent: 101, PerMinute: 1 << 40}
	})
	status, text := 0, []byte(nil)
	for n := range 40 {
		q := newDuo(false, false)
		face, _ := base64.StdEncoding.DecodeString(q.face)
		face[2] = byte(n + 1)
		q.face, q.service, q.tokens, q.id, q.txn = base64.StdEncoding.EncodeToString(face), "any", nil, testID(n+1), "s-"+string(rune('a'+n%26))+string(rune('a'+n/26))
		a := d.askDuo(q)
		if status, text = a.status, a.body; status != 200 {
			break
		}
	}
	if status != 429 || !bytes.Contains(text, []byte("party_stopped")) {
		t.Errorf("the party goes on: %d %s", status, text)
	}
}
