package gateway

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/identity"
)

// Who may set a PIN, and which.
//
// FAULTS: Z1 Z4 L4
func TestSetPIN(t *testing.T) {
	doc := loadDescription(t)
	b := startBooth(t, 1, nil)
	b.enrol(testID(3), 1, zhenni.LevelLite, zhenni.StatusActive)
	b.enrol(testID(4), 2, zhenni.LevelLite, zhenni.StatusActive)
	born, err := identity.Seal(b.to, "张三", "11010519491231002X", "terminal/t-1")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := identity.Seal(b.to, "李四", "110101199003078611", "terminal/t-1")
	if err != nil {
		t.Fatal(err)
	}
	b.changeRecord(func(c *zhenni.Credential) {
		c.Subject = subjectBorn(time.Date(1949, 12, 31, 0, 0, 0, 0, time.UTC))
	})
	for name, c := range map[string]struct {
		n                   int
		party, digits, more string
		status              int
		says                string
	}{
		"of a lite one, by an issuer":   {3, "issuer-1", rightPIN, "", 200, `"level":"lite"`},
		"of a lite one, by a terminal":  {3, "terminal", rightPIN, "", 200, `"level":"lite"`},
		"of a full one, by a terminal":  {1, "terminal", rightPIN, "", 200, `"level":"full"`},
		"full-width":                    {1, "terminal", "５８２０４９１７", "", 200, `"level":"full"`},
		"of a full one, by an issuer":   {1, "issuer-1", rightPIN, "", 403, "set at a terminal"},
		"by a verifier":                 {1, "hotel", rightPIN, "", 403, "forbidden"},
		"of another tenant's":           {4, "terminal", rightPIN, "", 404, "credential_not_found"},
		"of nobody":                     {77, "terminal", rightPIN, "", 404, "credential_not_found"},
		"a run":                         {1, "terminal", "12345678", "", 422, "digits in a row"},
		"a date":                        {1, "terminal", "20241231", "", 422, "a date"},
		"too short":                     {1, "terminal", "5820491", "", 422, "want eight digits"},
		"of the day of birth":           {1, "terminal", "49123177", `,"identity":"` + born + `"`, 422, "the date of birth"},
		"of that day, whose is unknown": {1, "terminal", "49123177", "", 200, `"level":"full"`},
		"with the holder's identity":    {1, "terminal", rightPIN, `,"identity":"` + born + `"`, 200, `"level":"full"`},
		"with somebody's identity":      {1, "terminal", rightPIN, `,"identity":"` + stranger + `"`, 404, "credential_not_found"},
		"of one without a subject":      {3, "terminal", rightPIN, `,"identity":"` + born + `"`, 404, "credential_not_found"},
		"not an identity":               {1, "terminal", rightPIN, `,"identity":"x"`, 422, "not a JWE"},
		"with a status":                 {1, "terminal", rightPIN, `,"status":"active"`, 400, "bad_item"},
	} {
		a := b.set(testID(c.n), c.party, "t-1", b.seal(c.digits, c.party+"/t-1"), c.more)
		checkDescribed(t, doc, "POST", "/v1/credentials/{id}/pin", a)
		if a.status != c.status || !strings.Contains(string(a.body), c.says) || bytes.Contains(a.body, []byte(rightPIN)) {
			t.Errorf("%s: %d %s, want %d, %s", name, a.status, a.body, c.status, c.says)
		}
		b.node.pins = map[zhenni.CredentialID]zhenni.PIN{}
	}
	if a := b.set(testID(1), "terminal", "t-1", b.seal(rightPIN, "terminal/t-2"), ""); a.status != 422 {
		t.Errorf("sealed for another transaction: %d %s", a.status, a.body)
	}
	without := startDesk(t, nil)
	path := "/v1/credentials/" + testID(1).String() + "/pin"
	if a := without.call("POST", path, "issuer", mediaJSON, []byte(`{"pin":"x"}`), "Transaction-Id: t-1"); a.status != 404 {
		t.Errorf("where there are no PINs: %d %s", a.status, a.body)
	}
	if a := b.call("POST", path, "terminal", mediaJSON, []byte(`{"pin":"x"}`)); a.status != 400 {
		t.Errorf("unnamed: %d %s", a.status, a.body)
	}
}

// A request that is sent again sets nothing anew, so that whoever has seen it clears no count by it; another one of its
// transaction is refused, and one of another transaction clears the count.
func TestSetPINAgain(t *testing.T) {
	b := startBooth(t, 1, nil)
	sealed := b.seal("71940285", "terminal/t-1")
	setAgain := func() {
		if a := b.set(testID(1), "terminal", "t-1", sealed, ""); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	setAgain()
	b.attempted(zhenni.PINAttempts{Begun: 3})
	setAgain()
	before := b.node.pins[testID(1)]
	if a := b.set(testID(1), "terminal", "t-1", b.seal("71940285", "terminal/t-1"), ""); a.status != 409 || !bytes.Contains(a.body, []byte("transaction_reused")) {
		t.Errorf("another of the transaction: %d %s", a.status, a.body)
	}
	if after := b.node.pins[testID(1)]; !reflect.DeepEqual(after, before) || after.Attempts.Begun != 3 {
		t.Errorf("%d attempts", after.Attempts.Begun)
	}
	if a := b.set(testID(1), "terminal", "t-2", b.seal("71940285", "terminal/t-2"), ""); a.status != 200 || b.node.begun(testID(1)) != 0 {
		t.Errorf("set anew: %d %s, %d attempts", a.status, a.body, b.node.begun(testID(1)))
	}
}

// With a ledger a request that is sent again gets the stored answer, byte for byte, and sets nothing: also where another PIN
// was set since, which goes on counting. Another body under the transaction is refused.
func TestSetPINAgainAfterAnother(t *testing.T) {
	b := startBooth(t, 1, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), &leafLog{}) })
	first, second := b.seal("71940285", "terminal/t-1"), b.seal("60318274", "terminal/t-2")
	answered := b.set(testID(1), "terminal", "t-1", first, "")
	if a := b.set(testID(1), "terminal", "t-2", second, ""); answered.status != 200 || a.status != 200 {
		t.Fatalf("%s, %s", answered.body, a.body)
	}
	b.attempted(zhenni.PINAttempts{Begun: 3})
	before := b.node.pins[testID(1)]
	again := b.set(testID(1), "terminal", "t-1", first, "")
	if again.header.Get("Replayed") != "true" || again.status != 200 || !bytes.Equal(again.body, answered.body) {
		t.Errorf("%d %s, then %d %s", answered.status, answered.body, again.status, again.body)
	}
	checkDescribed(t, loadDescription(t), "POST", "/v1/credentials/{id}/pin", again)
	if after := b.node.pins[testID(1)]; !reflect.DeepEqual(after, before) {
		t.Errorf("the first PIN is back, with %d attempts", after.Attempts.Begun)
	}
	other := b.seal("71940285", "terminal/t-1")
	if a := b.set(testID(1), "terminal", "t-1", other, ""); a.status != 409 || !bytes.Contains(a.body, []byte("transaction_reused")) {
		t.Errorf("another body: %d %s", a.status, a.body)
	}
	path, named := "/v1/credentials/"+testID(1).String()+"/pin", `Idempotency-Key: "t-9"`
	if a := b.call("POST", path, "terminal", mediaJSON, []byte(`{"pin":"`+b.seal(rightPIN, "terminal/t-9")+`"}`), named); a.status != 200 {
		t.Errorf("by an idempotency key: %d %s", a.status, a.body)
	}
	if a := b.call("POST", path, "terminal", mediaJSON, []byte(`{"pin":"`+b.seal(rightPIN, "terminal/t-9")+`"}`), named); a.status != 422 {
		t.Errorf("another body of the key: %d %s", a.status, a.body)
	}
}

// A crash between the change and its record leaves a transaction that was set and is not stored: sent again, it sets nothing
// anew and is stored then.
func TestSetPINThatWasNotRecorded(t *testing.T) {
	log := &leafLog{}
	b := startBooth(t, 1, func(c *Config) { c.Ledger = openLedger(t, t.TempDir(), log) })
	sealed := b.seal("71940285", "terminal/t-1")
	log.err = errors.New("the disk fails")
	if a := b.set(testID(1), "terminal", "t-1", sealed, ""); a.status == 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	b.attempted(zhenni.PINAttempts{Begun: 3})
	before := b.node.pins[testID(1)]
	b.server.config.Ledger = openLedger(t, t.TempDir(), &leafLog{})
	if a := b.set(testID(1), "terminal", "t-1", sealed, ""); a.status != 200 || a.header.Get("Log-Index") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if after := b.node.pins[testID(1)]; !reflect.DeepEqual(after, before) {
		t.Errorf("it is set anew, with %d attempts", after.Attempts.Begun)
	}
}

// What is kept of a set PIN in the ledger has neither digit nor sealed text of it, and its proof is of no yes.
func TestSetPINLeavesNothingInTheLedger(t *testing.T) {
	dir := t.TempDir()
	stored := openLedger(t, dir, &leafLog{})
	b := startBooth(t, 1, func(c *Config) { c.Ledger = stored })
	sealed := b.seal("71940285", "terminal/t-1")
	if a := b.set(testID(1), "terminal", "t-1", sealed, ""); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	asked := zhenni.Request{Party: "terminal", Transaction: "t-1", Named: true}
	path := "/v1/credentials/" + testID(1).String() + "/pin"
	asked.Digest = stored.Digest(path, mediaJSON, []byte(`{"pin":"`+sealed+`","transaction":"t-1"}`))
	answer, err := stored.Begin(asked)
	if err != nil || answer == nil {
		t.Fatal(answer, err)
	}
	if bytes.Contains(answer.Answer, []byte("71940285")) || bytes.Contains(answer.Answer, []byte(sealed)) || answer.Outcomes[0] != zhenni.Pending {
		t.Errorf("%q, %v", answer.Answer, answer.Outcomes)
	}
}

// To set a PIN counts against the quota of the party.
func TestSetPINSpendsQuota(t *testing.T) {
	b := startBooth(t, 1, nil)
	party := b.node.parties["terminal"]
	party.Quota.PerDay = 2
	b.node.parties["terminal"] = party
	for n, want := range []int{200, 429} { // the first was of startBooth
		transaction := "t-" + strconv.Itoa(n)
		a := b.set(testID(1), "terminal", transaction, b.seal(rightPIN, "terminal/"+transaction), "")
		if a.status != want || a.header.Get("RateLimit") == "" {
			t.Errorf("set %d: %d %s", n, a.status, a.body)
		}
		checkDescribed(t, loadDescription(t), "POST", "/v1/credentials/{id}/pin", a)
	}
}
