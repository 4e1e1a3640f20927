package storage

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"zhenni"
	"zhenni/storage/cold"
)

// coldTier is the copy of the templates that reads fast. It follows the log entry by entry: what an entry changed, or
// erased, is so in the tier before the entry is acknowledged. It is marked whenever the view was synced, so what a start
// applies again reaches it again. A tier that can not follow is destroyed, and reads go to the view.
type coldTier struct {
	tier   atomic.Pointer[cold.Tier]
	reads  sync.Pool // of *oneRead
	counts sync.Pool // of *[]uint64, what [Store.Changes] says of the ids of a read of many
	// at is the commit up to which the tier has followed. It is the machine's, but for the start.
	at uint64
	// row is the machine's, for the template on its way.
	row []int8
}

// oneRead is the memory of a read of one record.
type oneRead struct {
	id  [1]zhenni.CredentialID
	ref [1]zhenni.Reference
	err [1]error
}

func (s *Store) coldOptions() cold.Options {
	return cold.Options{Dir: s.path(coldDir), Model: s.label.Model, Key: s.keys.cold, Entropy: s.opts.Entropy}
}

// openCold opens the tier for the log to bring it up. One that does not open is replaced, or destroyed, once the view
// stands.
func (s *Store) openCold() error {
	if s.opts.Cold == ColdNone {
		return nil
	}
	tier, err := cold.Open(s.coldOptions())
	if err != nil {
		if !errors.Is(err, zhenni.ErrNotFound) {
			s.opts.Logger.Warn("the cold tier does not open", "cause", err)
		}
		return nil
	}
	s.cold.tier.Store(tier)
	s.cold.at = tier.Commit()
	return nil
}

// settleCold makes the tier anew, or destroys it, unless it is where the view is: a store that uses none has none on disk,
// for nobody would erase from it. A store that can not make one opens nevertheless.
func (s *Store) settleCold() error {
	if s.opts.ReadOnly {
		return nil
	}
	c := &s.cold
	if c.tier.Load() != nil && c.at == s.machine.applied.sequence {
		return nil
	}
	if err := s.dropCold(errColdBehind); err != nil || s.opts.Cold != ColdMade {
		return err
	}
	tier, err := s.buildCold()
	if err != nil {
		s.opts.Logger.Error("the cold tier could not be made; what is not in memory is read from the view", "cause", err)
		return cold.Destroy(s.path(coldDir))
	}
	c.at = tier.Commit()
	c.tier.Store(tier)
	return nil
}

var errColdBehind = fmt.Errorf("%w: the cold tier is not where the view is", zhenni.ErrCorrupt)

// buildCold makes the tier of all that the view holds; no change is under way. Records that do not open are left out.
func (s *Store) buildCold() (*cold.Tier, error) {
	free, err := s.opts.free(s.opts.Dir)
	if err != nil {
		return nil, err
	}
	if need := cold.DiskBytes(s.label.Model.Dim, s.Count()); free-need < s.opts.Reserve {
		return nil, fmt.Errorf("%w: it needs %d bytes, %d are free, the reserve is %d", zhenni.ErrNoRoom, need, free, s.opts.Reserve)
	}
	err = cold.Build(s.coldOptions(), s.machine.applied.sequence, func(visit func(zhenni.Reference) error) error {
		err := s.References(0, zhenni.Slots-1, func(r zhenni.Reference) error {
			if !coldHolds(&r) {
				return nil
			}
			return visit(r)
		})
		if errors.Is(err, zhenni.ErrCorrupt) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cold.Open(s.coldOptions())
}

// coldHolds reports whether the tier has room for all that decides on a reference: its records know of no end of validity
// and of no lock. What it does not hold is read from the view.
func coldHolds(r *zhenni.Reference) bool { return r.ValidUntil == 0 && !r.Locked }

// dropCold destroys the tier, on disk too. Its error says that what was erased may still be there.
func (s *Store) dropCold(cause error) error {
	if tier := s.cold.tier.Swap(nil); tier != nil {
		s.opts.Logger.Warn("the cold tier is dropped; the next start makes it anew", "cause", cause)
		if err := tier.Close(); err != nil {
			return err
		}
	}
	return cold.Destroy(s.path(coldDir))
}

// follow writes what an entry changed to the tier. The view has it already: until [slotChanges.end] the tier is believed of
// none of the slots that the entry changed.
func (m *machine) follow(e entry) error {
	tier, c := m.store.cold.tier.Load(), &m.store.cold
	if tier == nil {
		return nil
	}
	err := m.store.fault("cold")
	switch {
	case err != nil:
	case e.kind == entryImport && e.sequence > c.at, e.sequence > c.at+1:
		err = errColdBehind
	case e.kind == entryChange:
		err = m.turnCold(tier, e)
	}
	if err != nil {
		return m.store.dropCold(err)
	}
	c.at = max(c.at, e.sequence)
	return nil
}

// turnCold puts every credential of an entry as the view has it. One without a template that opens is taken out.
func (m *machine) turnCold(tier *cold.Tier, e entry) error {
	if err := m.loadRing(e); err != nil {
		return err
	}
	s, gone := m.store, []zhenni.CredentialID(nil)
	if s.cold.row == nil {
		s.cold.row = make([]int8, s.label.Model.Dim)
	}
	defer clear(s.cold.row)
	txn := s.begin(false)
	defer txn.Discard()
	var sc scratch
	for _, id := range e.touched(s.label.Model.Factor) {
		r, err := s.openReference(txn, m.ring, id, s.cold.row, &sc)
		if err != nil || !coldHolds(&r) {
			gone = append(gone, id)
			continue
		}
		if err := tier.Put(&r); err != nil {
			return err
		}
	}
	return tier.Remove(gone...)
}

// touched lists the credentials of an entry, each once.
func (e entry) touched(factor zhenni.Factor) (ids []zhenni.CredentialID) {
	seen := make(map[zhenni.CredentialID]bool, len(e.records))
	for _, r := range e.records {
		if id, _, ok := parseCredentialKey(r.key, factor); ok && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return slices.Clip(ids)
}

// markCold marks the tier at what the view has, before the view counts as synced up to there.
func (m *machine) markCold() error {
	tier := m.store.cold.tier.Load()
	if tier == nil {
		return nil
	}
	if err := tier.Mark(m.applied.sequence); err != nil {
		return m.store.dropCold(err)
	}
	return nil
}

// coldReference reads one record from the tier. What is not answered there the view is asked for, and what the view may have
// a change of that the tier has not yet: whoever was shown the change is not answered from before it.
func (s *Store) coldReference(id zhenni.CredentialID, row []int8) (zhenni.Reference, bool) {
	tier := s.cold.tier.Load()
	if tier == nil || len(row) != s.label.Model.Dim {
		return zhenni.Reference{}, false
	}
	one := s.cold.reads.Get().(*oneRead)
	defer s.cold.reads.Put(one)
	one.id[0], one.ref[0] = id, zhenni.Reference{Row: row}
	since := s.Changes(id)
	tier.Read(one.id[:], one.ref[:], one.err[:])
	r, err := one.ref[0], one.err[0]
	one.ref[0].Row = nil
	// A record of before there were levels does not say all.
	return r, err == nil && r.Level != 0 && s.Unchanged(id, since)
}

// ReferenceMany does for each of ids what [Store.Reference] does, with many reads of the cold tier in flight: refs[i] and
// errs[i] become what it returns, and refs[i].Row, of the model's dimension, receives the template. What the tier does not
// answer is read from the view, one behind the other. The three have one length; an id may be there more than once.
func (s *Store) ReferenceMany(ids []zhenni.CredentialID, refs []zhenni.Reference, errs []error) {
	if err := s.enter(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return
	}
	defer s.gate.RUnlock()
	if !s.serves(0) {
		for i := range errs {
			errs[i] = errNoTemplate
		}
		return
	}
	tier := s.cold.tier.Load()
	if tier == nil {
		for i, id := range ids {
			refs[i], errs[i] = s.viewReference(id, refs[i].Row)
		}
		return
	}
	since := s.cold.counts.Get().(*[]uint64)
	defer s.cold.counts.Put(since)
	*since = (*since)[:0]
	for _, id := range ids {
		*since = append(*since, s.Changes(id))
	}
	tier.Read(ids, refs, errs)
	for i, id := range ids {
		if errs[i] != nil || refs[i].Level == 0 || len(refs[i].Row) != s.label.Model.Dim || !s.Unchanged(id, (*since)[i]) {
			refs[i], errs[i] = s.viewReference(id, refs[i].Row)
		}
	}
}

// ColdStats describes the cold tier; false where there is none.
func (s *Store) ColdStats() (cold.Stats, bool) {
	if tier := s.cold.tier.Load(); tier != nil {
		return tier.Stats(), true
	}
	return cold.Stats{}, false
}
