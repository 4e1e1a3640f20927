package engine

import (
	"slices"
	"testing"

	"zhenni"
)

// sameStore answers every question with one record.
type sameStore struct{ record zhenni.Reference }

func (s sameStore) Reference(_ zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	copy(row, s.record.Row)
	r := s.record
	r.Row = row
	return r, nil
}

func (s sameStore) References(zhenni.Slot, zhenni.Slot, func(zhenni.Reference) error) error {
	return nil
}

// newSmall is a matcher of an arena with little room.
func newSmall(t *testing.T, dim int, store Store) *Matcher {
	t.Helper()
	a, err := NewArena(dim, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	rule, err := zhenni.NewThreshold(0.5)
	if err != nil {
		t.Fatal(err)
	}
	return NewMatcher(a, store, rule)
}

// The decoy is nobody's reference: who resembles it does not match an id that does not exist, whether that is known from
// memory or from the store.
//
// FAULTS: Z2
func TestTheDecoyIsNobody(t *testing.T) {
	const dim = 64
	m := newSmall(t, dim, &MemoryStore{})
	probe := make([]int8, dim)
	fillDecoy(probe)
	for range 2 {
		for _, evaluation := range []bool{true, false} {
			b := &zhenni.Batch{
				Tenant: 1, Evaluation: evaluation, Dim: dim, IDs: make([]zhenni.CredentialID, 1), Int8: slices.Clone(probe),
				Outcomes: make([]zhenni.Outcome, 1),
			}
			if tally := m.Verify(b, []uint32{0}); b.Outcomes[0] != zhenni.NoMatch || tally != (Tally{NoMatch: 1}) {
				t.Errorf("%s, %+v", b.Outcomes[0].Verdict(), tally)
			}
		}
		if err := m.Warm(0); err != nil {
			t.Fatal(err)
		}
	}
}

// An id that is known not to exist costs the same comparison as any other.
//
// FAULTS: Z2
func TestUnknownIDsAreCompared(t *testing.T) {
	const dim, items = 64, 5
	m := newSmall(t, dim, &MemoryStore{})
	if err := m.Warm(0); err != nil {
		t.Fatal(err)
	}
	b := &zhenni.Batch{Tenant: 1, Dim: dim, Outcomes: make([]zhenni.Outcome, items)}
	for i := range items {
		b.IDs = append(b.IDs, zhenni.CredentialID{15: byte(i)})
		b.Int8 = append(b.Int8, slices.Repeat([]int8{1}, dim)...)
	}
	m.sweep.reset()
	m.prepare(b, []uint32{0, 1, 2, 3, 4})
	m.locate(b, 0, items)
	if n := m.sweep.ready; n != items {
		t.Errorf("%d comparisons of %d items", n, items)
	}
}

// A store that answers with the record of another credential is not believed.
func TestRecordOfAnotherCredential(t *testing.T) {
	const dim = 16
	row := slices.Repeat([]int8{3}, dim)
	m := newSmall(t, dim, sameStore{zhenni.Reference{
		ID: zhenni.CredentialID{15: 1}, Tenant: 1, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: 9 * dim,
	}})
	b := &zhenni.Batch{
		Tenant: 1, Evaluation: true, Dim: dim, IDs: []zhenni.CredentialID{{15: 1}, {15: 2}},
		Int8: slices.Concat(row, row), Outcomes: make([]zhenni.Outcome, 2),
	}
	m.Verify(b, []uint32{0, 1})
	if b.Outcomes[0] != zhenni.Match || b.Outcomes[1] != zhenni.RefusedInternal {
		t.Errorf("outcomes %v", b.Outcomes)
	}
}
