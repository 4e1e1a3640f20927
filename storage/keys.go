package storage

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zhenni"
	"zhenni/storage/keyfile"
)

// keyState is what the view knows of the key file, as of a commit.
type keyState struct {
	// places is the number of places given out: the file has none less, and none more that a record names.
	places uint64
	// epoch counts the commits that erased, and the steps of rotations. The file is one behind between a commit and the
	// shredding that it orders, and further behind when an older copy was put back.
	epoch uint64
}

const keyStateSize = 8 + 8

func (k keyState) appendBody(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, k.places)
	return binary.LittleEndian.AppendUint64(dst, k.epoch)
}

func decodeKeyState(body []byte) (keyState, error) {
	if len(body) != keyStateSize {
		return keyState{}, fmt.Errorf("%w: state of the key file of %d bytes", zhenni.ErrCorrupt, len(body))
	}
	return keyState{binary.LittleEndian.Uint64(body), binary.LittleEndian.Uint64(body[8:])}, nil
}

func (s *Store) sealKeyState(k keyState, sc *scratch) (record, error) {
	value, err := s.vault.seal(s.keys.system, 0, 0, keyStateKey, k.appendBody(nil), sc)
	return record{keyStateKey, value}, err
}

func (s *Store) openKeyState(value []byte, sc *scratch) (keyState, error) {
	_, body, err := s.vault.open(keyring{0: s.keys.system}, keyStateKey, value, sc)
	if err != nil {
		return keyState{}, err
	}
	return decodeKeyState(body)
}

// loadKeyState reads what the view knows of the key file; one without it has given out no place.
func (s *Store) loadKeyState(txn reading) (keyState, error) {
	sc := scratch{key: keyStateKey}
	err := get(txn, &sc)
	if errors.Is(err, zhenni.ErrNotFound) {
		return keyState{}, nil
	}
	if err != nil {
		return keyState{}, err
	}
	return s.openKeyState(sc.value, &sc)
}

// KeysPath is where the key file of the store is.
func (o Options) KeysPath() string {
	if o.Keys != "" {
		return o.Keys
	}
	return filepath.Join(o.Dir, keysFile)
}

// keysID is the store's id as the key file has it.
func (l label) keysID() (id keyfile.ID) {
	_, _ = hex.Decode(id[:], []byte(l.Store))
	return id
}

// createKeys makes the key file of a new store.
func createKeys(o Options, l label, keys storeKeys) error {
	file, err := keyfile.Create(o.KeysPath(), l.keysID(), keys.file)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return file.Close()
}

// openKeys opens the key file. A store of an older format gets one when it is opened for writing.
func (s *Store) openKeys() (err error) {
	path, id := s.opts.KeysPath(), s.label.keysID()
	s.vault.keys, err = keyfile.Open(path, id, s.keys.file, s.opts.ReadOnly)
	missing := errors.Is(err, os.ErrNotExist)
	switch {
	case missing && s.label.Format < format && s.opts.ReadOnly:
		return nil
	case missing && (s.label.Format < format || s.opts.AdoptKeys):
		s.vault.keys, err = keyfile.Create(path, id, s.keys.file)
	case missing:
		return fmt.Errorf("%w: key file %s is missing; put back its newest copy, or take what there is with zhenni keys adopt",
			zhenni.ErrCorrupt, path)
	}
	if err != nil {
		return fmt.Errorf("storage: %w; put back the newest copy of %s", err, path)
	}
	return nil
}

// settleKeys holds the key file against the view: an older one is refused, what a crash left undone is done.
func (s *Store) settleKeys() error {
	var state keyState
	err := s.look(func(txn reading) (err error) {
		state, err = s.loadKeyState(txn)
		return err
	})
	if err != nil || s.vault.keys == nil {
		return err
	}
	behind, err := s.keysOlder(state)
	if err != nil {
		return err
	}
	switch {
	case s.opts.ReadOnly:
		s.keysBehind = behind
		return nil
	case behind && !s.opts.AdoptKeys:
		return fmt.Errorf("%w: %s is an older copy, in which erased keys may be back; %s", zhenni.ErrCorrupt, s.opts.KeysPath(), s.newerKeys())
	}
	if s.vault.keys.Epoch() < state.epoch {
		if err := s.shredErased(state); err != nil {
			return err
		}
	}
	// A newer key file beside older data is what a restored backup is; counting goes on from the higher.
	newer := s.vault.keys.Epoch() > state.epoch
	state.epoch = max(state.epoch, s.vault.keys.Epoch())
	s.committer.keys, err = s.trimKeys(state, newer)
	return err
}

// newerKeys says what can be done about an older key file.
func (s *Store) newerKeys() string {
	if s.opts.restoring {
		return "restore with a copy as new as the data, or take this one with --adopt-keys"
	}
	return "put back the newest, or take this one with zhenni keys adopt"
}

// keysOlder reports whether the key file is from before the view: without its last place, or epochs behind.
func (s *Store) keysOlder(state keyState) (bool, error) {
	if s.vault.keys.Epoch()+1 < state.epoch {
		return true, nil
	}
	if state.places == 0 {
		return false, nil
	}
	var slot keyfile.Slot
	last, err := s.vault.keys.State(state.places-1, &slot)
	if errors.Is(err, zhenni.ErrCorrupt) {
		return false, nil // a damaged slot is one credential's loss
	}
	return last == keyfile.Unused, err
}

// shredErased destroys every key that the view says is erased and the key file still has.
func (s *Store) shredErased(state keyState) error {
	var places []uint64
	var slot keyfile.Slot
	err := s.look(func(txn reading) error {
		return scan(txn, []byte{prefixErased}, func(key, _ []byte) error {
			place, ok := parseErasedKey(key)
			if !ok {
				return nil
			}
			if held, err := s.vault.keys.State(place, &slot); err != nil && !errors.Is(err, zhenni.ErrCorrupt) {
				return err
			} else if err != nil || held != keyfile.Shredded {
				places = append(places, place)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	s.opts.Logger.Warn("keys of erased credentials were still there; they are destroyed now", "keys", len(places))
	if err := s.vault.keys.Shred(places); err != nil {
		return err
	}
	return s.vault.keys.SetEpoch(state.epoch)
}

// trimKeys drops the keys behind the last place that the view knows: they were written for a commit that a crash
// prevented. In a file that is newer than the view, or when there are more of them than one commit has, they are kept, and
// places are given out behind them: they are the keys of what the view lacks. A restore drops none: it may be repeated with
// the log that has what names them.
func (s *Store) trimKeys(state keyState, newer bool) (keyState, error) {
	end := state.places
	err := s.vault.keys.Scan(state.places, func(place uint64, _ keyfile.State) error {
		end = place + 1
		return nil
	})
	switch {
	case err != nil:
		return state, err
	case (newer || s.opts.restoring) && end > state.places || end-state.places > groupCommands:
		s.opts.Logger.Warn("the key file holds keys of credentials that the store lacks; they are kept", "keys", end-state.places)
		state.places = end
		return state, nil
	}
	if err := s.vault.keys.Trim(state.places); err != nil {
		return state, err
	}
	return state, s.markLastPlace(state)
}

// markLastPlace shreds the last place given out where an adopted file lacks it, so that the file is known from then on.
func (s *Store) markLastPlace(state keyState) error {
	if state.places == 0 {
		return nil
	}
	var slot keyfile.Slot
	if last, err := s.vault.keys.State(state.places-1, &slot); err != nil || last != keyfile.Unused {
		return nil
	}
	return s.vault.keys.Shred([]uint64{state.places - 1})
}

// dropKeys drops what an import that is put back has written to the key file.
func (s *Store) dropKeys(kept []record) error {
	var state keyState
	for _, r := range kept {
		if string(r.key) != string(keyStateKey) {
			continue
		}
		var err error
		if state, err = s.openKeyState(r.value, new(scratch)); err != nil {
			return err
		}
	}
	return s.vault.keys.Trim(state.places)
}
