package actors

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"zhenni"
	"zhenni/engine"
)

func TestOutcomesDoNotDependOnShards(t *testing.T) {
	w := newWorld(1, testDim, 3000)
	r := rand.New(rand.NewPCG(2, 2))
	b := w.mated(w.ids...)
	for i := range b.IDs {
		switch r.IntN(4) {
		case 0: // somebody else's probe
			copy(b.Int8[i*testDim:(i+1)*testDim], b.Int8[r.IntN(len(b.IDs))*testDim:])
		case 1: // nobody's id
			b.IDs[i][15]++
		case 2:
			b.Outcomes[i] = zhenni.RefusedItem
		}
	}
	given := slices.Clone(b.Outcomes)
	var want []zhenni.Outcome
	for _, shards := range []int{1, 2, 7, 8, 64} {
		n := startNode(t, w, Config{Shards: shards, MessageItems: 100})
		copy(b.Outcomes, given)
		verify(t, n, b)
		if want == nil {
			want = slices.Clone(b.Outcomes)
		}
		if !slices.Equal(b.Outcomes, want) {
			t.Errorf("%d shards decide differently from 1", shards)
		}
	}
	for _, o := range []zhenni.Outcome{zhenni.Match, zhenni.NoMatch, zhenni.RefusedItem} {
		if !slices.Contains(want, o) {
			t.Errorf("no item is %s", o.Verdict())
		}
	}
}

func TestVerifyRefusesMalformedBatch(t *testing.T) {
	w := newWorld(41, testDim, 4)
	n := startNode(t, w, Config{})
	b := w.mated(w.ids...)
	b.Outcomes = b.Outcomes[:3]
	if err := n.Verify(b, soon()); !errors.Is(err, zhenni.ErrBadBatch) {
		t.Errorf("verify: %v", err)
	}
}

// FAULTS: N14
func TestSharedProbesAreCounted(t *testing.T) {
	w := newWorld(45, testDim, 100)
	n := startNode(t, w, Config{})
	b := w.mated(w.ids...)
	verify(t, n, b)
	if s := n.Stats(); s.SharedProbes != 0 {
		t.Errorf("%d shared probes among those of different people", s.SharedProbes)
	}
	for i := range b.IDs {
		copy(b.Int8[i*testDim:(i+1)*testDim], b.Int8[:testDim])
	}
	clear(b.Outcomes)
	verify(t, n, b)
	if s := n.Stats(); s.SharedProbes != 99 {
		t.Errorf("%d shared probes, want 99: one face was tried on a hundred people", s.SharedProbes)
	}
}

func TestNothingPending(t *testing.T) {
	w := newWorld(42, testDim, 4)
	n := startNode(t, w, Config{})
	b := w.mated(w.ids...)
	for i := range b.Outcomes {
		b.Outcomes[i] = zhenni.RefusedItem
	}
	verify(t, n, b)
	wantAll(t, b, zhenni.RefusedItem)
	if s := n.Stats(); s.Admitted != 0 {
		t.Errorf("%d admitted", s.Admitted)
	}
}

// A full shard refuses the whole batch: the shards that had room give their tokens back.
//
// FAULTS: O7
func TestAdmissionIsAllOrNothing(t *testing.T) {
	w := newWorld(43, testDim, 500)
	n := startNode(t, w, Config{Shards: 8})
	full := &n.place.shards[5].inFlight
	full.Store(int64(n.config.InFlightItems))
	b := w.mated(w.ids...)
	if err := n.Verify(b, soon()); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("verify: %v", err)
	}
	wantAll(t, b, zhenni.Pending)
	full.Store(0)
	checkLedger(t, n)
	if s := n.Stats(); s.Admitted != 0 || s.RefusedAtDoor != 500 {
		t.Errorf("%d admitted, %d refused", s.Admitted, s.RefusedAtDoor)
	}
	verify(t, n, b)
	wantAll(t, b, zhenni.Match)
}

// What a matcher leaves pending becomes a refusal, never a verdict.
func TestLedgerLeavesNothingPending(t *testing.T) {
	b := &zhenni.Batch{Outcomes: []zhenni.Outcome{zhenni.Match, zhenni.Pending, zhenni.NoMatch}}
	var l ledger
	l.answered(b, []uint32{0, 1, 2}, engine.Tally{Match: 1, NoMatch: 1})
	want := []zhenni.Outcome{zhenni.Match, zhenni.RefusedInternal, zhenni.NoMatch}
	if !slices.Equal(b.Outcomes, want) {
		t.Errorf("outcomes %v", b.Outcomes)
	}
	for _, o := range want {
		if l.outcomes[o].Load() != 1 {
			t.Errorf("%s %s counted %d times", o.Verdict(), o.Reason(), l.outcomes[o].Load())
		}
	}
}

// Replays are an alarm: they are counted even in a part that panicked after them.
func TestReplaysAreCounted(t *testing.T) {
	w := newWorld(45, testDim, 10)
	w.cold = true
	n := startNode(t, w, Config{Shards: 1})
	w.panicOn(w.ids[5])
	b := w.mated(w.ids...)
	b.Evaluation = false
	verify(t, n, b)
	if s := n.Stats(); s.Replays != 9 || s.Outcomes[zhenni.NoMatch] != 9 {
		t.Errorf("%d replays, %d no_match", s.Replays, s.Outcomes[zhenni.NoMatch])
	}
}

// A log line about a panic says where, and nothing of its content.
func TestPanicIsLoggedWithoutContent(t *testing.T) {
	var lines bytes.Buffer
	w := newWorld(46, testDim, 1)
	w.cold = true
	n := startNode(t, w, Config{Shards: 1, Logger: slog.New(slog.NewTextHandler(&lines, nil))})
	w.onRead(func(id zhenni.CredentialID) { panic("the template of " + id.String()) })
	verify(t, n, w.mated(w.ids...))
	drain(t, n)
	got := lines.String()
	if !strings.Contains(got, "panic string at") || !strings.Contains(got, "Reference") {
		t.Errorf("log: %s", got)
	}
	if strings.Contains(got, "template of") || strings.Contains(got, w.ids[0].String()) {
		t.Errorf("content in the log: %s", got)
	}
}
