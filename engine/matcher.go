package engine

import (
	"errors"
	"sync/atomic"

	"zhenni"
	"zhenni/simd"
)

// Segments is the number of parts of the arena. Each holds the rows of zhenni.Slots/Segments contiguous slots and is
// the unit of ownership that shards exchange.
const Segments = 64

// SegmentOf returns the segment of the credential, in [0, Segments).
func SegmentOf(id zhenni.CredentialID) int { return int(id.Slot()) / (zhenni.Slots / Segments) }

// Arena is the memory of opened rows of a whole node.
type Arena struct {
	dim      int
	capacity int
	segments [Segments]map[zhenni.CredentialID]zhenni.Reference

	rows       atomic.Int64
	storeReads atomic.Uint64
	evictions  atomic.Uint64
}

// NewArena makes an arena for rows of dim elements within budget bytes.
func NewArena(dim int, budget int64) (*Arena, error) {
	if err := (zhenni.Model{ID: "m", Dim: dim, Factor: zhenni.FactorFace}).Validate(); err != nil {
		return nil, err
	}
	a := &Arena{dim: dim, capacity: max(1, int(budget/int64(dim+64)/Segments))}
	for i := range a.segments {
		a.segments[i] = map[zhenni.CredentialID]zhenni.Reference{}
	}
	return a, nil
}

// Close gives the memory back. No matcher of the arena may be used afterwards.
func (a *Arena) Close() error { return nil }

// Stats describes the arena now; it is safe from any goroutine.
func (a *Arena) Stats() zhenni.ArenaStats {
	return zhenni.ArenaStats{
		Rows: a.rows.Load(), Capacity: int64(a.capacity) * Segments, Bytes: a.rows.Load() * int64(a.dim+64),
		StoreReads: a.storeReads.Load(), Evictions: a.evictions.Load(),
	}
}

// Matcher is one shard's verifier.
type Matcher struct {
	arena *Arena
	store Store
	rule  zhenni.Threshold
	probe []int8
}

// NewMatcher makes a matcher that serves from a and reads what is not there from store.
func NewMatcher(a *Arena, store Store, rule zhenni.Threshold) *Matcher {
	return &Matcher{arena: a, store: store, rule: rule, probe: make([]int8, a.dim)}
}

// Tally counts what one Verify did.
type Tally struct{ Match, NoMatch, Refused, Replays, StoreReads int }

// Verify decides the pending ones among the listed items of b.
func (m *Matcher) Verify(b *zhenni.Batch, items []uint32) Tally {
	var t Tally
	for _, i := range items {
		if b.Outcomes[i] != zhenni.Pending {
			continue
		}
		b.Outcomes[i] = m.decide(b, int(i), &t)
		switch b.Outcomes[i] {
		case zhenni.Match:
			t.Match++
		case zhenni.NoMatch:
			t.NoMatch++
		default:
			t.Refused++
		}
	}
	return t
}

func (m *Matcher) decide(b *zhenni.Batch, i int, t *Tally) zhenni.Outcome {
	var norm int32
	var err error
	d := b.Dim
	if b.Int8 != nil {
		copy(m.probe, b.Int8[i*d:(i+1)*d])
		norm, err = CheckRow(m.probe)
	} else {
		norm, err = Prepare(m.probe, b.Float32[i*d:(i+1)*d])
	}
	if err != nil {
		return zhenni.RefusedProbe
	}
	ref, err := m.lookup(b.IDs[i], t)
	if errors.Is(err, zhenni.ErrNotFound) {
		return zhenni.NoMatch
	}
	if err != nil {
		return zhenni.RefusedUnavailable
	}
	if ref.Tenant != b.Tenant || ref.Status != zhenni.StatusActive {
		return zhenni.NoMatch
	}
	dot := simd.Dot(m.probe, ref.Row)
	if !b.Evaluation && dot == norm && dot == ref.Norm {
		t.Replays++
		return zhenni.NoMatch
	}
	if m.rule.Accept(dot, norm, ref.Norm) {
		return zhenni.Match
	}
	return zhenni.NoMatch
}

func (m *Matcher) lookup(id zhenni.CredentialID, t *Tally) (zhenni.Reference, error) {
	rows := m.arena.segments[SegmentOf(id)]
	if ref, ok := rows[id]; ok {
		return ref, nil
	}
	t.StoreReads++
	m.arena.storeReads.Add(1)
	ref, err := m.store.Reference(id, make([]int8, m.arena.dim))
	if err == nil && len(rows) < m.arena.capacity {
		rows[id] = ref
		m.arena.rows.Add(1)
	}
	return ref, err
}

// Refresh re-reads one credential after a command that changed it is durable: the row is inserted, replaced or dropped.
func (m *Matcher) Refresh(id zhenni.CredentialID) error {
	rows := m.arena.segments[SegmentOf(id)]
	if _, ok := rows[id]; ok {
		delete(rows, id)
		m.arena.rows.Add(-1)
	}
	var t Tally
	if _, err := m.lookup(id, &t); err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return err
	}
	return nil
}

// Warm loads a segment from the store until its budget is full.
func (m *Matcher) Warm(segment int) error {
	per := zhenni.Slot(zhenni.Slots / Segments)
	first := zhenni.Slot(segment) * per
	rows := m.arena.segments[segment]
	err := m.store.References(first, first+per-1, func(r zhenni.Reference) error {
		if len(rows) >= m.arena.capacity {
			return errFull
		}
		r.Row = append([]int8(nil), r.Row...)
		rows[r.ID] = r
		m.arena.rows.Add(1)
		return nil
	})
	if errors.Is(err, errFull) {
		return nil
	}
	return err
}

// Discard forgets every row of a segment; later lookups go to the store.
func (m *Matcher) Discard(segment int) {
	m.arena.rows.Add(-int64(len(m.arena.segments[segment])))
	clear(m.arena.segments[segment])
}

var errFull = errors.New("engine: segment is full")
