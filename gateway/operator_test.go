package gateway

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/gateway/httpsig"

	"github.com/getkin/kin-openapi/openapi3"
)

// operated is a gateway over a real node with both listeners, and a key for each of its parties.
type operated struct {
	*tenants
	operator fixture // the same server, by the operator's address
	signers  map[string]*httpsig.Signer
	doc      *openapi3.T
	stamped  int
}

func startOperated(t testing.TB) *operated {
	t.Helper()
	o := &operated{tenants: startTenants(t), signers: map[string]*httpsig.Signer{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- o.server.ServeOperator(ln) }()
	t.Cleanup(func() {
		stop(o.server)
		if err := <-done; err != nil {
			t.Errorf("ServeOperator: %v", err)
		}
	})
	o.operator = *o.fixture
	o.operator.addr = ln.Addr().String()
	for i, id := range append(slices.Clone(rolesOfTenancy), everybody) {
		o.signers[id] = edwardsSigner(t, byte(10+i))
		party, _ := o.node.RelyingParty(id)
		party.Keys = []zhenni.PartyKey{{Public: publicKeyOf(t, o.signers[id])}}
		o.apply(zhenni.PutRelyingParty{Party: party})
	}
	return o
}

// described also holds each answer on the operator's listener to the description.
func (o *operated) described(t *testing.T) *operated {
	o.doc = loadDescription(t)
	return o
}

// signed is a request of a party, signed.
func (o *operated) signed(by *httpsig.Signer, method, path, body string) signedRequest {
	o.t.Helper()
	o.stamped++
	var fields []httpsig.Field
	if body != "" {
		fields = []httpsig.Field{{Name: "content-type", Value: []byte(mediaJSON)}}
	}
	stamp := httpsig.Stamp{Created: o.now(), Nonce: "nonce-of-an-operator-" + itoa(o.stamped)}
	return signMessage(o.t, by, stamp, signedRequest{method: method, path: path, host: "x", body: body}, fields...)
}

// ask sends a signed request to the operator's listener.
func (o *operated) ask(party, method, path, body string) answer {
	o.t.Helper()
	return o.askOf(&o.operator, o.signers[party], method, path, body)
}

func (o *operated) askOf(f *fixture, by *httpsig.Signer, method, path, body string) answer {
	o.t.Helper()
	answers, _ := f.exchange([]byte(o.signed(by, method, path, body).raw()), 1)
	if len(answers) != 1 {
		o.t.Fatalf("%s %s: %d answers", method, path, len(answers))
	}
	if t, ok := o.t.(*testing.T); ok && o.doc != nil {
		checkDescribed(t, o.doc, method, describedPath(path), answers[0])
	}
	return answers[0]
}

// describedPath is the path of a route with its names in the place of ids.
func describedPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		switch {
		case i == 3 && parts[2] == "parties":
			parts[i] = "{party}"
		case i > 2 && part != "" && parts[i-1] == "keys" && part != "retire":
			parts[i] = "{key}"
		}
	}
	return strings.Join(parts, "/")
}

// must asks as the operator, and returns the party that is answered.
func (o *operated) must(status int, method, path, body string) (p shownParty) {
	o.t.Helper()
	a := o.ask("operator", method, path, body)
	if a.status != status {
		o.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		o.t.Fatal(err)
	}
	return p
}

func jwkOf(t testing.TB, s *httpsig.Signer) string {
	t.Helper()
	return string(publicKeyOf(t, s).JWK())
}

// An operator brings a party in, changes its terms, rotates its keys, stops it, lets it go on and removes it; each is a change
// that is recorded, answered as described, and seen by the next request.
//
// FAULTS: A15 Z4
func TestOperatorKeepsParties(t *testing.T) {
	o := startOperated(t).described(t)
	hotel, next := edwardsSigner(t, 60), nistSigner(t, 61)
	recorded := o.done().recorded
	body := `{"id":"hotel","roles":["verifier"],"sector":"hotels","name":"Hôtel","services":["check-in"],"per_minute":600,"keys":[` + jwkOf(t, hotel) + `]}`
	made := o.must(201, "POST", "/v1/parties", body)
	if made.Tenant != 1 || made.ID != "hotel" || made.Name != "Hôtel" || made.PerMinute != 600 || made.Version == "" || len(made.Keys) != 1 {
		t.Errorf("%+v", made)
	}
	if again := o.must(201, "POST", "/v1/parties", body); again.Version != made.Version || !again.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("%+v", again)
	}
	if a := o.ask("operator", "POST", "/v1/parties", strings.Replace(body, "600", "601", 1)); a.code() != "taken" {
		t.Errorf("another party of that id: %d %s", a.status, a.body)
	}
	if a := o.askOf(o.fixture, hotel, "GET", "/v1/profiles", ""); a.status != 200 {
		t.Errorf("it asks: %d %s", a.status, a.body)
	}
	if got := o.must(200, "GET", "/v1/parties/hotel", ""); got.Version != made.Version {
		t.Errorf("what was made is of version %s, what is read of %s", made.Version, got.Version)
	}

	changed := o.must(200, "POST", "/v1/parties/hotel/change", `{"version":"`+made.Version+`","services":["check-in","payment"],"per_day":9}`)
	if changed.PerDay != 9 || changed.PerMinute != 600 || len(changed.Services) != 2 || changed.Name != "Hôtel" {
		t.Errorf("%+v", changed)
	}
	if a := o.ask("operator", "POST", "/v1/parties/hotel/change", `{"version":"`+made.Version+`","per_day":10}`); a.code() != "party_changed" {
		t.Errorf("a change of what is no more: %d %s", a.status, a.body)
	}

	o.must(200, "POST", "/v1/parties/hotel/keys", `{"keys":[`+jwkOf(t, next)+`],"grace_seconds":60}`)
	for by, status := range map[*httpsig.Signer][2]int{hotel: {200, 401}, next: {200, 200}} {
		if a := o.askOf(o.fixture, by, "GET", "/v1/party", ""); a.status != status[0] {
			t.Errorf("in grace: %d %s", a.status, a.body)
		}
	}
	o.ahead.Add(61)
	if a := o.askOf(o.fixture, hotel, "GET", "/v1/party", ""); a.status != 401 {
		t.Errorf("after grace: %d %s", a.status, a.body)
	}

	if p := o.must(200, "POST", "/v1/parties/hotel/suspend", ""); !p.Suspended {
		t.Errorf("%+v", p)
	}
	o.must(200, "POST", "/v1/parties/hotel/suspend", "")
	if a := o.askOf(o.fixture, next, "GET", "/v1/party", ""); a.code() != "party_suspended" {
		t.Errorf("suspended: %d %s", a.status, a.body)
	}
	o.must(200, "POST", "/v1/parties/hotel/resume", "")
	if a := o.askOf(o.fixture, next, "GET", "/v1/party", ""); a.status != 200 {
		t.Errorf("resumed: %d %s", a.status, a.body)
	}
	o.must(200, "POST", "/v1/parties/hotel/keys/"+next.Key().ID()+"/retire", `{"grace_seconds":0}`)
	if a := o.ask("operator", "POST", "/v1/parties/hotel/keys/"+hotel.Key().ID()+"/retire", ""); a.status != 404 {
		t.Errorf("a key that has ended: %d %s", a.status, a.body)
	}
	o.must(200, "GET", "/v1/parties/hotel/usage", "")
	o.must(200, "POST", "/v1/parties/hotel/remove", "")
	if a := o.ask("operator", "POST", "/v1/parties/hotel/remove", ""); a.code() != "party_not_found" {
		t.Errorf("removed twice: %d %s", a.status, a.body)
	}
	if n := o.done().recorded - recorded; n != 7 {
		t.Errorf("%d changes were recorded, want 7", n)
	}
}

// A stop for what a party asked ends with a resume, and shows in its usage.
func TestOperatorLiftsAStop(t *testing.T) {
	o := startOperated(t)
	o.apply(zhenni.StopRelyingParty{ID: "verifier", At: o.now()})
	stopped := func() bool {
		return strings.Contains(string(o.ask("operator", "GET", "/v1/parties/verifier/usage", "").body), `"stopped":true`)
	}
	if !stopped() {
		t.Error("a stop is not told")
	}
	if o.must(200, "POST", "/v1/parties/verifier/resume", ""); stopped() {
		t.Error("a stop outlives its end")
	}
}

// The tenant's parties come in pages, in order, each once.
func TestPartiesInPages(t *testing.T) {
	o := startOperated(t).described(t)
	for i := range 230 {
		o.apply(zhenni.PutRelyingParty{Party: zhenni.RelyingParty{ID: "p" + itoa(1000+i), Tenant: 1, Roles: zhenni.RoleVerifier, CreatedAt: testNow()}})
	}
	var all []string
	for path := "/v1/parties"; path != ""; {
		var page struct {
			Parties []shownParty
			Next    string
		}
		a := o.ask("operator", "GET", path, "")
		if err := json.Unmarshal(a.body, &page); err != nil || a.status != 200 {
			t.Fatal(err, string(a.body))
		}
		for _, p := range page.Parties {
			all = append(all, p.ID)
		}
		if path = ""; page.Next != "" {
			path = "/v1/parties/" + page.Next + "/next"
		}
	}
	if len(all) != 230+len(rolesOfTenancy) || !slices.IsSorted(all) || slices.Contains(all, everybody) {
		t.Errorf("%d parties, %q", len(all), all)
	}
	if a := o.ask("operator", "GET", "/v1/parties/No.Name/next", ""); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A document about a party says what it takes and nothing more: whatever it brings beside, or out of range, is refused by its
// name, and nothing is changed.
//
// FAULTS: Z5 L2 L4 L10 A19
func TestPartyDocuments(t *testing.T) {
	o := startOperated(t).described(t)
	key := jwkOf(t, edwardsSigner(t, 60))
	with := func(member string) string { return `{"id":"hotel","roles":["verifier"],` + member + `}` }
	smallOrder := `{"kty":"OKP","crv":"Ed25519","x":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 32)) + `"}`
	before := o.done()
	for body, told := range map[string]string{
		with(`"tenant":2`): "tenant", with(`"tenant":"1"`): "tenant", with(`"evaluation":1`): "does not take", with(`"suspended":1`): "does not take",
		with(`"key_sha256":"00"`): "does not take", with(`"created_at":"2020-01-01T00:00:00Z"`): "does not take", with(`"version":"x"`): "does not take",
		`{"id":"Hotel","roles":["verifier"]}`: "id", `{"id":"hotel ","roles":["verifier"]}`: "id", `{"id":"hоtel","roles":["verifier"]}`: "id", // a Cyrillic о
		`{"id":"` + strings.Repeat("a", 65) + `","roles":["verifier"]}`: "id", `{"roles":["verifier"]}`: "id", `{"id":7,"roles":["verifier"]}`: "id",
		`{"id":"hotel"}`: "roles", `{"id":"hotel","roles":[]}`: "roles", `{"id":"hotel","roles":["owner"]}`: "roles", `{"id":"hotel","roles":"verifier"}`: "roles",
		`{"id":"hotel","id":"hotel","roles":["verifier"]}`: "id occurs twice",
		with(`"sector":"Hotels"`):                          "sector", with(`"sector":""`): "sector", with(`"name":"a\u202eb"`): "name", with(`"name":"a\r\nb"`): "name", with(`"name":7`): "name",
		with(`"name":"` + strings.Repeat("n", 201) + `"`): "name",
		with(`"services":["a","a"]`):                      "service", with(`"services":["A"]`): "services", with(`"services":["a:"]`): "services", with(`"services":["a:b:c"]`): "services", with(`"services":[7]`): "services",
		with(`"per_minute":-1`): "per_minute", with(`"per_minute":4294967296`): "per_minute", with(`"per_day":"9"`): "per_day", with(`"per_day":1e3`): "malformed",
		with(`"certificates":["` + strings.Repeat("A", 64) + `"]`): "certificates", with(`"certificates":["ab"]`): "certificates",
		with(`"keys":["x"]`): "keys", with(`"keys":[{}]`): "keys, at 0", with(`"keys":[` + smallOrder + `]`): "keys, at 0", with(`"keys":[` + key + `,` + key + `]`): "twice",
		with(`"keys":[` + strings.Replace(key, `"x"`, `"d":"AA","x"`, 1) + `]`): "private key", with(`"keys":[` + strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat("}", 100) + `]`): "keys",
		with(`"keys":[{"a":"]}`): "keys", with(`"keys":` + key): "keys", with(`"keys":[` + strings.Repeat(key+",", 8) + key + `]`): "keys",
		"": "", "[]": "object", with(`"name":"a"`) + "x": "after",
	} {
		a := o.ask("operator", "POST", "/v1/parties", body)
		if a.status != 400 && (body != "" || a.status != 415) || !strings.Contains(string(a.body), told) {
			t.Errorf("%s: %d %s, want 400 with %q", body, a.status, a.body, told)
		}
	}
	if a := o.ask("operator", "POST", "/v1/parties", with(`"name":"`+strings.Repeat("n", maxAdminBytes)+`"`)); a.status != 413 {
		t.Errorf("a long document: %d %s", a.status, a.body)
	}
	if did := o.done().since(before); did.applied != 0 {
		t.Errorf("refused documents made %d changes", did.applied)
	}
}

// The keys of a party are its own: another's are refused, and whose they are is not told.
//
// FAULTS: Z1 Z2
func TestKeysOfAnotherParty(t *testing.T) {
	o := startOperated(t)
	theirs := `{"id":"hotel","roles":["verifier"],"keys":[` + jwkOf(t, o.signers[everybody]) + `]}`
	a := o.ask("operator", "POST", "/v1/parties", theirs)
	b := o.ask("operator", "POST", "/v1/parties/verifier/keys", `{"keys":[`+jwkOf(t, o.signers[everybody])+`]}`)
	for _, a := range []answer{a, b} {
		if a.code() != "taken" || strings.Contains(string(a.body), everybody) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := o.ask("operator", "POST", "/v1/parties", `{"id":"`+everybody+`","roles":["verifier"]}`); a.code() != "taken" || strings.Contains(string(a.body), "tenant") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
