package engine

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"

	"zhenni"
)

// MemoryStore is a [Store] in memory, for tests and trials. Its methods are safe from several goroutines; the zero
// value is empty and ready.
type MemoryStore struct {
	mu      sync.RWMutex
	records map[zhenni.CredentialID]zhenni.Reference
}

// Put stores a copy of the reference, replacing one of the same id. Row and Norm are kept as given.
func (s *MemoryStore) Put(r zhenni.Reference) {
	r.Row = slices.Clone(r.Row)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil {
		s.records = map[zhenni.CredentialID]zhenni.Reference{}
	}
	s.records[r.ID] = r
}

// Remove forgets a record, as a store that lost it would.
func (s *MemoryStore) Remove(id zhenni.CredentialID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
}

// Reference implements [Store].
func (s *MemoryStore) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	s.mu.RLock()
	r, ok := s.records[id]
	s.mu.RUnlock()
	if !ok {
		return zhenni.Reference{}, zhenni.ErrNotFound
	}
	if len(r.Row) != len(row) {
		return zhenni.Reference{}, fmt.Errorf("%w: row of %d elements, want %d", zhenni.ErrCorrupt, len(r.Row), len(row))
	}
	copy(row, r.Row)
	r.Row = row
	return r, nil
}

// References implements [Store]. The visit sees the records as they were when the call began.
func (s *MemoryStore) References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error {
	s.mu.RLock()
	all := slices.Collect(maps.Values(s.records))
	s.mu.RUnlock()
	slices.SortFunc(all, func(x, y zhenni.Reference) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	for _, r := range all {
		if slot := r.ID.Slot(); slot < first || slot > last {
			continue
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}
