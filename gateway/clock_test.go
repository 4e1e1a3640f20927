package gateway

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// clocks are ways a wall clock may go wrong between two readings. Each is given the number of the reading.
func clocks(t *testing.T) map[string]func(n int) time.Time {
	t.Helper()
	start := time.Date(2026, 3, 29, 0, 59, 59, 999_000_000, time.UTC)
	berlin := time.FixedZone("CEST", 2*3600)
	return map[string]func(n int) time.Time{
		"an hour forward":         func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) },
		"an hour back each time":  func(n int) time.Time { return start.Add(-time.Duration(n) * time.Hour) },
		"to and fro":              func(n int) time.Time { return start.Add(time.Duration(n%2*2-1) * time.Hour) },
		"a leap second, repeated": func(n int) time.Time { return time.Unix(1483228799+int64(n/2), 500_000_000) },
		"summer time begins":      func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond).In(berlin) },
		"standing still":          func(int) time.Time { return start },
		"the epoch":               func(int) time.Time { return time.Unix(0, 0) },
	}
}

// The clock of the configuration is for what is recorded and shown. Whatever it does, the same requests have the same
// answers but for the times in them, and deadlines are of the monotonic clock and as far away as they were set to be.
//
// FAULTS: R11 C13
func TestClockIsForShow(t *testing.T) {
	for name, clock := range clocks(t) {
		readings := make(chan int, 1)
		readings <- 0
		var last time.Time
		f := start(t, func(c *Config) {
			c.VerifyTimeout, c.BatchTimeout = time.Minute, time.Minute
			c.Now = func() time.Time {
				n := <-readings
				readings <- n + 1
				last = clock(n)
				return last
			}
		})
		enrol := []byte(`{"reference_int8":"` + int8Probe(testDim, true) + `"}`)
		enrolled := f.call("POST", "/v1/enrolments", "issuer", mediaJSON, enrol)
		if shown := last.UTC().Format("2006-01-02T15:04:05.000Z"); enrolled.status != 201 || !strings.Contains(string(enrolled.body), shown) {
			t.Errorf("%s: %d, at %s: %s", name, enrolled.status, shown, enrolled.body)
		}
		_, rest, _ := bytes.Cut(enrolled.body, []byte(`"credential":"`))
		id := string(rest[:32])
		for range 3 {
			a := f.call("POST", "/v1/verifications", "verifier", mediaJSON, []byte(goodDocument()))
			b := f.call("POST", "/v1/verification-batches", "verifier", mediaNDJSON, []byte(goodDocument()+"\n"))
			if a.status != 200 || b.status != 200 || !bytes.Contains(a.body, []byte(`"match"`)) || !bytes.Contains(b.body, []byte(`"match"`)) {
				t.Errorf("%s: %s; %s", name, a.body, b.body)
			}
		}
		if a := f.call("POST", "/v1/credentials/"+id+"/revoke", "issuer", "", nil); a.status != 200 {
			t.Errorf("%s: revoke: %d", name, a.status)
		}
		for _, deadline := range f.node.takeDeadlines() {
			if left := time.Until(deadline); !strings.Contains(deadline.String(), " m=") || left > time.Minute || left < 30*time.Second {
				t.Errorf("%s: a deadline in %v: %s", name, left, deadline)
			}
		}
	}
}
