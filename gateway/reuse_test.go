package gateway

import (
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// A capture is one person's: brought for another of the tenant it is refused, whoever brings it, proved or not, and before anything
// is compared; and the operator is told. For the same person it may come again.
//
// FAULTS: B9
func TestCaptureIsOnePersons(t *testing.T) {
	doc, p := loadDescription(t), startProving(t, noLimits, nil)
	sent := 0
	issue := func(person, party, field string, capture byte) answer {
		t.Helper()
		sent++
		row := base64.StdEncoding.EncodeToString([]byte{1, 2, 3, 4, 5, 6, 7, capture})
		body := `{"identity":"` + person + `","` + field + `":"` + row + `"}`
		a := p.call("POST", "/v1/credentials", party, mediaJSON, []byte(body), "Transaction-Id: t-"+itoa(sent))
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		return a
	}
	for what, c := range map[string]struct {
		first, second string
		capture       byte
	}{
		"by the app twice":            {"issuer probe_int8", "issuer probe_int8", 1},
		"by a terminal after the app": {"issuer probe_int8", "terminal reference_int8", 2},
		"by the app after a terminal": {"terminal reference_int8", "issuer probe_int8", 3},
		"by a terminal twice":         {"terminal reference_int8", "terminal reference_int8", 4},
	} {
		party, field, _ := strings.Cut(c.first, " ")
		for range 2 {
			if a := issue("sealed", party, field, c.capture); a.status != 201 {
				t.Fatalf("%s: %d %s", what, a.status, a.body)
			}
		}
		verified, applied := p.counts()
		party, field, _ = strings.Cut(c.second, " ")
		if a := issue("other", party, field, c.capture); a.status != 403 || !bytes.Contains(a.body, []byte("capture_reused")) {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
		p.wantCounts(what, verified, applied, int(p.log.Size()))
	}
	if a := issue("other", "other", "reference_int8", 1); a.status != 201 {
		t.Errorf("of another tenant: %d %s", a.status, a.body)
	}
	if stats := p.server.LimitStats(); stats.Captures != 4 || stats.Stops != 0 {
		t.Errorf("%+v", stats)
	}
	if !strings.Contains(p.metrics(), `party_limits_total{event="shared_capture"} 4`) {
		t.Error("the metrics do not tell")
	}
	p.now.Add(int64(sightWindow / time.Second))
	if a := issue("other", "terminal", "reference_int8", 4); a.status != 201 {
		t.Errorf("after the window: %d %s", a.status, a.body)
	}
}

// A text sealed under the key and nonce of another is refused, and so is every other one under them. The
// same text again is the same request again, and is answered as it was.
//
// FAULTS: A18
func TestNonceUsedTwiceIsRefused(t *testing.T) {
	doc, p := loadDescription(t), startProving(t, noLimits, nil)
	issue := func(sealed, party, transaction string) answer {
		t.Helper()
		body := `{"identity":"` + sealed + `","probe_int8":"` + int8Probe(testDim, true) + `"}`
		a := p.call("POST", "/v1/credentials", party, mediaJSON, []byte(body), "Transaction-Id: "+transaction)
		checkDescribed(t, doc, "POST", "/v1/credentials", a)
		return a
	}
	first, again := issue("sealed", "issuer", "t-1"), issue("sealed", "issuer", "t-1")
	if first.status != 201 || again.status != 201 || !bytes.Equal(first.body, again.body) {
		t.Fatalf("%d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	if a := issue("sealed#2", "terminal", "t-1"); a.status != 201 {
		t.Errorf("by another party: %d %s", a.status, a.body)
	}
	verified, applied := p.counts()
	if a := issue("sealed#2", "issuer", "t-2"); a.status != 403 || !bytes.Contains(a.body, []byte("sealing_reused")) {
		t.Errorf("another text: %d %s", a.status, a.body)
	}
	if a := issue("sealed#2", "issuer", "t-3"); a.status != 403 {
		t.Errorf("and again: %d %s", a.status, a.body)
	}
	p.wantCounts("refused", verified, applied, 2)
	if a := issue("sealed", "issuer", "t-1"); a.status != 201 || !bytes.Equal(a.body, first.body) {
		t.Errorf("the first text, sent again: %d %s", a.status, a.body)
	}
	if stats := p.server.LimitStats(); stats.Reuses != 2 || stats.Stops != 0 {
		t.Errorf("%+v", stats)
	}
}

// What is remembered is given up by time alone: with no room left a new thing is refused, and what is there is still known.
//
// FAULTS: O10 A18 B9
func TestSightingsAreNeverGivenUpEarly(t *testing.T) {
	s, now := newSightings[string](), testNow()
	thing := func(i int) []byte { return []byte(itoa(i)) }
	for i := range mostSightings {
		if got := s.see("a", thing(i), thing(0), now.Add(time.Duration(i))); got != sightNew {
			t.Fatalf("%d: %d", i, got)
		}
	}
	for what, c := range map[string]struct {
		owner       string
		thing, with int
		after       time.Duration
		want        sight
	}{
		"one more":                   {"a", mostSightings, 0, sightWindow - 1, sightFull},
		"the first, with the same":   {"a", 0, 0, sightWindow - 1, sightSame},
		"the first, with another":    {"a", 0, 1, sightWindow - 1, sightOther},
		"the clock an hour back":     {"a", 0, 1, -time.Hour, sightOther},
		"the same of another's room": {"b", 0, 1, 0, sightNew},
	} {
		if got := s.see(c.owner, thing(c.thing), thing(c.with), now.Add(c.after)); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
	if got := s.see("a", thing(mostSightings), thing(0), now.Add(sightWindow)); got != sightNew {
		t.Errorf("once the first has passed: %d", got)
	}
	if got := s.see("a", thing(0), thing(1), now.Add(sightWindow)); got != sightFull {
		t.Errorf("the first, which has passed: %d", got)
	}
	s.see("a", thing(0), thing(0), now.Add(2*sightWindow+mostSightings))
	if known := s.owners["a"]; len(known.with) != 1 || len(known.order) != 1 {
		t.Errorf("%d and %d are remembered for good", len(known.with), len(known.order))
	}
}

// Of one thing that comes with several at once, one is the first.
//
// FAULTS: A18 B9
func TestSightingsAtOnce(t *testing.T) {
	s := newSightings[zhenni.TenantID]()
	var first atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if s.see(1, []byte("thing"), []byte(itoa(i)), testNow()) == sightNew {
				first.Add(1)
			}
		})
	}
	all.Wait()
	if first.Load() != 1 {
		t.Errorf("%d are first", first.Load())
	}
}
