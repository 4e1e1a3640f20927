package gateway

import (
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/receipt"
)

// Of a group that takes as long as one may, the results of the first and of the last are there until nobody can ask any more.
//
// FAULTS: C11 A20
func TestResultsOfALongGroup(t *testing.T) {
	var o *office
	o = startOffice(t, func(c *Config) {
		options := ledgerOptions(t.TempDir(), &leafLog{})
		options.Keep = zhenni.SessionRecordKept
		options.Now = func() time.Time {
			if o == nil {
				return testNow()
			}
			return o.now()
		}
		c.Ledger, c.Receipts = openLedgerOf(t, options), testReceipts(t, receipt.Ed25519, 1)
	})
	o.enrol(testID(11), 1, zhenni.LevelFull, zhenni.StatusActive)
	o.enrol(testID(12), 1, zhenni.LevelFull, zhenni.StatusActive)
	o.hold(testID(11), o.device)
	o.hold(testID(12), o.device)
	longest := zhenni.SessionGroup.Longest()
	b := o.begin(`{"kind":"group","service":"open","purpose":"enter","quorum":2,"expires_in_s":` + itoa(int(longest/time.Second)) +
		`,"credentials":["` + testID(11).String() + `","` + testID(12).String() + `"]}`)
	answers := func(seat int) answer {
		at, id := "/seats/"+itoa(seat), testID(11+seat)
		document := strings.ReplaceAll(o.opening(b.id, itoa(seat), func(c *evidence.Claims) { c.Subject = id }), testID(1).String(), id.String())
		wantStatus(t, o.at("POST", b.id, at+"/open", b.Links[seat][strings.LastIndex(b.Links[seat], ".")+1:], document), 200)
		return wantStatus(t, o.at("POST", b.id, at+"/answer", phoneToken.String(), mated), 200)
	}
	answers(0)
	o.wait(longest - time.Minute)
	if last := answers(1); member[string](t, last, "outcome") != "completed" {
		t.Fatalf("%s", last.body)
	}
	o.wait(zhenni.SessionKept - time.Second)
	a := wantStatus(t, o.call("GET", "/v1/sessions/"+b.id+"/results", "hotel", "", nil), 200)
	if n := len(member[[]string](t, a, "results")); n != 2 {
		t.Errorf("%d results: %s", n, a.body)
	}
}
