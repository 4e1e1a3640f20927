package storage

import (
	"errors"
	"fmt"

	"zhenni"
	"zhenni/storage/keyfile"
)

// fault is what a walk finds wrong with a credential.
type fault uint8

const (
	sound fault = iota
	statusUnsealed
	statusMissing
	templateUnsealed
	templateMissing
	keyUnknown
	pinUnsealed
	// subjectUnsealed is of a record of a subject, named by what stands for an id in its key.
	subjectUnsealed
	// slotDiffers is of a slot, named by its first id.
	slotDiffers
	// erased is no fault: the template is not to open. Nor is bare: there is none of number 0.
	erased
	bare
)

// found is one credential met by a walk; its row is valid during the visit and only when fault is sound.
type found struct {
	status
	row   []int8
	norm  int32
	fault fault
}

// walk visits every credential of some slots once, in ascending order of id, from one transaction. Before the first of a
// slot it holds the slot against the log, and visits a fault of the slot itself where they differ.
type walk struct {
	store *Store
	ring  keyring
	sc    scratch
	slots *slotWalk
	visit func(found) error

	// current is the credential whose status was met last; open says that its template is still to come.
	current found
	open    bool
}

// walk visits the slots first … last of the moment, which begins with first.
func (s *Store) walk(m moment, first, last zhenni.Slot, visit func(found) error) (err error) {
	defer damagePanics(&err, "the view")
	w := &walk{store: s, ring: *s.ring.Load(), visit: visit, slots: s.newSlotWalk(m.txn)}
	defer w.slots.it.Close()
	w.sc.window = new(keyfile.Window)
	w.current.row = make([]int8, s.label.Model.Dim)
	for slot := int(first); slot <= int(last); {
		next := min(w.slots.next(zhenni.Slot(slot)), int(last)+1)
		for ; slot < next; slot++ {
			if err := w.agree(m, zhenni.Slot(slot), tally{}); err != nil {
				return err
			}
		}
		if slot > int(last) {
			break
		}
		if err := w.slot(m, zhenni.Slot(slot)); err != nil {
			return err
		}
		slot++
	}
	return nil
}

// agree compares a slot's tally with the log's.
func (w *walk) agree(m moment, slot zhenni.Slot, sum tally) error {
	if m.held == nil || w.store.compare(slot, sum, m.held[slot-m.first]) == nil {
		return nil
	}
	return w.report(firstOf(slot), slotDiffers)
}

// firstOf is the smallest id of a slot.
func firstOf(slot zhenni.Slot) (id zhenni.CredentialID) {
	copy(id[:], slotKey(slot)[1:])
	return id
}

// slot tallies a slot that has records, and then visits them.
func (w *walk) slot(m moment, slot zhenni.Slot) error {
	if m.held != nil {
		sum, err := w.slots.sum(slot)
		if err != nil {
			return err
		}
		if err := w.agree(m, slot, sum); err != nil {
			return err
		}
	}
	for at := w.slots.next(slot); at == int(slot); at = w.slots.at() {
		id, kind, ok := parseCredentialKey(w.slots.it.Item().Key(), w.store.label.Model.Factor)
		if err := w.meet(w.slots.it.Item(), id, kind, ok); err != nil {
			return err
		}
		w.slots.it.Next()
	}
	return w.close()
}

// meet takes one record.
func (w *walk) meet(met item, id zhenni.CredentialID, kind byte, ok bool) error {
	var err error
	if w.sc.value, err = met.ValueCopy(w.sc.value); err != nil {
		return translate(err)
	}
	w.sc.key = append(w.sc.key[:0], met.Key()...)
	if isPINKey(w.sc.key) {
		if _, err := w.store.openPIN(w.sc.key, w.sc.value, &w.sc); err != nil {
			return w.report(id, pinUnsealed)
		}
		return nil
	}
	if isSubjectKey(w.sc.key) {
		if _, err := w.store.openSubject(w.sc.key, w.sc.value, &w.sc); err != nil {
			return w.report(id, subjectUnsealed)
		}
		return nil
	}
	if _, factor, number, further := parseFurtherKey(w.sc.key); further {
		if m := w.store.models.Load().of(number); m == nil || m.Factor != factor {
			return w.report(id, keyUnknown)
		}
		return nil // opened by a walk of its own: see [Store.carried]
	}
	if !ok {
		return w.report(id, keyUnknown)
	}
	if kind == kindStatus {
		return w.meetStatus(id)
	}
	return w.meetTemplate(id)
}

func (w *walk) meetStatus(id zhenni.CredentialID) error {
	if err := w.close(); err != nil {
		return err
	}
	st, err := w.store.openStatus(w.ring, id, w.sc.key, w.sc.value, &w.sc)
	w.current.status, w.current.fault, w.open = st, sound, true
	if err != nil {
		w.current.ID, w.current.fault = id, statusUnsealed
	}
	return nil
}

func (w *walk) meetTemplate(id zhenni.CredentialID) error {
	if !w.open || w.current.ID != id {
		return w.report(id, statusMissing)
	}
	w.open = false
	if w.current.fault == sound && w.current.Status == zhenni.StatusErased {
		w.current.fault = erased
	}
	if w.current.fault != sound {
		return w.visit(w.current)
	}
	norm, err := w.store.openTemplate(w.ring, w.current.status, w.sc.value, w.current.row, &w.sc)
	switch {
	case errors.Is(err, errNoTemplate):
		w.current.fault = bare
	case err != nil:
		w.current.fault = templateUnsealed
	}
	w.current.norm = norm
	return w.visit(w.current)
}

// close ends the current credential: its template did not come.
func (w *walk) close() error {
	if !w.open {
		return nil
	}
	w.open = false
	if w.current.fault == sound {
		w.current.fault = templateMissing
	}
	return w.visit(w.current)
}

// report visits a record that belongs to no credential met.
func (w *walk) report(id zhenni.CredentialID, f fault) error {
	return w.visit(found{status: status{Credential: zhenni.Credential{ID: id}}, fault: f})
}

// References visits every record of the slots first … last but the erased, in ascending order of id, as of one moment.
// The Row passed is valid only during the visit, which must not call the store's methods. Before a slot is visited its
// records are counted and digested: one that is not what the log made is skipped whole. So is a record that fails its
// seal. Both are counted in the error, [zhenni.ErrCorrupt], which is returned after the last visit; an error of visit
// stops the walk and is returned.
func (s *Store) References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	if !s.serves(0) {
		return nil
	}
	m := s.freeze(first, last)
	defer m.txn.Discard()
	damaged, skipped := 0, -1
	err := s.walk(m, first, last, func(f found) error {
		if f.fault == slotDiffers {
			skipped = int(f.ID.Slot())
		}
		if f.fault == erased || f.fault == bare {
			return nil
		}
		if f.fault != sound || int(f.ID.Slot()) == skipped {
			damaged++
			return nil
		}
		return visit(f.reference(f.row, f.norm, s.label.Model.Factor))
	})
	if err == nil && damaged > 0 {
		err = fmt.Errorf("%w: %d in slots %d–%d skipped", zhenni.ErrCorrupt, damaged, first, last)
	}
	return err
}
