package storage

import (
	"fmt"
	"maps"
	"time"

	"zhenni"
)

// putParty stores a relying party, except under an id that is not free: what else is kept under it would be the new one's.
func (b *batch) putParty(p zhenni.RelyingParty) error {
	if err := p.Validate(); err != nil {
		return err
	}
	old, known := b.parties[p.ID]
	switch {
	case known && old.removed:
		return fmt.Errorf("%w: relying party %s was removed, and its id is never given again: choose another id", zhenni.ErrExists, p.ID)
	case known:
		if err := p.Replaces(old.RelyingParty); err != nil {
			return err
		}
	}
	if err := b.partyIndex.free(p); err != nil {
		return err
	}
	p.Stopped = old.Stopped
	return b.writeParty(party{RelyingParty: ownParty(p)})
}

func (b *batch) removeParty(id string) error {
	p, err := b.party(id)
	if err != nil {
		return err
	}
	p.removed = true
	return b.writeParty(p)
}

func (b *batch) stopParty(c zhenni.StopRelyingParty) error {
	p, err := b.party(c.ID)
	if err != nil || !p.Stopped.IsZero() {
		return err
	}
	p.Stopped = normalTime(c.At)
	return b.writeParty(p)
}

func (b *batch) liftParty(id string) error {
	p, err := b.party(id)
	if err == nil && p.Stopped.IsZero() {
		err = fmt.Errorf("%w: relying party %q is not stopped", zhenni.ErrNotFound, id)
	}
	if err != nil {
		return err
	}
	p.Stopped = time.Time{}
	return b.writeParty(p)
}

// party returns the relying party of that id: [zhenni.ErrNotFound].
func (b *batch) party(id string) (party, error) {
	p, ok := b.parties[id]
	if !ok || p.removed {
		return party{}, fmt.Errorf("%w: relying party %q", zhenni.ErrNotFound, id)
	}
	return p, nil
}

// writeParty stages the next version of a relying party.
func (b *batch) writeParty(p party) error {
	p.version = b.parties[p.ID].version + 1
	key := appendPartyKey(nil, p.ID)
	value, err := b.store.vault.seal(b.store.keys.system, 0, p.version, key, p.appendBody(nil), &b.sc)
	if err != nil {
		return err
	}
	if !b.ownsParties {
		b.parties, b.partyIndex, b.ownsParties = maps.Clone(b.parties), b.partyIndex.clone(), true
	}
	b.partyIndex.remove(b.parties[p.ID])
	b.partyIndex.add(p)
	b.parties[p.ID] = p
	b.put(record{key, value})
	return nil
}
