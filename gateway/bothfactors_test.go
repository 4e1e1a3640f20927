package gateway

import (
	"bytes"
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

// pairing is a verification by a probe and a PIN, good for the service "both" until a test changes it.
type pairing struct {
	entry
	mated bool
}

func (b *booth) pairing() *pairing {
	p := &pairing{entry: *b.entry(), mated: true}
	p.service = "both"
	return p
}

// paired is the document of one, with evidence about its probe.
func (b *booth) paired(p *pairing) string {
	b.t.Helper()
	if p.sealed == "" {
		p.sealed = b.seal(p.digits, "hotel/"+p.txn)
	}
	probe := int8Probe(testDim, p.mated)
	row, _ := base64.StdEncoding.DecodeString(probe)
	members := map[string]any{
		"credential": p.id.String(), "service": p.service, "purpose": "enter", "pin": p.sealed, "probe_int8": probe, "transaction": p.txn,
	}
	if p.possessionBy != nil {
		token, err := evidence.Sign(evidence.Claims{
			Kind: evidence.Possession, Party: "hotel", Subject: p.id, Capture: sha256.Sum256(row), Transaction: p.txn, IssuedAt: b.server.config.Now().Unix(),
		}, p.possessionBy)
		if err != nil {
			b.t.Fatal(err)
		}
		members["evidence"] = []string{string(token)}
	}
	document, err := json.Marshal(members)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(document)
}

func (b *booth) pair(p *pairing) answer {
	b.t.Helper()
	return b.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(b.paired(p)))
}

// A face and a PIN are told yes together, at the rate of the better of them, for they may err together.
//
// FAULTS: Z8
func TestVerifiedByFaceAndPIN(t *testing.T) {
	doc := loadDescription(t)
	b := startBooth(t, 1, func(c *Config) { c.Receipts = testReceipts(t, receipt.Ed25519, 1) })
	b.attempted(zhenni.PINAttempts{Begun: 3})
	if err := visit(doc.Paths.Value("/v1/verifications").Post.RequestBody.Value.Content[mediaJSON].Schema.Value, []byte(b.paired(b.pairing()))); err != nil {
		t.Error(err)
	}
	a := b.pair(b.pairing())
	checkDescribed(t, doc, "POST", "/v1/verifications", a)
	if a.status != 200 || !bytes.Contains(a.body, []byte(`{"outcome":"match"`)) || !bytes.Contains(a.body, []byte(`"factors":["face","pin","possession"],"fmr":5e-07,`)) {
		t.Errorf("%d %s", a.status, a.body)
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(resultOf(a), ".")[1])
	if err != nil || !bytes.Contains(claims, []byte(`"amr":["face","pin","pop"]`)) {
		t.Errorf("%s, %v", claims, err)
	}
	if begun := b.node.begun(testID(1)); begun != 0 || len(b.node.verified) != 1 {
		t.Errorf("%d attempts are left, %d comparisons", begun, len(b.node.verified))
	}
}

// Whatever does not agree, and whatever the credential lacks, the answer is one no, after one comparison of each kind; an attempt
// at the PIN is used up only where the face matched.
//
// FAULTS: B1 B2 B5 Z1 Z2
func TestNoByFaceAndPIN(t *testing.T) {
	var want []byte
	for _, c := range []struct {
		name   string
		change func(*booth, *pairing)
		begun  uint8
	}{
		{"a wrong PIN", func(_ *booth, p *pairing) { p.digits = "58204918" }, 1},
		{"another face", func(_ *booth, p *pairing) { p.mated = false }, 0},
		{"neither", func(_ *booth, p *pairing) { p.mated, p.digits = false, "58204918" }, 0},
		{"no such credential", func(_ *booth, p *pairing) { p.id = testID(77) }, 0},
		{"no PIN", func(b *booth, _ *pairing) { delete(b.node.pins, testID(1)) }, 0},
		{"another device", func(b *booth, p *pairing) { p.possessionBy = b.other }, 0},
		{"no device", func(b *booth, _ *pairing) { b.hold(testID(1), nil) }, 0},
		{"another tenant's", func(b *booth, _ *pairing) { b.enrol(testID(1), 2, zhenni.LevelFull, zhenni.StatusActive) }, 0},
		{"locked", func(b *booth, _ *pairing) { b.changeRecord(func(c *zhenni.Credential) { c.Locked = zhenni.LockPIN }) }, 0},
		{"suspended", func(b *booth, _ *pairing) { b.enrol(testID(1), 1, zhenni.LevelFull, zhenni.StatusSuspended) }, 0},
		{"lite", func(b *booth, _ *pairing) { b.enrol(testID(1), 1, zhenni.LevelLite, zhenni.StatusActive) }, 0},
		{"paused", func(b *booth, _ *pairing) {
			b.attempted(zhenni.PINAttempts{Begun: zhenni.PINFree, PausedUntil: testNow().Add(1)})
		}, zhenni.PINFree},
		{"blocked", func(b *booth, _ *pairing) { b.attempted(zhenni.PINAttempts{Begun: zhenni.PINMost}) }, zhenni.PINMost},
	} {
		b := startBooth(t, 1, nil)
		p := b.pairing()
		c.change(b, p)
		a := b.pair(p)
		if want == nil {
			want = a.body
		}
		if a.status != 200 || !bytes.Equal(a.body, want) || !bytes.HasPrefix(a.body, []byte(`{"outcome":"no_match","profile"`)) {
			t.Errorf("%s: %d %s, want %s", c.name, a.status, a.body, want)
		}
		if begun := b.node.begun(testID(1)); begun != c.begun || len(b.node.verified) != 1 {
			t.Errorf("%s: %d attempts are counted, %d comparisons", c.name, begun, len(b.node.verified))
		}
	}
}

// What the party does wrong is told, before anything is compared or counted.
//
// FAULTS: B5 Z8 L4
func TestPairingsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*booth, *pairing)
		status int
		says   string
	}{
		"a service of the face alone":   {func(_ *booth, p *pairing) { p.service = "pinned" }, 422, "liveness is missing"},
		"one that asks for no PIN":      {func(_ *booth, p *pairing) { p.service = "full" }, 422, "no PIN beside this probe"},
		"one that takes either":         {func(_ *booth, p *pairing) { p.service = "either" }, 422, "no PIN beside this probe"},
		"nothing held":                  {func(_ *booth, p *pairing) { p.possessionBy = nil }, 422, "a factor of the service is missing"},
		"a PIN for another transaction": {func(b *booth, p *pairing) { p.sealed = b.seal(rightPIN, "hotel/t-2") }, 422, "of another transaction"},
		"seven digits":                  {func(_ *booth, p *pairing) { p.digits = "5820491" }, 422, "want eight digits"},
	} {
		b := startBooth(t, 1, nil)
		p := b.pairing()
		c.change(b, p)
		a := b.pair(p)
		if a.status != c.status || !strings.Contains(string(a.body), c.says) || strings.Contains(string(a.body), rightPIN) {
			t.Errorf("%s: %d %s, want %d, %s", name, a.status, a.body, c.status, c.says)
		}
		if b.node.begun(testID(1)) != 0 || len(b.node.verified) != 0 {
			t.Errorf("%s: an attempt is counted, or compared", name)
		}
	}
	b := startBooth(t, 1, nil)
	plain := `{"credential":"` + testID(1).String() + `","pin":"x","probe_int8":"` + int8Probe(testDim, true) + `"}`
	if a := b.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(plain)); a.status != 400 {
		t.Errorf("without a service: %d %s", a.status, a.body)
	}
	turn, err := b.pins.Admit()
	if err != nil {
		t.Fatal(err)
	}
	defer turn.End()
	if a := b.pair(b.pairing()); a.status != 503 || len(b.node.verified) != 0 || b.node.begun(testID(1)) != 0 {
		t.Errorf("more than are computed at once: %d %s", a.status, a.body)
	}
}

// It is recorded like any verification: sent again it is answered as before, and is no other attempt of either kind.
func TestPairingsAreReplayed(t *testing.T) {
	b := startBooth(t, 1, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), &leafLog{}) })
	p := b.pairing()
	p.digits = "58204918"
	document := []byte(b.paired(p))
	first := b.call("POST", "/v1/verifications", "hotel", mediaJSON, document)
	again := b.call("POST", "/v1/verifications", "hotel", mediaJSON, document)
	if first.header.Get("Log-Index") == "" || again.header.Get("Replayed") != "true" || !bytes.Equal(first.body, again.body) {
		t.Errorf("%s, then %s", first.body, again.body)
	}
	if begun := b.node.begun(testID(1)); begun != 1 || len(b.node.verified) != 1 {
		t.Errorf("%d attempts are counted, %d comparisons", begun, len(b.node.verified))
	}
}

// The answer comes after a whole number of steps, whichever does not agree.
//
// FAULTS: Z2
func TestPairingsAreAnsweredInSteps(t *testing.T) {
	const step = 60 * time.Millisecond
	b := startBooth(t, 1, func(c *Config) { c.UnprobedTime = step })
	for n, change := range []func(*pairing){func(*pairing) {}, func(p *pairing) { p.mated = false }, func(p *pairing) { p.id = testID(77) }} {
		p := b.pairing()
		change(p)
		document := []byte(b.paired(p))
		begun := time.Now()
		b.call("POST", "/v1/verifications", "hotel", mediaJSON, document)
		if took := time.Since(begun); took < step {
			t.Errorf("%d: answered after %v", n, took)
		}
	}
}

// A probe without a PIN costs no look at one, and none at a record.
func TestProbeAloneLooksAtNoPIN(t *testing.T) {
	b := startBooth(t, 1, nil)
	looked := b.pins.looked.Load()
	q := b.question()
	q.service, q.purpose, q.liveBy, q.possessionBy, q.captured = "open", "enter", nil, nil, ""
	if a := b.ask(q); a.status != 200 || !bytes.Contains(a.body, []byte(`"match"`)) || b.pins.looked.Load() != looked {
		t.Errorf("%d %s, %d looks", a.status, a.body, b.pins.looked.Load()-looked)
	}
}

// A PIN that does not open is refused like every no from then on, and counts nothing.
//
// FAULTS: Z2 B2
func TestPairingsWithAPINThatDoesNotOpen(t *testing.T) {
	b := startBooth(t, 1, nil)
	b.keep(t, cheapPINs, pepperOf(t, 2, 9))
	there := b.pair(b.pairing())
	other, unknown := b.pairing(), b.pairing()
	other.mated, unknown.id = false, testID(77)
	for name, a := range map[string]answer{"another face": b.pair(other), "nobody": b.pair(unknown)} {
		if there.status != 503 || a.status != 503 || !bytes.Equal(a.body, there.body) {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, there.status, there.body)
		}
	}
	if b.node.begun(testID(1)) != 0 {
		t.Error("an attempt is counted")
	}
}
