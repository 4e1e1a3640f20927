package receipt

import (
	"errors"
	"strings"
	"testing"

	"zhenni"
)

// A result of a payment is one of that payment and of no other, by a single unit of it, and a result of a session one of that
// session.
//
// FAULTS: A16
func TestResultsAreOfTheirPayment(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	keys := Keys{s.Key()}
	paid, seat := mustSign(t, s, ofSession(aYes(), &aPayment)), mustSign(t, s, ofSession(aYes(), nil))
	dearer, elsewhere, later := aPayment, aPayment, aPayment
	dearer.Amount++
	elsewhere.Payee += "."
	later.Reference = "2026-12"
	for name, c := range map[string]struct {
		result string
		want   Expectations
		fits   bool
	}{
		"it": {paid, Expectations{Payment: &aPayment, Session: zhenni.SessionID{0xab, 15: 1}}, true}, "dearer": {paid, Expectations{Payment: &dearer}, false},
		"elsewhere": {paid, Expectations{Payment: &elsewhere}, false}, "later": {paid, Expectations{Payment: &later}, false},
		"of none": {seat, Expectations{Payment: &aPayment}, false}, "another session": {seat, Expectations{Session: zhenni.SessionID{0xab}}, false},
		"no session": {mustSign(t, s, aYes()), Expectations{Session: zhenni.SessionID{0xab, 15: 1}}, false},
	} {
		c.want.Audience = "bank"
		if _, err := Verify(c.result, keys, c.want); (err == nil) != c.fits || err != nil && !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What binds a result has one spelling and one place, and says nothing that its transaction contradicts.
//
// FAULTS: L10
func TestBindingHasOneSpelling(t *testing.T) {
	s := testSigner(t, Ed25519, 1)
	c := ofSession(aYes(), &aPayment)
	payload := string(c.payload())
	session := `"session":"` + c.Bound.Session.String() + `",`
	payment := `"payment":"` + urlBase64.EncodeToString(c.Bound.Payment[:]) + `",`
	for name, changed := range map[string]string{
		"another session": strings.Replace(payload, `"session":"ab`, `"session":"ac`, 1),
		"capital":         strings.Replace(payload, `"session":"ab`, `"session":"AB`, 1),
		"without session": strings.Replace(payload, session, "", 1),
		"other order":     strings.Replace(payload, session+payment, payment+session, 1),
		"twice":           strings.Replace(payload, payment, payment+payment, 1),
		"short payment":   strings.Replace(payload, payment, `"payment":"AAAA",`, 1),
		"no tries":        strings.Replace(payload, `,"tries":2`, "", 1),
		"too many tries":  strings.Replace(payload, `"tries":2`, `"tries":4`, 1),
		"zero tries":      strings.Replace(payload, `"tries":2`, `"tries":0`, 1),
		"other place":     strings.Replace(strings.Replace(payload, `,"tries":2`, "", 1), `"acr":`, `"tries":2,"acr":`, 1),
	} {
		if changed == payload {
			t.Fatalf("%s: nothing changed in %s", name, payload)
		}
		signed, err := sign(s, []byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(string(signed), Keys{s.Key()}); !errors.Is(err, zhenni.ErrBadResult) {
			t.Errorf("%s: %v", name, err)
		}
	}
	batch := aBatch()
	batch.Bound, batch.Transaction = c.Bound, c.Transaction
	if _, err := Sign(s, batch); !errors.Is(err, zhenni.ErrBadResult) {
		t.Errorf("a batch of a session: %v", err)
	}
}
