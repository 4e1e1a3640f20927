package engine

import "zhenni"

// Rows tells a benchmark where the rows of credentials in memory lie, so that it can compare the same rows without
// looking them up.
func (m *Matcher) Rows(ids []zhenni.CredentialID) (slab []int8, at []int) {
	for i := range ids {
		s := m.arena.segmentOf(&ids[i])
		row, found := s.find(&ids[i])
		if !found {
			panic("a credential is not in memory")
		}
		at = append(at, s.headerAt(row)+lineBytes)
	}
	return m.arena.slab, at
}
