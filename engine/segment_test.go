package engine

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
)

// tagZero is the first word of ids that all have the tag 0: they differ only where the header is compared.
const tagZero = 0x9e3779b97f4a7c15

func drawID(t *rapid.T) zhenni.CredentialID {
	var id zhenni.CredentialID
	n := rapid.Uint64Range(0, 30).Draw(t, "n")
	first := rapid.SampledFrom([]uint64{tagZero, 1, n << 40}).Draw(t, "first word")
	binary.LittleEndian.PutUint64(id[:8], first)
	binary.LittleEndian.PutUint64(id[8:], n)
	return id
}

func newSegment(t testing.TB, capacity int) *segment {
	t.Helper()
	const dim = 3
	a, err := NewArena(dim, int64(Segments*capacity*(2*lineBytes+8*slotsPerRow)))
	if err != nil {
		t.Fatal(err)
	}
	s := &a.segments[Segments/2]
	if s.capacity != uint32(capacity) {
		t.Fatalf("capacity %d, want %d", s.capacity, capacity)
	}
	return s
}

// segmentModel is a segment as a map from id to generation, with the ids looked up since they were last passed over.
type segmentModel struct {
	s    *segment
	rows map[zhenni.CredentialID]zhenni.Generation
}

// drawID draws an id of which it is as likely that it is here as that it is not.
func (m *segmentModel) drawID(t *rapid.T) zhenni.CredentialID {
	if len(m.rows) == 0 || rapid.Bool().Draw(t, "any") {
		return drawID(t)
	}
	here := slices.SortedFunc(maps.Keys(m.rows), func(x, y zhenni.CredentialID) int { return bytes.Compare(x[:], y[:]) })
	return rapid.SampledFrom(here).Draw(t, "here")
}

func (m *segmentModel) insert(t *rapid.T, id zhenni.CredentialID, generation zhenni.Generation) {
	if row, ok := m.s.find(&id); ok {
		m.s.drop(row)
	}
	delete(m.rows, id)
	m.room(t, 1)
	r := zhenni.Reference{ID: id, Tenant: 1, Status: zhenni.StatusActive, Generation: generation, Norm: int32(generation)}
	m.s.elements(m.s.peek())[0] = int8(generation)
	m.s.adopt(&r)
	m.rows[id] = generation
}

// room checks what CLOCK promises: a row that was looked up goes only if every row was.
func (m *segmentModel) room(t *rapid.T, n uint32) {
	touched := map[zhenni.CredentialID]bool{}
	for id := range m.rows {
		row, _ := m.s.find(&id)
		touched[id] = m.s.header(row).touched
	}
	evictions := m.s.counts.evictions.Load()
	m.s.room(n)
	var gone, goneTouched, stayedUntouched int
	for id := range maps.Clone(m.rows) {
		_, here := m.s.find(&id)
		switch {
		case !here:
			delete(m.rows, id)
			gone++
			if touched[id] {
				goneTouched++
			}
		case !touched[id]:
			stayedUntouched++
		}
	}
	if goneTouched > 0 && stayedUntouched > 0 {
		t.Fatalf("%d rows in use were evicted while %d others stayed", goneTouched, stayedUntouched)
	}
	if counted := m.s.counts.evictions.Load() - evictions; counted != uint64(gone) {
		t.Fatalf("%d rows gone, %d evictions counted", gone, counted)
	}
}

func (m *segmentModel) check(t *rapid.T) {
	if int(m.s.live) != len(m.rows) || m.s.live > m.s.capacity {
		t.Fatalf("%d live rows of %d, want %d", m.s.live, m.s.capacity, len(m.rows))
	}
	for id, generation := range m.rows {
		row, ok := m.s.find(&id)
		if !ok {
			t.Fatalf("%s is lost", id)
		}
		if h := m.s.header(row); h.id != id || h.generation != generation || m.s.elements(row)[0] != int8(generation) {
			t.Fatalf("%s has the row of %s, generation %d, want %d", id, h.id, h.generation, generation)
		}
	}
	full := 0
	for _, content := range m.s.slots {
		if content != 0 {
			full++
		}
	}
	if full != len(m.rows) {
		t.Fatalf("%d slots in use for %d rows", full, len(m.rows))
	}
	m.checkVacant(t)
}

// checkVacant: no byte of a template stays behind.
func (m *segmentModel) checkVacant(t *rapid.T) {
	for row := range m.s.capacity {
		if m.s.header(row).status == 0 && m.s.elements(row)[0] != 0 {
			t.Fatalf("vacant row %d is not zeroed", row)
		}
	}
}

func TestSegmentAgreesWithMap(t *testing.T) {
	segments := map[int]*segment{}
	for _, capacity := range []int{1, 2, 3, 8, 25} {
		segments[capacity] = newSegment(t, capacity)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := segments[rapid.SampledFrom([]int{1, 2, 3, 8, 25}).Draw(t, "capacity")]
		s.reset()
		m := &segmentModel{s: s, rows: map[zhenni.CredentialID]zhenni.Generation{}}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				m.insert(t, drawID(t), zhenni.Generation(rapid.Uint32Range(1, 100).Draw(t, "generation")))
			},
			"look up": func(t *rapid.T) {
				id := m.drawID(t)
				row, ok := s.find(&id)
				if _, want := m.rows[id]; ok != want {
					t.Fatalf("find(%s) = %v, want %v", id, ok, want)
				}
				if ok {
					s.header(row).touched = true
				}
			},
			"drop": func(t *rapid.T) {
				id := m.drawID(t)
				if row, ok := s.find(&id); ok {
					s.drop(row)
					delete(m.rows, id)
				}
			},
			"make room": func(t *rapid.T) { m.room(t, rapid.Uint32Range(1, s.capacity).Draw(t, "rows")) },
			"reset": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "one in ten") == 0 {
					s.reset()
					clear(m.rows)
				}
			},
			"": m.check,
		})
	})
}

func TestArenaLeavesSegmentsApart(t *testing.T) {
	a, err := NewArena(70, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	end := a.stride
	for i := range a.segments {
		s := &a.segments[i]
		if s.firstRow != end || s.firstRow%lineBytes != 0 || len(s.rows) != int(s.capacity)*a.stride {
			t.Fatalf("segment %d starts at %d with %d bytes, want %d", i, s.firstRow, len(s.rows), end)
		}
		end += len(s.rows)
	}
	if end != len(a.slab) {
		t.Fatalf("rows end at %d of %d", end, len(a.slab))
	}
	if used := int64(len(a.memory) - a.stride); used > 1<<20 {
		t.Fatalf("%d bytes for a budget of %d", used, 1<<20)
	}
}
