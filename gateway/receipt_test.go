package gateway

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"zhenni"
	"zhenni/identity"
	"zhenni/receipt"
	"zhenni/storage/audit"
)

func testReceipts(t testing.TB, algorithm receipt.Algorithm, n byte) *receipt.Issuer {
	t.Helper()
	signer, err := receipt.NewSigner(algorithm, bytes.Repeat([]byte{n}, receipt.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	pseudonyms, err := receipt.NewPseudonyms(bytes.Repeat([]byte{9}, receipt.PseudonymRootSize))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := receipt.NewIssuer("https://zhenni.example", pseudonyms, nil, signer)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// startSigned is a server that signs, with the credential that everybody asks about.
func startSigned(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	f := start(t, func(c *Config) {
		c.Receipts = testReceipts(t, receipt.Ed25519, 1)
		if change != nil {
			change(c)
		}
	})
	f.know()
	return f
}

// know has the node know the credentials of the requests.
func (f *fixture) know() {
	for i := range 4 {
		f.node.records[testID(i)] = zhenni.Credential{ID: testID(i), Tenant: 1, Level: zhenni.LevelFull, Status: zhenni.StatusActive, Generation: 1}
	}
}

// resultOf is the result of an answer of either kind, "" for none.
func resultOf(a answer) string {
	if header := a.header.Get(resultField); header != "" {
		return header
	}
	_, rest, _ := strings.Cut(string(a.body), `,"result":"`)
	return strings.TrimSuffix(rest, `"}`)
}

// claimsOf verifies the result of an answer as its audience does, by the published keys.
func (f *fixture) claimsOf(a answer, audience string) (receipt.Claims, error) {
	f.t.Helper()
	keys, err := receipt.ParseKeys(f.call("GET", "/.well-known/jwks.json", "", "", nil).body)
	if err != nil {
		f.t.Fatal(err)
	}
	return receipt.Verify(resultOf(a), keys, receipt.Expectations{
		Audience: audience, Issuer: "https://zhenni.example", Transaction: a.header.Get("Transaction-Id"), Now: testNow(),
	})
}

// What is decided is signed for who asked, with its place in the log, and a transaction sent again gets the same bytes,
// result included, after a restart too.
//
// FAULTS: A16 A20
func TestAnswersAreSigned(t *testing.T) {
	for _, algorithm := range []receipt.Algorithm{receipt.Ed25519, receipt.ES256, receipt.SM2} {
		dir, log, doc := t.TempDir(), &leafLog{}, loadDescription(t)
		l := openLedger(t, dir, log)
		sign := func(c *Config) { c.Ledger, c.Receipts = l, testReceipts(t, algorithm, 1) }
		f := startSigned(t, sign)
		first := map[string]answer{}
		n := 0
		for title, q := range requestsOfEveryForm(t) {
			transaction := "Transaction-Id: t-" + strconv.Itoa(n)
			a := f.call("POST", q.path, "verifier", q.media, q.body, transaction)
			checkDescribed(t, doc, "POST", q.path, a)
			if first[title] = a; title == "refused document" {
				if resultOf(a) != "" {
					t.Errorf("%s: signed", title)
				}
			} else {
				f.checkClaims(title, a, log)
			}
			again := f.call("POST", q.path, "verifier", q.media, q.body, transaction)
			checkReplay(t, title, again, a)
			if resultOf(again) != resultOf(a) {
				t.Errorf("%s: another result", title)
			}
			n = len(log.leaves)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openLedger(t, dir, log)
		g := startSigned(t, sign)
		for title, q := range requestsOfEveryForm(t) {
			a := g.call("POST", q.path, "verifier", q.media, q.body, "Transaction-Id: "+first[title].header.Get("Transaction-Id"))
			if checkReplay(t, title, a, first[title]); resultOf(a) != resultOf(first[title]) {
				t.Errorf("%s after a restart: another result", title)
			}
		}
	}
}

// checkClaims holds the result of an answer against the answer and its leaf, as its audience and as another.
func (f *fixture) checkClaims(title string, a answer, log *leafLog) {
	f.t.Helper()
	c, err := f.claimsOf(a, "verifier")
	if err != nil {
		f.t.Errorf("%s: %v\n%s", title, err, a.body)
		return
	}
	if _, err := f.claimsOf(a, "other"); !errors.Is(err, zhenni.ErrBadResult) {
		f.t.Errorf("%s: said to another: %v", title, err)
	}
	if strconv.FormatInt(c.LogIndex, 10) != a.header.Get("Log-Index") || c.Profile != f.server.config.Profile.ID || !c.At.Equal(testNow()) {
		f.t.Errorf("%s: %+v", title, c)
	}
	leaf, err := audit.ParseLeaf(log.leaves[c.LogIndex])
	if err != nil {
		f.t.Fatal(err)
	}
	switch leaf.Kind {
	case audit.KindBatch:
		if c.Items != int(leaf.Number) || c.Root != [32]byte(leaf.Hash) {
			f.t.Errorf("%s: %+v, leaf %+v", title, c, leaf)
		}
	case audit.KindVerification:
		if c.Outcome != zhenni.Match || c.Level != zhenni.LevelFull || len(c.Methods) != 1 || c.Methods[0] != "face" || len(c.Subject) != 43 {
			f.t.Errorf("%s: %+v", title, c)
		}
	}
}

// A no is signed as such and says nothing of the person, known or unknown, in as many bytes.
//
// FAULTS: Z1 B2
func TestSignedNoSaysNothing(t *testing.T) {
	f := startSigned(t, nil)
	var lengths []int
	for _, id := range []zhenni.CredentialID{testID(1), testID(77)} {
		body := `{"credential":"` + id.String() + `","probe_int8":"` + int8Probe(testDim, false) + `"}`
		a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(body), "Transaction-Id: t")
		c, err := f.claimsOf(a, "verifier")
		if err != nil || c.Outcome != zhenni.NoMatch || c.LogIndex != receipt.NotRecorded {
			t.Errorf("%v %+v", err, c)
		}
		lengths = append(lengths, len(a.body))
	}
	if lengths[0] != lengths[1] {
		t.Errorf("a known credential in %d bytes, an unknown one in %d", lengths[0], lengths[1])
	}
}

// Without receipts, and for an evaluation party that does not ask, the answer is what it was before there were any.
func TestAnswersThatAreNotSigned(t *testing.T) {
	plain, signed := start(t, nil), startSigned(t, nil)
	plain.know()
	if a := plain.call("GET", "/.well-known/jwks.json", "", "", nil); a.status != 404 {
		t.Errorf("keys of nothing: %d", a.status)
	}
	for title, q := range requestsOfEveryForm(t) {
		for _, party := range []string{"verifier", "trial"} {
			want := plain.call("POST", q.path, party, q.media, q.body, "Transaction-Id: t")
			got := signed.call("POST", q.path, party, q.media, q.body, "Transaction-Id: t")
			if party == "trial" && (!bytes.Equal(got.body, want.body) || got.header.Get("Content-Length") != want.header.Get("Content-Length")) {
				t.Errorf("%s, %s:\n%s\n%s", title, party, got.body, want.body)
			}
			if resultOf(want) != "" || got.header.Get(resultField) != "" { // a batch in no log has no root
				t.Errorf("%s, %s: signed", title, party)
			}
			trial := signed.call("POST", q.path, "trial", q.media, q.body, "Prefer: respond-async, Signed-Result;x=1")
			if applied := trial.header.Get("Preference-Applied"); (applied != "") != (resultOf(trial) != "") {
				t.Errorf("%s: preference applied %q", title, applied)
			}
			c, err := signed.claimsOf(trial, "trial")
			if want := title == "document" || title == "escaped document"; want != (err == nil && c.Evaluation) {
				t.Errorf("%s: %v %+v", title, err, c)
			}
		}
	}
}

// A yes about a credential that is not active any more when it is to be signed is no answer, and nothing is recorded.
//
// FAULTS: C1 C2
func TestNothingIsSignedOfWhatIsGone(t *testing.T) {
	log := &leafLog{}
	l := openLedger(t, t.TempDir(), log)
	f := startSigned(t, func(c *Config) { c.Ledger = l })
	for _, gone := range []func(){
		func() { delete(f.node.records, testID(1)) },
		func() {
			f.node.records[testID(1)] = zhenni.Credential{ID: testID(1), Tenant: 1, Level: zhenni.LevelFull, Status: zhenni.StatusRevoked}
		},
	} {
		gone()
		a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: t-1")
		if a.status != 503 || len(log.leaves) != 0 {
			t.Errorf("%d %s, %d leaves", a.status, a.body, len(log.leaves))
		}
	}
	f.know()
	if a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: t-1"); a.status != 200 {
		t.Errorf("once it is there: %d %s", a.status, a.body)
	}
}

// brokenReceipts can not sign until it is mended, as a module that is not reached.
type brokenReceipts struct {
	Receipts
	broken bool
}

func (b *brokenReceipts) Sign(draft []byte, index int64, leaf [32]byte) ([]byte, error) {
	if b.broken {
		return nil, zhenni.ErrUnavailable
	}
	return b.Receipts.Sign(draft, index, leaf)
}

// What was recorded and could not be signed is told by no other means; sent again it is signed as it was decided. Without
// the key that signed it, it is gone, and is not signed by another.
func TestAnswersAreGoneWithoutTheirKey(t *testing.T) {
	l := openLedger(t, t.TempDir(), &leafLog{})
	broken := &brokenReceipts{testReceipts(t, receipt.Ed25519, 1), true}
	f := startSigned(t, func(c *Config) { c.Ledger, c.Receipts = l, broken })
	ask := func(f *fixture) answer {
		return f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()), "Transaction-Id: t-1")
	}
	if a := ask(f); a.status != 503 || strings.Contains(string(a.body), "match") {
		t.Errorf("unsigned: %d %v %s", a.status, a.header, a.body)
	}
	broken.broken = false
	a := ask(f)
	if c, err := f.claimsOf(a, "verifier"); err != nil || c.Outcome != zhenni.Match || a.header.Get("Replayed") != "true" || f.node.asked() != 1 {
		t.Errorf("mended: %v %+v", err, a)
	}
	for name, other := range map[string]Receipts{"another key": testReceipts(t, receipt.Ed25519, 2), "no receipts": nil} {
		g := startSigned(t, func(c *Config) { c.Ledger, c.Receipts = l, other })
		if a := ask(g); a.status != 410 || !strings.Contains(string(a.body), `"transaction_evicted"`) || g.node.asked() != 0 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// A yes for a service says what the policy admitted, and no more of the credential than that.
func TestSignedYesOfAService(t *testing.T) {
	d := startDesk(t, func(c *Config) { c.Receipts = testReceipts(t, receipt.Ed25519, 1) })
	open := d.question()
	open.service, open.purpose, open.liveBy, open.possessionBy, open.captured = "open", "enter", nil, nil, ""
	for _, e := range []struct {
		question            *question
		level               zhenni.Level
		methods, assertions string
	}{
		{d.question(), zhenni.LevelFull, "face pop", "identity_authentic document_valid same_person"},
		{open, zhenni.LevelLite, "face", "identity_authentic document_valid"},
	} {
		c, err := d.claimsOf(d.ask(e.question), "hotel")
		if err != nil || c.Service != e.question.service || c.Purpose != e.question.purpose || c.Level != e.level || c.FMR != 5e-7 {
			t.Errorf("%s: %v %+v", e.question.service, err, c)
		}
		if strings.Join(c.Methods, " ") != e.methods || strings.Join(c.Assertions, " ") != e.assertions {
			t.Errorf("%s: %v, %v", e.question.service, c.Methods, c.Assertions)
		}
	}
	d.enrol(testID(1), 1, zhenni.LevelLite, zhenni.StatusActive)
	a := d.ask(d.question())
	if c, err := d.claimsOf(a, "hotel"); err != nil || c.Outcome != zhenni.NoMatch || c.Service != "strict" || c.FMR != 0 || c.Methods != nil {
		t.Errorf("below the level: %v %+v", err, c)
	}
}

// The keys that identities are sealed to are anybody's to fetch, where there are any.
func TestSealingKeysAreServed(t *testing.T) {
	key, err := identity.NewPrivateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	opener, err := identity.NewOpener(key)
	if err != nil {
		t.Fatal(err)
	}
	set, err := opener.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	const path = "/.well-known/identity-keys.json"
	a := start(t, func(c *Config) { c.SealingKeys = set }).call("GET", path, "", "", nil)
	checkDescribed(t, loadDescription(t), "GET", path, a)
	if a.status != 200 || !bytes.Equal(a.body, set) || a.header.Get("Cache-Control") != keysFresh {
		t.Errorf("%d %s, %v", a.status, a.body, a.header)
	}
	if a := start(t, nil).call("GET", path, "", "", nil); a.status != 404 {
		t.Errorf("without: %d %s", a.status, a.body)
	}
}

func TestKeysOfResultsAreServed(t *testing.T) {
	f := startSigned(t, nil)
	a := f.call("GET", "/.well-known/jwks.json", "", "", nil)
	checkDescribed(t, loadDescription(t), "GET", "/.well-known/jwks.json", a)
	if a.header.Get("Cache-Control") != keysFresh || a.header.Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("%v", a.header)
	}
}
