package storage

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// agreement holds the view against what the log says it holds. Badger takes a block that fails its checksum for absent,
// and then answers that a record is not there, or with an older version of it. So nothing it says about a slot is
// believed before a walk of the slot has found as many records as the log made, of the same digest.
type agreement struct {
	// mu is held by the machine from before a commit of Badger until held has followed, and read-held by whoever opens a
	// transaction to compare it with held.
	mu   sync.RWMutex
	held tallies
	// known says that held is what the log says. It is not in a read-only store that was not closed in order, nor in one
	// of an older format until that is upgraded. It changes only while nobody reads.
	known bool

	// agreed are the slots that a walk has found as held, damaged those that one has found otherwise; never both.
	agreed, damaged slotSet
	// walks is for one walk of a slot at a time on behalf of single reads.
	walks [64]sync.Mutex
	// marked is for the one that marks the view on disk.
	marked atomic.Bool
}

// slotSet is a set of slots, safe for concurrent use.
type slotSet [zhenni.Slots / 64]atomic.Uint64

func (s *slotSet) has(slot zhenni.Slot) bool { return s[slot/64].Load()&(1<<(slot%64)) != 0 }
func (s *slotSet) add(slot zhenni.Slot)      { s[slot/64].Or(1 << (slot % 64)) }
func (s *slotSet) remove(slot zhenni.Slot)   { s[slot/64].And(^(uint64(1) << (slot % 64))) }

func (s *slotSet) clear() {
	for i := range s {
		s[i].Store(0)
	}
}

// moment is the view at one commit with what the log says that the slots from first on held then, nil where that is not
// known.
type moment struct {
	txn   reading
	first zhenni.Slot
	held  []tally
}

// freeze returns the view now, to be compared at the slots first … last. The caller discards its txn.
func (s *Store) freeze(first, last zhenni.Slot) moment {
	a := &s.agreement
	a.mu.RLock()
	defer a.mu.RUnlock()
	m := moment{txn: s.begin(false), first: first}
	if a.known {
		m.held = slices.Clone(a.held[first : last+1])
	}
	return m
}

// agree returns nil once a walk of the slot, since Open, has found what the log says: from then on what Badger says
// about the slot is believed. [zhenni.ErrCorrupt] where it differs.
func (s *Store) agree(slot zhenni.Slot) error {
	a := &s.agreement
	if a.agreed.has(slot) || !a.known {
		return nil
	}
	mu := &a.walks[slot%64]
	mu.Lock()
	defer mu.Unlock()
	switch {
	case a.agreed.has(slot):
		return nil
	case a.damaged.has(slot):
		return slotDamaged(slot)
	}
	m := s.freeze(slot, slot)
	defer m.txn.Discard()
	w := s.newSlotWalk(m.txn)
	defer w.it.Close()
	sum, err := w.sum(slot)
	if err != nil {
		return err
	}
	return s.compare(slot, sum, m.held[0])
}

func slotDamaged(slot zhenni.Slot) error {
	return fmt.Errorf("%w: slot %d of the view is not what the log says; open the store again to rebuild it", zhenni.ErrCorrupt, slot)
}

// compare notes whether a walk found in a slot what the log says it held: [zhenni.ErrCorrupt].
func (s *Store) compare(slot zhenni.Slot, sum, held tally) error {
	a := &s.agreement
	if sum == held {
		if !a.damaged.has(slot) {
			a.agreed.add(slot)
		}
		return nil
	}
	first := !a.damaged.has(slot)
	a.damaged.add(slot)
	a.agreed.remove(slot)
	if first {
		s.opts.Logger.Error("the view has lost or changed records of a slot; it is refused until the store is opened again",
			"slot", slot, "records", sum.records, "want", held.records)
		s.markDamaged()
	}
	return slotDamaged(slot)
}

// compareAll is compare for sums of the whole view. It returns the first difference.
func (s *Store) compareAll(sums, held *tallies) (err error) {
	for slot := range zhenni.Slot(zhenni.Slots) {
		if differs := s.compare(slot, sums[slot], held[slot]); err == nil {
			err = differs
		}
	}
	if sums[restPlace] != held[restPlace] && err == nil {
		s.markDamaged()
		err = errRestDiffers
	}
	return err
}

var errRestDiffers = fmt.Errorf("%w: tenant keys or relying parties of the view are not what the log says", zhenni.ErrCorrupt)

// markDamaged has the next Open rebuild the view from snapshot and log. It can not be done while the store is open: the
// log's machine and every reader hold the database that would be replaced.
func (s *Store) markDamaged() {
	if s.opts.ReadOnly || !s.agreement.marked.CompareAndSwap(false, true) {
		return
	}
	if err := writeFile(s.path(damagedFile), nil); err != nil {
		s.opts.Logger.Error("the damaged view could not be marked; the next start may not rebuild it", "cause", err)
	}
}

// isMarked reports whether the view was found damaged before.
func (s *Store) isMarked() bool {
	_, err := os.Stat(s.path(damagedFile))
	return !errors.Is(err, os.ErrNotExist)
}

// doubt has every slot walked again before a single read of it is believed.
func (s *Store) doubt() {
	s.agreement.agreed.clear()
}

// slotWalk sums slots of one transaction. It is used by one goroutine.
type slotWalk struct {
	it     *cursor
	digest digester
	value  []byte
}

func (s *Store) newSlotWalk(txn reading) *slotWalk {
	options := badger.DefaultIteratorOptions
	options.PrefetchValues = false
	return &slotWalk{it: txn.NewIterator(options), digest: s.digest}
}

// next returns the first slot from slot on that has a record, [zhenni.Slots] without one.
func (w *slotWalk) next(slot zhenni.Slot) int {
	w.it.Seek(slotKey(slot))
	return w.at()
}

// at is the place of the record that the iterator is at, zhenni.Slots behind the last credential.
func (w *slotWalk) at() int {
	if !w.it.Valid() {
		return zhenni.Slots
	}
	return slotOf(w.it.Item().Key())
}

// sum tallies a slot.
func (w *slotWalk) sum(slot zhenni.Slot) (sum tally, err error) {
	defer damagePanics(&err, "the view")
	for at := w.next(slot); at == int(slot); at = w.at() {
		if err := w.take(&sum); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// take adds the record that the iterator is at and goes on.
func (w *slotWalk) take(sum *tally) (err error) {
	item := w.it.Item()
	if w.value, err = item.ValueCopy(w.value); err != nil {
		return translate(err)
	}
	_, t := w.digest.one(item.Key(), w.value)
	sum.add(t)
	w.it.Next()
	return nil
}

// rest tallies what is no credential's, and shows each record to visit first. It steps over the credentials whatever is
// wrong with them.
func (w *slotWalk) rest(visit func(key, value []byte)) (sum tally, err error) {
	defer damagePanics(&err, "the view")
	w.it.Rewind()
	for before := true; before || w.it.Valid(); {
		if before && (!w.it.Valid() || w.it.Item().Key()[0] >= prefixCredential) {
			w.it.Seek([]byte{prefixCredential + 1})
			before = false
			continue
		}
		item := w.it.Item()
		if w.value, err = item.ValueCopy(w.value); err != nil {
			return sum, translate(err)
		}
		visit(item.Key(), w.value)
		if err := w.take(&sum); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// agreeRest holds what is kept in memory against the log.
func (s *Store) agreeRest() error {
	if !s.agreement.known || s.opts.ReadOnly {
		return nil // Check says it of a read-only store
	}
	txn := s.begin(false)
	defer txn.Discard()
	w := s.newSlotWalk(txn)
	defer w.it.Close()
	sum, err := w.rest(func(_, _ []byte) {})
	if err != nil || sum == s.agreement.held[restPlace] {
		return err
	}
	s.markDamaged()
	return errRestDiffers
}

// survey tallies the whole view, for a store that has no tallies yet. The number of credentials must be the one
// recorded.
func (s *Store) survey() (_ *tallies, err error) {
	sums := new(tallies)
	txn := s.begin(false)
	defer txn.Discard()
	d, statuses := s.digest, int64(0)
	err = scan(txn, nil, func(key, value []byte) error {
		if _, kind, ok := parseCredentialKey(key, d.factor); ok && kind == kindStatus {
			statuses++
		}
		d.count(sums, key, value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	reached, err := s.loadWater(txn, keyring{0: s.keys.system})
	if err == nil && reached.credentials != statuses {
		err = fmt.Errorf("%w: the view has %d credentials of %d; restore the store", zhenni.ErrCorrupt, statuses, reached.credentials)
	}
	return sums, err
}
