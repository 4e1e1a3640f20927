package actors

import (
	"errors"
	"log/slog"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// both is a batch of one with a probe of each model, each of the person or not.
func (w *twoWorlds) both(id zhenni.CredentialID, first, also, anyOne bool) *zhenni.Batch {
	b, second := w.mated(id), w.by(besideModel, id)
	b.Evaluation, b.AnyOne = false, anyOne
	if !first {
		b.Int8 = w.by("", id).Int8
	}
	if !also {
		second.Int8 = w.mated(id).Int8
	}
	for _, probe := range [][]int8{b.Int8, second.Int8} { // what is the template to the last bit is no person
		if probe[0] > 0 {
			probe[0]--
		} else {
			probe[0]++
		}
	}
	b.Also = &zhenni.Batch{Model: besideModel, Dim: testDim, Int8: second.Int8, Outcomes: make([]zhenni.Outcome, 1)}
	return b
}

// Two probes have one outcome and are one attempt, whichever of them does not match; what one of them says alone is not left.
//
// FAULTS: B1 B2
func TestTwoProbesOfOnePerson(t *testing.T) {
	for _, c := range []struct{ first, also, anyOne, match bool }{
		{true, true, false, true}, {true, false, false, false}, {false, true, false, false}, {false, false, false, false},
		{true, true, true, true}, {true, false, true, true}, {false, true, true, true}, {false, false, true, false},
	} {
		w := newTwoWorlds(11, 4)
		n := startTwo(t, w, Config{Shards: 2})
		b := w.both(w.ids[1], c.first, c.also, c.anyOne)
		verify(t, n, b)
		want, attempts := zhenni.Match, 0
		if !c.match {
			want, attempts = zhenni.NoMatch, 1
		}
		wantAll(t, b, want)
		if b.Also.Outcomes[0] != zhenni.Pending {
			t.Errorf("%+v: the second says %s alone", c, b.Also.Outcomes[0].Verdict())
		}
		if len(b.Attempts) != attempts || attempts == 1 && b.Attempts[0].Total != 1 {
			t.Errorf("%+v: counted %+v", c, b.Attempts)
		}
		checkLedger(t, n)
	}
}

// The fifth verification in a row that does not match bars the credential, whichever probe was wrong in each, and neither way of
// the two opens it, nor a probe alone.
//
// FAULTS: B1
func TestTwoProbesAreBarredTogether(t *testing.T) {
	w := newTwoWorlds(12, 4)
	n := startTwo(t, w, Config{Shards: 1})
	id := w.ids[0]
	for i := range 5 {
		b := w.both(id, i%2 == 0, i%4 == 1, false)
		verify(t, n, b)
		wantAll(t, b, zhenni.NoMatch)
		if len(b.Attempts) != 1 || b.Attempts[0].Total != uint16(i+1) {
			t.Fatalf("attempt %d: %+v", i, b.Attempts)
		}
	}
	alone := w.both(id, true, true, false)
	alone.Also = nil
	for _, b := range []*zhenni.Batch{w.both(id, true, true, false), w.both(id, true, true, true), alone} {
		verify(t, n, b)
		wantAll(t, b, zhenni.NoMatch)
	}
}

// A person without a template of one model is told no where it takes both; where either is enough the other decides. What was
// compared with nobody's template is no attempt.
func TestTwoProbesAndOneTemplate(t *testing.T) {
	w := newTwoWorlds(13, 4)
	lonely := zhenni.CredentialID{1, 2, 3}
	w.enrol(lonely, zhenni.StatusActive)
	n := startTwo(t, w, Config{Shards: 2})
	for _, c := range []struct {
		id            zhenni.CredentialID
		first, anyOne bool
		want          zhenni.Outcome
		attempts      int
	}{
		{lonely, true, false, zhenni.NoMatch, 0}, {lonely, true, true, zhenni.Match, 0}, {lonely, false, true, zhenni.NoMatch, 1},
		{zhenni.CredentialID{7}, true, true, zhenni.NoMatch, 0},
	} {
		b := w.both(c.id, c.first, true, c.anyOne)
		verify(t, n, b)
		wantAll(t, b, c.want)
		if len(b.Attempts) != c.attempts {
			t.Errorf("%+v: counted %+v", c, b.Attempts)
		}
	}
}

// A second probe that is no embedding leaves no verdict, and counts nothing.
//
// FAULTS: N7
func TestSecondProbeThatIsNone(t *testing.T) {
	w := newTwoWorlds(14, 2)
	n := startTwo(t, w, Config{Shards: 1})
	b := w.both(w.ids[0], false, true, false)
	b.Also.Int8[3] = -128
	verify(t, n, b)
	wantAll(t, b, zhenni.RefusedProbe)
	if len(b.Attempts) != 0 {
		t.Errorf("counted %+v", b.Attempts)
	}
}

// panicking is a store that panics when a template is read alone, and has none to be read together.
type panicking struct{ engine.Store }

func (panicking) Reference(zhenni.CredentialID, []int8) (zhenni.Reference, error) { panic("poison") }

func (panicking) References(zhenni.Slot, zhenni.Slot, func(zhenni.Reference) error) error {
	return zhenni.ErrCorrupt
}

// A matcher that panics at the second probe leaves no verdict either.
//
// FAULTS: R1
func TestSecondProbePanics(t *testing.T) {
	w := newTwoWorlds(15, 2)
	arena, rule := newArena(t, w.world)
	first, _ := newArena(t, w.world)
	n, err := Start(Config{Shards: 1, Logger: slog.New(slog.DiscardHandler), Beside: []Comparison{{
		Model: zhenni.Model{ID: besideModel, Dim: testDim, Factor: zhenni.FactorVoice}, Rule: rule, Arena: arena, Templates: panicking{w.beside},
	}}}, zhenni.Model{ID: "test-model", Dim: testDim, Factor: zhenni.FactorFace}, rule, first, w)
	if err != nil {
		t.Fatal(err)
	}
	<-n.Warmed()
	t.Cleanup(func() { drain(t, n) })
	for range 2 {
		b := w.both(w.ids[0], true, true, true)
		verify(t, n, b)
		wantAll(t, b, zhenni.RefusedInternal)
	}
	checkLedger(t, n)
}

func TestSecondProbesThatAreRefused(t *testing.T) {
	w := newTwoWorlds(16, 2)
	n := startTwo(t, w, Config{Shards: 1})
	for name, change := range map[string]func(*zhenni.Batch){
		"of the same model":        func(b *zhenni.Batch) { b.Also.Model = "test-model" },
		"of the first by its name": func(b *zhenni.Batch) { b.Model, b.Also.Model = besideModel, besideModel },
		"of none that is served":   func(b *zhenni.Batch) { b.Also.Model = "another" },
		"of another dimension":     func(b *zhenni.Batch) { b.Also.Dim++ },
		"decided already":          func(b *zhenni.Batch) { b.Also.Outcomes[0] = zhenni.Match },
		"with a third":             func(b *zhenni.Batch) { b.Also.Also = b.Also },
		"for two items": func(b *zhenni.Batch) {
			two := w.mated(w.ids...)
			b.IDs, b.Int8, b.Outcomes = two.IDs, two.Int8, two.Outcomes
		},
	} {
		b := w.both(w.ids[0], true, true, false)
		change(b)
		if err := n.Verify(b, soon()); !errors.Is(err, zhenni.ErrBadBatch) || b.Outcomes[0] != zhenni.Pending {
			t.Errorf("%s: %v, %s", name, err, b.Outcomes[0].Verdict())
		}
	}
}
