package gateway

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/receipt"
)

const movedServices = `{"version":"test","services":[{
  "id": "held", "zh": "持", "en": "Held", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": true, "fmr": 1e-6
},{
  "id": "alive", "zh": "活", "en": "Alive", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "passive", "liveness_max_age_s": 60, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
},{
  "id": "open", "zh": "宽", "en": "Open", "category": "test", "purposes": ["enter"],
  "level": "lite", "factors": [["face"]], "without_face": [["card"]],
  "liveness": "none", "liveness_max_age_s": 0, "capture_max_age_s": 0, "possession": false, "fmr": 1e-6
}]}`

// interruptedNode is a node beside which something else is done once, before the next comparison or behind it.
type interruptedNode struct {
	Node
	before, behind func()
}

func (n *interruptedNode) Verify(b *zhenni.Batch, deadline time.Time) error {
	before, behind := n.before, n.behind
	n.before, n.behind = nil, nil
	if before != nil {
		before()
	}
	err := n.Node.Verify(b, deadline)
	if behind != nil {
		behind()
	}
	return err
}

// startMoving is a gateway over a real node and store, whose party "desk" asks for services.
func startMoving(t *testing.T) (*tenants, *interruptedNode) {
	w := startMigrating(t, func(c *Config) {
		c.Profile, c.Catalogue, c.Receipts = ratedProfile(t), catalogueOf(t, movedServices), testReceipts(t, receipt.Ed25519, 1)
	})
	n := &interruptedNode{Node: w.node}
	w.server.node = n
	terminal := zhenni.PartyKey{Public: publicOf(t, edwardsKey("terminal"))}
	w.apply(zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
		ID: "desk", Tenant: 1, Roles: zhenni.RoleVerifier, KeyHash: keyOf("desk").Hash(), CreatedAt: testNow(), Services: []string{"held", "alive", "open"},
	}}, zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
		ID: "kiosk", Tenant: 1, Roles: zhenni.RoleTerminal, Keys: []zhenni.PartyKey{terminal}, CreatedAt: testNow(),
	}})
	return w, n
}

// askedFor is the document of a verification with a token, none where nobody signs.
func askedFor(t *testing.T, id, transaction, service string, claims evidence.Claims, by crypto.Signer) sent {
	t.Helper()
	tokens := ""
	if by != nil {
		claims.Subject, claims.Party, claims.Transaction = zhenni.CredentialID(parsed(t, id)), "desk", transaction
		claims.Capture, claims.IssuedAt = sha256.Sum256(decoded(matedProbe)), testNow().Unix()
		token, err := evidence.Sign(claims, by)
		if err != nil {
			t.Fatal(err)
		}
		tokens = `,"evidence":["` + string(token) + `"]`
	}
	return sent{"POST", "/v1/verifications", mediaJSON,
		`{"credential":"` + id + `","probe_int8":"` + matedProbe + `","service":"` + service + `","purpose":"enter"` + tokens + `}`,
		[]string{"Transaction-Id: " + transaction}}
}

// A yes that rests on what the credential's device signed is about the device that the credential has when it is made. Where the
// credential was moved meanwhile there is none, nothing of it is recorded, and asked again it is a no; a yes that rests on nothing
// of the kind is as it was.
//
// FAULTS: Z2 A18
func TestNoYesForThePhoneThatWasMovedFrom(t *testing.T) {
	w, n := startMoving(t)
	phone, other := publicOf(t, edwardsKey("phone")), publicOf(t, edwardsKey("other phone"))
	possession, liveness := evidence.Claims{Kind: evidence.Possession}, evidence.Claims{Kind: evidence.Liveness, Level: zhenni.LivenessActive}
	byTerminal := liveness
	byTerminal.Terminal = "kiosk"
	for name, c := range map[string]struct {
		service string
		claims  evidence.Claims
		by      string             // who signs, "" for nobody
		moves   []zhenni.PublicKey // to where, one after the other
		says    string             // with a yes; "" where there is none
	}{
		"nothing moves":            {"held", possession, "phone", nil, `"factors":["face","possession"]`},
		"to another phone":         {"held", possession, "phone", []zhenni.PublicKey{other}, ""},
		"to none":                  {"held", possession, "phone", []zhenni.PublicKey{{}}, ""},
		"away and back":            {"held", possession, "phone", []zhenni.PublicKey{other, phone}, `"factors":["face","possession"]`},
		"possession without need":  {"open", possession, "phone", []zhenni.PublicKey{other}, ""},
		"alive, says the phone":    {"alive", liveness, "phone", []zhenni.PublicKey{other}, ""},
		"alive, says a terminal":   {"alive", byTerminal, "terminal", []zhenni.PublicKey{other}, `"same_person":true`},
		"the face alone":           {"open", possession, "", []zhenni.PublicKey{other}, `"factors":["face"]`},
		"the phone it is moved to": {"held", possession, "other phone", []zhenni.PublicKey{other}, "no_match"},
	} {
		for when, hook := range map[string]*func(){"before it is compared": &n.before, "behind": &n.behind} {
			id, from := w.make(own), zhenni.PublicKey{}
			move := func(to zhenni.PublicKey) {
				w.apply(zhenni.MoveDevice{ID: zhenni.CredentialID(parsed(t, id)), Tenant: 1, From: from, To: to, At: testNow()})
				from = to
			}
			move(phone)
			*hook = func() {
				for _, to := range c.moves {
					move(to)
				}
			}
			var by crypto.Signer
			if c.by != "" {
				by = edwardsKey(c.by)
			}
			q := askedFor(t, id, "t-"+itoa(w.drawn), c.service, c.claims, by)
			status, text, _ := w.raw(q, "desk")
			if c.says != "" {
				if status != 200 || !strings.Contains(text, c.says) {
					t.Errorf("%s, %s: %d %s, want %q", name, when, status, text, c.says)
				}
				continue
			}
			if status != 503 || strings.Contains(text, "match") {
				t.Errorf("%s, %s: %d %s", name, when, status, text)
			}
			if status, answer := w.answerOf(q, "desk"); status != 200 || fmt.Sprint(answer["outcome"]) != "no_match" {
				t.Errorf("%s, %s, asked again: %d %v", name, when, status, answer)
			}
		}
	}
}

// A seat is opened by the device that the credential has, not by one that it was moved from while its signature was read.
func TestSeatIsNotOpenedByThePhoneThatWasMovedFrom(t *testing.T) {
	devices := &watchedDevices{}
	o := startOffice(t, func(c *Config) { c.Devices = devices })
	devices.fakeNode = o.node
	b := o.begin(counterDocument)
	devices.looked = func() { o.hold(testID(1), o.other) }
	a := o.at("POST", b.id, "/seats/0/open", b.token, o.opening(b.id, "0", nil))
	if a.status != 403 || member[string](t, a, "code") != "holder_refused" {
		t.Errorf("%d %s", a.status, a.body)
	}
	o.hold(testID(1), o.device)
	wantStatus(t, o.at("POST", b.id, "/seats/0/open", b.token, o.opening(b.id, "0", nil)), 200)
}

// In a session too: an answer that the phone signed for is none once the credential was moved from it, and takes no try.
func TestAnswerOfThePhoneThatWasMovedFrom(t *testing.T) {
	devices := &watchedDevices{}
	o := startOffice(t, func(c *Config) { c.Devices = devices })
	devices.fakeNode = o.node
	b := o.begin(`{"kind":"payment","service":"open","purpose":"enter","payee":"水务局","amount":1230,"currency":"CNY","reference":"2026-11"}`)
	opened := wantStatus(t, o.open(b.id, b.token), 200)
	probe := int8Probe(testDim, true)
	token, err := evidence.Sign(evidence.Claims{
		Kind: evidence.Possession, Subject: testID(1), Capture: sha256.Sum256(decoded(probe)), Party: "hotel",
		Transaction: member[string](t, opened, "transaction"), IssuedAt: o.now().Unix(),
	}, o.device)
	if err != nil {
		t.Fatal(err)
	}
	document := `{"probe_int8":"` + probe + `","evidence":["` + string(token) + `"]}`
	devices.looked = func() {
		o.hold(testID(1), o.other)
		devices.changes.Add(1)
	}
	if a := o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), document); a.status != 503 {
		t.Errorf("%d %s", a.status, a.body)
	}
	after := wantStatus(t, o.at("GET", b.id, "/seats/0", phoneToken.String(), ""), 200)
	if member[int](t, after, "tries_left") != member[int](t, opened, "tries_left") || member[string](t, after, "outcome") != "live" {
		t.Errorf("%s", after.body)
	}
	o.hold(testID(1), o.device)
	if a := wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), document), 200); !member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
}
