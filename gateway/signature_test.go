package gateway

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
)

// A signedCase is a request and what is answered.
type signedCase struct {
	name   string
	m      signedRequest
	status int
	code   string
}

// Each way to get a signed request wrong is refused without asking the node; what is right is answered.
//
// FAULTS: A1 A2 A3 A4 A5 A6 A7 A8 A12 A15 A19 Z4
func TestSignedRequests(t *testing.T) {
	f := startSigning(t, nil)
	f.judged("at first")
	for range prepareAfter {
		f.send(f.good())
	}
	if key, err := f.server.keys.of(publicKeyOf(t, f.hotel)); err != nil || !key.verifies.Prepared() {
		t.Fatalf("the hotel's key is not prepared: %v", err)
	}
	f.judged("with a key that is prepared")
}

// judged sends each case once.
func (f *signedFixture) judged(when string) {
	t := f.t
	for _, tt := range slices.Concat(goodCases(f), keyCases(f), bodyCases(f), coverageCases(f), timeCases(f), placeCases(f)) {
		before := f.node.asked()
		a := f.send(tt.m)
		if a.status != tt.status || a.code() != tt.code {
			t.Errorf("%s, %s: %d %s, want %d %s: %s", when, tt.name, a.status, a.code(), tt.status, tt.code, a.body)
		}
		if asked := f.node.asked() > before; asked != (tt.status == 200) {
			t.Errorf("%s: the node was asked: %v", tt.name, asked)
		}
		if tt.status == 401 && tt.name != "A1 unsigned" && a.header.Get("WWW-Authenticate") != "Signature" {
			t.Errorf("%s: the challenge is %q", tt.name, a.header.Get("WWW-Authenticate"))
		}
	}
}

// good is a question of the hotel's, each with a nonce of its own.
func (f *signedFixture) good() signedRequest { return f.question(f.hotel, f.stamp()) }

// aged is one that was signed some time from now.
func (f *signedFixture) aged(d time.Duration) signedRequest {
	stamp := f.stamp()
	stamp.Created = testClock.Add(d)
	return f.question(f.hotel, stamp)
}

func goodCases(f *signedFixture) []signedCase {
	old, ended := edwardsSigner(f.t, 4), edwardsSigner(f.t, 5)
	f.put(zhenni.RelyingParty{ID: "rotating", Tenant: 1, Roles: zhenni.RoleVerifier, Keys: []zhenni.PartyKey{
		{Public: publicKeyOf(f.t, old), NotAfter: testClock}, {Public: publicKeyOf(f.t, ended), NotAfter: testClock.Add(-time.Second)},
	}})
	return []signedCase{
		{"Ed25519", f.good(), 200, ""},
		{"P-256", f.question(f.hotelP256, f.stamp()), 200, ""},
		{"60 s old", f.aged(-60 * time.Second), 200, ""},
		{"5 s ahead", f.aged(5 * time.Second), 200, ""},
		{"host in another case", f.good().withHost("X"), 200, ""},
		{"A15 a key in grace", f.question(old, f.stamp()), 200, ""},
		{"A15 a key after its grace", f.question(ended, f.stamp()), 401, "unauthorized"},
		{"Z4 an issuer verifies", f.question(f.registry, f.stamp()), 403, "forbidden"},
	}
}

func keyCases(f *signedFixture) []signedCase {
	hotel, p256, stranger := f.hotel.Key().ID(), f.hotelP256.Key().ID(), f.stranger.Key().ID()
	return []signedCase{
		{"A1 unsigned", f.good().without("Signature").without("Signature-Input"), 401, "unauthorized"},
		{"A1 no signature", f.good().without("Signature"), 401, "signature_not_taken"},
		{"A1 no input", f.good().without("Signature-Input"), 401, "signature_not_taken"},
		{"A2 the signature of another request", f.good().without("Signature").add(f.good().field("Signature")), 401, "unauthorized"},
		{"A2 not base64", f.good().with("Signature: sig=:", "Signature: sig=:!"), 401, "signature_not_taken"},
		{"A3 a stranger's key", f.question(f.stranger, f.stamp()), 401, "unauthorized"},
		{"A3 a stranger under the party's key id", f.question(f.stranger, f.stamp()).with(stranger, hotel), 401, "unauthorized"},
		{"A3 another tenant's key id", f.good().with(hotel, f.registry.Key().ID()), 401, "unauthorized"},
		{"A3 the party's other key", f.good().with(hotel, p256), 401, "unauthorized"},
		{"A7 alg none", f.good().with(`;tag="zhenni"`, `;tag="zhenni";alg="none"`), 401, "unauthorized"},
		{"A7 HMAC with the public key", macOf(f), 401, "unauthorized"},
		{"A19 a signature that is not canonical", malleated(f), 401, "unauthorized"},
		{"two signatures", f.good().with("Signature-Input: ", `Signature-Input: b=("@path");created=1, `), 401, "signature_not_taken"},
		{"two fields", f.good().add("Signature: sig=:AAAA:"), 400, "malformed_request"},
		{"an API key beside", f.good().add("Authorization: Bearer " + keyOf("verifier").String()), 401, "unauthorized"},
	}
}

func bodyCases(f *signedFixture) []signedCase {
	other, shorter, none := f.good(), f.good(), f.good()
	other.body = strings.Replace(other.body, "00", "10", 1)
	shorter.body = shorter.body[:len(shorter.body)-1]
	none.body = ""
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 64))
	return []signedCase{
		{"A4 another body", other, 401, "digest_mismatch"},
		{"A4 a shorter body", shorter, 401, "digest_mismatch"},
		{"A4 no body", none, 401, "digest_mismatch"},
		{"A5 no digest field", f.good().without("Content-Digest"), 401, "signature_not_taken"},
		{"A5 digest not covered", f.good().with(` "content-digest"`, ""), 401, "signature_not_taken"},
		{"A6 sha-1", f.good().with("sha-256=:", "sha=:"), 401, "digest_mismatch"},
		{"A6 md5 beside", f.good().with("Content-Digest: ", "Content-Digest: md5=:AAAAAAAAAAAAAAAAAAAAAA==:, "), 401, "digest_mismatch"},
		{"A6 two that disagree", f.good().with("Content-Digest: ", "Content-Digest: sha-512=:"+zeros+":, "), 401, "unauthorized"},
	}
}

func coverageCases(f *signedFixture) []signedCase {
	transaction := httpsig.Field{Name: "transaction-id", Value: []byte("t-1")}
	return []signedCase{
		{"a transaction", f.question(f.hotel, f.stamp(), transaction), 200, ""},
		{"A5 query not covered", f.good().with(` "@query"`, ""), 401, "signature_not_taken"},
		{"A5 path not covered", f.good().with(` "@path"`, ""), 401, "signature_not_taken"},
		{"A5 a transaction that is not covered", f.good().add("Transaction-Id: t-1"), 401, "signature_not_taken"},
		{"A5 an idempotency key that is not covered", f.good().add(`Idempotency-Key: "t-1"`), 401, "signature_not_taken"},
		{"A5 a transaction that was put in", f.good().add("Transaction-Id: t-1").with(` "content-digest"`, ` "content-digest" "transaction-id"`), 401, "unauthorized"},
		{"A5 a transaction that was changed", f.question(f.hotel, f.stamp(), transaction).with("t-1", "t-2"), 401, "unauthorized"},
	}
}

func timeCases(f *signedFixture) []signedCase {
	return []signedCase{
		{"A8 61 s old", f.aged(-61 * time.Second), 401, "signature_out_of_time"},
		{"A8 6 s ahead", f.aged(6 * time.Second), 401, "signature_out_of_time"},
		{"A8 no time", f.good().with(";created=1700000000", ""), 401, "signature_not_taken"},
		{"A8 a huge time", f.good().with("created=1700000000", "created=999999999999999"), 401, "signature_out_of_time"},
		{"A8 an earlier time", f.good().with("created=1700000000", "created=1699999999"), 401, "unauthorized"},
	}
}

func placeCases(f *signedFixture) []signedCase {
	path, method := f.good(), f.good()
	path.path = "/v1/verification-batches"
	method.method, method.body, method.path = "GET", "", "/v1/profiles"
	return []signedCase{
		{"A12 another path", path, 401, "unauthorized"},
		{"A12 another method", method, 401, "unauthorized"},
		{"A12 another host", f.good().withHost("y"), 401, "unauthorized"},
		{"A12 a port", f.good().withHost("x:8080"), 401, "unauthorized"},
	}
}

func (m signedRequest) withHost(host string) signedRequest {
	m.host = host
	return m
}

func (m signedRequest) add(field string) signedRequest {
	m.fields = append(slices.Clone(m.fields), field)
	return m
}

// field returns a field as it is sent.
func (m signedRequest) field(name string) string {
	i := slices.IndexFunc(m.fields, func(field string) bool { return strings.HasPrefix(field, name+":") })
	return m.fields[i]
}

// macOf is a request signed by HMAC with a public key, as if that were a secret, under the key's own id.
func macOf(f *signedFixture) signedRequest {
	f.t.Helper()
	public, _ := publicKeyOf(f.t, f.hotel).Ed25519()
	s, err := httpsig.NewHMACSigner(f.hotel.Key().ID(), public)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.question(s, f.stamp())
}

// signatureOf decodes the bytes of a signature.
func signatureOf(t testing.TB, m signedRequest) (encoded string, decoded []byte) {
	t.Helper()
	encoded = strings.TrimSuffix(strings.TrimPrefix(m.field("Signature"), "Signature: sig=:"), ":")
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(decoded) != 64 {
		t.Fatal(err)
	}
	return encoded, decoded
}

// malleated adds the order of the group to S of an Ed25519 signature, which some verifiers would not notice.
func malleated(f *signedFixture) signedRequest {
	f.t.Helper()
	m := f.good()
	encoded, signature := signatureOf(f.t, m)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return m.with(encoded, base64.StdEncoding.EncodeToString(append(signature[:32:32], sum...)))
}

// Of P-256 there are two signatures of one request. It is one request all the same.
//
// FAULTS: A19
func TestTheOtherSignatureIsAReplay(t *testing.T) {
	f := startSigning(t, nil)
	m := f.question(f.hotelP256, f.stamp())
	encoded, signature := signatureOf(t, m)
	n := elliptic.P256().Params().N
	other := new(big.Int).Sub(n, new(big.Int).SetBytes(signature[32:])).FillBytes(make([]byte, 32))
	twin := m.with(encoded, base64.StdEncoding.EncodeToString(append(signature[:32:32], other...)))
	if a := f.send(m); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := f.send(twin); a.status != 401 || a.code() != "signature_replayed" {
		t.Errorf("%d %s", a.status, a.code())
	}
}

// Who is unknown, whose key it is not and whose signature is wrong are told the same, byte by byte.
//
// FAULTS: A2 A3
func TestStrangersLookAlike(t *testing.T) {
	f := startSigning(t, nil)
	transaction := httpsig.Field{Name: "transaction-id", Value: []byte("t-1")}
	var first answer
	for i, m := range []signedRequest{
		f.question(f.stranger, f.stamp(), transaction),
		f.question(f.stranger, f.stamp(), transaction).with(f.stranger.Key().ID(), f.hotel.Key().ID()),
		f.question(f.hotel, f.stamp(), transaction).with("nonce-of", "nonce-if"),
		f.question(f.hotel, f.stamp(), transaction).with(`;tag=`, `;alg="hmac-sha256";tag=`),
	} {
		a := f.send(m)
		a.header.Del("Date")
		if i == 0 {
			first = a
		}
		if a.status != 401 || !bytes.Equal(a.body, first.body) || len(a.header) != len(first.header) {
			t.Errorf("stranger %d: %d %s %v", i, a.status, a.body, a.header)
		}
	}
}

// FAULTS: A9
func TestNonceIsTakenOnce(t *testing.T) {
	f := startSigning(t, nil)
	stamp := f.stamp()
	m := f.question(f.hotel, stamp)
	if a := f.send(m); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for name, again := range map[string]signedRequest{
		"the same": m, "another body under the nonce": signMessage(t, f.hotel, stamp, signedRequest{method: "GET", path: "/v1/profiles", host: "x"}),
	} {
		if a := f.send(again); a.status != 401 || a.code() != "signature_replayed" {
			t.Errorf("%s: %d %s", name, a.status, a.code())
		}
	}
	if a := f.send(f.question(f.hotelP256, stamp)); a.status != 200 {
		t.Errorf("the nonce under another key: %d %s", a.status, a.body)
	}
}

// A request whose body was changed on the way spends nothing: the right one is still taken.
//
// FAULTS: A4
func TestWrongBodySpendsNoNonce(t *testing.T) {
	f := startSigning(t, nil)
	m := f.question(f.hotel, f.stamp())
	spoilt := m
	spoilt.body = strings.Replace(m.body, "00", "10", 1)
	if a := f.send(spoilt); a.code() != "digest_mismatch" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := f.send(m); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// FAULTS: A10
func TestOneNonceManyTimesAtOnce(t *testing.T) {
	f := startSigning(t, nil)
	raw := []byte(f.question(f.hotel, f.stamp()).raw())
	statuses := make([]int, 64)
	begin := make(chan struct{})
	var wait sync.WaitGroup
	for i := range statuses {
		c := f.dial()
		wait.Go(func() {
			<-begin
			if _, err := c.Write(raw); err != nil {
				t.Error(err)
			}
			if answers, _ := readAnswers(c, 1); len(answers) == 1 {
				statuses[i] = answers[0].status
			}
		})
	}
	close(begin)
	wait.Wait()
	slices.Sort(statuses)
	if statuses[0] != 200 || statuses[1] != 401 || statuses[63] != 401 || f.node.asked() != 1 {
		t.Errorf("%v, the node was asked %d times", statuses, f.node.asked())
	}
}

// FAULTS: A11
func TestReplayAfterARestart(t *testing.T) {
	dir := t.TempDir()
	first := startSigningIn(t, dir, true, nil)
	m := first.question(first.hotel, first.stamp())
	if a := first.send(m); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	second := startSigningIn(t, dir, false, nil)
	if a := second.send(m); a.status != 401 || a.code() != "signature_replayed" {
		t.Errorf("after a restart: %d %s", a.status, a.code())
	}
	if a := second.send(second.question(second.hotelP256, second.stamp())); a.status != 200 {
		t.Errorf("a good one after a restart: %d %s", a.status, a.body)
	}
	lost := startSigningIn(t, t.TempDir(), false, nil)
	if a := lost.send(m); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("where the past is not known: %d %s", a.status, a.code())
	}
}

// What is cheap to refuse is refused before a key is looked for, and a stranger before his body is read.
//
// FAULTS: O9
func TestCheapChecksComeFirst(t *testing.T) {
	f := startSigning(t, nil)
	good := func() signedRequest { return f.question(f.hotel, f.stamp()) }
	for name, m := range map[string]signedRequest{
		"long":      good().with(`;tag="zhenni"`, `;tag="`+strings.Repeat("z", 2048)+`"`),
		"no key id": good().with(";keyid=", ";tag="),
		"time":      good().with("created=1700000000", "created=1700000006"),
		"nonce":     good().with("nonce-of-a-test-", "n"),
		"coverage":  good().with(` "@authority"`, ""),
	} {
		if a := f.send(m); a.status != 401 || f.directory.lookups.Load() != 0 {
			t.Errorf("%s: %d %s, %d lookups", name, a.status, a.code(), f.directory.lookups.Load())
		}
	}
	m := signMessage(t, f.stranger, f.stamp(), signedRequest{method: "POST", path: "/v1/verifications", host: "x", body: strings.Repeat(" ", 1<<20)})
	c := f.dial()
	if _, err := io.WriteString(c, m.raw()[:16<<10]); err != nil { // and never the rest
		t.Fatal(err)
	}
	if answers, _ := readAnswers(c, 1); len(answers) != 1 || answers[0].status != 401 {
		t.Errorf("a stranger's head: %v", answers)
	}
}

// A store of nonces that is full refuses what is new, and is no way around itself.
//
// FAULTS: O10
func TestFullNoncesRefuse(t *testing.T) {
	f := startSigning(t, func(c *Config) { c.Nonces = openNonces(t, 2) })
	first := f.question(f.hotel, f.stamp())
	for _, m := range []signedRequest{first, f.question(f.hotel, f.stamp())} {
		if a := f.send(m); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if a := f.send(f.question(f.hotel, f.stamp())); a.status != 503 || a.code() != "overloaded" || a.header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", a.status, a.code())
	}
	if a := f.send(first); a.code() != "signature_replayed" {
		t.Errorf("the first again: %d %s", a.status, a.code())
	}
}

// A handler that answers a signed request without reading its body answers nothing.
func TestAHandlerCanNotForgetTheBody(t *testing.T) {
	f := startSigning(t, nil)
	forgetful := &route{path: "/v1/verifications", role: zhenni.RoleVerifier, handle: func(s *Server, rq *request) error {
		if rq.party.ID != "" || rq.party.Tenant != 0 {
			t.Errorf("the party is %q before its body", rq.party.ID)
		}
		rq.writeJSON(200, []byte(`{"forgotten":true}`))
		return nil
	}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(f.server.config, f.node)
	if err != nil {
		t.Fatal(err)
	}
	s.http.Handler = s.serve(forgetful)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	f.addr = ln.Addr().String()
	if a := f.send(f.question(f.hotel, f.stamp())); a.status != 500 || bytes.Contains(a.body, []byte("forgotten")) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Without the parts that it takes, no signed request is taken.
func TestSignaturesWantTheirParts(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no directory": func(c *Config) { c.Directory = nil },
	} {
		f := startSigning(t, change)
		if a := f.send(f.question(f.hotel, f.stamp())); a.status != 401 || a.code() != "unauthorized" {
			t.Errorf("%s: %d %s", name, a.status, a.code())
		}
	}
}

// The head of a signed request, with every field that there is and of the longest, is well within the bound on heads.
func TestSignedHeadsFit(t *testing.T) {
	f := startSigning(t, nil)
	name := []byte(strings.Repeat("n", 64))
	stamp := f.stamp()
	stamp.Nonce, stamp.Expires = strings.Repeat("x", 64), testClock.Add(time.Minute)
	m := f.question(f.hotelP256, stamp, httpsig.Field{Name: "transaction-id", Value: name}, httpsig.Field{Name: "idempotency-key", Value: name}, httpsig.Field{Name: "model", Value: []byte("test-model")})
	m = m.withHost(strings.Repeat("h", 200))
	if head := len(m.raw()) - len(m.body); head > maxHeadBytes/3 {
		t.Errorf("a head of %d bytes", head)
	}
	if a := f.send(m.withHost("x")); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// Lines and columns are proved as a document is, and answered for the party's tenant.
func TestSignedBatches(t *testing.T) {
	f := startSigning(t, nil)
	lines := signedRequest{method: "POST", path: "/v1/verification-batches", host: "x", body: goodDocument() + "\n" + goodDocument() + "\n"}
	media := httpsig.Field{Name: "content-type", Value: []byte(mediaNDJSON)}
	if a := f.send(signMessage(t, f.hotel, f.stamp(), lines, media)); a.status != 200 || bytes.Count(a.body, []byte(`"match"`)) != 2 {
		t.Errorf("%d %s", a.status, a.body)
	}
	spoilt := signMessage(t, f.hotel, f.stamp(), lines, media)
	spoilt.body = goodDocument() + "\n"
	if a := f.send(spoilt); a.code() != "digest_mismatch" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.send(signMessage(t, f.registry, f.stamp(), signedRequest{
		method: "POST", path: "/v1/enrolments", host: "x", body: `{"reference_int8":"` + int8Probe(testDim, true) + `"}`,
	}, httpsig.Field{Name: "content-type", Value: []byte(mediaJSON)})); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if enrolled, ok := f.node.applied[0].(zhenni.Enrol); !ok || enrolled.Tenant != 2 {
		t.Errorf("%+v", f.node.applied)
	}
}
