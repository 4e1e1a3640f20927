package storage

import (
	"fmt"

	"zhenni"
	"zhenni/storage/keyfile"
)

// keys holds the key file against the records: no erased key is left, and each key is named by a record. That the keys
// which records name are there and open is seen by walking the credentials.
func (c *inspection) keys(m moment) error {
	if c.store.keysBehind {
		c.add("key file", "")
	}
	if c.store.vault.keys == nil {
		return nil
	}
	state, err := c.store.loadKeyState(m.txn)
	if err != nil {
		c.add("key state", "")
		return nil
	}
	named, err := c.namedPlaces(m.txn, state)
	if err != nil {
		return err
	}
	if err := c.erasedPlaces(m.txn, state); err != nil {
		return err
	}
	return c.store.vault.keys.Scan(0, func(place uint64, held keyfile.State) error {
		if place >= state.places || held != keyfile.Used {
			return nil // given out since
		}
		c.report.Keys++
		if named[place/64]&(1<<(place%64)) == 0 {
			c.report.SpareKeys++
		}
		return nil
	})
}

// namedPlaces returns a bit for each place that a template names.
func (c *inspection) namedPlaces(txn reading, state keyState) ([]uint64, error) {
	named := make([]uint64, state.places/64+1)
	err := scan(txn, []byte{prefixCredential}, func(key, value []byte) error {
		if len(key) != templateKeySize || !hasPlace(value) {
			return nil
		}
		if h, err := parseKeyed(value); err == nil && h.place < state.places {
			named[h.place/64] |= 1 << (h.place % 64)
		}
		return nil
	})
	return named, err
}

// erasedPlaces looks for keys that came back. While the file is behind the view, one may be about to be destroyed.
func (c *inspection) erasedPlaces(txn reading, state keyState) error {
	pending := c.store.vault.keys.Epoch() < state.epoch
	var slot keyfile.Slot
	return scan(txn, []byte{prefixErased}, func(key, _ []byte) error {
		place, ok := parseErasedKey(key)
		if !ok {
			return nil
		}
		c.report.Erased++
		if held, err := c.store.vault.keys.State(place, &slot); (err != nil || held == keyfile.Used) && !pending {
			c.add("erased key", fmt.Sprintf("place %d", place))
		}
		return nil
	})
}

// hasNoKey reports whether the place that a template names holds no key: destroyed, or never in this file.
func (c *inspection) hasNoKey(id zhenni.CredentialID) bool {
	sc := scratch{key: appendTemplateKey(nil, id, c.store.label.Model.Factor)}
	err := c.store.look(func(txn reading) error { return get(txn, &sc) })
	if err != nil || !hasPlace(sc.value) || c.store.vault.keys == nil {
		return false
	}
	h, err := parseKeyed(sc.value)
	if err != nil {
		return false
	}
	state, err := c.store.vault.keys.State(h.place, &sc.slot)
	return err == nil && state != keyfile.Used
}
