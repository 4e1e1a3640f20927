package gateway

import (
	"strings"
	"testing"

	"zhenni"
)

// A phone that scanned a code sees who asks before it signs for them, for as long as the code is on the screen, and changes nothing
// by it.
func TestScannedCodeShowsWhoAsks(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	seen := wantStatus(t, o.at("GET", b.id, "/seats/0", o.scan(b, 0), ""), 200)
	if member[string](t, seen, "party") != "hotel" || member[string](t, seen, "state") != "waiting" || member[string](t, seen, "code") != "" {
		t.Errorf("%s", seen.body)
	}
	for what, proof := range map[string]string{"five seconds old": o.scan(b, zhenni.SessionQRSeconds*1e9), "none": strings.Repeat("A", 22)} {
		if a := o.at("GET", b.id, "/seats/0", proof, ""); a.status != 404 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	proof := o.scan(b, 0)
	if a := o.at("POST", b.id, "/seats/0/decline", proof, ""); a.status != 404 {
		t.Errorf("a code declines: %d %s", a.status, a.body)
	}
	wantStatus(t, o.open(b.id, proof), 200)
	for _, shown := range []string{proof, b.token} {
		if a := o.at("GET", b.id, "/seats/0", shown, ""); a.status != 409 || member[string](t, a, "code") != "session_taken" {
			t.Errorf("another phone, after the first has it: %d %s", a.status, a.body)
		}
	}
}

// An answer that was lost is sent again for its try, and does not take another one.
//
// FAULTS: C11
func TestAnswerOfAnotherTry(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(counterDocument)
	try := "Transaction-Id: " + member[string](t, wantStatus(t, o.open(b.id, o.scan(b, 0)), 200), "transaction")
	first := wantStatus(t, o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), nonMated(), try), 200)
	asked := o.node.asked()
	a := o.at("POST", b.id, "/seats/0/answer", phoneToken.String(), nonMated(), try)
	if a.status != 409 || o.node.asked() != asked {
		t.Errorf("%d %s, and %d comparisons more", a.status, a.body, o.node.asked()-asked)
	}
	seen := wantStatus(t, o.at("GET", b.id, "/seats/0", phoneToken.String(), ""), 200)
	if member[int](t, seen, "tries_left") != member[int](t, first, "tries_left") {
		t.Errorf("%s, then %s", first.body, seen.body)
	}
}

// A capture by the device of who asks, whose answer was lost, is sent again for its try, and does not take another one either; after the
// last one the session has ended.
//
// FAULTS: C11
func TestCaptureOfAnotherTry(t *testing.T) {
	o := startOffice(t, nil)
	b := o.begin(`{"kind":"kiosk","service":"open","purpose":"enter","credential":"` + testID(1).String() + `"}`)
	see := func() answer { return wantStatus(t, o.call("GET", "/v1/sessions/"+b.id, "hotel", "", nil), 200) }
	show := func(try string) answer {
		a := o.call("POST", "/v1/sessions/"+b.id+"/capture", "hotel", mediaJSON, []byte(nonMated()), "Transaction-Id: "+try)
		o.described("POST", "/v1/sessions/{id}/capture", a)
		return a
	}
	tries := map[string]bool{}
	for try := b.Transaction; try != ""; try = member[string](t, see(), "transaction") {
		if tries[try] = true; len(tries) > zhenni.MaxTries {
			t.Fatalf("%d tries", len(tries))
		}
		wantStatus(t, show(try), 200)
		asked, before := o.node.asked(), string(see().body)
		if a := show(try); a.status != 409 || o.node.asked() != asked || string(see().body) != before {
			t.Errorf("again: %d %s, and %d comparisons more", a.status, a.body, o.node.asked()-asked)
		}
		if a := show("session." + b.id + ".0.9"); a.status != 409 || o.node.asked() != asked {
			t.Errorf("a try to come: %d %s", a.status, a.body)
		}
	}
	if a := see(); len(tries) < 2 || member[string](t, a, "outcome") != "completed" || member[bool](t, a, "confirmed") {
		t.Errorf("after %d tries: %s", len(tries), a.body)
	}
}
