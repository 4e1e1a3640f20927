package cold

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"zhenni"
	"zhenni/storage/disk"
)

// growthPages is what the rows grow by.
const growthPages = 256

// Put makes r the record of its credential. What Read answered before is not answered again once Put has begun. It is
// durable with the next Mark. Errors: [zhenni.ErrBadValue] for no reference; any other breaks the tier, which from then
// on refuses to read, and is made true by the changes since its mark, or made again.
func (t *Tier) Put(r *zhenni.Reference) error {
	if err := checkReference(r, t.dim); err != nil {
		return err
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.change(func() error { return t.put(r) })
}

// Remove overwrites the records of the credentials, durably when it returns: from then on no file of the tier has a
// template of theirs. One that is not there is passed over. Errors as of [Tier.Put].
func (t *Tier) Remove(ids ...zhenni.CredentialID) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.change(func() error { return t.remove(ids) })
}

// Mark says that the tier has every change up to a commit, durably.
func (t *Tier) Mark(commit uint64) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.change(func() error {
		if err := errors.Join(t.syncRows(), disk.SyncData(t.ids)); err != nil {
			return fmt.Errorf("cold: %w", err)
		}
		if err := t.opts.fault("mark"); err != nil {
			return err
		}
		if err := replaceFile(filepath.Join(t.opts.Dir, markFile), mark{commit, t.next}.seal(&t.keys)); err != nil {
			return err
		}
		t.mark.Store(commit)
		return nil
	})
}

// change makes a change of a tier that is whole; one that fails breaks it. The caller holds turn.
func (t *Tier) change(step func() error) error {
	if err := t.broken(); err != nil {
		return err
	}
	err := step()
	if err != nil {
		t.breakBy(fmt.Errorf("%w: a change of the cold tier failed: %w", zhenni.ErrUnavailable, err))
	}
	return err
}

func (t *Tier) broken() error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.failed
}

// put writes the row, then the id. A record is doubted, or not found, from before the first byte until after the last.
func (t *Tier) put(r *zhenni.Reference) error {
	found, err := t.locate(&r.ID)
	if err != nil {
		return err
	}
	place := t.next
	if found != 0 {
		place = placeIn(found)
	}
	next := newEntry(&r.ID, r.Generation, place)
	switch {
	case found != 0:
		t.turnIndex(func() { t.index.replace(r.ID.Slot(), found, next) })
	case place == maxPlaces:
		return fmt.Errorf("%w: the cold tier is full", zhenni.ErrNoRoom)
	default:
		if err := t.grow(place); err != nil {
			return err
		}
	}
	if err := t.writeRow(place, r); err != nil {
		return err
	}
	if err := t.writeEntry(place, func(entry []byte) { appendEntry(entry[:0], &r.ID, r.Generation) }); err != nil {
		return err
	}
	if found == 0 {
		t.next++
		t.turnIndex(func() { t.index.add(r.ID.Slot(), next) })
	}
	return nil
}

// remove makes the rows zeros before it takes the ids away: an id that is gone is of a row that is gone, whenever a crash
// comes, and a row whose id is there is overwritten again.
func (t *Tier) remove(ids []zhenni.CredentialID) error {
	places := make([]uint32, 0, len(ids))
	zeros := make([]byte, t.layout.record)
	for i := range ids {
		found, err := t.locate(&ids[i])
		if err != nil {
			return err
		}
		if found == 0 {
			continue
		}
		t.turnIndex(func() { t.index.remove(ids[i].Slot(), found) })
		if err := t.write("row", t.rows, zeros, t.at(placeIn(found))); err != nil {
			return err
		}
		places = append(places, placeIn(found))
	}
	if len(places) == 0 {
		return nil
	}
	if err := t.syncRows(); err != nil {
		return err
	}
	for _, place := range places {
		if err := t.writeEntry(place, func(entry []byte) { clear(entry) }); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tier) turnIndex(turn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn()
}

// grow makes room for a place, in whole pages and sectors of zeros.
func (t *Tier) grow(place uint32) error {
	if place < t.room {
		return nil
	}
	pages := t.page(place) + growthPages
	places := uint32(min(pages*int64(t.perPage), maxPlaces))
	if err := t.opts.fault("grow"); err != nil {
		return err
	}
	if err := errors.Join(
		t.rows.Truncate(t.rowsBytes(places)),
		t.ids.Truncate((sectorOf(places-1)+1)*sectorBytes),
	); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	t.room = places
	return nil
}

func (t *Tier) writeRow(place uint32, r *zhenni.Reference) error {
	var random [randomBytes]byte
	if _, err := io.ReadFull(t.opts.Entropy, random[:]); err != nil {
		return fmt.Errorf("%w: no entropy to seal a record: %w", zhenni.ErrUnavailable, err)
	}
	t.record = t.opener.seal(t.record[:0], &t.keys, place, r, random[:])
	return t.write("row", t.rows, t.record, t.at(place))
}

// writeEntry changes the entry of a place in its sector, which is written whole: after a crash it is as before or after.
func (t *Tier) writeEntry(place uint32, change func(entry []byte)) error {
	number := sectorOf(place)
	if _, err := t.ids.ReadAt(t.sector[:], number*sectorBytes); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	if err := t.sector.check(&t.keys, number); err != nil {
		return err
	}
	change(t.sector.entry(int(place) % entriesPerSector))
	t.sector.seal(&t.keys, number)
	return t.write("ids", t.ids, t.sector[:], number*sectorBytes)
}

func (t *Tier) write(step string, to io.WriterAt, b []byte, at int64) error {
	if err := t.opts.fault(step); err != nil {
		return err
	}
	if _, err := to.WriteAt(b, at); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	return nil
}
