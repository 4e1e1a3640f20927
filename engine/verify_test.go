package engine_test

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
	"zhenni/engine"
)

// plainVerify decides one item from the store alone, as DESIGN states the comparison, one step at a time and in
// arbitrary precision.
func plainVerify(s *faultyStore, rule zhenni.Threshold, b *zhenni.Batch, i int) zhenni.Outcome {
	probe, ok := plainProbe(b, i)
	if !ok {
		return zhenni.RefusedProbe
	}
	row := make([]int8, b.Dim)
	ref, err := s.MemoryStore.Reference(b.IDs[i], row)
	switch {
	case errors.Is(s.fail[b.IDs[i]], zhenni.ErrCorrupt):
		return zhenni.RefusedInternal
	case s.fail[b.IDs[i]] != nil:
		return zhenni.RefusedUnavailable
	case errors.Is(err, zhenni.ErrNotFound), err == nil && (ref.Tenant != b.Tenant || ref.Status != zhenni.StatusActive):
		return zhenni.NoMatch
	case !b.Evaluation && slices.Equal(probe, row):
		return zhenni.NoMatch
	case plainAccept(rule, plainDot(probe, row), plainDot(probe, probe), plainDot(row, row)):
		return zhenni.Match
	}
	return zhenni.NoMatch
}

func plainProbe(b *zhenni.Batch, i int) (probe []int8, ok bool) {
	if b.Int8 != nil {
		probe = b.Int8[i*b.Dim : (i+1)*b.Dim]
		return probe, !slices.Contains(probe, -128) && plainDot(probe, probe) > 0
	}
	largest := float32(0)
	for _, x := range b.Float32[i*b.Dim : (i+1)*b.Dim] {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, false
		}
		largest = max(largest, x, -x)
	}
	if largest == 0 {
		return nil, false
	}
	scale := 127 / largest
	for _, x := range b.Float32[i*b.Dim : (i+1)*b.Dim] {
		probe = append(probe, int8(math.RoundToEven(float64(x*scale))))
	}
	return probe, float64(largest)/127*math.Sqrt(float64(plainDot(probe, probe))) >= zhenni.MinNorm
}

func plainDot(a, b []int8) (sum int64) {
	for i := range a {
		sum += int64(a[i]) * int64(b[i])
	}
	return sum
}

func plainAccept(rule zhenni.Threshold, dot, probeNorm, refNorm int64) bool {
	left := new(big.Int).Mul(big.NewInt(dot), big.NewInt(dot))
	left.Lsh(left, 32)
	right := new(big.Int).SetUint64(uint64(rule))
	right.Mul(right, big.NewInt(probeNorm)).Mul(right, big.NewInt(refNorm))
	return dot > 0 && rule != 0 && left.Cmp(right) >= 0
}

// world is a store with all kinds of credentials, and what is needed to ask about them.
type world struct {
	store   *faultyStore
	dim     int
	ids     []zhenni.CredentialID
	persons [][]float32
}

// newWorld enrols credentials: most are active, some of another tenant, revoked, failing, or known to nobody.
func newWorld(t testing.TB, rng *rand.Rand, dim, credentials, segments int) *world {
	w := &world{store: &faultyStore{fail: map[zhenni.CredentialID]error{}}, dim: dim}
	for range credentials {
		id, person := newID(rng, segments), newEmbedding(rng, dim)
		r := newReference(t, id, person)
		switch rng.IntN(10) {
		case 0:
			r.Tenant++
		case 1:
			r.Status = zhenni.StatusSuspended + zhenni.Status(rng.IntN(4))
		case 2:
			w.store.fail[id] = errStore
		case 3:
			w.store.fail[id] = zhenni.ErrCorrupt
		}
		if rng.IntN(10) > 0 {
			w.store.Put(r)
		}
		w.ids, w.persons = append(w.ids, id), append(w.persons, person)
	}
	return w
}

// ask makes a batch of n questions, mated, non-mated, replayed and broken, in int8 or float32.
func (w *world) ask(rng *rand.Rand, n int, float bool) *zhenni.Batch {
	b := &zhenni.Batch{Tenant: tenant, Evaluation: rng.IntN(4) == 0, Dim: w.dim, Outcomes: make([]zhenni.Outcome, n)}
	for i := range n {
		who := rng.IntN(len(w.ids))
		b.IDs = append(b.IDs, w.ids[who])
		probe := near(rng, w.persons[who])
		switch rng.IntN(8) {
		case 0:
			probe = newEmbedding(rng, w.dim)
		case 1:
			probe = w.persons[who]
		case 2:
			b.Outcomes[i] = zhenni.RefusedItem
		}
		row := make([]int8, w.dim)
		_, _ = engine.Prepare(row, probe)
		if rng.IntN(16) == 0 {
			probe = slices.Clone(probe)
			probe[rng.IntN(w.dim)], row[rng.IntN(w.dim)] = float32(math.NaN()), -128
		}
		if float {
			b.Float32 = append(b.Float32, probe...)
		} else {
			b.Int8 = append(b.Int8, row...)
		}
	}
	return b
}

func tallyOf(outcomes []zhenni.Outcome) (t engine.Tally) {
	for _, o := range outcomes {
		switch o.Verdict() {
		case "match":
			t.Match++
		case "no_match":
			t.NoMatch++
		case "refused":
			t.Refused++
		}
	}
	return t
}

// checkVerify verifies b and compares every outcome, and the counts, with plainVerify.
func checkVerify(t rapid.TB, m *engine.Matcher, w *world, rule zhenni.Threshold, b *zhenni.Batch) {
	want := slices.Clone(b.Outcomes)
	decided := make([]zhenni.Outcome, 0, len(want))
	for i := range want {
		if want[i] == zhenni.Pending {
			want[i] = plainVerify(w.store, rule, b, i)
			decided = append(decided, want[i])
		}
	}
	tally := m.Verify(b, every(b))
	for i := range want {
		if b.Outcomes[i] != want[i] {
			t.Fatalf("item %d of %d is %v, want %v", i, len(want), b.Outcomes[i].Verdict(), want[i].Verdict())
		}
	}
	tally.Replays = 0
	if wantTally := tallyOf(decided); tally != wantTally {
		t.Fatalf("tally %+v, want %+v", tally, wantTally)
	}
}

// Budgets reach from one row a segment, where nearly every item evicts another of its batch, to room for all.
//
// FAULTS: N15
func TestVerifyAgreesWithThePlainRule(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		dim := rapid.SampledFrom([]int{1, 7, 64, 65, 128}).Draw(rt, "dim")
		rows := rapid.SampledFrom([]int{1, 2, 3, 4, 70, 400}).Draw(rt, "rows a segment")
		segments := rapid.IntRange(1, 3).Draw(rt, "segments")
		w := newWorld(t, rng, dim, rapid.IntRange(1, 200).Draw(rt, "credentials"), segments)
		rule := threshold(t, rapid.SampledFrom([]float64{0.01, 0.5, 0.9, 1}).Draw(rt, "threshold"))
		a := newArena(t, dim, rowsEach(rows, dim))
		m := engine.NewMatcher(a, w.store, rule)
		for segment := range segments {
			if rapid.Bool().Draw(rt, "warm") {
				if err := m.Warm(segment); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for id, failure := range w.store.fail {
			if err := m.Refresh(id); !errors.Is(err, failure) {
				rt.Fatalf("refresh: %v, want %v", err, failure)
			}
		}
		for range 3 {
			b := w.ask(rng, rapid.IntRange(1, 300).Draw(rt, "items"), rapid.Bool().Draw(rt, "float"))
			checkVerify(rt, m, w, rule, b)
		}
		stats := a.Stats()
		if stats.Rows > stats.Capacity || stats.Capacity != int64(rows*engine.Segments) || stats.Bytes > rowsEach(rows, dim) {
			rt.Fatalf("stats %+v", stats)
		}
	})
}
