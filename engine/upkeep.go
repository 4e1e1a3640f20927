package engine

import (
	"errors"
	"fmt"

	"zhenni"
)

// Refresh makes memory agree with the store about one credential, after a command that changed it became durable and
// before it is acknowledged: the row is inserted, replaced or dropped. It forgets the row before it reads the record,
// so that a store which fails, or panics, leaves nothing of the old state to match; the error is the store's.
func (m *Matcher) Refresh(id zhenni.CredentialID) error {
	s := m.arena.segmentOf(&id)
	if row, found := s.find(&id); found {
		s.drop(row)
	}
	s.room(1)
	complete, gap := s.complete, s.gap
	s.complete, s.gap = false, true
	_, err := m.fetch(&id, 0)
	if err == nil {
		s.complete, s.gap = complete, gap
	}
	return err
}

// Warm loads the records of a segment until it is full. If it took them all, an id that is not in memory is known not
// to exist and costs no read of the store from then on. [zhenni.ErrCorrupt] says that some record was skipped and
// the rest is served; any other error that the walk ended early and the rest is read on demand.
func (m *Matcher) Warm(segment int) error {
	_, _, err := m.WarmPart(segment, 0, SegmentSlots)
	return err
}

// WarmPart is Warm of the records of n slots of a segment, from its from-th on: those before were loaded by the calls before, from 0 on,
// between which the matcher is used as ever. It returns where the next call goes on, [SegmentSlots] where the segment is full, is through,
// or its walk has failed, and how many records it met. A record that is damaged ends nothing but is [zhenni.ErrCorrupt].
func (m *Matcher) WarmPart(segment, from, n int) (next, met int, err error) {
	s := &m.arena.segments[segment]
	gap := s.gap && from != 0
	s.gap = true // should the store panic
	next = min(from+n, SegmentSlots)
	first, corrupt := zhenni.Slot(segment*SegmentSlots), false
	err = m.store.References(first+zhenni.Slot(from), first+zhenni.Slot(next)-1, func(r zhenni.Reference) error {
		met++
		err := s.load(&r)
		if errors.Is(err, zhenni.ErrCorrupt) {
			corrupt = true
			return nil
		}
		return err
	})
	if err == nil && corrupt {
		err = zhenni.ErrCorrupt
	}
	s.gap = gap || err != nil
	switch {
	case errors.Is(err, errFull):
		return SegmentSlots, met, nil
	case err != nil && !errors.Is(err, zhenni.ErrCorrupt):
		return SegmentSlots, met, err
	}
	s.complete = next == SegmentSlots && !s.gap
	return next, met, err
}

// errFull ends a walk that has filled its segment.
var errFull = errors.New("engine: segment is full")

// load copies a record into the segment, unless what is there is as new.
func (s *segment) load(r *zhenni.Reference) error {
	if err := s.check(r, &r.ID); err != nil {
		return err
	}
	if row, found := s.find(&r.ID); found {
		if s.header(row).generation >= r.Generation {
			return nil
		}
		s.drop(row)
	}
	if s.live == s.capacity {
		return errFull
	}
	copy(s.elements(s.peek()), r.Row)
	s.adopt(r)
	return nil
}

// check refuses what a sound store does not return as the record of id, so that nothing can match by it.
func (s *segment) check(r *zhenni.Reference, id *zhenni.CredentialID) error {
	known := zhenni.StatusActive <= r.Status && r.Status <= zhenni.StatusExpired
	if known && r.ID == *id && r.Tenant != 0 && len(r.Row) == s.dim {
		if norm, err := CheckRow(r.Row); err == nil && norm == r.Norm {
			return nil
		}
	}
	return fmt.Errorf("%w: credential %s: the store returned what is no reference of it", zhenni.ErrCorrupt, id)
}

// Discard forgets every row of a segment; later lookups go to the store.
func (m *Matcher) Discard(segment int) { m.arena.segments[segment].reset() }
