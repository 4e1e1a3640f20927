package gateway

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/meter"
)

// restartable is a server with limits that is begun again beside the same file, records and clock.
type restartable struct {
	*limited
	rules zhenni.PartyRules
	path  string
	store *meter.Store
}

func startRestartable(t *testing.T, rules zhenni.PartyRules) *restartable {
	r := &restartable{rules: rules, path: filepath.Join(t.TempDir(), "meter")}
	r.limited = startLimited(t, rules, func(c *Config) { c.Meters = r.open(t) })
	return r
}

func (r *restartable) open(t testing.TB) *meter.Store {
	var err error
	if r.store, err = meter.Open(meter.Options{Path: r.path, Beat: make(chan time.Time)}); err != nil {
		t.Fatal(err)
	}
	return r.store
}

// restart is a crash: nothing but the records and the file is taken along.
func (r *restartable) restart() {
	at, parties := r.millis.Load(), r.node.parties
	r.limited = startLimited(r.t.(*testing.T), r.rules, func(c *Config) { c.Meters = r.open(r.t) })
	r.node.parties = parties
	r.millis.Store(at)
}

// What a party has used of its quota is used after a restart, to the item, also when the clock has gone back.
//
// FAULTS: C13
func TestQuotaOutlivesARestart(t *testing.T) {
	r := startRestartable(t, noLimits)
	party := r.node.parties["verifier"]
	party.Quota = zhenni.Quota{PerMinute: 100, PerDay: 150}
	r.node.parties["verifier"] = party
	for i, step := range []struct {
		pass   int64 // seconds
		items  int
		status int
	}{
		{0, 90, 200}, {0, 11, 429}, {0, 10, 200}, {0, 1, 429}, // of the minute
		{-3600, 1, 429}, {-7 * 24 * 3600, 1, 429}, {7*24*3600 + 3600 + 60, 51, 429}, {0, 50, 200}, {60, 1, 429}, // of the day
		{24 * 3600, 100, 200},
	} {
		r.millis.Add(1000 * step.pass)
		r.wantStatus(fmt.Sprintf("step %d, %d items", i, step.items), r.lines("verifier", step.items, someProbe), step.status)
		r.restart()
	}
}

// Whatever a party had asked when the server ended counts when it goes on, and a stop ends by an operator's hand alone.
//
// FAULTS: B3 C13
func TestWindowAndStopOutliveARestart(t *testing.T) {
	r := startRestartable(t, zhenni.PartyRules{AlarmShared: 10, StopShared: 30})
	tried := 0
	for ; tried < 300; tried++ {
		if a := r.try("verifier", tried, someStranger(1)); a.status != 200 {
			break
		}
		if tried%10 == 9 { // the probe that was tried is forgotten: one more each time
			r.restart()
			r.millis.Add(-1000)
		}
	}
	if tried < 30 || tried > 34 {
		t.Errorf("%d people were tried over the restarts", tried)
	}
	r.restart()
	for _, pass := range []int64{0, -3600_000, 30 * 24 * 3600_000} {
		r.millis.Add(pass)
		r.wantStatus("the stopped party", r.try("verifier", 1, someProbe(1)), 429)
	}
	if err := r.server.Lift("verifier"); err != nil {
		t.Error(err)
	}
	for range 2 {
		r.wantStatus("lifted", r.try("verifier", 1, someStranger(1)), 200)
		r.restart()
	}
	if err := r.server.Lift("verifier"); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("lifted twice: %v", err)
	}
}

// A stop that could not be made durable holds as long as the process, and the next one goes on at the edge.
//
// FAULTS: B3
func TestStopThatIsNotDurable(t *testing.T) {
	r := startRestartable(t, zhenni.PartyRules{Least: 100})
	r.wantStatus("nearly too many", r.lines("verifier", 99, someStranger), 200)
	r.node.applyErr = zhenni.ErrUnavailable
	r.wantStatus("too many", r.try("verifier", 1, someStranger(1)), 429)
	r.wantStatus("stopped", r.try("verifier", 1, someProbe(1)), 429)
	r.restart()
	r.wantStatus("too many again", r.try("verifier", 1, someStranger(1)), 429)
	r.restart()
	r.wantStatus("stopped for good", r.try("verifier", 1, someProbe(1)), 429)
}

// The cap of all parties is reached together over restarts, and a clock that goes back does not end it.
//
// FAULTS: B4 C13
func TestCapOutlivesARestart(t *testing.T) {
	r := startRestartable(t, zhenni.PartyRules{PerMinute: 100})
	for i := range 10 {
		r.wantStatus("within the cap", r.lines([]string{"verifier", "both"}[i%2], 10, someStranger), 200)
		r.restart()
		r.millis.Add(-100_000)
	}
	r.wantStatus("beyond", r.try("verifier", 1, someStranger(1)), 429)
	r.restart()
	r.wantStatus("after a restart", r.try("both", 1, someProbe(1)), 429)
	r.millis.Add(-3600_000)
	r.wantStatus("an hour back", r.try("both", 1, someProbe(1)), 429)
	r.millis.Add(3600_000 + 10*100_000 + 60_000)
	r.wantStatus("in the next minute", r.try("both", 1, someProbe(1)), 200)
}

// Where nothing can be kept, nothing is answered that a restart would forget.
func TestNothingIsAnsweredUnkept(t *testing.T) {
	r := startRestartable(t, zhenni.PartyRules{})
	party := r.node.parties["both"]
	party.Quota = zhenni.Quota{PerDay: 10}
	r.node.parties["both"] = party
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	r.wantStatus("a quota", r.try("both", 1, someProbe(1)), 503)
	r.wantStatus("a non-match", r.try("verifier", 1, someStranger(1)), 503)
	r.wantStatus("neither", r.try("verifier", 1, someProbe(1)), 200)
}

// Requests of one party at once use up its quota to the item, and no more.
func TestQuotaIsExactUnderConcurrency(t *testing.T) {
	r := startRestartable(t, noLimits)
	party := r.node.parties["verifier"]
	party.Quota = zhenni.Quota{PerDay: 50}
	r.node.parties["verifier"] = party
	var mu sync.Mutex
	answered := 0
	for range 2 {
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				for i := range 5 {
					a := r.try("verifier", worker, someProbe(i))
					mu.Lock()
					if a.status == 200 {
						answered++
					} else if !strings.Contains(string(a.body), "quota_exceeded") {
						t.Errorf("%d %s", a.status, a.body)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		r.restart()
	}
	if answered != 50 {
		t.Errorf("%d items of a quota of 50 were answered", answered)
	}
}
