package main

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"zhenni/storage/audit"
)

// The server is killed at a drawn point of each flow: before, on or behind one of the pieces that its parties send. They ask again,
// and in the end every session has one outcome, which every party is told, and the log has one decision a try. Nothing here lasts
// longer than a session waits, so that the outcome is the one of a run that nobody disturbed.
//
// FAULTS: C10 C11 A16
func TestFlowsKilled(t *testing.T) {
	t.Parallel()
	w := startFlows(t, len(flowPeople))
	rng := rand.New(rand.NewPCG(1, flowKills))
	pieces, want := make([]int, len(flows)), w.recorded()
	for i, f := range flows {
		w.gate.arm(0, beforeRequest)
		w.killed(f)
		pieces[i], want = w.gate.counted(), want+int64(f.decisions)
	}
	reached := 0
	for i := range flowKills {
		f, most := flows[i%len(flows)], pieces[i%len(flows)]
		piece, point := 1+rng.IntN(most), killPoint(rng.IntN(int(killPoints)))
		w.say("\n%d. %s, killed %v %d of %d.", i+1, f.name, point, piece, most)
		w.gate.arm(piece, point)
		w.killed(f)
		want += int64(f.decisions)
		if w.gate.fired() {
			reached++
		}
	}
	w.gate.arm(0, beforeRequest)
	t.Logf("%d of %d points were reached", reached, flowKills)
	if reached < flowKills*2/3 {
		t.Errorf("%d of %d points were reached", reached, flowKills)
	}
	if got := w.recorded(); got != want {
		t.Errorf("the log has %d entries, want %d: a try has another number of decisions than one", got, want)
	}
}

// killed lives a flow, and holds all parties to one outcome, the one that it has undisturbed.
func (w *flowWorld) killed(f flow) {
	w.t.Helper()
	asks, asked := f.live(w)
	if got := w.told(asks, asked); got != f.want() {
		w.t.Errorf("%s: %v, want %v", f.name, got, f.want())
	}
}

// recorded is how many entries the log has. The server is stopped for it, and started again.
func (w *flowWorld) recorded() int64 {
	w.t.Helper()
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if err := w.server.terminate(w.t); err != nil {
		w.t.Fatal(err)
	}
	key, err := note.NewVerifier(strings.TrimSpace(mustRun(w.t, "audit", "key", "--store", w.store)))
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := audit.Verify(audit.Folder(filepath.Join(w.store, "audit")), audit.Keys{Log: key})
	if err != nil || !report.OK() {
		w.t.Fatalf("%+v, %v", report, err)
	}
	w.gate.server = w.gate.replace()
	return report.Size
}

// fired reports whether the server was killed since it was armed.
func (g *gate) fired() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.armed == 0
}
