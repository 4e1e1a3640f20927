package gateway

import (
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/receipt"
)

// recorded has a server record and sign what it decides, and prove it.
func recorded(t testing.TB) func(*Config) {
	return func(c *Config) {
		l := openLedger(t, t.TempDir(), &leafLog{})
		c.Ledger, c.Audit, c.Receipts = l, &provenLog{ledger: l}, testReceipts(t, receipt.Ed25519, 1)
	}
}

// results are the signed results of a session, as its party reads them.
func (o *office) results(session, party string) []string {
	o.t.Helper()
	a := wantStatus(o.t, o.call("GET", "/v1/sessions/"+session+"/results", party, "", nil), 200)
	o.described("GET", "/v1/sessions/{id}/results", a)
	return member[[]string](o.t, a, "results")
}

// proven is the status by which a party is told what was recorded of a try.
func (o *office) proven(session, try, party string) int {
	o.t.Helper()
	return o.call("GET", "/v1/verifications/session."+session+"."+try+"/proof", party, "", nil).status
}

// Who asks has a signed yes of a session that ended with a yes, and of no other: not of a face that matched beside wrong digits, without
// any, or too late, nor of one that did not match. And of nobody whom it does not know it is shown which credential was compared.
//
// FAULTS: C11 C12 Z11
func TestRecordOfASessionIsItsYes(t *testing.T) {
	o := startOffice(t, recorded(t))
	typed := func(b begun, right bool) {
		code := member[string](t, o.at("GET", b.id, "/seats/0", phoneToken.String(), ""), "code")
		if !right {
			code = map[bool]string{true: "00", false: "01"}[code != "00"]
		}
		wantStatus(t, o.at("POST", b.id, "/code", b.AskerToken, `{"code":"`+code+`"}`), 200)
	}
	shows := func(b begun, document string) {
		wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), document), 200)
	}
	for name, c := range map[string]struct {
		outcome string
		results int
		run     func(b begun)
	}{
		"right digits": {"completed", 1, func(b begun) { shows(b, mated); typed(b, true) }},
		"wrong digits": {"wrong_code", 0, func(b begun) { shows(b, mated); typed(b, false) }},
		"no digits":    {"timeout", 0, func(b begun) { shows(b, mated); o.wait(10 * time.Minute) }},
		"another face": {"completed", 0, func(b begun) {
			for range zhenni.MaxTries {
				o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), nonMated())
			}
		}},
		"too late": {"timeout", 0, func(b begun) {
			typed(b, true)
			o.node.verify = func(batch *zhenni.Batch, at time.Time) error {
				defer o.wait(10 * time.Minute)
				return o.answer(batch, at)
			}
			o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), mated)
			o.node.verify = o.answer
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := o.begin(counterDocument)
			wantStatus(t, o.open(b.id, o.scan(b, 0)), 200)
			c.run(b)
			o.at("POST", b.id, "/cancel", b.AskerToken, "") // brings the time to one that has passed, and ends no other
			if a := o.at("GET", b.id, "", b.AskerToken, ""); member[string](t, a, "outcome") != c.outcome {
				t.Fatalf("%s", a.body)
			}
			if results := o.results(b.id, "hotel"); len(results) != c.results {
				t.Errorf("%d results: %v", len(results), results)
			}
			if status := o.proven(b.id, "0.0", "hotel"); status != 404 {
				t.Errorf("which credential it was is told: %d", status)
			}
		})
	}
}

// How a member of a group answered is not to be read in the record before the end, nor by anybody else after it.
//
// FAULTS: Z1 Z11
func TestRecordOfAGroupComesWithItsEnd(t *testing.T) {
	o := startOffice(t, recorded(t))
	var ids []string
	for i := 11; i <= 13; i++ {
		o.enrol(testID(i), 1, zhenni.LevelFull, zhenni.StatusActive)
		o.hold(testID(i), o.device)
		ids = append(ids, testID(i).String())
	}
	b := o.begin(`{"kind":"group","service":"open","purpose":"enter","quorum":2,"credentials":["` + strings.Join(ids, `","`) + `"]}`)
	takes := func(seat string, i int, document string) {
		opening := strings.ReplaceAll(o.opening(b.id, seat, func(c *evidence.Claims) { c.Subject = testID(i) }), testID(1).String(), testID(i).String())
		link := b.Links[int(seat[0]-'0')]
		wantStatus(t, o.at("POST", b.id, "/seats/"+seat+"/open", link[strings.LastIndex(link, ".")+1:], opening), 200)
		wantStatus(t, o.at("POST", b.id, "/seats/"+seat+"/answer", phoneToken.String(), document), 200)
	}
	takes("0", 11, mated)
	takes("1", 12, nonMated())
	for _, try := range []string{"0.0", "1.0"} {
		if status := o.proven(b.id, try, "hotel"); status != 404 {
			t.Errorf("%s before the end: %d", try, status)
		}
	}
	takes("2", 13, mated)
	for try, status := range map[string]int{"0.0": 200, "1.0": 404, "2.0": 200, "0.1": 404, "3.0": 404, "-1.0": 404, "0": 404, "0.0.0": 404, "x.0": 404} {
		if got := o.proven(b.id, try, "hotel"); got != status {
			t.Errorf("%s after the end: %d, want %d", try, got, status)
		}
	}
	if results := o.results(b.id, "hotel"); len(results) != 2 {
		t.Errorf("%v", results)
	}
	if got := o.proven(b.id, "0.0", "kiosk"); got == 200 {
		t.Errorf("another party: %d", got)
	}
}

// That the face matched where the name did not is told to nobody, the party on whose behalf persons ask among them.
//
// FAULTS: Z11
func TestRecordDoesNotTellTheNameFromTheFace(t *testing.T) {
	c := startCircle(t, recorded(t))
	for name, results := range map[string]int{"王五": 0, nameOfB: 1} {
		b := c.ask(credentialA, c.expecting(name))
		c.arrive(credentialB, b)
		for range zhenni.MaxTries {
			c.seat(b, "/answer", showing(true, ""))
		}
		if got := c.results(b.id, "square"); len(got) != results {
			t.Errorf("%s: %v", name, got)
		}
		if status := c.proven(b.id, "0.0", "square"); status != 404 {
			t.Errorf("%s: which credential it was is told: %d", name, status)
		}
	}
}
