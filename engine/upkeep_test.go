package engine_test

import (
	"errors"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// change stores a record of the credential with another status, as a command does, without telling the matcher.
func (e *enrolled) change(t *testing.T, i int, status zhenni.Status) {
	t.Helper()
	r, err := e.store.MemoryStore.Reference(e.ids[i], make([]int8, len(e.persons[i])))
	if err != nil {
		t.Fatal(err)
	}
	r.Status = status
	r.Generation++
	e.store.Put(r)
}

// ask verifies the person behind credential i with a fresh capture.
func (e *enrolled) ask(t *testing.T, i int) zhenni.Outcome {
	t.Helper()
	probe, _ := quantised(t, near(e.rng, e.persons[i]))
	return verifyOne(e.Matcher, e.ids[i], probe)
}

func TestRefreshBringsEveryChange(t *testing.T) {
	const dim = 128
	e := newEnrolled(t, 3, dim, 0.5)
	refresh := func() {
		t.Helper()
		if err := e.Refresh(e.ids[0]); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "active", e.ask(t, 0), zhenni.Match)
	e.change(t, 0, zhenni.StatusSuspended)
	refresh()
	expect(t, "suspended", e.ask(t, 0), zhenni.NoMatch)
	e.change(t, 0, zhenni.StatusActive)
	refresh()
	expect(t, "active again", e.ask(t, 0), zhenni.Match)
	old := e.persons[0]
	e.persons[0] = newEmbedding(e.rng, dim)
	r := newReference(t, e.ids[0], e.persons[0])
	r.Generation = 4
	e.store.Put(r)
	refresh()
	expect(t, "new capture", e.ask(t, 0), zhenni.Match)
	e.persons[0], old = old, e.persons[0]
	expect(t, "old capture", e.ask(t, 0), zhenni.NoMatch)
	e.store.Remove(e.ids[0])
	refresh()
	e.persons[0] = old
	expect(t, "removed", e.ask(t, 0), zhenni.NoMatch)
	expect(t, "neighbour", e.ask(t, 1), zhenni.Match)
}

// Once a revocation is durable, a store that can not be read leaves a refusal behind, never the old row.
func TestRefreshThatFailsForgets(t *testing.T) {
	e := newEnrolled(t, 3, 64, 0.5)
	e.change(t, 0, zhenni.StatusRevoked)
	e.store.fail = map[zhenni.CredentialID]error{e.ids[0]: errStore}
	if err := e.Refresh(e.ids[0]); !errors.Is(err, errStore) {
		t.Errorf("refresh: %v, want the store's error", err)
	}
	expect(t, "store fails", e.ask(t, 0), zhenni.RefusedUnavailable)
	e.store.fail = nil
	expect(t, "store is back", e.ask(t, 0), zhenni.NoMatch)

	for _, i := range []int{1, 2} {
		if err := e.Warm(0); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			e.change(t, i, zhenni.StatusRevoked)
		}
		e.store.poison = map[zhenni.CredentialID]bool{e.ids[i]: true}
		if !panics(func() { _ = e.Refresh(e.ids[i]) }) {
			t.Fatal("the poison record did no harm")
		}
	}
	e.store.poison = nil
	expect(t, "revoked, store panicked", e.ask(t, 1), zhenni.NoMatch)
	expect(t, "active, store panicked", e.ask(t, 2), zhenni.Match)
}

// What is asked for again and again stays in memory while others come and go.
func TestRowsInUseStay(t *testing.T) {
	const dim, rows = 16, 10
	e := newEnrolled(t, 300, dim, 0.5)
	m := engine.NewMatcher(newArena(t, dim, rowsEach(rows, dim)), e.store, threshold(t, 0.5))
	e.store.reads = 0
	for i := range e.ids {
		for _, j := range []int{0, 0, 1, 1, i} {
			probe, _ := quantised(t, near(e.rng, e.persons[j]))
			verifyOne(m, e.ids[j], probe)
		}
	}
	if e.store.reads != len(e.ids) {
		t.Errorf("%d reads of the store for %d credentials, two of them in use throughout", e.store.reads, len(e.ids))
	}
}

// readsForUnknown counts the reads of the store that asking about an unknown credential costs: none in a complete segment.
func (e *enrolled) readsForUnknown(t *testing.T) int {
	t.Helper()
	e.store.reads = 0
	expect(t, "unknown", verifyOne(e.Matcher, newID(e.rng, 1), fill(len(e.persons[0]), int8(1))), zhenni.NoMatch)
	return e.store.reads
}

func TestCompleteSegmentNeedsNoStore(t *testing.T) {
	const dim = 16
	e := newEnrolled(t, 5, dim, 0.5)
	complete := func(name string, want bool) {
		t.Helper()
		if got := e.readsForUnknown(t) == 0; got != want {
			t.Errorf("%s: complete is %v, want %v", name, got, want)
		}
	}
	complete("warm", true)
	e.change(t, 2, zhenni.StatusRevoked)
	if err := e.Refresh(e.ids[2]); err != nil {
		t.Fatal(err)
	}
	complete("after a change", true)
	for range 64 {
		e.put(t, fill(dim, int8(2)))
	}
	complete("filled to the brim", true)
	if err := e.Refresh(e.ids[3]); err != nil {
		t.Fatal(err)
	}
	complete("after a change when full", true)
	e.put(t, fill(dim, int8(2)))
	complete("after one too many", false)
	if stats := e.arena.Stats(); stats.Rows > 69 || stats.Evictions == 0 {
		t.Errorf("%+v", stats)
	}
	e.Discard(0)
	if stats := e.arena.Stats(); stats.Rows != 0 || stats.Bytes != 0 {
		t.Errorf("discarded: %+v", stats)
	}
	complete("discarded", false)
	if err := e.Warm(0); err != nil {
		t.Fatal(err)
	}
	complete("warmed with more than fits", false)
	expect(t, "not in memory", e.ask(t, 4), zhenni.Match)
}

func TestWarmThatIsCutShort(t *testing.T) {
	for name, failure := range map[string]error{"walk failed": errStore, "record skipped": zhenni.ErrCorrupt} {
		e := newEnrolled(t, 5, 16, 0.5)
		e.Discard(0)
		e.store.walkErr = failure
		if err := e.Warm(0); !errors.Is(err, failure) {
			t.Errorf("%s: %v", name, err)
		}
		if e.readsForUnknown(t) == 0 {
			t.Errorf("%s: the segment passes for complete", name)
		}
		e.store.reads = 0
		if expect(t, name, e.ask(t, 0), zhenni.Match); e.store.reads != 0 {
			t.Errorf("%s: a row that was loaded is read again", name)
		}
	}
}

// A segment that is loaded part by part, and used between the parts, is complete where nothing that it met has gone meanwhile, and
// answers as one that was loaded at once.
//
// FAULTS: C1 N9
func TestWarmInParts(t *testing.T) {
	const people = 40
	for name, c := range map[string]struct {
		rows     int // room of the segment
		between  func(t *testing.T, e *enrolled)
		complete bool
	}{
		"nothing":          {people + 8, func(*testing.T, *enrolled) {}, true},
		"exactly full":     {people, func(*testing.T, *enrolled) {}, true},
		"asked":            {people + 8, func(t *testing.T, e *enrolled) { expect(t, "asked", e.ask(t, 7), zhenni.Match) }, true},
		"changed":          {people + 8, func(t *testing.T, e *enrolled) { e.refreshed(t, 3, nil) }, true},
		"changed and lost": {people + 8, func(t *testing.T, e *enrolled) { e.refreshed(t, 3, errStore) }, false},
		"another one":      {people + 8, func(t *testing.T, e *enrolled) { e.put(t, fill(16, int8(2))) }, true},
		"one too many":     {people - 1, func(*testing.T, *enrolled) {}, false},
		"discarded":        {people + 8, func(_ *testing.T, e *enrolled) { e.Discard(0) }, false},
		"damaged":          {people + 8, func(_ *testing.T, e *enrolled) { e.store.walkErr = zhenni.ErrCorrupt }, false},
		"begun anew, and failed": {people + 8, func(t *testing.T, e *enrolled) {
			e.store.walks = func() { panic("poison walk") }
			if !panics(func() { _ = e.Warm(0) }) {
				t.Fatal("the poison walk did no harm")
			}
			e.store.walks = nil
		}, false},
		"evicted, and room again": {people, func(t *testing.T, e *enrolled) {
			for range people {
				e.store.Remove(e.put(t, fill(16, int8(2))))
			}
			e.Discard(1)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnrolled(t, people, 16, 0.5)
			e.arena = newArena(t, 16, rowsEach(c.rows, 16))
			e.Matcher = engine.NewMatcher(e.arena, e.store, threshold(t, 0.5))
			for from, met := 0, 0; from < engine.SegmentSlots; {
				next, more, err := e.WarmPart(0, from, 50)
				if err != nil && !errors.Is(err, zhenni.ErrCorrupt) || next <= from {
					t.Fatal(next, err)
				}
				if met += more; from < 150 && next >= 150 {
					c.between(t, e)
				} else if next < engine.SegmentSlots && e.readsForUnknown(t) == 0 {
					t.Fatalf("complete with %d records, at slot %d", met, next)
				}
				from = next
			}
			if got := e.readsForUnknown(t) == 0; got != c.complete {
				t.Errorf("complete is %v", got)
			}
			for i := range e.ids {
				if e.store.fail == nil && name != "changed" {
					expect(t, "afterwards", e.ask(t, i), zhenni.Match)
				}
			}
		})
	}
}

// refreshed suspends a credential, with the store failing where err is set.
func (e *enrolled) refreshed(t *testing.T, i int, err error) {
	t.Helper()
	e.change(t, i, zhenni.StatusSuspended)
	if err != nil {
		e.store.fail = map[zhenni.CredentialID]error{e.ids[i]: err}
	}
	if got := e.Refresh(e.ids[i]); !errors.Is(got, err) {
		t.Errorf("refresh: %v", got)
	}
}

// A walk may see the store as it was when it began; it does not undo a change that memory has seen.
func TestWarmDoesNotGoBack(t *testing.T) {
	e := newEnrolled(t, 2, 64, 0.5)
	old, err := e.store.MemoryStore.Reference(e.ids[0], make([]int8, 64))
	if err != nil {
		t.Fatal(err)
	}
	e.change(t, 0, zhenni.StatusRevoked)
	if err := e.Refresh(e.ids[0]); err != nil {
		t.Fatal(err)
	}
	e.store.Put(old)
	if err := e.Warm(0); err != nil {
		t.Fatal(err)
	}
	expect(t, "revoked", e.ask(t, 0), zhenni.NoMatch)
	e.change(t, 1, zhenni.StatusRevoked)
	if err := e.Warm(0); err != nil {
		t.Fatal(err)
	}
	expect(t, "revoked unnoticed, then warmed", e.ask(t, 1), zhenni.NoMatch)
}

func TestWarmKeepsToItsSegment(t *testing.T) {
	const dim = 8
	e := newEnrolled(t, 2, dim, 0.5)
	var last zhenni.CredentialID
	for i := range last {
		last[i] = 255
	}
	e.store.Put(newReference(t, last, e.persons[0]))
	if err := e.Warm(1); err != nil {
		t.Fatal(err)
	}
	if rows := e.arena.Stats().Rows; rows != 2 {
		t.Errorf("%d rows after warming an empty segment, want 2", rows)
	}
	if err := e.Warm(engine.Segments - 1); err != nil {
		t.Fatal(err)
	}
	if rows := e.arena.Stats().Rows; rows != 3 {
		t.Errorf("%d rows after warming the last segment, want 3", rows)
	}
}

func TestArenaRefusesABudgetWithoutRoom(t *testing.T) {
	for _, budget := range []int64{-1, 0, rowsEach(1, 512) - 1} {
		if _, err := engine.NewArena(512, budget); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("budget %d: %v, want a bad value", budget, err)
		}
	}
	a := newArena(t, 512, rowsEach(1, 512))
	if stats := a.Stats(); stats.Capacity != engine.Segments {
		t.Errorf("%+v, want one row a segment", stats)
	}
	for range 2 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}
