package storage

import (
	"errors"
	"fmt"

	"zhenni"
	"zhenni/storage/keyfile"
)

var errErased = fmt.Errorf("%w: the credential is erased", zhenni.ErrNotFound)

// erase moves a credential to its last status and notes the place of its key, which opens every template of it. The key is
// destroyed after the commit: from then on nothing matches the credential, and a crash in between leaves a note to finish by.
func (b *batch) erase(c zhenni.Erase) (zhenni.Credential, error) {
	before, st, err := b.transition(c.ID, c.Tenant, func(now zhenni.Credential) (zhenni.Credential, error) {
		if now.Status == zhenni.StatusErased {
			return now, nil
		}
		return now.WithStatus(zhenni.StatusErased, normalTime(c.At))
	})
	if err != nil || before == st {
		return st.Credential, err
	}
	place, held, err := b.placeOf(c.ID)
	if err != nil {
		return zhenni.Credential{}, err
	}
	r, err := b.sealAfter(before, st)
	if err != nil {
		return zhenni.Credential{}, err
	}
	forgotten, err := b.forgetSubject(before)
	if err != nil {
		return zhenni.Credential{}, err
	}
	if !held {
		b.put(append(forgotten, r)...)
		return st.Credential, nil
	}
	note := appendErasedKey(nil, place)
	value, err := b.store.vault.seal(b.store.keys.system, 0, st.Generation, note, c.ID[:], &b.sc)
	if err != nil {
		return zhenni.Credential{}, err
	}
	b.put(append(forgotten, r, record{note, value})...)
	b.shreds = append(b.shreds, place)
	return st.Credential, nil
}

// placeOf returns where the key of a template lies, once that place has been seen to belong to it: a damaged record must
// not have another's key destroyed. Held is false where no key is left.
func (b *batch) placeOf(id zhenni.CredentialID) (place uint64, held bool, err error) {
	v, sc := &b.store.vault, &b.sc
	sc.key = appendTemplateKey(sc.key[:0], id, b.store.label.Model.Factor)
	if err := get(b.txn, sc); err != nil {
		return 0, false, missingIsCorrupt(err)
	}
	if !hasPlace(sc.value) {
		return 0, false, fmt.Errorf("%w: the template is of a version that can not be erased", zhenni.ErrCorrupt)
	}
	h, err := parseKeyed(sc.value)
	if err != nil {
		return 0, false, err
	}
	if h.place >= b.firstNew() && h.place < b.keys.places {
		return h.place, true, nil // enrolled by this batch: its key is not in the file yet
	}
	if state, err := v.keys.State(h.place, &sc.slot); err != nil || state != keyfile.Used {
		return 0, false, err
	}
	_, _, err = v.unwrap(b.ring, &h, sc.key, h.keyFront(), sc)
	clear(sc.recordKey[:])
	return h.place, err == nil, err
}

// keyChanges are what a batch does to the key file.
type keyChanges struct {
	keys keyState
	// slots are the new ones, the last of them at keys.places − 1; shreds are the places to be shredded.
	slots  []byte
	shreds []uint64
}

// keep puts a slot at the next place.
func (k *keyChanges) keep(slot *keyfile.Slot) {
	k.slots = append(k.slots, slot[:]...)
	k.keys.places++
}

// slot copies the slot at a place that is not in the file yet.
func (k *keyChanges) slot(place uint64, slot *keyfile.Slot) (fresh bool) {
	if place < k.firstNew() || place >= k.keys.places {
		return false
	}
	copy(slot[:], k.slots[(place-k.firstNew())*keyfile.SlotSize:])
	return true
}

func (k *keyChanges) firstNew() uint64 { return k.keys.places - uint64(len(k.slots)/keyfile.SlotSize) }

// sealKeyState ends the changes of a batch with what the view is to know of them.
func (b *batch) sealKeyState() error {
	if len(b.slots) == 0 && len(b.shreds) == 0 {
		return nil
	}
	b.keys.epoch += uint64(bit(len(b.shreds) > 0))
	r, err := b.store.sealKeyState(b.keys, &b.sc)
	if err != nil {
		return err
	}
	b.put(r)
	return nil
}

// putKeys makes the new keys durable, before the records that need them.
func (b *batch) putKeys() error {
	if len(b.slots) == 0 {
		return nil
	}
	return b.store.vault.keys.Put(b.firstNew(), b.slots)
}

// shred destroys keys, after the commit that says so. The epoch follows them, so that the next Open finds what a crash
// left to do.
func (b *batch) shred() error {
	if len(b.shreds) == 0 {
		return nil
	}
	keys := b.store.vault.keys
	err := keys.Shred(b.shreds)
	if err == nil {
		err = keys.SetEpoch(b.keys.epoch)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w: an erasure is not complete; open the store again", zhenni.ErrUnavailable), err)
	}
	return nil
}
