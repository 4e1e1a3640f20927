package engine_test

import (
	"math/rand/v2"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// manyStore reads together what it is asked for together, and counts how often it was.
type manyStore struct {
	*faultyStore
	calls, most int
	poisoned    bool
}

func (s *manyStore) ReferenceMany(ids []zhenni.CredentialID, refs []zhenni.Reference, errs []error) {
	s.calls++
	s.most = max(s.most, len(ids))
	for i, id := range ids {
		refs[i], errs[i] = s.Reference(id, refs[i].Row)
	}
	if s.poisoned {
		panic("poison")
	}
}

// A matcher decides the same whether its store reads one by one or many at once, in arenas of any size, for ids that
// repeat, are unknown or fail.
func TestReadTogetherDecidesTheSame(t *testing.T) {
	const dim, n, items = 64, 300, 1500
	e := newEnrolled(t, n, dim, 0.5)
	e.store.fail = map[zhenni.CredentialID]error{e.ids[7]: errStore, e.ids[8]: zhenni.ErrCorrupt}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, rows := range []int{1, 3, 64, 400} {
		many := &manyStore{faultyStore: e.store}
		one := engine.NewMatcher(newArena(t, dim, rowsEach(rows, dim)), e.store, threshold(t, 0.5))
		all := engine.NewMatcher(newArena(t, dim, rowsEach(rows, dim)), many, threshold(t, 0.5))
		for range 3 {
			ids, probes := make([]zhenni.CredentialID, items), make([][]int8, items)
			for i := range ids {
				who := rng.IntN(n)
				ids[i] = e.ids[who]
				probes[i], _ = quantised(t, near(e.rng, e.persons[rng.IntN(2)*who]))
				if rng.IntN(9) == 0 {
					ids[i] = newID(e.rng, 1)
				}
			}
			a, b := batchOf(ids, probes), batchOf(ids, probes)
			if x, y := one.Verify(a, every(a)), all.Verify(b, every(b)); x != y {
				t.Errorf("%d rows: %+v one by one, %+v together", rows, x, y)
			}
			for i := range ids {
				expect(t, "together", b.Outcomes[i], a.Outcomes[i])
			}
		}
		if many.calls == 0 || many.calls > 6 || many.most > 1024 {
			t.Errorf("%d rows: %d calls of at most %d", rows, many.calls, many.most)
		}
	}
}

// A store that panics over many leaves the items to be decided one by one.
//
// FAULTS: R1
func TestReadTogetherAfterPanic(t *testing.T) {
	const dim, n = 64, 100
	e := newEnrolled(t, n, dim, 0.5)
	store := &manyStore{faultyStore: e.store, poisoned: true}
	m := engine.NewMatcher(newArena(t, dim, rowsEach(n, dim)), store, threshold(t, 0.5))
	probes := make([][]int8, n)
	for i := range probes {
		probes[i], _ = quantised(t, near(e.rng, e.persons[i]))
	}
	b := batchOf(e.ids, probes)
	if !panics(func() { m.Verify(b, every(b)) }) {
		t.Fatal("the poison did no harm")
	}
	for i := range b.Outcomes {
		expect(t, "after the panic", b.Outcomes[i], zhenni.Pending)
		m.Verify(b, []uint32{uint32(i)})
		expect(t, "one by one", b.Outcomes[i], zhenni.Match)
	}
}

// silentStore says nothing of what it was asked.
type silentStore struct{ *faultyStore }

func (silentStore) ReferenceMany([]zhenni.CredentialID, []zhenni.Reference, []error) {}

func TestWhatAStoreLeavesUnreadIsNoVerdict(t *testing.T) {
	const dim = 64
	e := newEnrolled(t, 2, dim, 0.5)
	m := engine.NewMatcher(newArena(t, dim, rowsEach(2, dim)), silentStore{e.store}, threshold(t, 0.5))
	probe, _ := quantised(t, near(e.rng, e.persons[0]))
	b := batchOf(e.ids, [][]int8{probe, probe})
	m.Verify(b, every(b))
	for i := range b.Outcomes {
		expect(t, "unread", b.Outcomes[i], zhenni.RefusedUnavailable)
	}
}

// Misses allocate nothing by the item, and hits nothing at all.
func TestReadTogetherAllocatesNothing(t *testing.T) {
	const dim, n = 128, 900
	e := newEnrolled(t, n, dim, 0.5)
	store := &manyStore{faultyStore: e.store}
	m := engine.NewMatcher(newArena(t, dim, rowsEach(n, dim)), store, threshold(t, 0.5))
	probes := make([][]int8, n)
	for i := range probes {
		probes[i], _ = quantised(t, near(e.rng, e.persons[i]))
	}
	b := batchOf(e.ids, probes)
	items := every(b)
	allocs := testing.AllocsPerRun(5, func() {
		clear(b.Outcomes)
		m.Discard(0)
		if m.Verify(b, items).Match != n {
			t.Error("not all match")
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for %d misses", allocs, n)
	}
}
