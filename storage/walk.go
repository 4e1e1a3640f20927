package storage

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

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
	// erased is no fault: the template is not to open.
	erased
)

// found is one credential met by a walk; its row is valid during the visit and only when fault is sound.
type found struct {
	status
	row   []int8
	norm  int32
	fault fault
}

// walk visits every credential of the slots first … last once, in ascending order of id, from one read transaction.
type walk struct {
	store *Store
	ring  keyring
	sc    scratch
	visit func(found) error

	// current is the credential whose status was met last; open says that its template is still to come.
	current found
	open    bool
}

func (s *Store) walk(txn *badger.Txn, first, last zhenni.Slot, visit func(found) error) error {
	w := &walk{store: s, ring: *s.ring.Load(), visit: visit}
	w.sc.window = new(keyfile.Window)
	w.current.row = make([]int8, s.label.Model.Dim)
	options := badger.DefaultIteratorOptions
	options.PrefetchValues = false
	options.Prefix = []byte{prefixCredential}
	it := txn.NewIterator(options)
	defer it.Close()
	for it.Seek(slotKey(first)); it.Valid(); it.Next() {
		id, kind, ok := parseCredentialKey(it.Item().Key(), s.label.Model.Factor)
		if id.Slot() > last {
			break
		}
		if err := w.meet(it.Item(), id, kind, ok); err != nil {
			return err
		}
	}
	return w.close()
}

// meet takes one record.
func (w *walk) meet(item *badger.Item, id zhenni.CredentialID, kind byte, ok bool) error {
	var err error
	if w.sc.value, err = item.ValueCopy(w.sc.value); err != nil {
		return translate(err)
	}
	w.sc.key = append(w.sc.key[:0], item.Key()...)
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
	if err != nil {
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

// References visits every record of the slots first … last but the erased, in ascending order of id, as of one moment. The Row
// passed is valid only during the visit, which must not call the store's methods. A record that fails its seal is
// skipped and counted in the error, [zhenni.ErrCorrupt], which is returned after the last visit; an error of visit
// stops the walk and is returned.
func (s *Store) References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	damaged := 0
	err := s.walk(txn, first, last, func(f found) error {
		if f.fault != sound {
			damaged += int(bit(f.fault != erased))
			return nil
		}
		return visit(f.reference(f.row, f.norm))
	})
	if err == nil && damaged > 0 {
		err = fmt.Errorf("%w: %d in slots %d–%d skipped", zhenni.ErrCorrupt, damaged, first, last)
	}
	return err
}
