package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/evidence"
)

// A guest and a hotel: the printed code names the hotel only, the phone shows two digits, the hotel's device takes the session by
// them and captures, and both see the result. The hotel is told neither who waits nor whose credential it was.
func TestHotel(t *testing.T) {
	o := startLobby(t, nil)
	none := wantStatus(t, o.waiting(), 200)
	g := o.guest(11)
	phone := wantStatus(t, o.arrive(g), 201)
	session, code := member[string](t, phone, "session"), member[string](t, phone, "code")
	if member[string](t, phone, "kind") != "hotel" || member[string](t, phone, "service") != "open" || member[string](t, phone, "purpose") != "enter" {
		t.Errorf("%s", phone.body)
	}
	some := wantStatus(t, o.waiting("If-None-Match: "+none.header.Get("ETag"), "Prefer: wait=30"), 200)
	if string(some.body) != `{"waiting":1}` || string(none.body) != `{"waiting":0}` {
		t.Errorf("%s, before %s", some.body, none.body)
	}
	if a := o.capture(session, mated); a.status != 409 {
		t.Errorf("captured and not claimed: %d %s", a.status, a.body)
	}
	device := wantStatus(t, o.claim(code), 200)
	again := wantStatus(t, o.claim(code), 200)
	if string(device.body) != string(again.body) || member[string](t, device, "transaction") != "session."+session+".0.0" || !member[bool](t, device, "code_right") {
		t.Errorf("%s, %s", device.body, again.body)
	}
	if a := o.waiting(); string(a.body) != `{"waiting":0}` {
		t.Errorf("%s", a.body)
	}
	yes := `{"probe_int8":"` + int8Probe(testDim, true) + `"}`
	device = wantStatus(t, o.capture(session, yes), 200)
	phone = wantStatus(t, o.at("GET", session, "/seats/0", g.token.String(), ""), 200)
	for _, side := range []answer{device, phone} {
		if member[string](t, side, "outcome") != "completed" || !member[bool](t, side, "confirmed") {
			t.Errorf("%s", side.body)
		}
	}
	if strings.Contains(string(device.body)+string(some.body), g.id.String()) {
		t.Errorf("the hotel is told who it is: %s", device.body)
	}
}

// However many of a hotel's devices wait for guests, one that does not is told how many there are.
//
// FAULTS: O4
func TestArrivalsAreSeenWithoutWaiting(t *testing.T) {
	o := startLobby(t, nil)
	none := wantStatus(t, o.waiting(), 200)
	wantStatus(t, o.arrive(o.guest(11)), 201)
	for range 8 {
		_, stop, err := o.server.config.Arrivals.WatchArrivals("hotel")
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	if a := o.waiting("If-None-Match: "+none.header.Get("ETag"), "Prefer: wait=30"); a.status != 503 {
		t.Errorf("one more who waits: %d %s", a.status, a.body)
	}
	if a := wantStatus(t, o.waiting(), 200); string(a.body) != `{"waiting":1}` {
		t.Errorf("%s", a.body)
	}
}

// An arrival that is sent again is the same session; what else comes under its name is refused.
//
// FAULTS: A16 C8 C11
func TestArrivalsAreBegunOnce(t *testing.T) {
	o := startLobby(t, nil)
	g := o.guest(11)
	first, again := wantStatus(t, o.arrive(g), 201), wantStatus(t, o.arrive(g), 201)
	if string(first.body) != string(again.body) || len(o.book.Arrivals("hotel")) != 1 {
		t.Errorf("%s, %s", first.body, again.body)
	}
	g.more = `,"service":"full"`
	if a := o.arrive(g); a.status != 409 || member[string](t, a, "code") != "transaction_reused" {
		t.Errorf("another service: %d %s", a.status, a.body)
	}
	g.more, g.key = "", rotation.Key{1}
	if a := o.arrive(g); a.status != 422 {
		t.Errorf("a key afterwards: %d %s", a.status, a.body)
	}
	g.key = rotation.Key{}
	other := o.guest(12)
	other.token = g.token
	if a := o.arrive(other); a.status != 409 {
		t.Errorf("another credential: %d %s", a.status, a.body)
	}
	g = o.guest(11)
	wantStatus(t, o.at("POST", member[string](t, first, "session"), "/seats/0/decline", g.token.String(), ""), 200)
	if a := wantStatus(t, o.arrive(g), 201); member[string](t, a, "outcome") != "refused" {
		t.Errorf("after its end: %s", a.body)
	}
}

// Who has not the device of an active credential of the hotel's tenant does not arrive, and is told nothing else: not that there is
// no such hotel either.
//
// FAULTS: Z2 Z3 A11
func TestStrangersDoNotArrive(t *testing.T) {
	o := startLobby(t, nil)
	var first string
	for name, change := range map[string]func(*guest){
		"another party":    func(g *guest) { g.claim = func(c *evidence.Claims) { c.Party = "bank" } },
		"another name":     func(g *guest) { g.claim = func(c *evidence.Claims) { c.Transaction = "arrival.0" } },
		"another phone":    func(g *guest) { g.claim = func(c *evidence.Claims) { c.Capture[0]++ } },
		"another device":   func(g *guest) { g.device = o.other },
		"old":              func(g *guest) { g.claim = func(c *evidence.Claims) { c.IssuedAt -= 61 } },
		"no credential":    func(g *guest) { g.id = testID(77) },
		"no device":        func(g *guest) { g.id = testID(2) },
		"of no tenant":     func(g *guest) { o.enrol(g.id, 2, zhenni.LevelFull, zhenni.StatusActive) },
		"another person's": func(g *guest) { g.claim = func(c *evidence.Claims) { c.Subject = testID(1) } },
	} {
		g := o.guest(11)
		change(&g)
		a := o.call("POST", "/v1/arrivals", "", mediaJSON, []byte(o.document(g)), "Transaction-Id: same")
		if first == "" {
			first = string(a.body)
		}
		if a.status != 403 || string(a.body) != first {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, nobody := range []string{"nowhere", "kiosk"} {
		g := o.guest(11)
		g.claim = func(c *evidence.Claims) { c.Party = nobody }
		document := strings.Replace(o.document(g), `"party":"hotel"`, `"party":"`+nobody+`"`, 1)
		if a := o.call("POST", "/v1/arrivals", "", mediaJSON, []byte(document), "Transaction-Id: same"); a.status != 403 || string(a.body) != first {
			t.Errorf("at %s: %d %s", nobody, a.status, a.body)
		}
	}
	if len(o.book.all) != 0 {
		t.Errorf("%d sessions", len(o.book.all))
	}
}

// A session is claimed by the party at which its guest arrived, and by no other: there the code is nobody's.
//
// FAULTS: Z3
func TestArrivalsOfOthers(t *testing.T) {
	o := startLobby(t, nil)
	o.node.mu.Lock()
	for id, tenant := range map[string]zhenni.TenantID{"inn": 1, "abroad": 2} {
		o.node.parties[id] = zhenni.RelyingParty{ID: id, Tenant: tenant, Roles: zhenni.RoleVerifier, KeyHash: keyOf(id).Hash(), Services: []string{"open"}}
	}
	o.node.mu.Unlock()
	phone := wantStatus(t, o.arrive(o.guest(11)), 201)
	code, session := member[string](t, phone, "code"), member[string](t, phone, "session")
	for _, other := range []string{"inn", "abroad"} {
		a := o.call("POST", "/v1/arrivals/claim", other, mediaJSON, []byte(`{"code":"`+code+`"}`))
		if a.status != 404 || member[string](t, a, "code") != "arrival_not_found" {
			t.Errorf("%s: %d %s", other, a.status, a.body)
		}
		if a := o.call("GET", "/v1/arrivals", other, "", nil); string(a.body) != `{"waiting":0}` {
			t.Errorf("%s sees %s", other, a.body)
		}
		if a := o.call("POST", "/v1/sessions/"+session+"/capture", other, mediaJSON, []byte(mated)); a.status != 404 {
			t.Errorf("%s captures: %d %s", other, a.status, a.body)
		}
	}
	wantStatus(t, o.claim(code), 200)
}

// A wrong code ends no session; after a few there is a pause, in which the right one waits too.
//
// FAULTS: C11
func TestWrongCodesOfArrivals(t *testing.T) {
	o := startLobby(t, nil)
	code := member[string](t, wantStatus(t, o.arrive(o.guest(11)), 201), "code")
	wrong := writtenCode((code[0]-'0')*10 + (code[1]-'0'+1)%10)
	for range maxWrongCodes {
		wantStatus(t, o.claim(wrong), 404)
	}
	if a := o.claim(code); a.status != 429 || a.header.Get("Retry-After") != "60" {
		t.Errorf("%d %v", a.status, a.header)
	}
	o.wait(time.Minute)
	wantStatus(t, o.claim(code), 200)
}

// No two guests who wait at a hotel show the same code; there are so many at most, and a credential waits once: who comes again with
// another phone's memory leaves where they waited, but not where they are served.
//
// FAULTS: L4 C11
func TestArrivalsAreBounded(t *testing.T) {
	o := startLobby(t, nil)
	codes := map[string]bool{}
	for i := range maxWaiting {
		codes[member[string](t, wantStatus(t, o.arrive(o.guest(100+i)), 201), "code")] = true
	}
	if len(codes) != maxWaiting {
		t.Errorf("%d codes of %d guests", len(codes), maxWaiting)
	}
	if a := o.arrive(o.guest(99)); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", a.status, a.body)
	}
	g := o.guest(100)
	before, g2 := wantStatus(t, o.arrive(g), 201), g
	g2.token[0]++
	after := wantStatus(t, o.arrive(g2), 201)
	if a := o.at("GET", member[string](t, before, "session"), "/seats/0", g.token.String(), ""); member[string](t, a, "outcome") != "cancelled" {
		t.Errorf("waits twice: %s", a.body)
	}
	wantStatus(t, o.claim(member[string](t, after, "code")), 200)
	if a := o.arrive(o.guest(100)); member[string](t, a, "outcome") != "cancelled" {
		t.Errorf("the one before: %d %s", a.status, a.body)
	}
	g2.token[1]++
	if a := o.arrive(g2); a.status != 409 || member[string](t, a, "code") != "arrival_in_hand" {
		t.Errorf("while it is served: %d %s", a.status, a.body)
	}
	for range maxArrivalsOf {
		g2.token[1]++
		o.arrive(g2)
	}
	if a := o.arrive(g2); a.status != 429 {
		t.Errorf("of one credential: %d %s", a.status, a.body)
	}
}

// floatsOf reads a probe.
func floatsOf(raw []byte) []float32 {
	x := make([]float32, len(raw)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return x
}

// What a hotel captures of a guest who brought a key is rotated by it once, each try anew, and in no other session; the key is gone
// with the end. Evidence is about what was captured.
//
// FAULTS: B7 B8
func TestHotelsCapturesAreRotated(t *testing.T) {
	o := startLobby(t, nil)
	g := o.keyed(11, rotation.Key{3})
	session, transaction := o.claimed(g)
	captured, _ := base64.StdEncoding.DecodeString(float32Probe(testDim, -5))
	r, err := rotation.New(g.key, o.server.config.Profile.Model)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, testDim)
	if err := r.Apply(want, floatsOf(captured)); err != nil {
		t.Fatal(err)
	}
	var got []float32
	o.probed(func(b *zhenni.Batch) { got = append([]float32(nil), b.Float32...) })
	about := zhenni.CredentialID(must(zhenni.ParseSessionID(session)))
	live := o.terminalSays(evidence.Liveness, about, transaction, captured)
	document := `{"probe_float32":"` + float32Probe(testDim, -5) + `","evidence":["` + live + `"]}`
	a := wantStatus(t, o.capture(session, document), 200)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("compared %v, want %v", got, want)
		}
	}
	if member[string](t, a, "outcome") != "completed" || len(o.server.rotations.keys) != 0 {
		t.Errorf("the key outlives the session: %s", a.body)
	}
	g = o.keyed(13, rotation.Key{4})
	session, _ = o.claimed(g)
	wantStatus(t, o.call("POST", "/v1/sessions/"+session+"/cancel", "hotel", "", nil), 200)
	if len(o.server.rotations.keys) != 0 {
		t.Error("the key outlives a session that was cancelled")
	}
	plain, _ := o.claimed(o.guest(12))
	wantStatus(t, o.capture(plain, `{"probe_float32":"`+float32Probe(testDim, 5)+`"}`), 200)
	if got[0] != 5 {
		t.Errorf("without a key: %v", got)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A key that was lost with a restart is asked for again, and until it is there nothing is compared: a face in the clear held against
// what was enrolled rotated would be a try for nothing.
//
// FAULTS: B7 B8
func TestRotationKeysAreSentAgain(t *testing.T) {
	o := startLobby(t, nil)
	g := o.keyed(11, rotation.Key{3})
	session, _ := o.claimed(g)
	o.server.rotations.wipe()
	asked := o.node.asked()
	if a := o.capture(session, mated); a.status != 409 || o.node.asked() != asked {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := o.at("GET", session, "/seats/0", g.token.String(), ""); !member[bool](t, a, "rotation_wanted") {
		t.Errorf("%s", a.body)
	}
	if a := wantStatus(t, o.arrive(g), 201); member[bool](t, a, "rotation_wanted") || member[string](t, a, "session") != session {
		t.Errorf("%s", a.body)
	}
	wantStatus(t, o.capture(session, `{"probe_float32":"`+float32Probe(testDim, 5)+`"}`), 200)
}

// A key that was sealed for another arrival, another hotel or nobody is refused, and no session is begun for it.
//
// FAULTS: B7 L10
func TestRotationKeysOfOthers(t *testing.T) {
	o := startLobby(t, nil)
	g := o.guest(11)
	other := sha256.Sum256([]byte("x"))
	for _, name := range []string{"inn/" + g.name(), g.name(), "hotel/arrival." + strings.Repeat("0", 32), string(other[:4])} {
		g.key, g.sealedFor = rotation.Key{3}, name
		if a := o.arrive(g); a.status != 422 || member[string](t, a, "code") != "rotation_key_refused" {
			t.Errorf("%q: %d %s", name, a.status, a.body)
		}
		o.wait(time.Minute)
	}
	g.key, g.more = rotation.Key{}, `,"rotation_key":"x"`
	if a := o.arrive(g); a.status != 422 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if len(o.book.all) != 0 || len(o.server.rotations.keys) != 0 {
		t.Errorf("%d sessions", len(o.book.all))
	}
}

// A capture that could never be compared is refused to the guest's phone, before there is a session: without the key that the credential
// was enrolled under, with another one, or with one where it was enrolled under none, by which a stranger's face could be turned until
// it fits. It costs no try. The hotel hears of nobody, and whoever has not the credential's device is told what strangers are told.
//
// FAULTS: B7 B8 Z3
func TestGuestsAreComparedByTheKeyOfTheirEnrolment(t *testing.T) {
	o := startLobby(t, nil)
	before := wantStatus(t, o.waiting(), 200)
	for name, c := range map[string]struct {
		enrolled, brought rotation.Key
		says              string // empty: arrives
	}{
		"plain, none":           {},
		"rotated, its key":      {rotation.Key{3}, rotation.Key{3}, ""},
		"rotated, none":         {rotation.Key{3}, rotation.Key{}, "rotation_key is missing"},
		"rotated, another":      {rotation.Key{3}, rotation.Key{4}, "another rotation key"},
		"plain, one of choice":  {rotation.Key{}, rotation.Key{4}, "no rotation key"},
		"plain, a key of zeros": {rotation.Key{}, rotation.Key{31: 1}, "no rotation key"},
	} {
		g := o.guest(10 + len(name))
		if c.enrolled != (rotation.Key{}) {
			g = o.keyed(10+len(name), c.enrolled)
		}
		g.key = c.brought
		stranger := g
		stranger.device = o.other
		if a := o.arrive(stranger); a.status != 403 || strings.Contains(string(a.body), "rotation") {
			t.Errorf("%s, a stranger: %d %s", name, a.status, a.body)
		}
		o.wait(time.Second)
		a := o.arrive(g)
		if c.says == "" {
			wantStatus(t, a, 201)
			wantStatus(t, o.at("POST", member[string](t, a, "session"), "/seats/0/decline", g.token.String(), ""), 200)
			continue
		}
		if a.status != 422 || member[string](t, a, "code") != "rotation_key_refused" || !strings.Contains(member[string](t, a, "detail"), c.says) {
			t.Errorf("%s: %d %s, want %q", name, a.status, a.body, c.says)
		}
	}
	if a := o.waiting(); string(a.body) != string(before.body) || o.node.asked() != 0 || len(o.server.rotations.keys) != 0 {
		t.Errorf("%s, %d comparisons, %d keys", a.body, o.node.asked(), len(o.server.rotations.keys))
	}
}

// A terminal that is not told the credential speaks of the session, and of nothing but that somebody alive was captured: a card or a
// document would be somebody's, and a phone did not capture.
//
// FAULTS: B10 B11 Z3
func TestEvidenceAtAHotel(t *testing.T) {
	o := startLobby(t, nil)
	g := o.guest(11)
	session, transaction := o.claimed(g)
	about := zhenni.CredentialID(must(zhenni.ParseSessionID(session)))
	captured, _ := base64.StdEncoding.DecodeString(int8Probe(testDim, true))
	for name, token := range map[string]string{
		"a card":              o.terminalSays(evidence.Card, about, transaction, captured),
		"a document":          o.terminalSays(evidence.Document, about, transaction, captured),
		"the credential":      o.terminalSays(evidence.Liveness, g.id, transaction, captured),
		"another session":     o.terminalSays(evidence.Liveness, testID(1), transaction, captured),
		"another transaction": o.terminalSays(evidence.Liveness, about, "session."+session+".0.1", captured),
		"another capture":     o.terminalSays(evidence.Liveness, about, transaction, captured[1:]),
	} {
		document := `{"probe_int8":"` + int8Probe(testDim, true) + `","evidence":["` + token + `"]}`
		if a := o.capture(session, document); a.status != 422 || member[string](t, a, "code") != "evidence_refused" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := o.capture(session, `{}`); a.status != 422 {
		t.Errorf("nothing captured: %d %s", a.status, a.body)
	}
	live := o.terminalSays(evidence.Liveness, about, transaction, captured)
	wantStatus(t, o.capture(session, `{"probe_int8":"`+int8Probe(testDim, true)+`","evidence":["`+live+`"]}`), 200)
}

// Guests who arrive at once have codes of their own too, and one who arrives twice at once waits once.
//
// FAULTS: C11
func TestArrivalsAtOnce(t *testing.T) {
	o := startLobby(t, nil)
	var documents []string
	for i := range 24 {
		documents = append(documents, o.document(o.guest(100+i/2))) // each twice
	}
	var wg sync.WaitGroup
	for _, document := range documents {
		wg.Go(func() {
			if a := o.call("POST", "/v1/arrivals", "", mediaJSON, []byte(document)); a.status != 201 && a.status != 409 && a.status != 503 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	codes, whose := map[uint8]bool{}, map[zhenni.CredentialID]bool{}
	for _, s := range o.book.Arrivals("hotel") {
		if codes[s.Code] || whose[s.Seats[0].Credential] {
			t.Errorf("twice: code %02d", s.Code)
		}
		codes[s.Code], whose[s.Seats[0].Credential] = true, true
	}
	if len(codes) != len(documents)/2 || len(o.server.desks.reserved) != 0 {
		t.Errorf("%d wait, %d codes are reserved", len(codes), len(o.server.desks.reserved))
	}
}

// A guest who names nothing arrives for the one purpose that the hotel was granted.
//
// FAULTS: Z8
func TestArrivalForTheGrantedPurpose(t *testing.T) {
	o := startLobby(t, func(c *Config) {
		several := strings.Replace(testServices, `"category": "test", "purposes": ["enter"]`, `"category": "hotel", "purposes": ["enter", "leave", "stay"]`, 1)
		var err error
		if c.Catalogue, err = zhenni.ReadCatalogue(strings.NewReader(several)); err != nil {
			t.Fatal(err)
		}
	})
	for i, c := range []struct {
		services []string
		status   int
	}{{[]string{"open:leave"}, 201}, {[]string{"open:leave", "open:stay"}, 403}, {[]string{"open"}, 403}, {[]string{"open:sleep"}, 403}} {
		o.node.mu.Lock()
		hotel := o.node.parties["hotel"]
		hotel.Services = c.services
		o.node.parties["hotel"] = hotel
		o.node.mu.Unlock()
		a := wantStatus(t, o.arrive(o.guest(11+i)), c.status)
		if c.status == 201 && member[string](t, a, "purpose") != "leave" {
			t.Errorf("%v: %s", c.services, a.body)
		}
	}
}
