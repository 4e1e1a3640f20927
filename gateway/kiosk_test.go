package gateway

import (
	"context"
	"encoding/base64"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/evidence"
)

// kiosk begins a session of a terminal for the card of the first credential.
func (o *office) kiosk(service string) (session, transaction string) {
	o.t.Helper()
	b := o.begin(`{"kind":"kiosk","service":"` + service + `","purpose":"enter","credential":"` + testID(1).String() + `"}`)
	return b.id, b.Transaction
}

func (o *office) show(session, document string) answer {
	o.t.Helper()
	a := o.call("POST", "/v1/sessions/"+session+"/capture", "hotel", mediaJSON, []byte(document))
	o.described("POST", "/v1/sessions/{id}/capture", a)
	return a
}

// A service that asks for the card beside a face that is alive has them of the terminal's own key, each for this session; with
// less, or with another's, nothing is compared.
//
// FAULTS: B10 B11 Z3
func TestKioskTakesTheCard(t *testing.T) {
	o := startOffice(t, nil)
	session, transaction := o.kiosk("carded")
	if transaction != "session."+session+".0.0" {
		t.Fatalf("%q", transaction)
	}
	probe := int8Probe(testDim, true)
	captured, _ := base64.StdEncoding.DecodeString(probe)
	says := func(kind evidence.Kind, about zhenni.CredentialID, transaction string) string {
		return o.terminalSays(kind, about, transaction, captured)
	}
	live, card := says(evidence.Liveness, testID(1), transaction), says(evidence.Card, testID(1), transaction)
	other, _ := o.kiosk("carded")
	show := func(tokens ...string) answer {
		return o.show(session, `{"probe_int8":"`+probe+`","evidence":["`+strings.Join(tokens, `","`)+`"]}`)
	}
	asked := o.node.asked()
	for name, tokens := range map[string][]string{
		"no card": {live}, "no liveness": {card}, "of another session": {live, says(evidence.Card, testID(1), "session."+other+".0.0")},
		"another's card": {live, says(evidence.Card, testID(2), transaction)}, "of the session": {live, says(evidence.Card, zhenni.CredentialID(must(zhenni.ParseSessionID(session))), transaction)},
	} {
		if a := show(tokens...); a.status != 422 || member[string](t, a, "code") != "evidence_refused" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if o.node.asked() != asked {
		t.Error("compared without the evidence")
	}
	if a := wantStatus(t, show(live, card), 200); !member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
}

// The way without the face: the terminal reads the card, and nothing is captured.
func TestKioskWithoutTheFace(t *testing.T) {
	o := startOffice(t, nil)
	session, transaction := o.kiosk("open")
	if a := o.show(session, `{}`); a.status != 422 {
		t.Errorf("nothing at all: %d %s", a.status, a.body)
	}
	card := o.terminalSays(evidence.Card, testID(1), transaction, nil)
	if a := wantStatus(t, o.show(session, `{"evidence":["`+card+`"]}`), 200); !member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
	if o.node.asked() != 0 {
		t.Error("something was compared")
	}
}

// A service that asks for what a kiosk can not have, the signature of the person's device, is not served by one.
func TestKioskHasNoPossession(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(`{"kind":"kiosk","service":"strict","purpose":"open","credential":"` + testID(1).String() + `"}`)
	captured, _ := base64.StdEncoding.DecodeString(int8Probe(testDim, true))
	live := o.terminalSays(evidence.Liveness, testID(1), b.Transaction, captured)
	a := o.show(b.id, `{"probe_int8":"`+int8Probe(testDim, true)+`","captured_at":"`+o.now().UTC().Format("2006-01-02T15:04:05Z")+`","evidence":["`+live+`"]}`)
	if a.status != 422 || !strings.Contains(string(a.body), "possession") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A PIN is entered at the terminal beside the face and the card, sealed for the transaction that the session shows: of another one it
// is none, and a wrong one is a no like any other, after which the next is sealed for the next try.
//
// FAULTS: Z3
func TestKioskTakesThePIN(t *testing.T) {
	o := &office{doc: loadDescription(t), book: &sessionBook{all: map[zhenni.SessionID]zhenni.Session{}}}
	host, err := actors.StartSessions(actors.SessionConfig{Now: o.now, Logger: slog.New(slog.DiscardHandler)}, o.book)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close(context.Background()) })
	b := startBooth(t, 1, func(c *Config) { c.Sessions, c.Now = hostedSessions{host, o.book}, o.now })
	o.desk = b.desk
	session, transaction := o.kiosk("both")
	captured, _ := base64.StdEncoding.DecodeString(int8Probe(testDim, true))
	show := func(transaction, sealedFor, digits string) answer {
		card := o.terminalSays(evidence.Card, testID(1), transaction, captured)
		return o.show(session, `{"probe_int8":"`+int8Probe(testDim, true)+`","pin":"`+b.seal(digits, "hotel/"+sealedFor)+`","evidence":["`+card+`"]}`)
	}
	if a := show(transaction, "t-1", rightPIN); a.status != 422 {
		t.Errorf("sealed for another: %d %s", a.status, a.body)
	}
	a := wantStatus(t, show(transaction, transaction, "11111111"), 200)
	next := member[string](t, a, "transaction")
	if member[string](t, a, "outcome") != "live" || next != "session."+session+".0.1" {
		t.Fatalf("%s", a.body)
	}
	if a := wantStatus(t, show(next, next, rightPIN), 200); !member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
}

// A card of no use takes the tries that a face takes which does not match: the terminal, and who owns it, sees no other.
//
// FAULTS: Z11
func TestUnusableCardAtAKiosk(t *testing.T) {
	o := startOffice(t, nil)
	tries := func(status zhenni.Status, probe string) (answers []string) {
		session, _ := o.kiosk("open")
		o.enrol(testID(1), 1, zhenni.LevelFull, status)
		for live := true; live && len(answers) < zhenni.MaxTries; {
			a := wantStatus(t, o.show(session, probe), 200)
			answers = append(answers, strings.ReplaceAll(string(a.body), session, ""))
			live = member[string](t, a, "outcome") == "live"
		}
		o.enrol(testID(1), 1, zhenni.LevelFull, zhenni.StatusActive)
		if a := o.show(session, probe); a.status != 409 || member[string](t, a, "code") != "session_ended" {
			t.Errorf("after its tries: %d %s", a.status, a.body)
		}
		return answers
	}
	unusable := tries(zhenni.StatusRevoked, `{"probe_int8":"`+int8Probe(testDim, true)+`"}`)
	mismatch := tries(zhenni.StatusActive, nonMated())
	if !slices.Equal(unusable, mismatch) {
		t.Errorf("%q, of a face that does not match %q", unusable, mismatch)
	}
}

// What comes as the time has passed is not compared, whether or not the session has been told of the time.
func TestTooLateIsNotCompared(t *testing.T) {
	o := startOffice(t, nil)
	session, _ := o.kiosk("open")
	asked := o.node.asked()
	o.wait(time.Hour)
	if a := o.show(session, `{"probe_int8":"`+int8Probe(testDim, true)+`"}`); a.status != 409 || member[string](t, a, "code") != "session_ended" || o.node.asked() != asked {
		t.Errorf("%d %s, %d compared", a.status, a.body, o.node.asked()-asked)
	}
}
