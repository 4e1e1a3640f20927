package gateway

import (
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/receipt"
)

// groupOfTwo is a session of two people, 11 and 12.
type groupOfTwo struct {
	begun
	office *office
}

func (o *office) groupOfTwo(lasts time.Duration) groupOfTwo {
	for _, id := range []zhenni.CredentialID{testID(11), testID(12)} {
		o.enrol(id, 1, zhenni.LevelFull, zhenni.StatusActive)
		o.hold(id, o.device)
	}
	return groupOfTwo{o.begin(`{"kind":"group","service":"open","purpose":"enter","quorum":2,"expires_in_s":` + itoa(int(lasts/time.Second)) +
		`,"credentials":["` + testID(11).String() + `","` + testID(12).String() + `"]}`), o}
}

// answers has the person in a seat be confirmed.
func (g groupOfTwo) answers(seat int) answer {
	g.office.t.Helper()
	at, id := "/seats/"+itoa(seat), testID(11+seat)
	document := strings.ReplaceAll(g.office.opening(g.id, itoa(seat), func(c *evidence.Claims) { c.Subject = id }), testID(1).String(), id.String())
	token := g.Links[seat][strings.LastIndex(g.Links[seat], ".")+1:]
	wantStatus(g.office.t, g.office.at("POST", g.id, at+"/open", token, document), 200)
	return wantStatus(g.office.t, g.office.at("POST", g.id, at+"/answer", phoneToken.String(), mated), 200)
}

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
	longest := zhenni.SessionGroup.Longest()
	b := o.groupOfTwo(longest)
	b.answers(0)
	o.wait(longest - time.Minute)
	if last := b.answers(1); member[string](t, last, "outcome") != "completed" {
		t.Fatalf("%s", last.body)
	}
	o.wait(zhenni.SessionKept - time.Second)
	a := wantStatus(t, o.call("GET", "/v1/sessions/"+b.id+"/results", "hotel", "", nil), 200)
	if n := len(member[[]string](t, a, "results")); n != 2 || len(member[[]int](t, a, "gone")) != 0 {
		t.Errorf("%d results: %s", n, a.body)
	}
}

// A result that the ledger has not kept is said to be gone, and the others are told.
//
// FAULTS: C11
func TestResultsThatAreGone(t *testing.T) {
	var o *office
	o = startOffice(t, func(c *Config) {
		options := ledgerOptions(t.TempDir(), &leafLog{})
		options.Now = func() time.Time {
			if o == nil {
				return testNow()
			}
			return o.now()
		}
		options.Keep = time.Hour
		c.Ledger, c.Receipts = openLedgerOf(t, options), testReceipts(t, receipt.Ed25519, 1)
	})
	b := o.groupOfTwo(2 * time.Hour)
	b.answers(0)
	o.wait(90 * time.Minute)
	b.answers(1)
	a := wantStatus(t, o.call("GET", "/v1/sessions/"+b.id+"/results", "hotel", "", nil), 200)
	o.described("GET", "/v1/sessions/{id}/results", a)
	if gone := member[[]int](t, a, "gone"); len(gone) != 1 || gone[0] != 0 || len(member[[]string](t, a, "results")) != 1 {
		t.Errorf("%s", a.body)
	}
}
