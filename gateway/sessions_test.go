package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// scan is the proof of a code that was on the screen a while ago.
func (o *office) scan(b begun, ago time.Duration) string {
	o.t.Helper()
	key, ok := zhenni.ParseSessionToken([]byte(b.QRKey))
	if !ok {
		o.t.Fatalf("%q is no key", b.QRKey)
	}
	proof := zhenni.SessionQR(key, o.now().Add(-ago).Unix())
	return base64.RawURLEncoding.EncodeToString(proof[:])
}

const mated = `{"probe_int8":"fwAAAAAAAAA="}`

func nonMated() string { return `{"probe_int8":"` + int8Probe(testDim, false) + `"}` }

// A clerk and a citizen: the phone scans the code, the clerk types the digits, the phone captures, both see the result, and it is
// signed for the clerk alone.
func TestCounter(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	phone := wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	code := member[string](t, phone, "code")
	if member[string](t, phone, "party") != "hotel" || member[string](t, phone, "service_zh") != "宽" || len(code) != 2 {
		t.Errorf("%s", phone.body)
	}
	if a := o.at("GET", b.id, "", b.AskerToken, ""); member[int](t, a, "opened") != 1 || member[string](t, a, "code") != "" {
		t.Errorf("the code is on both sides: %s", a.body)
	}
	wantStatus(t, o.at("POST", b.id, "/code", b.AskerToken, `{"code":"`+code+`"}`), 200)
	phone = wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), `{"probe_int8":"`+int8Probe(testDim, true)+`"}`), 200)
	clerk := wantStatus(t, o.at("GET", b.id, "", b.AskerToken, ""), 200)
	for _, side := range []answer{phone, clerk} {
		if member[string](t, side, "outcome") != "completed" || !member[bool](t, side, "confirmed") {
			t.Errorf("%s", side.body)
		}
	}
	if member[string](t, clerk, "service_zh") != "宽" || member[string](t, clerk, "service_en") != b.ServiceEN || b.ServiceZH != "宽" || b.ServiceEN == "" {
		t.Errorf("the clerk reads no name of the service: %s", clerk.body)
	}
	if strings.Contains(string(clerk.body), testID(1).String()) || strings.Contains(string(phone.body), "result") {
		t.Errorf("the clerk is told who it is, or the phone what is the clerk's: %s %s", clerk.body, phone.body)
	}
}

// A code that was photographed and is used six seconds later opens nothing, nor one of another session or a second to come.
//
// FAULTS: A9
func TestPhotographedCode(t *testing.T) {
	o := startOffice(t, nil)
	b, other := o.begin(counterDocument), o.begin(counterDocument)
	for name, proof := range map[string]string{
		"six seconds old": o.scan(b, 6*time.Second), "to come": o.scan(b, -time.Second), "of another": o.scan(other, 0),
		"none": strings.Repeat("A", 22), "cut": o.scan(b, 0)[1:], "asker": b.AskerToken,
	} {
		if a := o.open(b.id, proof); a.status != 404 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	wantStatus(t, o.open(b.id, o.scan(b, 4*time.Second)), 200)
}

// Of two phones that scan one code the first has it. The second is told so, and may not answer.
//
// FAULTS: C11 Z3
func TestDoubleScan(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	proof := o.scan(b, 0)
	wantStatus(t, o.open(b.id, proof), 200)
	wantStatus(t, o.open(b.id, proof), 200) // sent again
	second := zhenni.SessionToken(sha256.Sum256([]byte("another phone")))
	document := strings.Replace(o.opening(b.id, "0", func(c *evidence.Claims) { c.Capture = sha256.Sum256(second[:]) }),
		phoneToken.String(), second.String(), 1)
	if a := o.at("POST", b.id, "/seats/0/open", proof, document); a.status != 409 || member[string](t, a, "code") != "session_taken" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for tail, document := range map[string]string{"/answer": mated, "/decline": "", "": ""} {
		method := "POST"
		if tail == "" {
			method = "GET"
		}
		if a := o.at(method, b.id, "/seats/0"+tail, second.String(), document); a.status != 404 {
			t.Errorf("%s: %d %s", tail, a.status, a.body)
		}
	}
}

// Digits that are not the session's end it, whoever is in front of the clerk.
//
// FAULTS: C11
func TestWrongCode(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	code := member[string](t, wantStatus(t, o.open(b.id, o.scan(b, 0)), 200), "code")
	wrong := "00"
	if code == wrong {
		wrong = "01"
	}
	if a := o.at("POST", b.id, "/code", b.AskerToken, `{"code":"`+wrong+`"}`); member[string](t, a, "outcome") != "wrong_code" {
		t.Errorf("%s", a.body)
	}
	asked := o.node.asked()
	for _, a := range []answer{
		o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), mated), o.at("POST", b.id, "/code", b.AskerToken, `{"code":"`+code+`"}`),
	} {
		if a.status != 409 || member[string](t, a, "code") != "session_ended" {
			t.Errorf("after it: %d %s", a.status, a.body)
		}
	}
	if o.node.asked() != asked {
		t.Error("a probe was compared after the end")
	}
}

// An answer after the deadline is too late, whatever it is.
//
// FAULTS: C11 C12
func TestAnswerAfterExpiry(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	o.wait(10 * time.Minute)
	a := o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), mated)
	if a.status == 200 && member[string](t, a, "outcome") != "timeout" || a.status != 200 && a.status != 409 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := o.at("GET", b.id, "", b.AskerToken, ""); member[string](t, a, "outcome") != "timeout" {
		t.Errorf("%s", a.body)
	}
}

// What a phone shows is of its device, for this session and seat, and of now; which of it is wrong is not told, nor whether
// there is such a credential.
//
// FAULTS: Z2 A11
func TestPhonesProveWhatTheyHold(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	var first string
	for name, document := range map[string]string{
		"another seat":    o.opening(b.id, "1", nil),
		"another session": o.opening(strings.Repeat("0", 32), "0", nil),
		"another party":   o.opening(b.id, "0", func(c *evidence.Claims) { c.Party = "bank" }),
		"another phone":   o.opening(b.id, "0", func(c *evidence.Claims) { c.Capture[0]++ }),
		"old":             o.opening(b.id, "0", func(c *evidence.Claims) { c.IssuedAt -= 61 }),
		"liveness": o.opening(b.id, "0", func(c *evidence.Claims) {
			c.Kind, c.Level = evidence.Liveness, zhenni.LivenessActive
		}),
		"no credential": strings.ReplaceAll(o.opening(b.id, "0", func(c *evidence.Claims) { c.Subject = testID(77) }), testID(1).String(), testID(77).String()),
		"no device":     strings.ReplaceAll(o.opening(b.id, "0", func(c *evidence.Claims) { c.Subject = testID(2) }), testID(1).String(), testID(2).String()),
	} {
		a := o.at("POST", b.id, "/seats/0/open", o.scan(b, 0), document, "Transaction-Id: same")
		if first == "" {
			first = string(a.body)
		}
		if a.status != 403 || string(a.body) != first {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
}

// A credential that is of no use looks to who asks like a face that does not match, and is told to its holder.
//
// FAULTS: Z11
func TestUnusableCredential(t *testing.T) {
	o := startOffice(t, nil)
	end := func(status zhenni.Status, probe string) (phone, clerk answer) {
		b := o.begin(counterDocument)
		wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
		o.enrol(testID(1), 1, zhenni.LevelFull, status)
		for range zhenni.MaxTries {
			if phone = o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), probe); phone.status != 200 || member[string](t, phone, "outcome") != "live" {
				break
			}
		}
		o.enrol(testID(1), 1, zhenni.LevelFull, zhenni.StatusActive)
		clerk = o.at("GET", b.id, "", b.AskerToken, "")
		clerk.body = []byte(strings.ReplaceAll(string(clerk.body), b.id, ""))
		return phone, clerk
	}
	phone, clerk := end(zhenni.StatusRevoked, `{"probe_int8":"`+int8Probe(testDim, true)+`"}`)
	_, mismatch := end(zhenni.StatusActive, nonMated())
	if member[string](t, phone, "outcome") != "credential_unusable" {
		t.Errorf("the holder is told %s", phone.body)
	}
	if string(clerk.body) != string(mismatch.body) || member[bool](t, clerk, "confirmed") {
		t.Errorf("%s, and of a face that does not match %s", clerk.body, mismatch.body)
	}
}

// To whoever is neither party of a session it is not there, like one that is none.
//
// FAULTS: Z1 Z2 Z3
func TestSessionsOfOthers(t *testing.T) {
	o := startOffice(t, nil)
	o.node.mu.Lock()
	for id, tenant := range map[string]zhenni.TenantID{"bank": 1, "abroad": 2} {
		o.node.parties[id] = zhenni.RelyingParty{ID: id, Tenant: tenant, Roles: zhenni.RoleVerifier, KeyHash: keyOf(id).Hash(), Services: []string{"open"}}
	}
	o.node.mu.Unlock()
	b, other := o.begin(counterDocument), o.begin(counterDocument)
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	for _, tail := range []string{"", "/events", "/results", "/cancel", "/code", "/capture"} {
		for _, who := range []string{"bank", "abroad"} {
			method, document, media := "GET", "", ""
			if tail == "/cancel" || tail == "/code" || tail == "/capture" {
				method = "POST"
			}
			if tail == "/code" || tail == "/capture" {
				document, media = `{"code":"00"}`, mediaJSON
			}
			want := o.call(method, "/v1/sessions/"+strings.Repeat("0", 32)+tail, who, media, []byte(document), "Transaction-Id: t")
			got := o.call(method, "/v1/sessions/"+b.id+tail, who, media, []byte(document), "Transaction-Id: t")
			if got.status != 404 || string(got.body) != string(want.body) {
				t.Errorf("%s, %s: %d %s", tail, who, got.status, got.body)
			}
		}
	}
	for _, token := range []string{other.AskerToken, b.token, phoneToken.String(), ""} {
		if a := o.at("GET", b.id, "", token, ""); a.status != 404 {
			t.Errorf("by the token %q: %d", token, a.status)
		}
	}
	if a := o.call("GET", "/v1/sessions/"+b.id, "hotel", "", nil); a.status != 200 {
		t.Errorf("its party: %d %s", a.status, a.body)
	}
}

// A session that is begun again under its transaction is the same, and another under it is refused.
//
// FAULTS: A16 C8
func TestSessionsAreBegunOnce(t *testing.T) {
	o := startOffice(t, nil)
	first, again := o.begin(counterDocument, "Transaction-Id: s-1"), o.begin(counterDocument, "Transaction-Id: s-1")
	if first.id != again.id || first.AskerToken != again.AskerToken || first.link != again.link {
		t.Errorf("%+v, %+v", first, again)
	}
	other := strings.Replace(counterDocument, "open", "carded", 1)
	if a := o.call("POST", "/v1/sessions", "hotel", mediaJSON, []byte(other), "Transaction-Id: s-1"); a.status != 409 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// What a session can not be is said with the field, and nothing is begun.
//
// FAULTS: L4 L10 Z8
func TestSessionsThatAreNone(t *testing.T) {
	o := startOffice(t, nil)
	for name, c := range map[string]struct {
		document string
		status   int
		detail   string
	}{
		"kind":    {`{"kind":"party","service":"open","purpose":"enter"}`, 400, "kind"},
		"person":  {`{"kind":"person","service":"open","purpose":"enter"}`, 400, "kind"},
		"service": {`{"kind":"counter","service":"gone","purpose":"enter"}`, 403, ""},
		"purpose": {`{"kind":"counter","service":"open","purpose":"leave"}`, 403, ""},
		"none":    {`{"kind":"counter"}`, 403, ""},
		"time":    {`{"kind":"counter","service":"open","purpose":"enter","expires_in_s":121}`, 400, "expires_in_s"},
		"quorum":  {`{"kind":"counter","service":"open","purpose":"enter","quorum":2}`, 400, "quorum"},
		"two":     {`{"kind":"group","service":"open","purpose":"enter","credentials":["` + testID(1).String() + `","` + testID(1).String() + `"]}`, 400, "seats[0]"},
		"id":      {`{"kind":"group","service":"open","purpose":"enter","credentials":["x"]}`, 400, "credentials[0]"},
		"payment": {`{"kind":"payment","service":"open","purpose":"enter"}`, 400, "payment"},
		"payee":   {`{"kind":"payment","service":"open","purpose":"enter","payee":"a\u202eb","amount":1,"currency":"CNY","reference":"r"}`, 400, "payee"},
		"amount":  {`{"kind":"payment","service":"open","purpose":"enter","payee":"a","amount":0,"currency":"CNY","reference":"r"}`, 400, "amount"},
		"life":    {`{"kind":"life","service":"open","purpose":"enter","credential":"` + testID(1).String() + `"}`, 400, "due"},
		"kiosk":   {`{"kind":"kiosk","service":"open","purpose":"enter"}`, 400, "names who is asked"},
		"unknown": {`{"kind":"counter","service":"open","purpose":"enter","tenant":2}`, 400, ""},
	} {
		a := o.call("POST", "/v1/sessions", "hotel", mediaJSON, []byte(c.document))
		if a.status != c.status || !strings.Contains(member[string](t, a, "detail"), c.detail) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if len(o.book.all) != 0 {
		t.Errorf("%d sessions", len(o.book.all))
	}
}

// A party can not have decided beforehand what a session will ask, nor does a suspended one go on asking.
//
// FAULTS: A16
func TestPartiesDoNotForestallTheirSessions(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	question := `{"credential":"` + testID(1).String() + `","probe_int8":"` + int8Probe(testDim, true) + `","service":"open","purpose":"enter"}`
	a := o.call("POST", "/v1/verifications", "hotel", mediaJSON, []byte(question), "Transaction-Id: session."+b.id+".0.0")
	if a.status != 400 || !strings.Contains(member[string](t, a, "detail"), "sessions") {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
	o.node.mu.Lock()
	party := o.node.parties["hotel"]
	party.Suspended = true
	o.node.parties["hotel"] = party
	o.node.mu.Unlock()
	if a := o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), mated); a.status != 409 {
		t.Errorf("of a suspended party: %d %s", a.status, a.body)
	}
}

// forgetful are sessions of which one is not seen at first, as where the same request comes twice at once.
type forgetful struct {
	Sessions
	unseen atomic.Int64
}

func (f *forgetful) Session(id zhenni.SessionID) (zhenni.Session, error) {
	if f.unseen.Add(-1) >= 0 {
		return zhenni.Session{}, zhenni.ErrNotFound
	}
	return f.Sessions.Session(id)
}

// A request that comes twice at once begins one session, and both are answered with it.
//
// FAULTS: A16 C8
func TestSessionBegunTwiceAtOnce(t *testing.T) {
	f := &forgetful{}
	o := startOffice(t, func(c *Config) { f.Sessions, c.Sessions = c.Sessions, f })
	first := o.begin(counterDocument, "Transaction-Id: visit-1")
	f.unseen.Store(1)
	if again := o.begin(counterDocument, "Transaction-Id: visit-1"); again.id != first.id || again.link != first.link || again.AskerToken != first.AskerToken {
		t.Errorf("%+v, and first %+v", again, first)
	}
}

// A phone is not told why its party can not ask now.
//
// FAULTS: Z11
func TestPhonesAreNotToldOfTheirParty(t *testing.T) {
	for _, k := range []*kind{kindStopped, kindCapped, kindShare, kindQuota} {
		if told := refusalOf(refusePhone(refuse(k, "of the party"))); told.kind != kindUnavailable || told.detail != "" {
			t.Errorf("%s: %s %s", k.code, told.kind.code, told.detail)
		}
	}
	if told := refusalOf(refusePhone(refuse(kindProbe, "its own"))); told.kind != kindProbe {
		t.Errorf("%s", told.kind.code)
	}
}
