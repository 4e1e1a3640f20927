package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// dueSlots is the most slots that one call of [Store.Due] walks.
const dueSlots = 64

// dueIndex says of each slot before when no credential of it is due: a second, never later than the first end of validity
// of a live credential. It is as large with any number of credentials. What lowers it is in a record of the slot, in the
// commit that does; what a walk finds raises it in memory alone, so that after a start some slots are walked in vain once.
type dueIndex struct {
	mu sync.Mutex
	// from is in seconds since 1970, 0 where nothing ends. turns counts what lowered it, so that a walk which began before
	// does not raise it.
	from  [zhenni.Slots]int64
	turns [zhenni.Slots]uint32
}

func (d *dueIndex) lower(all map[zhenni.Slot]int64) {
	if len(all) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for slot, second := range all {
		d.turns[slot]++
		if d.from[slot] == 0 || second < d.from[slot] {
			d.from[slot] = second
		}
	}
}

// raise takes what a walk found, unless the slot was turned since.
func (d *dueIndex) raise(slot zhenni.Slot, second int64, turn uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turns[slot] == turn {
		d.from[slot] = second
	}
}

func (d *dueIndex) of(slot zhenni.Slot) (second int64, turn uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.from[slot], d.turns[slot]
}

// next returns the first slot from slot on in which something may be due, [zhenni.Slots] without one.
func (d *dueIndex) next(slot int, now int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; slot < zhenni.Slots; slot++ {
		if from := d.from[slot]; from != 0 && from <= now {
			break
		}
	}
	return slot
}

func dueKey(slot zhenni.Slot) []byte {
	return binary.BigEndian.AppendUint16([]byte{prefixDue}, uint16(slot))
}

func parseDueKey(key []byte) (slot zhenni.Slot, ok bool) {
	if len(key) != dueKeySize || key[0] != prefixDue {
		return 0, false
	}
	slot = zhenni.Slot(binary.BigEndian.Uint16(key[1:]))
	return slot, slot < zhenni.Slots
}

func (s *Store) openDue(key, value []byte, sc *scratch) (second int64, err error) {
	_, body, err := s.vault.open(keyring{0: s.keys.system}, key, value, sc)
	if err != nil {
		return 0, err
	}
	if _, ok := parseDueKey(key); !ok || len(body) != 8 {
		return 0, fmt.Errorf("%w: ends of validity of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	return int64(binary.LittleEndian.Uint64(body)), nil
}

// loadDue reads the index. A record that does not open has its slot walked.
func (s *Store) loadDue(txn reading) error {
	all := map[zhenni.Slot]int64{}
	var sc scratch
	err := scan(txn, []byte{prefixDue}, func(key, value []byte) error {
		slot, ok := parseDueKey(key)
		if !ok {
			return nil
		}
		second, err := s.openDue(key, value, &sc)
		if err != nil {
			second = 1
		}
		all[slot] = max(second, 1)
		return nil
	})
	s.due.lower(all)
	return err
}

// dueFrom returns the record that a slot needs for a credential whose validity ends at second, 0 for never.
func (b *batch) dueFrom(slot zhenni.Slot, second int64) ([]record, error) {
	if second == 0 {
		return nil, nil
	}
	stored, err := b.storedDue(slot)
	if err != nil {
		return nil, err
	}
	if in, ok := b.due[slot]; !ok || second < in {
		b.due[slot] = second
	}
	if stored != 0 && stored <= second {
		return nil, nil
	}
	key := dueKey(slot)
	value, err := b.store.vault.seal(b.store.keys.system, 0, 0, key, binary.LittleEndian.AppendUint64(nil, uint64(second)), &b.sc)
	return []record{{key, value}}, err
}

// storedDue is what the record of a slot says, 0 without one.
func (b *batch) storedDue(slot zhenni.Slot) (int64, error) {
	b.sc.key = append(b.sc.key[:0], dueKey(slot)...)
	err := get(b.txn, &b.sc)
	if errors.Is(err, zhenni.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return b.store.openDue(b.sc.key, b.sc.value, &b.sc)
}

// Due returns at most limit live credentials whose validity has ended at now, in order of id from the slot from on, and the
// slot to go on from: [zhenni.Slots] when all were looked at. It walks a bounded number of slots, and only those in which
// something can be due. It says what is due and changes nothing: the sender of [zhenni.Expire] does. A slot that is damaged
// is passed over.
func (s *Store) Due(now time.Time, from, limit int) (due []zhenni.Credential, next int, err error) {
	if err := s.enter(); err != nil {
		return nil, from, err
	}
	defer s.gate.RUnlock()
	slot := s.due.next(from, now.Unix())
	for walked := 0; slot < zhenni.Slots && walked < dueSlots; walked++ {
		found, err := s.dueIn(zhenni.Slot(slot), now)
		if err != nil && !errors.Is(err, zhenni.ErrCorrupt) {
			return due, slot, err
		}
		room := limit - len(due)
		due = append(due, found[:min(room, len(found))]...)
		if len(found) > room {
			return due, slot, nil
		}
		slot = s.due.next(slot+1, now.Unix())
	}
	return due, slot, nil
}

// dueIn walks the statuses of a slot.
func (s *Store) dueIn(slot zhenni.Slot, now time.Time) (due []zhenni.Credential, err error) {
	if err := s.agree(slot); err != nil {
		return nil, err
	}
	_, turn := s.due.of(slot)
	txn := s.begin(false)
	defer txn.Discard()
	first := int64(math.MaxInt64)
	err = s.slotStatuses(txn, slot, func(st status) {
		if !st.Live() || st.ValidUntil.IsZero() {
			return
		}
		first = min(first, st.ValidUntil.Unix())
		if st.Overdue(now) {
			due = append(due, st.Credential)
		}
	})
	if err != nil {
		return nil, err
	}
	if first == math.MaxInt64 {
		first = 0
	}
	s.due.raise(slot, first, turn)
	return due, nil
}

// slotStatuses visits every status of a slot that opens.
func (s *Store) slotStatuses(txn reading, slot zhenni.Slot, visit func(status)) error {
	ring := *s.ring.Load()
	return s.statusRecords(txn, slot, func(id zhenni.CredentialID, sc *scratch) error {
		if st, err := s.openStatus(ring, id, sc.key, sc.value, sc); err == nil {
			visit(st)
		}
		return nil
	})
}

// statusRecords visits the sealed record of every status of a slot, as key and value of the scratch.
func (s *Store) statusRecords(txn reading, slot zhenni.Slot, visit func(zhenni.CredentialID, *scratch) error) (err error) {
	defer damagePanics(&err, "the view")
	options := badger.DefaultIteratorOptions
	options.PrefetchValues = false
	it := txn.NewIterator(options)
	defer it.Close()
	var sc scratch
	for it.Seek(slotKey(slot)); it.Valid() && slotOf(it.Item().Key()) == int(slot); it.Next() {
		id, kind, ok := parseCredentialKey(it.Item().Key(), s.label.Model.Factor)
		if !ok || kind != kindStatus {
			continue
		}
		sc.key = append(sc.key[:0], it.Item().Key()...)
		if sc.value, err = it.Item().ValueCopy(sc.value); err != nil {
			return translate(err)
		}
		if err := visit(id, &sc); err != nil {
			return err
		}
	}
	return nil
}
