package cold

import (
	"fmt"

	"zhenni"
)

// loadIndex makes the index of the ids, and finds where the next record goes. Sectors of the first records can not be
// empty.
func (t *Tier) loadIndex(records uint32) error {
	rows, err := fileSize(t.rows)
	if err != nil {
		return err
	}
	ids, err := fileSize(t.ids)
	if err != nil {
		return err
	}
	places := min(rows/pageBytes*int64(t.perPage), ids/sectorBytes*entriesPerSector, maxPlaces)
	if places < int64(records) || ids%sectorBytes != 0 {
		return fmt.Errorf("%w: the cold tier has room for %d records of %d", zhenni.ErrCorrupt, places, records)
	}
	t.room = uint32(places)
	l, window := loader{tier: t}, make([]byte, buildBuffer)
	for at := int64(0); at < ids; at += int64(len(window)) {
		window = window[:min(int64(len(window)), ids-at)]
		if _, err := t.ids.ReadAt(window, at); err != nil {
			return fmt.Errorf("cold: %w", err)
		}
		for from := 0; from < len(window); from += sectorBytes {
			if err := l.load((*sector)(window[from:]), (at+int64(from))/sectorBytes, records); err != nil {
				return err
			}
		}
	}
	return l.flush()
}

// load takes the entries of one sector.
func (l *loader) load(s *sector, number int64, records uint32) error {
	t := l.tier
	if err := s.check(&t.keys, number); err != nil {
		return err
	}
	first := number * entriesPerSector
	if *s == (sector{}) {
		if first < int64(records) {
			return fmt.Errorf("%w: cold ids, sector %d, is empty", zhenni.ErrCorrupt, number)
		}
		return nil
	}
	for i := range int64(entriesPerSector) {
		entry := s.entry(int(i))
		generation := generationOf(entry)
		if generation == 0 {
			continue
		}
		if first+i >= int64(t.room) {
			return fmt.Errorf("%w: the cold tier lacks the rows of an id", zhenni.ErrCorrupt)
		}
		if err := l.add(loaded{zhenni.CredentialID(entry[:idBytes]), generation, uint32(first + i)}); err != nil {
			return err
		}
	}
	return nil
}

// loader collects the ids of a slot, which in a tier that was just made lie together, so that their table is made once.
type loader struct {
	tier *Tier
	slot []loaded
}

type loaded struct {
	id         zhenni.CredentialID
	generation zhenni.Generation
	place      uint32
}

func (l *loader) add(e loaded) error {
	if len(l.slot) > 0 && l.slot[0].id.Slot() != e.id.Slot() {
		if err := l.flush(); err != nil {
			return err
		}
	}
	l.slot = append(l.slot, e)
	return nil
}

// flush adds what was collected to the index. An id that has two places is of no tier: the older could come back.
func (l *loader) flush() error {
	t := l.tier
	if len(l.slot) > 0 {
		t.index.tables[l.slot[0].id.Slot()].grow(len(l.slot))
	}
	for i := range l.slot {
		e := &l.slot[i]
		found, err := t.locate(&e.id)
		if err != nil {
			return err
		}
		if found != 0 {
			return fmt.Errorf("%w: a credential has two places in the cold tier", zhenni.ErrCorrupt)
		}
		t.index.add(e.id.Slot(), newEntry(&e.id, e.generation, e.place))
		t.next = e.place + 1
	}
	l.slot = l.slot[:0]
	return nil
}

// clearFrom overwrites the rows from a place on that no id names: a crash may have left there what was written for one.
func (t *Tier) clearFrom(place uint32) error {
	used := make(map[uint32]bool)
	if place < t.next {
		for i := range t.index.tables {
			for _, entry := range t.index.tables[i].entries {
				if entry != 0 && placeIn(entry) >= place {
					used[placeIn(entry)] = true
				}
			}
		}
	}
	zeros := make([]byte, t.layout.record)
	for ; place < t.room; place++ {
		if used[place] {
			continue
		}
		if _, err := t.rows.WriteAt(zeros, t.at(place)); err != nil {
			return fmt.Errorf("cold: %w", err)
		}
	}
	return nil
}
