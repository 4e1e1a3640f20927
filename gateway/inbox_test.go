package gateway

import (
	"bytes"
	"crypto/sha256"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// ownDocument is the document by which a holder asks for themself.
func (c *circle) ownDocument(i int, nonce, extra string, change func(*evidence.Claims)) string {
	c.t.Helper()
	claims := evidence.Claims{Subject: testID(i), Capture: sha256.Sum256([]byte(nonce)), Party: "holder", Transaction: "inbox." + nonce}
	if change != nil {
		change(&claims)
	}
	return `{"credential":"` + claims.Subject.String() + `","evidence":"` + c.sign(claims) + `","nonce":"` + nonce + `"` + extra + `}`
}

// A holder finds what waits for them, with the link that opens it, and nothing else: not what names another one, is open already, has
// ended or names nobody.
//
// FAULTS: Z11
func TestInbox(t *testing.T) {
	c := startCircle(t)
	group := func(ids ...int) begun {
		var written []string
		for _, i := range ids {
			written = append(written, testID(i).String())
		}
		return c.begin(`{"kind":"group","service":"open","purpose":"enter","expires_in_s":3600,"credentials":["` + strings.Join(written, `","`) + `"]}`)
	}
	group(credentialA, credentialC)
	mine := group(credentialC, credentialB)
	c.begin(`{"kind":"payment","service":"open","purpose":"enter","credential":"` + testID(credentialB).String() + `","payee":"水务局","amount":123,"currency":"CNY","reference":"1"}`)
	cancelled := group(credentialB)
	wantStatus(t, c.at("POST", cancelled.id, "/cancel", cancelled.AskerToken, ""), 200)
	c.ask(credentialA, "")
	a := wantStatus(t, c.post("/v1/holder/sessions", c.ownDocument(credentialB, "n1", "", nil)), 200)
	items := member[[]inboxItem](t, a, "sessions")
	if len(items) != 2 || items[0].Kind != zhenni.SessionPayment || items[0].Payment.Amount != 123 || items[1].Session != mine.id || items[1].Seat != 1 ||
		items[1].Link != mine.Links[1] {
		t.Fatalf("%s", a.body)
	}
	c.wait(20 * time.Minute)
	a = wantStatus(t, c.post("/v1/holder/sessions", c.ownDocument(credentialB, "n2", "", nil)), 200)
	if items := member[[]inboxItem](t, a, "sessions"); len(items) != 1 {
		t.Errorf("after the deadline of the payment: %s", a.body)
	}
}

// However much waits for a holder, they find all of it, each once, page by page; what is gone meanwhile shifts nothing.
//
// FAULTS: O8
func TestInboxIsPaged(t *testing.T) {
	c := startCircle(t)
	want, ended := map[string]bool{}, map[string]begun{}
	for i := range 2*inboxLength + 3 {
		b := c.begin(`{"kind":"group","service":"open","purpose":"enter","expires_in_s":` + itoa(3600+i/150) + `,"credentials":["` + testID(credentialB).String() + `"]}`)
		want[b.id], ended[b.id] = true, b
	}
	cursor := ""
	for _, n := range []int{inboxLength, inboxLength, 3} {
		extra := ""
		if cursor != "" {
			extra = `,"cursor":"` + cursor + `"`
		}
		a := wantStatus(t, c.post("/v1/holder/sessions", c.ownDocument(credentialB, "n1", extra, nil)), 200)
		items := member[[]inboxItem](t, a, "sessions")
		for i, item := range items {
			if !want[item.Session] || i > 0 && item.Deadline < items[i-1].Deadline {
				t.Errorf("%s, that ends at %s, is there twice or too late", item.Session, item.Deadline)
			}
			delete(want, item.Session)
		}
		if cursor = member[string](t, a, "next"); len(items) != n || (cursor == "") != (n < inboxLength) {
			t.Errorf("%d on a page, want %d; then %q", len(items), n, cursor)
		}
		last := ended[items[len(items)-1].Session]
		wantStatus(t, c.at("POST", last.id, "/cancel", last.AskerToken, ""), 200)
	}
	if len(want) != 0 {
		t.Errorf("%d are on no page", len(want))
	}
	id := strings.Repeat("0", 32)
	for _, bad := range []string{`"x"`, `"1"`, `"-` + id + `"`, `"0-` + id + `"`, `"01-` + id + `"`, `"1-` + id + `0"`, `1`, `""`} {
		if a := c.post("/v1/holder/sessions", c.ownDocument(credentialB, "n1", `,"cursor":`+bad, nil)); a.status != 400 {
			t.Errorf("from %s: %d %s", bad, a.status, a.body)
		}
	}
}

// What asks by OpenID is in the inbox, and its kind in the description.
func TestInboxHasRequestsOfOpenID(t *testing.T) {
	p := startProvider(t, nil)
	p.ask("hotel", nil)
	token, err := evidence.Sign(evidence.Claims{
		Kind: evidence.Possession, Subject: testID(1), Capture: sha256.Sum256([]byte("n1")), Party: "holder", Transaction: "inbox.n1", IssuedAt: p.now().Unix(),
	}, p.device)
	if err != nil {
		t.Fatal(err)
	}
	a := p.call("POST", "/v1/holder/sessions", "", mediaJSON, []byte(`{"credential":"`+testID(1).String()+`","evidence":"`+string(token)+`","nonce":"n1"}`))
	p.described("POST", "/v1/holder/sessions", a)
	if items := member[[]inboxItem](t, a, "sessions"); len(items) != 1 || items[0].Kind != zhenni.SessionRemote {
		t.Errorf("%s", a.body)
	}
}

// Whoever asks for another, or with what was signed for something else, learns nothing: not even whether there is such a credential.
//
// FAULTS: Z2 Z11
func TestHoldersAskForThemselves(t *testing.T) {
	c := startCircle(t, func(config *Config) { config.History = openHistory(t) })
	for _, path := range []string{"/v1/holder/sessions", "/v1/holder/history"} {
		first := ""
		for name, change := range map[string]func(*evidence.Claims){
			"unknown":         func(e *evidence.Claims) { e.Subject = testID(77) },
			"without device":  func(e *evidence.Claims) { e.Subject = testID(2) },
			"another's party": func(e *evidence.Claims) { e.Party = "square" },
			"another nonce":   func(e *evidence.Claims) { e.Transaction = "inbox.n2" },
			"another capture": func(e *evidence.Claims) { e.Capture[0]++ },
		} {
			a := c.post(path, c.ownDocument(credentialA, "n1", "", change), "Transaction-Id: same")
			if first == "" {
				first = string(a.body)
			}
			if a.status != 403 || string(a.body) != first {
				t.Errorf("%s, %s: %d %s", path, name, a.status, a.body)
			}
		}
		old := c.ownDocument(credentialA, "n1", "", nil)
		c.wait(62 * time.Second)
		if a := c.post(path, old, "Transaction-Id: same"); a.status != 403 || string(a.body) != first {
			t.Errorf("%s, old: %d %s", path, a.status, a.body)
		}
		for _, bad := range []string{`{"credential":"x"}`, strings.Replace(c.ownDocument(credentialA, "n1", "", nil), `"n1"`, `"N 1"`, 1), `{}`} {
			if a := c.post(path, bad); a.status != 400 {
				t.Errorf("%s %s: %d", path, bad, a.status)
			}
		}
	}
}

// Who asked is told to the holder as to the issuer, page by page.
func TestOwnHistory(t *testing.T) {
	c := startCircle(t, func(config *Config) {
		config.History, config.Ledger = openHistory(t), openLedger(t, t.TempDir(), &leafLog{})
	})
	for range historyPage + 3 {
		wantStatus(t, c.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(`{"credential":"`+testID(credentialB).String()+
			`","service":"open","purpose":"enter","probe_int8":"`+int8Probe(testDim, true)+`"}`)), 200)
	}
	page := func(cursor string) answer {
		t.Helper()
		extra := ""
		if cursor != "" {
			extra = `,"cursor":"` + cursor + `"`
		}
		return wantStatus(t, c.post("/v1/holder/history", c.ownDocument(credentialB, "n1", extra, nil)), 200)
	}
	first := page("")
	rest := page(member[string](t, first, "next"))
	if n := len(member[[]struct{}](t, first, "entries")); n != historyPage {
		t.Errorf("%d on the first page", n)
	}
	if n := len(member[[]struct{}](t, rest, "entries")); n != 3 {
		t.Errorf("%d on the second page", n)
	}
	if a := c.post("/v1/holder/history", c.ownDocument(credentialB, "n1", `,"cursor":"x"`, nil)); a.status != 400 {
		t.Errorf("from nowhere: %d %s", a.status, a.body)
	}
}

// FuzzSelfie: whatever is taken for a picture is written anew within its bound, and is one.
func FuzzSelfie(f *testing.F) {
	f.Add([]byte(selfie(f, 8, "")))
	f.Add([]byte(selfie(f, 8, "comment")))
	f.Add([]byte("AAAA"))
	f.Add([]byte("="))
	f.Fuzz(func(t *testing.T, written []byte) {
		out, err := readSelfie(written)
		if err != nil {
			return
		}
		if _, err := jpeg.Decode(bytes.NewReader(out)); err != nil || len(out) > maxPassedBytes {
			t.Errorf("%d bytes: %v", len(out), err)
		}
	})
}
