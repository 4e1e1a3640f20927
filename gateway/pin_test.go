package gateway

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

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
