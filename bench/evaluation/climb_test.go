package evaluation

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench/labelledtest"
	"zhenni/engine"
)

// victim is a node on which one person of a real set is enrolled, and an attacker's view of it: decisions, and time.
type victim struct {
	t         testing.TB
	node      *actors.Node
	id        zhenni.CredentialID
	reference []float32
	now       time.Time
	// asked counts what was tried, misses the non-matches among the answers.
	asked, misses int
}

// victimState is a store that never changes.
type victimState struct{ *engine.MemoryStore }

func (victimState) Apply(context.Context, []zhenni.Command) ([]zhenni.Result, error) {
	return nil, zhenni.ErrUnavailable
}
func (victimState) Credential(zhenni.CredentialID) (zhenni.Credential, error) {
	return zhenni.Credential{}, zhenni.ErrNotFound
}
func (victimState) RelyingParty(string) (zhenni.RelyingParty, bool) {
	return zhenni.RelyingParty{}, false
}
func (victimState) RelyingParties() []zhenni.RelyingParty { return nil }

// newVictim enrols an embedding at the threshold that lfw-dlib128 supports 1e-4 with.
func newVictim(t testing.TB, reference []float32) *victim {
	t.Helper()
	v := &victim{t: t, id: zhenni.CredentialID{3, 1, 4, 1, 5}, reference: reference, now: time.Unix(1_700_000_000, 0)}
	row := make([]int8, len(reference))
	norm, err := engine.Prepare(row, reference)
	if err != nil {
		t.Fatal(err)
	}
	store := &engine.MemoryStore{}
	store.Put(zhenni.Reference{ID: v.id, Tenant: 1, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: norm})
	arena, err := engine.NewArena(len(row), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	rule, err := zhenni.NewThreshold(0.936)
	if err != nil {
		t.Fatal(err)
	}
	model := zhenni.Model{ID: "dlib", Dim: len(row), Factor: zhenni.FactorFace}
	v.node, err = actors.Start(actors.Config{Shards: 1, Now: func() time.Time { return v.now }, Logger: slog.New(slog.DiscardHandler)},
		model, rule, arena, victimState{store})
	if err != nil {
		t.Fatal(err)
	}
	<-v.node.Warmed()
	t.Cleanup(func() {
		if err := v.node.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		_ = arena.Close()
	})
	return v
}

// try is one attempt through the open lane. Evaluation is what the node would say if it counted nothing.
func (v *victim) try(probe []float32, evaluation bool) bool {
	b := &zhenni.Batch{
		Tenant: 1, Evaluation: evaluation, Dim: len(probe), IDs: []zhenni.CredentialID{v.id}, Float32: probe, Outcomes: make([]zhenni.Outcome, 1),
	}
	if err := v.node.Verify(b, time.Now().Add(time.Minute)); err != nil {
		v.t.Fatal(err)
	}
	v.asked++
	if b.Outcomes[0] != zhenni.Match {
		v.misses++
		return false
	}
	return true
}

func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot, aa, bb = dot+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}

// centre walks from a probe that matches to the middle of all that match, which is the template: along random directions it
// finds by bisection where matching ends on either side, and goes half way between. It learns from decisions alone.
func centre(rng *rand.Rand, start []float32, directions int, matches func([]float32) bool) []float32 {
	at, probe := append([]float32(nil), start...), make([]float32, len(start))
	along := func(direction []float32, far float64) []float32 {
		for i := range at {
			probe[i] = at[i] + float32(far)*direction[i]
		}
		return probe
	}
	for range directions {
		direction := make([]float32, len(at))
		for i := range direction {
			direction[i] = float32(rng.NormFloat64() / math.Sqrt(float64(len(at))))
		}
		var ends [2]float64
		for side, sign := range []float64{1, -1} {
			near, far := 0.0, sign*1.0
			for range 8 {
				if middle := (near + far) / 2; matches(along(direction, middle)) {
					near = middle
				} else {
					far = middle
				}
			}
			ends[side] = near
		}
		copy(at, along(direction, (ends[0]+ends[1])/2))
	}
	return at
}

// photographs are two of one person, and one each of others.
func photographs(t *testing.T) (enrolled, seen []float32, strangers [][]float32) {
	set := labelledtest.Read(t, "lfw-dlib128", nil)
	for i := range set.Len() {
		switch person := set.Label(i).Person; {
		case enrolled == nil && i+1 < set.Len() && set.Label(i+1).Person == person:
			if c := cosine(set.Embedding(i), set.Embedding(i+1)); c > 0.945 && c < 0.96 {
				enrolled, seen = set.Embedding(i), set.Embedding(i+1)
			}
		case i == 0 || set.Label(i-1).Person != person:
			strangers = append(strangers, set.Embedding(i))
		}
	}
	if enrolled == nil {
		t.Fatal("nobody has two photographs that are alike enough")
	}
	return enrolled, seen, strangers
}

// 100,000 strangers, waiting out every pause: fifty are compared, and from there on the credential matches nobody.
//
// FAULTS: B1
func TestStrangersAreBarred(t *testing.T) {
	enrolled, seen, strangers := photographs(t)
	v := newVictim(t, enrolled)
	rng := rand.New(rand.NewPCG(1, 2))
	probe := make([]float32, len(enrolled))
	for n := range 100_000 {
		for i, x := range strangers[n%len(strangers)] {
			probe[i] = x + float32(rng.NormFloat64())*0.01
		}
		v.try(probe, false)
		v.now = v.now.Add(time.Hour)
	}
	s := v.node.Stats().Attempts
	if s.Failed > 50 || s.Disabled != 1 || s.Barred < 100_000-60 {
		t.Errorf("%d of 100,000 attempts were compared: %+v", s.Failed, s)
	}
	if v.try(seen, false) {
		t.Error("a disabled credential matches")
	}
}

// Whoever has a photograph that matches can learn the template from decisions, and has every second one of them match. The
// attempts they have are not enough, though they wait out every pause for a month.
//
// FAULTS: B1
func TestHillClimbingIsBarred(t *testing.T) {
	enrolled, seen, _ := photographs(t)
	const directions = 1500
	open := newVictim(t, enrolled)
	learnt := cosine(enrolled, centre(rand.New(rand.NewPCG(3, 4)), seen, directions, func(p []float32) bool { return open.try(p, true) }))
	before := cosine(enrolled, seen)
	if learnt < 0.99 {
		t.Errorf("unhindered it reaches a cosine of %.4f from %.4f in %d attempts: the test does not climb", learnt, before, open.asked)
	}
	v := newVictim(t, enrolled)
	end := v.now.Add(30 * 24 * time.Hour)
	reached := cosine(enrolled, centre(rand.New(rand.NewPCG(3, 4)), seen, directions, func(p []float32) bool {
		matched := v.try(p, false)
		if v.now.Before(end) {
			v.now = v.now.Add(25 * time.Minute)
		}
		return matched
	}))
	failed := v.node.Stats().Attempts.Failed
	if failed > 50+30 {
		t.Errorf("%d non-matches were decided in a month", failed)
	}
	if reached > before+(learnt-before)/2 {
		t.Errorf("it reaches a cosine of %.4f from %.4f, unhindered %.4f", reached, before, learnt)
	}
	t.Logf("from %.4f: unhindered to %.4f in %d attempts, barred to %.4f with %d non-matches decided", before, learnt, open.asked, reached, failed)
}
