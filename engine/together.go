package engine

import (
	"fmt"

	"zhenni"
)

// errUnread is of a record about which the store said nothing.
var errUnread = fmt.Errorf("%w: the store left a record unread", zhenni.ErrUnavailable)

// together holds records that were read from the store at once, until they are in the arena. Its rows are not of the
// arena's memory, so they are cleared as soon as the sweep is done with them.
type together struct {
	ids  []zhenni.CredentialID
	refs []zhenni.Reference
	errs []error
	rows []int8
}

// readTogether reads the records of missing claims at once where the store can. The claims then say where to find them.
func (m *Matcher) readTogether(b *zhenni.Batch, missing []claim) {
	if m.many == nil || len(missing) < 2 {
		return
	}
	t, dim, n := &m.sweep.together, m.arena.dim, len(missing)
	if t.rows == nil {
		t.rows = make([]int8, sweepItems*dim)
		t.ids, t.refs, t.errs = make([]zhenni.CredentialID, sweepItems), make([]zhenni.Reference, sweepItems), make([]error, sweepItems)
	}
	t.ids, t.refs, t.errs = t.ids[:n], t.refs[:n], t.errs[:n]
	for i := range missing {
		t.ids[i] = b.IDs[missing[i].item]
		t.refs[i] = zhenni.Reference{Row: t.rows[i*dim : (i+1)*dim : (i+1)*dim]}
		t.errs[i] = errUnread
	}
	m.arena.counts.storeReads.Add(uint64(n))
	m.many.ReferenceMany(t.ids, t.refs, t.errs)
	for i := range missing {
		missing[i].read = uint16(i + 1)
	}
}

// take returns the record at a place counted from 1, its elements copied.
func (t *together) take(place uint16, elements []int8) (zhenni.Reference, error) {
	r, err := t.refs[place-1], t.errs[place-1]
	if err == nil {
		copy(elements, t.rows[int(place-1)*len(elements):])
	}
	return r, err
}

// forget clears the rows that were read.
func (t *together) forget(dim int) {
	clear(t.rows[:len(t.ids)*dim])
	t.ids = t.ids[:0]
}
