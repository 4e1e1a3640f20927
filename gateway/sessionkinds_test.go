package gateway

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/receipt"
)

// A group of whom two of three are to be confirmed: each takes the own seat by the own link, nobody sees how another answered, and
// the matter passes with the second.
func TestGroup(t *testing.T) {
	o := startOffice(t, nil)
	var ids []string
	for i := 11; i <= 13; i++ {
		o.enrol(testID(i), 1, zhenni.LevelFull, zhenni.StatusActive)
		o.hold(testID(i), o.device)
		ids = append(ids, testID(i).String())
	}
	b := o.begin(`{"kind":"group","service":"open","purpose":"enter","quorum":2,"expires_in_s":3600,"credentials":["` + strings.Join(ids, `","`) + `"]}`)
	if len(b.Links) != 3 || b.QRKey != "" {
		t.Fatalf("%+v", b)
	}
	take := func(seat string, i, link int) answer {
		who := func(c *evidence.Claims) { c.Subject = testID(i) }
		document := strings.ReplaceAll(o.opening(b.id, seat, who), testID(1).String(), testID(i).String())
		token := b.Links[link][strings.LastIndex(b.Links[link], ".")+1:]
		return o.at("POST", b.id, "/seats/"+seat+"/open", token, document)
	}
	if a := take("0", 12, 0); a.status != 409 {
		t.Errorf("a seat of another: %d %s", a.status, a.body)
	}
	if a := take("1", 12, 0); a.status != 404 {
		t.Errorf("by another's link: %d %s", a.status, a.body)
	}
	yes := `{"probe_int8":"` + int8Probe(testDim, true) + `"}`
	for seat, i := range map[string]int{"0": 11, "2": 13} {
		wantStatus(t, take(seat, i, int(seat[0]-'0')), 200)
		own := wantStatus(t, o.at("POST", b.id, "/seats/"+seat+"/answer", phoneToken.String(), yes), 200)
		if member[string](t, own, "state") != "confirmed" {
			t.Errorf("%s", own.body)
		}
	}
	a := o.at("GET", b.id, "", b.AskerToken, "")
	if member[string](t, a, "outcome") != "completed" || strings.Join(member[[]string](t, a, "seats"), " ") != "confirmed waiting confirmed" {
		t.Errorf("%s", a.body)
	}
}

// Of a group that has ended, however it did, who asked it has the signed summary, which is bound to the session and says how many, and of
// nobody who; before the end there is none, nor of another kind.
//
// FAULTS: Z3 Z11 A20
func TestGroupSummary(t *testing.T) {
	receipts := testReceipts(t, receipt.Ed25519, 1)
	o := startOffice(t, func(c *Config) { c.Receipts, c.Ledger = receipts, openLedger(t, t.TempDir(), &leafLog{}) })
	keys, err := receipt.ParseKeys(receipts.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := 11; i <= 13; i++ {
		o.enrol(testID(i), 1, zhenni.LevelFull, zhenni.StatusActive)
		o.hold(testID(i), o.device)
		ids = append(ids, testID(i).String())
	}
	results := func(id string) answer {
		a := o.call("GET", "/v1/sessions/"+id+"/results", "hotel", "", nil)
		o.described("GET", "/v1/sessions/{id}/results", a)
		return a
	}
	for _, c := range []struct {
		quorum, confirmed int
		end               zhenni.SessionEnd
		probes            []string
	}{
		{2, 2, zhenni.SessionCompleted, []string{int8Probe(testDim, true), int8Probe(testDim, true)}},
		{3, 1, zhenni.SessionCancelled, []string{int8Probe(testDim, true)}},
	} {
		b := o.begin(`{"kind":"group","service":"open","purpose":"enter","quorum":` + itoa(c.quorum) + `,"expires_in_s":3600,"credentials":["` + strings.Join(ids, `","`) + `"]}`)
		for seat, probe := range c.probes {
			if a := results(b.id); a.status != 409 {
				t.Errorf("before the end: %d %s", a.status, a.body)
			}
			at := "/seats/" + itoa(seat)
			who := func(c *evidence.Claims) { c.Subject = testID(11 + seat) }
			document := strings.ReplaceAll(o.opening(b.id, itoa(seat), who), testID(1).String(), ids[seat])
			wantStatus(t, o.at("POST", b.id, at+"/open", b.Links[seat][strings.LastIndex(b.Links[seat], ".")+1:], document), 200)
			wantStatus(t, o.at("POST", b.id, at+"/answer", phoneToken.String(), `{"probe_int8":"`+probe+`"}`), 200)
		}
		if c.end == zhenni.SessionCancelled {
			wantStatus(t, o.at("POST", b.id, "/cancel", b.AskerToken, ""), 200)
		}
		o.wait(time.Hour) // what is said of it does not move with the clock
		a := wantStatus(t, results(b.id), 200)
		text := member[string](t, a, "summary")
		said, _, err := receipt.OpenSummary(text, keys)
		want := receipt.Summary{Issuer: "https://zhenni.example", Audience: "hotel", GroupOutcome: zhenni.GroupOutcome{
			Service: "open", Purpose: "enter", End: c.end, Seats: 3, Quorum: c.quorum, Confirmed: c.confirmed, At: said.At,
		}}
		if want.Session, _ = zhenni.ParseSessionID(b.id); err != nil || said != want {
			t.Errorf("%+v, want %+v: %v", said, want, err)
		}
		if len(member[[]string](t, a, "results")) != c.confirmed {
			t.Errorf("%s", a.body)
		}
		o.wait(time.Minute)
		if again := member[string](t, results(b.id), "summary"); again != text {
			t.Errorf("asked again it is %s", again)
		}
		payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		for _, id := range ids {
			if strings.Contains(string(payload), id) {
				t.Errorf("a member is named: %s", payload)
			}
		}
	}
	counter := o.begin(counterDocument)
	wantStatus(t, o.at("POST", counter.id, "/cancel", counter.AskerToken, ""), 200)
	if a := wantStatus(t, results(counter.id), 200); member[string](t, a, "summary") != "" {
		t.Errorf("of a counter: %s", a.body)
	}
}

// A payment is shown to the payer with its hash, and has no digits to compare.
func TestPayment(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(`{"kind":"payment","service":"open","purpose":"enter","payee":"水务局","amount":1230,"currency":"CNY","reference":"2026-11"}`)
	phone := wantStatus(t, o.open(b.id, b.token), 200)
	p := zhenni.Payment{Payee: "水务局", Amount: 1230, Currency: "CNY", Reference: "2026-11"}
	hash := p.Hash()
	shown := member[paymentDocument](t, phone, "payment")
	if shown != (paymentDocument{p.Payee, p.Amount, p.Currency, p.Reference, base64.RawURLEncoding.EncodeToString(hash[:])}) {
		t.Errorf("%+v", shown)
	}
	a := wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), `{"probe_int8":"`+int8Probe(testDim, true)+`"}`), 200)
	if !member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
}

// At a kiosk it is the terminal that captures, for the credential of the card before it; a phone has no part in it.
func TestKiosk(t *testing.T) {
	o := startOffice(t, nil)
	document := `{"kind":"kiosk","service":"open","purpose":"enter","credential":"` + testID(1).String() + `"}`
	b := o.begin(document, "Transaction-Id: k-1")
	if again := o.begin(document, "Transaction-Id: k-1"); again.id != b.id || b.Opened != 1 {
		t.Errorf("%+v, %+v", b, again)
	}
	if a := o.open(b.id, b.token); a.status != 409 {
		t.Errorf("a phone: %d %s", a.status, a.body)
	}
	yes := `{"probe_int8":"` + int8Probe(testDim, true) + `"}`
	a := wantStatus(t, o.call("POST", "/v1/sessions/"+b.id+"/capture", "hotel", mediaJSON, []byte(yes)), 200)
	if !member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
	counter := o.begin(counterDocument)
	if a := o.call("POST", "/v1/sessions/"+counter.id+"/capture", "hotel", mediaJSON, []byte(yes)); a.status != 409 {
		t.Errorf("a clerk captures: %d %s", a.status, a.body)
	}
}

// A proof of life waits for its day, and for the days of grace behind it.
func TestProofOfLife(t *testing.T) {
	o := startOffice(t, nil)
	due := o.now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	document := `{"kind":"life","service":"open","purpose":"enter","expires_in_s":259200,"due":"` + due + `","credential":"` + testID(1).String() + `"}`
	b := o.begin(document, "Transaction-Id: l-0")
	o.wait(48 * time.Hour)
	if again := o.begin(document, "Transaction-Id: l-0"); again.id != b.id || again.Deadline != b.Deadline {
		t.Errorf("sent again after its day: %s until %s, want %s until %s", again.id, again.Deadline, b.id, b.Deadline)
	}
	phone := wantStatus(t, o.open(b.id, b.token), 200)
	if at, err := time.Parse(time.RFC3339, member[string](t, phone, "due")); err != nil || at.Format(time.RFC3339) != due {
		t.Errorf("%s", phone.body)
	}
	a := wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), `{"probe_int8":"`+int8Probe(testDim, true)+`"}`), 200)
	if !member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
}

// A face is tried so often as the rate of the service allows, and a probe that is none costs no try.
func TestTriesOfASeat(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	zero := `{"probe_int8":"` + base64.StdEncoding.EncodeToString(make([]byte, testDim)) + `"}`
	if a := o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), zero); a.status != 422 {
		t.Errorf("a probe that is none: %d %s", a.status, a.body)
	}
	first := wantStatus(t, o.at("GET", b.id, "/seats/0", phoneToken.String(), ""), 200)
	left := member[int](t, first, "tries_left")
	if left < 1 || left > zhenni.MaxTries {
		t.Fatalf("%s", first.body)
	}
	for range left {
		wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), nonMated()), 200)
	}
	a := o.at("GET", b.id, "", b.AskerToken, "")
	if member[string](t, a, "outcome") != "completed" || member[bool](t, a, "confirmed") {
		t.Errorf("%s", a.body)
	}
}

// A proof of life that recurs names the one that follows it to both sides, once it was confirmed; it says how often, and is taken in
// its time.
func TestProofOfLifeRecurs(t *testing.T) {
	o := startOffice(t, nil)
	due := o.now().AddDate(0, 3, 0).UTC()
	life := func(more string) string {
		return `{"kind":"life","service":"open","purpose":"enter","due":"` + due.Format(time.RFC3339) + `","credential":"` + testID(1).String() + `"` + more + `}`
	}
	for more, detail := range map[string]string{`,"every":25`: "every", `,"every":"1"`: "every", `,"every":1,"expires_in_s":34560000`: "deadline"} {
		if a := o.call("POST", "/v1/sessions", "hotel", mediaJSON, []byte(life(more))); a.status != 400 || !strings.Contains(member[string](t, a, "detail"), detail) {
			t.Errorf("%s: %d %s", more, a.status, a.body)
		}
	}
	b := o.begin(life(`,"every":12`), "Transaction-Id: l-1")
	if end, err := time.Parse(time.RFC3339, b.Deadline); err != nil || end.Sub(due).Round(time.Hour) != graceOfEvery {
		t.Errorf("ends at %s, due at %s", b.Deadline, due)
	}
	if a := o.call("POST", "/v1/sessions", "hotel", mediaJSON, []byte(life("")), "Transaction-Id: l-1"); a.status != 409 {
		t.Errorf("another one under its transaction: %d %s", a.status, a.body)
	}
	if a := o.open(b.id, b.token); a.status != 409 || member[string](t, a, "code") != "session_step" {
		t.Errorf("too early: %d %s", a.status, a.body)
	}
	o.wait(due.Sub(o.now()))
	wantStatus(t, o.open(b.id, b.token), 200)
	phone := wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), `{"probe_int8":"`+int8Probe(testDim, true)+`"}`), 200)
	clerk := o.at("GET", b.id, "", b.AskerToken, "")
	next := member[string](t, phone, "next")
	if next == "" || member[string](t, clerk, "next") != next {
		t.Fatalf("%s, %s", phone.body, clerk.body)
	}
	id, token, _ := strings.Cut(next, ".0.")
	a := wantStatus(t, o.at("GET", id, "/seats/0", token, ""), 200)
	if at, err := time.Parse(time.RFC3339, member[string](t, a, "due")); err != nil || at.Sub(due) < 360*24*time.Hour || member[string](t, a, "outcome") != "live" {
		t.Errorf("%s", a.body)
	}
}
