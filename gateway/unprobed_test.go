package gateway

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/identity/pin"
	"zhenni/receipt"
)

// Who has the PIN and what is held is told yes, on what grounds and at what rate; each way of a service that needs no face
// is a way.
//
// FAULTS: Z8
func TestVerifiedWithoutAFace(t *testing.T) {
	doc := loadDescription(t)
	schema := doc.Paths.Value("/v1/verifications").Post.RequestBody.Value.Content[mediaJSON].Schema.Value
	for name, c := range map[string]struct {
		change func(*booth, *entry)
		says   string
	}{
		"PIN and phone": {func(*booth, *entry) {}, `"level":"full","factors":["pin","possession"],"fmr":0.0010000000000000002,`},
		"PIN and card":  {func(b *booth, e *entry) { e.possessionBy, e.cardBy = nil, b.terminal }, `"factors":["pin","card"],"fmr":0.0010000000000000002,`},
		"all":           {func(b *booth, e *entry) { e.cardBy = b.terminal }, `"factors":["pin","possession","card"],"fmr":0.0010000000000000002,`},
		"card, where that is enough": {func(b *booth, e *entry) {
			e.service, e.possessionBy, e.cardBy = "open", nil, b.terminal
		}, `"level":"lite","factors":["card"],"fmr":1,`},
	} {
		b := startBooth(t, 1, nil)
		e := b.entry()
		c.change(b, e)
		if err := visit(schema, []byte(b.document(e))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a := b.enter(e)
		checkDescribed(t, doc, "POST", "/v1/verifications", a)
		if a.status != 200 || !bytes.Contains(a.body, []byte(`{"outcome":"match","assertions":{"identity_authentic":true,"document_valid":true,"same_person":false},`)) || !bytes.Contains(a.body, []byte(c.says)) {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.body, c.says)
		}
		if begun := b.node.begun(testID(1)); begun != 0 || len(b.node.verified) != 0 {
			t.Errorf("%s: %d attempts are left, %d comparisons", name, begun, len(b.node.verified))
		}
	}
}

// What the credential lacks looks like a wrong PIN, to the byte; and where what is held is not the credential's, no attempt
// of its PIN is used up.
//
// FAULTS: B2 B5 Z1 Z2
func TestNoWithoutAFace(t *testing.T) {
	var want []byte
	for _, c := range []struct {
		name   string
		change func(*booth, *entry)
		begun  uint8
	}{
		{"a wrong PIN", func(_ *booth, e *entry) { e.digits = "58204918" }, 1},
		{"no such credential", func(b *booth, e *entry) { e.id, e.possessionBy, e.cardBy = testID(77), nil, b.terminal }, 0},
		{"no PIN", func(b *booth, _ *entry) { delete(b.node.pins, testID(1)) }, 0},
		{"another device", func(b *booth, e *entry) { e.possessionBy = b.other }, 0},
		{"no device", func(b *booth, _ *entry) { b.hold(testID(1), nil) }, 0},
		{"another tenant's", func(b *booth, _ *entry) { b.enrol(testID(1), 2, zhenni.LevelFull, zhenni.StatusActive) }, 0},
		{"locked", func(b *booth, _ *entry) { b.changeRecord(func(c *zhenni.Credential) { c.Locked = zhenni.LockPIN }) }, 0},
		{"suspended", func(b *booth, _ *entry) { b.enrol(testID(1), 1, zhenni.LevelFull, zhenni.StatusSuspended) }, 0},
		{"lite", func(b *booth, _ *entry) { b.enrol(testID(1), 1, zhenni.LevelLite, zhenni.StatusActive) }, 0},
		{"past its end", func(b *booth, _ *entry) { b.changeRecord(func(c *zhenni.Credential) { c.ValidUntil = testNow() }) }, 0},
		{"paused", func(b *booth, _ *entry) {
			b.attempted(zhenni.PINAttempts{Begun: zhenni.PINFree, PausedUntil: testNow().Add(1)})
		}, zhenni.PINFree},
		{"blocked", func(b *booth, _ *entry) { b.attempted(zhenni.PINAttempts{Begun: zhenni.PINMost}) }, zhenni.PINMost},
	} {
		b := startBooth(t, 1, nil)
		e := b.entry()
		c.change(b, e)
		a := b.enter(e)
		if want == nil {
			want = a.body
		}
		if a.status != 200 || !bytes.Equal(a.body, want) || !bytes.HasPrefix(a.body, []byte(`{"outcome":"no_match","profile"`)) {
			t.Errorf("%s: %d %s, want %s", c.name, a.status, a.body, want)
		}
		if begun := b.node.begun(testID(1)); begun != c.begun {
			t.Errorf("%s: %d attempts are counted, want %d", c.name, begun, c.begun)
		}
	}
}

func (b *booth) changeRecord(change func(*zhenni.Credential)) {
	b.node.mu.Lock()
	defer b.node.mu.Unlock()
	c := b.node.records[testID(1)]
	change(&c)
	b.node.records[testID(1)] = c
}

func (b *booth) attempted(a zhenni.PINAttempts) {
	b.node.mu.Lock()
	defer b.node.mu.Unlock()
	kept := b.node.pins[testID(1)]
	kept.Attempts = a
	b.node.pins[testID(1)] = kept
}

// What the party does wrong is told, and counts no attempt.
//
// FAULTS: B5 Z8
func TestEntriesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*booth, *entry)
		status int
		says   string
	}{
		"nothing held":           {func(_ *booth, e *entry) { e.possessionBy = nil }, 422, "a factor of the service is missing"},
		"a card by a stranger":   {func(b *booth, e *entry) { e.cardBy = b.other }, 422, "not signed by a terminal of the tenant"},
		"a card of somebody":     {func(b *booth, e *entry) { e.card.Party, e.cardBy = "bank", b.terminal }, 422, "for another relying party"},
		"another transaction":    {func(b *booth, e *entry) { e.sealed = b.seal(rightPIN, "hotel/t-2") }, 422, "of another transaction"},
		"another party's":        {func(b *booth, e *entry) { e.sealed = b.seal(rightPIN, "bank/t-1") }, 422, "of another transaction"},
		"seven digits":           {func(_ *booth, e *entry) { e.digits = "5820491" }, 422, "want eight digits"},
		"letters":                {func(_ *booth, e *entry) { e.digits = "5820491a" }, 422, "want digits only"},
		"not sealed":             {func(_ *booth, e *entry) { e.sealed = rightPIN }, 422, "not a JWE"},
		"a service without PINs": {func(_ *booth, e *entry) { e.service = "carded" }, 422, "a factor of the service is missing"},
		"not granted":            {func(_ *booth, e *entry) { e.service = "none" }, 403, "service_refused"},
		"another purpose":        {func(_ *booth, e *entry) { e.service = "strict" }, 403, "purpose_refused"},
	} {
		b := startBooth(t, 1, nil)
		e := b.entry()
		c.change(b, e)
		a := b.enter(e)
		if a.status != c.status || !strings.Contains(string(a.body), c.says) || strings.Contains(string(a.body), rightPIN) {
			t.Errorf("%s: %d %s, want %d, %s", name, a.status, a.body, c.status, c.says)
		}
		if b.node.begun(testID(1)) != 0 {
			t.Errorf("%s: an attempt is counted", name)
		}
	}
	b := startBooth(t, 1, nil)
	good := strings.TrimSuffix(b.document(b.entry()), "}")
	for name, document := range map[string]string{
		"a number":      strings.Replace(good, `"pin":"`, `"pin":7,"x":"`, 1) + "}",
		"twice":         good + `,"pin":"x"}`,
		"no service":    `{"credential":"` + testID(1).String() + `","pin":"x"}`,
		"with no probe": `{"credential":"` + testID(1).String() + `","pin":"x","probe_int8":""}`,
	} {
		if a := b.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(document)); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	without := startDesk(t, nil)
	if a := without.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(good+"}")); a.status != 422 {
		t.Errorf("where there are no PINs: %d %s", a.status, a.body)
	}
}

// Of guesses at once as many are looked at as of guesses in a row; after them the PIN itself is not, until the pause is over.
// They are answered alike, and no line of the log has a digit of them.
//
// FAULTS: B1 B2
func TestGuessesAtOnce(t *testing.T) {
	const guesses = 64
	lines := &syncBuffer{}
	b := startBooth(t, guesses, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	looked := b.pins.looked.Load()
	var guessers sync.WaitGroup
	for i := range guesses {
		e := b.entry()
		e.txn, e.digits = fmt.Sprintf("t-%d", i), fmt.Sprintf("582049%02d", 20+i)
		document := b.document(e)
		guessers.Go(func() {
			a := b.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(document))
			if a.status != 200 || !bytes.Contains(a.body, []byte(`"no_match"`)) || bytes.Contains(a.body, []byte("582049")) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	guessers.Wait()
	// Each guess sees that there is a PIN that opens, and those that are counted read it to compare with.
	if n := b.pins.looked.Load() - looked - guesses; n != zhenni.PINFree || b.node.begun(testID(1)) != zhenni.PINFree {
		t.Errorf("%d of %d guesses are looked at, and %d counted", n, guesses, b.node.begun(testID(1)))
	}
	b.late.Store(int64(zhenni.PINPause - 1))
	if a := b.enter(b.entry()); !bytes.HasPrefix(a.body, []byte(`{"outcome":"no_match"`)) {
		t.Errorf("in the pause: %s", a.body)
	}
	b.late.Store(int64(zhenni.PINPause))
	if a := b.enter(b.entry()); !bytes.HasPrefix(a.body, []byte(`{"outcome":"match"`)) || b.node.begun(testID(1)) != 0 {
		t.Errorf("after the pause: %s", a.body)
	}
	if strings.Contains(lines.String(), "582049") {
		t.Error("the log has digits of a PIN")
	}
}

// More than are computed at once are refused, and cost no attempt.
//
// FAULTS: O7
func TestEntriesAreBounded(t *testing.T) {
	b := startBooth(t, 1, nil)
	turn, err := b.pins.Admit()
	if err != nil {
		t.Fatal(err)
	}
	a := b.enter(b.entry())
	if a.status != 503 || !bytes.Contains(a.body, []byte(`"overloaded"`)) || b.node.begun(testID(1)) != 0 {
		t.Errorf("%d %s, %d attempts", a.status, a.body, b.node.begun(testID(1)))
	}
	turn.End()
	if a := b.enter(b.entry()); !bytes.Contains(a.body, []byte(`"match"`)) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A verification without a probe is recorded like any: sent again it is answered as before, and is no other attempt.
func TestEntriesAreReplayed(t *testing.T) {
	b := startBooth(t, 1, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), &leafLog{}) })
	e := b.entry()
	e.digits = "58204918"
	document := []byte(b.document(e))
	first := b.call("POST", "/v1/verifications", "hotel", mediaJSON, document)
	again := b.call("POST", "/v1/verifications", "hotel", mediaJSON, document)
	if first.header.Get("Log-Index") == "" || again.header.Get("Replayed") != "true" || !bytes.Equal(first.body, again.body) {
		t.Errorf("%s, then %s", first.body, again.body)
	}
	if begun := b.node.begun(testID(1)); begun != 1 {
		t.Errorf("%d attempts are counted", begun)
	}
	e.sealed = ""
	if a := b.enter(e); a.status != 409 || b.node.begun(testID(1)) != 1 {
		t.Errorf("another request of the transaction: %d %s", a.status, a.body)
	}
}

// The answer comes after a whole number of steps, whether anything was made durable or not.
//
// FAULTS: Z2
func TestEntriesAreAnsweredInSteps(t *testing.T) {
	const step = 60 * time.Millisecond
	b := startBooth(t, 1, func(c *Config) { c.UnprobedTime = step })
	for _, id := range []zhenni.CredentialID{testID(1), testID(77)} {
		e := b.entry()
		e.id, e.possessionBy, e.cardBy = id, nil, b.terminal
		document := []byte(b.document(e))
		begun := time.Now()
		b.call("POST", "/v1/verifications", "hotel", mediaJSON, document)
		if took := time.Since(begun); took < step {
			t.Errorf("%v: answered after %v", id, took)
		}
	}
}

// What is signed of a yes names the PIN and what was held as its methods.
func TestEntriesAreSigned(t *testing.T) {
	b := startBooth(t, 1, func(c *Config) { c.Receipts = testReceipts(t, receipt.Ed25519, 1) })
	signed := resultOf(b.enter(b.entry()))
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		t.Fatalf("%q", signed)
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !bytes.Contains(claims, []byte(`"amr":["pin","pop"]`)) {
		t.Errorf("%s, %v", claims, err)
	}
}

// meanwhile is a book of PINs beside which something happens once a PIN is looked at.
type meanwhile struct {
	PINs
	happens func()
}

func (m meanwhile) Admit() (*pin.Turn, error) {
	m.happens()
	return m.PINs.Admit()
}

// A party that loses its place, or the service, while a PIN is compared is not told what came of it.
//
// FAULTS: A21
func TestEntriesEndWithTheirParty(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*zhenni.RelyingParty) (stays bool)
		status int
	}{
		"nothing":          {func(*zhenni.RelyingParty) bool { return true }, 200},
		"it is removed":    {func(*zhenni.RelyingParty) bool { return false }, 401},
		"no longer that":   {func(p *zhenni.RelyingParty) bool { p.Services = nil; return true }, 403},
		"no verifier more": {func(p *zhenni.RelyingParty) bool { p.Roles = zhenni.RoleAuditor; return true }, 403},
	} {
		var b *booth
		b = startBooth(t, 1, func(config *Config) {
			config.PINs = meanwhile{config.PINs, func() {
				if b == nil { // while the PIN is set
					return
				}
				b.node.mu.Lock()
				defer b.node.mu.Unlock()
				party := b.node.parties["hotel"]
				if delete(b.node.parties, "hotel"); c.change(&party) {
					b.node.parties["hotel"] = party
				}
			}}
		})
		if a := b.enter(b.entry()); a.status != c.status || c.status != 200 && bytes.Contains(a.body, []byte(`"match"`)) {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, c.status)
		}
	}
}
