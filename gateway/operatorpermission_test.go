package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
)

// operations are the operator's routes, each about a party. The statuses are for a verifier of the tenant and for an operator of
// it, which is kept elsewhere; of any party that is not of the tenant the status is 404 with one text.
var operations = map[string]struct {
	body           string
	party, another int
}{
	"POST /v1/parties/{party}/change":            {`{"version":"x"}`, 409, 403},
	"POST /v1/parties/{party}/keys":              {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`, 200, 403},
	"POST /v1/parties/{party}/keys/{key}/retire": {"", 404, 403},
	"POST /v1/parties/{party}/suspend":           {"", 200, 403},
	"POST /v1/parties/{party}/resume":            {"", 200, 403},
	"GET /v1/parties/{party}":                    {"", 200, 200},
	"GET /v1/parties/{party}/usage":              {"", 200, 200},
	"POST /v1/parties/{party}/remove":            {"", 200, 403},
}

// Only operators have the operator's routes, and only for the parties of their tenant: of any other they are told what they are
// told of none, to the byte, by the same work; whoever is no operator learns nothing of any party, for no work at all.
//
// FAULTS: Z1 Z2 Z4 Z9
func TestOperatorRoleTimesOperationTimesObject(t *testing.T) {
	o := startOperated(t)
	for _, rt := range operatorRoutes() {
		target := rt.method + " " + rt.path
		if rt.role != zhenni.RoleOperator || !rt.signed {
			t.Errorf("%s is for others than operators that sign", target)
		}
		p, aboutParty := operations[target]
		if !aboutParty {
			continue
		}
		path := func(id string) string { return strings.NewReplacer("{party}", id, "{key}", "x").Replace(rt.path) }
		for _, role := range []string{"verifier", "issuer", "terminal", "auditor"} {
			for _, id := range []string{"verifier", everybody, "nobody"} {
				before := o.done()
				if a := o.ask(role, rt.method, path(id), p.body); a.code() != "forbidden" || o.done() != before {
					t.Errorf("%s as %s of %s: %d %s", target, role, id, a.status, a.body)
				}
			}
		}
		before := o.done()
		nothing := o.ask("operator", rt.method, path("nobody"), p.body)
		did := o.done().since(before)
		for _, id := range []string{everybody, "No-Name", strings.Repeat("a", 65)} {
			before := o.done()
			a := o.ask("operator", rt.method, path(id), p.body)
			if a.status != 404 || a.code() != nothing.code() || !sameButTransaction(a, nothing) || o.done().since(before) != did {
				t.Errorf("%s of %s: %d %s, of nobody %s", target, id, a.status, a.body, nothing.body)
			}
		}
		if a := o.ask("operator", rt.method, path("operator"), p.body); a.status != p.another {
			t.Errorf("%s of an operator: %d %s", target, a.status, a.body)
		}
		if a := o.ask("operator", rt.method, path("verifier"), p.body); a.status != p.party {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
	if a := o.ask("operator", "POST", "/v1/parties", `{"id":"second","roles":["verifier","operator"]}`); a.code() != "operator_kept_apart" {
		t.Errorf("an operator makes another: %d %s", a.status, a.body)
	}
}

// sameButTransaction compares the bytes of two problems.
func sameButTransaction(a, b answer) bool {
	cut := func(a answer) string {
		text, _, _ := strings.Cut(string(a.body), `"txn"`)
		return text
	}
	return cut(a) == cut(b) && len(a.body) == len(b.body)
}

// The public address has none of the operator's routes, whoever asks: each is answered like any address that is none. The
// operator's address has none of the public ones.
//
// FAULTS: Z9
func TestOperatorRoutesAreNotPublic(t *testing.T) {
	o := startOperated(t)
	public := map[string]bool{}
	for _, rt := range publicRoutes() {
		public[rt.method+" "+rt.path] = true
	}
	concrete := strings.NewReplacer("{party}", "verifier", "{key}", "x", "{id}", "x", "{item}", "0", "{cursor}", "x", "{path}", "x", "{list}", "0").Replace
	nothing := o.askOf(o.fixture, o.signers["operator"], "GET", "/v1/none", "")
	for _, rt := range operatorRoutes() {
		if public[rt.method+" "+rt.path] {
			continue // of the party itself
		}
		for _, a := range []answer{
			o.askOf(o.fixture, o.signers["operator"], rt.method, concrete(rt.path), ""), o.call(rt.method, concrete(rt.path), everybody, "", nil), o.call(rt.method, concrete(rt.path), "", "", nil),
		} {
			if a.status != 404 || !sameButTransaction(a, nothing) {
				t.Errorf("%s %s on the public address: %d %s", rt.method, rt.path, a.status, a.body)
			}
		}
	}
	for _, rt := range publicRoutes() {
		if slices.ContainsFunc(operatorRoutes(), func(other *route) bool { return other.method == rt.method && other.path == rt.path }) {
			continue
		}
		if a := o.ask("operator", rt.method, concrete(rt.path), ""); a.status != 404 {
			t.Errorf("%s %s on the operator's address: %d %s", rt.method, rt.path, a.status, a.body)
		}
	}
}

// Neither an API key nor a session key makes an operator, and neither gives a party another key.
//
// FAULTS: Z4 A17
func TestOperatorSigns(t *testing.T) {
	o := startOperated(t)
	before := o.done()
	for target, p := range operations {
		method, path, _ := strings.Cut(target, " ")
		path = strings.NewReplacer("{party}", "verifier", "{key}", "x").Replace(path)
		if a := o.operator.call(method, path, "operator", mediaJSON, []byte(p.body)); a.code() != "signature_required" {
			t.Errorf("%s with an API key: %d %s", target, a.status, a.body)
		}
		if a := o.operator.call(method, path, "", mediaJSON, []byte(p.body)); a.status != 401 {
			t.Errorf("%s as nobody: %d %s", target, a.status, a.body)
		}
	}
	private := exchangeKey(t, 7)
	request := sessionRequest(private)
	session := sessionSigner(t, private, o.askOf(o.fixture, o.signers[everybody], "POST", request.path, request.body))
	for _, f := range []*fixture{&o.operator, o.fixture} {
		for _, path := range []string{"/v1/party/keys", "/v1/party/keys/x/retire"} {
			if a := o.askOf(f, session, "POST", path, ""); a.code() != "signature_required" {
				t.Errorf("%s with a session key: %d %s", path, a.status, a.body)
			}
		}
	}
	if a := o.askOf(&o.operator, session, "GET", "/v1/parties", ""); a.code() != "signature_required" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if did := o.done().since(before); did.applied != 0 {
		t.Errorf("%d changes were made", did.applied)
	}
}

// An operator's request counts once, by the address and the path that it was signed for.
//
// FAULTS: A9 A12
func TestOperatorsRequestCountsOnce(t *testing.T) {
	o := startOperated(t)
	m := o.signed(o.signers["operator"], "POST", "/v1/parties/verifier/suspend", "")
	elsewhere := m
	elsewhere.path = "/v1/parties/issuer/suspend"
	for _, step := range []struct {
		m      signedRequest
		status int
	}{{elsewhere, 401}, {m, 200}, {m, 401}} {
		answers, _ := o.operator.exchange([]byte(step.m.raw()), 1)
		if len(answers) != 1 || answers[0].status != step.status {
			t.Errorf("%s: %v, want %d", step.m.path, answers, step.status)
		}
	}
}

// Of many changes made of one version at once exactly one is made.
func TestChangesOfOneVersion(t *testing.T) {
	o := startOperated(t)
	version := o.must(200, "GET", "/v1/parties/verifier", "").Version
	const many = 16
	requests := make([]signedRequest, many)
	for i := range requests {
		requests[i] = o.signed(o.signers["operator"], "POST", "/v1/parties/verifier/change", `{"version":"`+version+`","per_day":`+itoa(i+1)+`}`)
	}
	var all sync.WaitGroup
	statuses := make([]int, many)
	for i, m := range requests {
		all.Go(func() {
			if answers, _ := o.operator.exchange([]byte(m.raw()), 1); len(answers) == 1 {
				statuses[i] = answers[0].status
			}
		})
	}
	all.Wait()
	slices.Sort(statuses)
	if statuses[0] != 200 || statuses[1] != 409 || statuses[many-1] != 409 {
		t.Errorf("answered %v", statuses)
	}
}

// An operator may show a certificate in the place of a signature, for as long as it is its own and within its time.
//
// FAULTS: A13 A14
func TestOperatorByCertificate(t *testing.T) {
	ca := newAuthority(t, "ours")
	f := startTLS(t, ca.file())
	f.config.ClientSessionCache = nil // a resumed session has the certificate it began with
	shown, hash := ca.issue(testClock.Add(-time.Hour), testClock.Add(time.Hour), x509.ExtKeyUsageClientAuth)
	verifier, verifierHash := ca.issue(testClock.Add(-time.Hour), testClock.Add(time.Hour), x509.ExtKeyUsageClientAuth)
	late, lateHash := ca.issue(testClock.Add(-time.Hour), testClock.Add(-time.Minute), x509.ExtKeyUsageClientAuth)
	f.server.config.Registry = NewRegistry(&fakeOperator{fakeNode: f.node}, f.server.config.Now)
	operator := zhenni.RelyingParty{ID: "ops", Tenant: 1, Roles: zhenni.RoleOperator, Certificates: []zhenni.PartyCertificate{{Hash: hash}, {Hash: lateHash}}}
	f.put(operator)
	f.put(zhenni.RelyingParty{ID: "desk", Tenant: 1, Roles: zhenni.RoleVerifier, Certificates: []zhenni.PartyCertificate{{Hash: verifierHash}}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.server.ServeOperator(ln) }()
	f.addr = ln.Addr().String()
	suspend := func(c *tls.Conn) int {
		if _, err := c.Write([]byte("POST /v1/parties/desk/suspend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")); err != nil {
			return 0
		}
		answers, _ := readAnswers(c, 1)
		if len(answers) != 1 {
			return 0
		}
		return answers[0].status
	}
	kept := f.connect(shown)
	for what, tt := range map[string]struct {
		c      *tls.Conn
		status int
	}{"its own": {kept, 200}, "a verifier's": {f.connect(verifier), 403}, "none": {f.connect(nil), 401}, "one that has ended": {f.connect(late), 0}} {
		if status := suspend(tt.c); status != tt.status {
			t.Errorf("%s: %d, want %d", what, status, tt.status)
		}
	}
	operator.Certificates = nil
	f.put(operator)
	if status := suspend(kept); status != 401 {
		t.Errorf("a certificate that was taken away, on the connection that it came by: %d", status)
	}
}
