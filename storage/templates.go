package storage

import (
	"fmt"

	"zhenni"
	"zhenni/storage/keyfile"
)

// Templates are the templates of one model of a store: what an engine that compares by that model reads. There is no way
// from it to those of another model. Its methods may be called from several goroutines.
type Templates struct {
	store  *Store
	model  zhenni.Model
	number uint8
}

// Templates returns those of the model of an id: [zhenni.ErrNotFound] where the store has none, or has retired it. Of a model
// that is retired later nothing is found any more.
func (s *Store) Templates(id string) (*Templates, error) {
	m, err := s.models.Load().named(id)
	if err != nil {
		return nil, err
	}
	return &Templates{store: s, model: m.Model, number: m.Number}, nil
}

// Model returns the model.
func (t *Templates) Model() zhenni.Model { return t.model }

// Reference does for the model what [Store.Reference] does for the store's first. A credential without a template of it is
// [zhenni.ErrNotFound], whatever others it has. There is no cold tier of any but the first.
func (t *Templates) Reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	if t.number == 0 {
		return t.store.Reference(id, row)
	}
	if err := t.store.enter(); err != nil {
		return zhenni.Reference{}, err
	}
	defer t.store.gate.RUnlock()
	return settledReference(func() (zhenni.Reference, error) { return t.reference(id, row) })
}

// ReferenceMany does for each of ids what Reference does, as of [Store.ReferenceMany].
func (t *Templates) ReferenceMany(ids []zhenni.CredentialID, refs []zhenni.Reference, errs []error) {
	if t.number == 0 {
		t.store.ReferenceMany(ids, refs, errs)
		return
	}
	for i, id := range ids {
		refs[i], errs[i] = t.Reference(id, refs[i].Row)
	}
}

func (t *Templates) reference(id zhenni.CredentialID, row []int8) (zhenni.Reference, error) {
	s := t.store
	m := s.models.Load().of(t.number)
	switch {
	case m.Retired:
		return zhenni.Reference{}, errNoTemplate
	case len(row) != m.Dim:
		return zhenni.Reference{}, fmt.Errorf("%w: row of %d elements, want %d", zhenni.ErrBadValue, len(row), m.Dim)
	}
	if err := s.agree(id.Slot()); err != nil {
		return zhenni.Reference{}, err
	}
	txn := s.begin(false)
	defer txn.Discard()
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	ring := *s.ring.Load()
	st, err := s.status(txn, ring, id, sc)
	if err != nil {
		return zhenni.Reference{}, err
	}
	if st.Status == zhenni.StatusErased {
		return zhenni.Reference{}, errErased
	}
	key := m.templateKey(make([]byte, 0, furtherKeySize), id)
	sc.key = append(sc.key[:0], key...)
	if err := get(txn, sc); err != nil {
		return zhenni.Reference{}, err // that there is none is no damage: the slot has its tally
	}
	norm, err := s.openFurther(ring, st, m, key, sc.value, row, sc)
	return st.reference(row, norm, m.Factor), err
}

// References does for the model what [Store.References] does for the store's first. It visits what has a template of it.
func (t *Templates) References(first, last zhenni.Slot, visit func(zhenni.Reference) error) error {
	s := t.store
	if t.number == 0 {
		return s.References(first, last, visit)
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	model := s.models.Load().of(t.number)
	if model.Retired {
		return nil
	}
	m := s.freeze(first, last)
	defer m.txn.Discard()
	sc := scratch{window: new(keyfile.Window)}
	row, ring, damaged := make([]int8, model.Dim), *s.ring.Load(), 0
	defer clear(row)
	err := s.carried(m, first, last, func(c *carried) error {
		value := c.template(t.number)
		if value == nil && !c.damaged || c.Status == zhenni.StatusErased {
			return nil
		}
		if c.damaged {
			damaged++
			return nil
		}
		norm, err := s.openFurther(ring, c.status, model, model.templateKey(nil, c.ID), value, row, &sc)
		if err != nil {
			damaged++
			return nil
		}
		return visit(c.reference(row, norm, model.Factor))
	})
	if err == nil && damaged > 0 {
		err = fmt.Errorf("%w: %d in slots %d–%d skipped", zhenni.ErrCorrupt, damaged, first, last)
	}
	return err
}

// carried is one credential met by a walk of all its templates, none of which the walk opens. Its memory is valid during the
// visit.
type carried struct {
	status
	// damaged is of a status that fails its seal, and of a slot that is not what the log made, named by its first id.
	damaged bool
	// values are its templates of each number, empty where there is none.
	values [][]byte
	// pin is the record of its PIN, empty where there is none.
	pin   []byte
	found bool
}

// template returns the record of a number, nil where the credential has no template of it.
func (c *carried) template(number uint8) []byte {
	if int(number) >= len(c.values) || len(c.values[number]) == 0 || isBare(c.values[number]) {
		return nil
	}
	return c.values[number]
}

// templates is the number of templates of models that are not retired.
func (c *carried) templates(models modelList) (n int) {
	for number := range models {
		n += int(bit(!models[number].Retired && c.template(uint8(number)) != nil))
	}
	return n
}

// take keeps a template.
func (c *carried) take(number uint8, value []byte) {
	for int(number) >= len(c.values) {
		c.values = append(c.values, nil)
	}
	c.values[number] = append(c.values[number][:0], value...)
}

// reset begins the next credential.
func (c *carried) reset(st status, damaged bool) {
	for i := range c.values {
		c.values[i] = c.values[i][:0]
	}
	c.status, c.damaged, c.found, c.pin = st, damaged, true, c.pin[:0]
}

// carried visits every credential of some slots once, in ascending order of id, with the records of its templates, as of the
// moment, which begins with first. A slot that differs from the log is visited as one that is damaged, and skipped.
func (s *Store) carried(m moment, first, last zhenni.Slot, visit func(*carried) error) (err error) {
	defer damagePanics(&err, "the view")
	w := &carriedWalk{store: s, ring: *s.ring.Load(), slots: s.newSlotWalk(m.txn), visit: visit}
	defer w.slots.it.Close()
	for slot := int(first); slot <= int(last); slot++ {
		for next := min(w.slots.next(zhenni.Slot(slot)), int(last)+1); slot < next; slot++ {
			if _, err := w.agree(m, zhenni.Slot(slot), tally{}); err != nil {
				return err
			}
		}
		if slot > int(last) {
			break
		}
		if err := w.slot(m, zhenni.Slot(slot)); err != nil {
			return err
		}
	}
	return nil
}

type carriedWalk struct {
	store   *Store
	ring    keyring
	slots   *slotWalk
	sc      scratch
	current carried
	visit   func(*carried) error
	// pin is the record that lies before the status of its credential, pinOf.
	pin   []byte
	pinOf zhenni.CredentialID
}

func (w *carriedWalk) slot(m moment, slot zhenni.Slot) error {
	if m.held != nil {
		sum, err := w.slots.sum(slot)
		if err != nil {
			return err
		}
		if agreed, err := w.agree(m, slot, sum); err != nil || !agreed {
			return err
		}
	}
	for at := w.slots.next(slot); at == int(slot); at = w.slots.at() {
		if err := w.meet(w.slots.it.Item()); err != nil {
			return err
		}
		w.slots.it.Next()
	}
	return w.flush()
}

// agree compares a slot's tally with the log's, and visits one that differs as damaged.
func (w *carriedWalk) agree(m moment, slot zhenni.Slot, sum tally) (agreed bool, err error) {
	if m.held == nil || w.store.compare(slot, sum, m.held[slot-m.first]) == nil {
		return true, nil
	}
	w.current.reset(status{Credential: zhenni.Credential{ID: firstOf(slot)}}, true)
	return false, w.flush()
}

func (w *carriedWalk) meet(met item) (err error) {
	key := met.Key()
	id, kind, ok := parseCredentialKey(key, w.store.label.Model.Factor)
	number := uint8(0)
	if isPINKey(key) {
		w.pinOf = id
		w.pin, err = met.ValueCopy(w.pin)
		return translate(err)
	}
	if !ok {
		if id, _, number, ok = parseFurtherKey(key); !ok {
			return nil
		}
		kind = kindFurther
	}
	if w.sc.value, err = met.ValueCopy(w.sc.value); err != nil {
		return translate(err)
	}
	if kind != kindStatus {
		if w.current.found && w.current.ID == id {
			w.current.take(number, w.sc.value)
		}
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.sc.key = append(w.sc.key[:0], key...)
	st, err := w.store.openStatus(w.ring, id, w.sc.key, w.sc.value, &w.sc)
	st.ID = id
	w.current.reset(st, err != nil)
	if w.pinOf == id {
		w.current.pin = append(w.current.pin, w.pin...)
	}
	return nil
}

// flush ends the current credential.
func (w *carriedWalk) flush() error {
	if !w.current.found {
		return nil
	}
	w.current.found = false
	return w.visit(&w.current)
}
