package engine_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// panics reports whether f did.
func panics(f func()) (caught bool) {
	defer func() { caught = recover() != nil }()
	f()
	return false
}

// A poison record stops its batch, but spoils nothing: what was decided stays, the rest is decided item by item, and
// only the poison itself is left.
//
// FAULTS: R1
func TestVerifyAfterPanic(t *testing.T) {
	const dim, n = 64, 400
	for _, rows := range []int{1, 3, 100, 500} {
		e := newEnrolled(t, n, dim, 0.5)
		a := newArena(t, dim, rowsEach(rows, dim))
		m := engine.NewMatcher(a, e.store, threshold(t, 0.5))
		probes := make([][]int8, n)
		for i := range probes {
			probes[i], _ = quantised(t, near(e.rng, e.persons[i]))
		}
		e.store.poison = map[zhenni.CredentialID]bool{e.ids[n/2]: true}
		b := batchOf(e.ids, probes)
		if !panics(func() { m.Verify(b, every(b)) }) {
			t.Fatal("the poison record did no harm")
		}
		total := engine.Tally{}
		for i := range b.Outcomes {
			if i == n/2 {
				expect(t, "poison", b.Outcomes[i], zhenni.Pending)
				continue
			}
			tally := m.Verify(b, []uint32{uint32(i)})
			total.Match += tally.Match
			expect(t, "item", b.Outcomes[i], zhenni.Match)
		}
		if total != (engine.Tally{Match: n - 1}) {
			t.Errorf("%d rows: counted %+v, want %d matches", rows, total, n-1)
		}
		if stats := a.Stats(); stats.Rows > stats.Capacity {
			t.Errorf("%+v", stats)
		}
	}
}

// Every kind of "no" is one answer, and none of them reads the store when the segment is complete.
func TestEveryNoLooksAlike(t *testing.T) {
	const dim = 128
	e := newEnrolled(t, 10, dim, 0.5)
	var ids []zhenni.CredentialID
	for i, change := range []func(*zhenni.Reference){
		func(r *zhenni.Reference) { r.Tenant++ },
		func(r *zhenni.Reference) { r.Status = zhenni.StatusSuspended },
		func(r *zhenni.Reference) { r.Status = zhenni.StatusSuperseded },
		func(r *zhenni.Reference) { r.Status = zhenni.StatusRevoked },
		func(r *zhenni.Reference) { r.Status = zhenni.StatusExpired },
	} {
		r := newReference(t, newID(e.rng, 1), e.persons[i])
		change(&r)
		e.store.Put(r)
		if err := e.Refresh(r.ID); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	ids = append(ids, newID(e.rng, 1), e.ids[9])
	probes := make([][]float32, len(ids))
	for i := range probes {
		probes[i] = e.persons[i]
	}
	e.store.reads = 0
	for range 2 {
		b := floatBatchOf(ids, probes)
		tally := e.Verify(b, every(b))
		if tally != (engine.Tally{NoMatch: len(ids)}) || e.store.reads != 0 {
			t.Errorf("%v, %+v, %d reads of the store", b.Outcomes, tally, e.store.reads)
		}
		e.Discard(0)
		e.Verify(floatBatchOf(ids, probes), every(b))
		e.store.reads = 0
		if err := e.Warm(0); err != nil {
			t.Fatal(err)
		}
	}
}

// Only a record that is not there is a "no"; whatever else the store says is no verdict.
func TestStoreFailureIsNoVerdict(t *testing.T) {
	const dim = 16
	for name, spoil := range map[string]func(*faultyStore, *zhenni.Reference){
		"failing":           func(s *faultyStore, r *zhenni.Reference) { s.fail[r.ID] = errStore },
		"corrupt":           func(s *faultyStore, r *zhenni.Reference) { s.fail[r.ID] = zhenni.ErrCorrupt },
		"wrong norm":        func(_ *faultyStore, r *zhenni.Reference) { r.Norm-- },
		"-128":              func(_ *faultyStore, r *zhenni.Reference) { r.Row[0] = -128; r.Norm = int32(plainDot(r.Row, r.Row)) },
		"zero row":          func(_ *faultyStore, r *zhenni.Reference) { clear(r.Row); r.Norm = 0 },
		"no tenant":         func(_ *faultyStore, r *zhenni.Reference) { r.Tenant = 0 },
		"no status":         func(_ *faultyStore, r *zhenni.Reference) { r.Status = 0 },
		"unknown status":    func(_ *faultyStore, r *zhenni.Reference) { r.Status = 99 },
		"other dimension":   func(_ *faultyStore, r *zhenni.Reference) { r.Row = append(r.Row, 0) },
		"smaller dimension": func(_ *faultyStore, r *zhenni.Reference) { r.Row = r.Row[:dim-1] },
	} {
		e := newEnrolled(t, 1, dim, 0.5)
		e.store.fail = map[zhenni.CredentialID]error{}
		r := newReference(t, newID(e.rng, 1), e.persons[0])
		probe := slices.Clone(r.Row)
		probe[1]++
		spoil(e.store, &r)
		e.store.Put(r)
		want := zhenni.RefusedInternal
		if errors.Is(e.store.fail[r.ID], errStore) {
			want = zhenni.RefusedUnavailable
		}
		if e.store.fail[r.ID] == nil {
			if err := e.Warm(0); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Errorf("%s: warm: %v, want a corrupt record", name, err)
			}
			expect(t, name+", warmed", verifyOne(e.Matcher, r.ID, probe), want)
		}
		if err := e.Refresh(r.ID); err == nil {
			t.Errorf("%s: refresh took it", name)
		}
		expect(t, name, verifyOne(e.Matcher, r.ID, probe), want)
		expect(t, name+", unknown id", verifyOne(e.Matcher, newID(e.rng, 1), probe), zhenni.NoMatch)
	}
}

// Misses of one sweep evict each other in the smallest arenas; each is still compared with its own row.
func TestEvictionWithinOneSweep(t *testing.T) {
	const dim, n = 64, 900
	rng := rand.New(rand.NewPCG(3, 3))
	e := newEnrolled(t, n, dim, 0.5)
	for _, rows := range []int{1, 2, 3, 4, 63, 64, 65, 130} {
		a := newArena(t, dim, rowsEach(rows, dim))
		m := engine.NewMatcher(a, e.store, threshold(t, 0.5))
		for range 3 {
			ids, probes := make([]zhenni.CredentialID, 1500), make([][]int8, 1500)
			want := make([]zhenni.Outcome, len(ids))
			for i := range ids {
				who := rng.IntN(n)
				ids[i], want[i] = e.ids[who], zhenni.Match
				if i%2 == 0 {
					who, want[i] = (who+1)%n, zhenni.NoMatch
				}
				probes[i], _ = quantised(t, near(rng, e.persons[who]))
			}
			b := batchOf(ids, probes)
			m.Verify(b, every(b))
			if !slices.Equal(b.Outcomes, want) {
				t.Fatalf("%d rows a segment: outcomes differ", rows)
			}
		}
		if stats := a.Stats(); stats.Rows > int64(rows) || stats.Evictions == 0 || stats.StoreReads < stats.Evictions {
			t.Errorf("%d rows a segment: %+v", rows, stats)
		}
	}
}
