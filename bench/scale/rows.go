package scale

import (
	"fmt"
	"unsafe"

	"zhenni"
	"zhenni/engine"
	"zhenni/simd"
)

// rows is a store that answers as the real one does, from the people, and sees where in the arena the row lies that it is to write:
// a matcher that is told to refresh a credential forgets its row and has it read again in the same place.
type rows struct {
	people *people
	row    []int8 // the one written last
}

// Reference implements [engine.Store].
func (s *rows) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	subject, known := s.people.Subject(id)
	if !known {
		return zhenni.Reference{}, zhenni.ErrNotFound
	}
	copy(row, s.people.row(subject))
	s.row = row
	return zhenni.Reference{ID: id, Tenant: tenant, Status: zhenni.StatusActive, Generation: 1, Row: row, Norm: s.people.norm(subject)}, nil
}

// References implements [engine.Store]. Nothing is warmed from here.
func (s *rows) References(zhenni.Slot, zhenni.Slot, func(zhenni.Reference) error) error { return nil }

// slab is the memory from the first row that is asked about to the last. It is part of an arena, which outlives it.
type slab struct {
	first, last *int8
	dim         int
}

func (s *slab) take(row []int8) {
	at := &row[0]
	if s.first == nil || address(at) < address(s.first) {
		s.first = at
	}
	if s.last == nil || address(at) > address(s.last) {
		s.last = at
	}
}

func address(at *int8) uintptr { return uintptr(unsafe.Pointer(at)) }

func (s *slab) elements() []int8 {
	return unsafe.Slice(s.first, int(address(s.last)-address(s.first))+s.dim)
}

// locate finds where the rows lie that the rings ask about, in an arena that holds all of them.
func locate(arena *engine.Arena, p *people, rings []*ring) (*slab, error) {
	before := arena.Stats()
	seen := &rows{people: p}
	all := &slab{dim: p.Dim}
	at := make([][]*int8, len(rings))
	for t, r := range rings {
		m := engine.NewMatcher(arena, seen, 0)
		for _, b := range r.batches {
			for _, id := range b.IDs {
				if err := m.Refresh(id); err != nil {
					return nil, err
				}
				all.take(seen.row)
				at[t] = append(at[t], &seen.row[0])
			}
		}
	}
	if after := arena.Stats(); after.Rows != before.Rows || after.Evictions != before.Evictions {
		return nil, fmt.Errorf("%w: the arena did not hold every row asked about", errWrong)
	}
	for t, r := range rings {
		r.rowAt = make([]int, len(at[t]))
		for i, row := range at[t] {
			r.rowAt[i] = int(address(row) - address(all.first))
		}
	}
	return all, nil
}

// dotPairs computes the dot products of the next batch, and nothing else.
func (r *ring) dotPairs(slab []int8) int {
	k, n := r.turn(), len(r.items)
	simd.DotPairs(r.dots, r.batches[k].Int8, r.probeAt, slab, r.rowAt[k*n:][:n], r.people.Dim)
	return n
}

// agree holds the dot products of every batch against the answers.
func (r *ring) agree(slab []int8) error {
	r.next = 0
	for k := range r.batches {
		r.dotPairs(slab)
		for i, dot := range r.dots {
			at := k*len(r.items) + i
			subject, _ := r.people.Subject(r.batches[k].IDs[i])
			if r.rule.Accept(dot, r.norms[at%len(r.norms)], r.people.norm(subject)) != (r.want[at] == zhenni.Match) {
				return fmt.Errorf("%w: the bare loop does not come to what the rule says", errWrong)
			}
		}
	}
	return nil
}
