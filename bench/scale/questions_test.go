package scale

import (
	"errors"
	"slices"
	"testing"

	"zhenni"
	"zhenni/bench/layer"
	"zhenni/engine"
)

// Every question is about one of the credentials that it may be about, of its owner, and about half are mated.
func TestQuestions(t *testing.T) {
	s := small(t)
	s.Threads = 3
	p, err := s.people()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range populations(s.Credentials) {
		rings, err := s.rings(p, n)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.rings(p, n)
		if err != nil {
			t.Fatal(err)
		}
		for owner, r := range rings {
			if !slices.Equal(r.want, again[owner].want) {
				t.Errorf("owner %d: other questions of the same seed", owner)
			}
			mated := 0
			for i := range r.want {
				id := r.batches[i/s.Batch].IDs[i%s.Batch]
				segment := engine.SegmentOf(id)
				subject, known := p.Subject(id)
				if !known || segment*s.Threads/engine.Segments != owner || subject-p.first[segment] >= p.run(segment, n) {
					t.Fatalf("owner %d of %d credentials is asked about %d", owner, n, subject)
				}
				if subject%p.persons == r.persons[i%len(r.persons)] {
					mated++
				}
			}
			if mated < len(r.want)*2/5 || mated > len(r.want)*3/5 {
				t.Errorf("%d of %d questions are mated", mated, len(r.want))
			}
		}
	}
}

// What lies elsewhere than it was found, or is not held, is noticed; asking allocates nothing.
func TestLocate(t *testing.T) {
	s := small(t)
	p, err := s.people()
	if err != nil {
		t.Fatal(err)
	}
	var store engine.MemoryStore
	for i := range p.Size {
		store.Put(zhenni.Reference{ID: p.ID(i), Tenant: tenant, Status: zhenni.StatusActive, Generation: 1, Row: p.row(i), Norm: p.norm(i)})
	}
	arena, err := engine.NewArena(s.Dim, s.arena(1))
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	if err := layer.Warm(t.Context(), arena, &store, 1); err != nil {
		t.Fatal(err)
	}
	rings, err := s.rings(p, s.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	all, err := locate(arena, p, rings)
	if err != nil {
		t.Fatal(err)
	}
	r := rings[0]
	if err := r.agree(all.elements()); err != nil {
		t.Error(err)
	}
	m := engine.NewMatcher(arena, &store, r.rule)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := r.verify(m); err != nil {
			t.Fatal(err)
		}
		r.dotPairs(all.elements())
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
	r.want[3] ^= zhenni.Match ^ zhenni.NoMatch
	if r.next = 0; r.agree(all.elements()) == nil {
		t.Error("a wrong answer agrees")
	}
	r.next = 0
	if _, err := r.verify(m); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a wrong answer: %v", err)
	}
	few, err := engine.NewArena(s.Dim, s.arena(0.1))
	if err != nil {
		t.Fatal(err)
	}
	defer few.Close()
	if _, err := locate(few, p, rings); err == nil {
		t.Error("rows are found that are not held")
	}
}
