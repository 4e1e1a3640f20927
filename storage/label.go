package storage

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"zhenni"
)

// format is the version of everything in the folder: header, mark, key layout and records. Format 1 had no log, format 2
// no tallies of the slots, format 3 no key file; a writing Open makes each a store of format 4, which an older build does
// not touch. Format 5 is one on a base.
const (
	baseFormat  = 5
	format      = 4
	oldFormat   = 1
	slotsFormat = 3
)

const storeIDSize = 16

// ErrSandbox: the store is a sandbox's and was opened as a real one, or the other way round.
var ErrSandbox = errors.New("storage: sandbox and real stores are kept apart")

// label is the header file: what the store is, and its own key wrapped by the root key. The MAC is over the JSON of
// the other fields under a key derived from the store key.
type label struct {
	Format   int          `json:"format"`
	Store    string       `json:"store"`
	Model    zhenni.Model `json:"model"`
	Created  time.Time    `json:"created,omitzero"`
	StoreKey []byte       `json:"store_key"`
	// Base is the id of the base that the view lies over; it is of format 5, and of no other.
	Base string `json:"base,omitempty"`
	// Upgraded says that the view of the newest format is complete and has not taken the place of the old one yet.
	Upgraded bool `json:"upgraded,omitempty"`
	// Sandbox says that nobody in it is real.
	Sandbox bool   `json:"sandbox,omitempty"`
	MAC     []byte `json:"mac,omitempty"`
}

// storeKeys are derived from the store key, which the root key unwraps; each has one use.
type storeKeys struct {
	header []byte // MAC of the header file
	mark   []byte // MAC of the high-water mark
	log    []byte // MAC of the log's entries, of the view's position in it and of snapshots
	slots  []byte // MAC of the tallies in the slots file
	file   []byte // MAC of the key file's header
	digest []byte // digests of credential records, AES-256
	other  []byte // digests of other records, HMAC
	backup []byte // MAC of a backup's manifest
	cold   []byte // wraps the key of the cold tier, AES-256
	pin    []byte // makes the keys that wrap those of PINs' records, HMAC
	// subject makes the keys of subjects, HMAC, and place the places in the status lists, AES-256.
	subject, place []byte
	system         *tenantKey // seals the records of tenant 0, the store itself
}

func deriveKeys(storeKey []byte) (storeKeys, error) {
	var keys storeKeys
	var system []byte
	for info, dst := range map[string]*[]byte{
		"header": &keys.header, "mark": &keys.mark, "log": &keys.log, "backup": &keys.backup, "keys": &keys.file, "system": &system,
		"slots": &keys.slots, "digest": &keys.digest, "digest of the rest": &keys.other,
		"cold": &keys.cold, "subject": &keys.subject, "status list": &keys.place,
		"PIN": &keys.pin,
	} {
		derived, err := hkdf.Expand(sha256.New, storeKey, "zhenni storage 1 "+info, keySize)
		if err != nil {
			return keys, fmt.Errorf("storage: %w", err)
		}
		*dst = derived
	}
	aead, err := newGCM(system)
	keys.system = &tenantKey{aead: aead, version: 1}
	return keys, err
}

// newLabel draws a store id and a store key.
func newLabel(o Options) (label, storeKeys, error) {
	var random [storeIDSize + keySize]byte
	if _, err := io.ReadFull(o.Entropy, random[:]); err != nil {
		return label{}, storeKeys{}, fmt.Errorf("%w: no entropy to create a store: %w", zhenni.ErrUnavailable, err)
	}
	l := label{Format: format, Store: hex.EncodeToString(random[:storeIDSize]), Model: o.Model, Sandbox: o.Sandbox}
	if !o.Created.IsZero() {
		l.Created = o.Created.UTC().Round(0)
	}
	storeKey := random[storeIDSize:]
	defer clear(storeKey)
	keys, err := deriveKeys(storeKey)
	if err != nil {
		return l, keys, err
	}
	if l.StoreKey, err = o.Root.Wrap(storeKey, l.context("store key")); err != nil {
		return l, keys, err
	}
	l.MAC, err = l.mac(keys.header)
	return l, keys, err
}

// context names one use of the root key in this store.
func (l label) context(use string) []byte {
	return []byte("zhenni storage 1 " + l.Store + " " + use)
}

func (l label) mac(key []byte) ([]byte, error) {
	l.MAC = nil
	return formMAC(l, key)
}

// formMAC is HMAC-SHA256 over the JSON of what a file says but its MAC. A value without a written form is an error.
func formMAC(said any, key []byte) ([]byte, error) {
	text, err := json.Marshal(said)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return entryMAC(text, key), nil
}

func (l label) write(dir string) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return writeFile(filepath.Join(dir, headerFile), append(text, '\n'))
}

// parseLabel reads a header file: [zhenni.ErrFormat] for a format of another build, [zhenni.ErrCorrupt] for no header.
func parseLabel(text []byte) (label, error) {
	var l label
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("%w: %s does not read as a store's header; put back a copy of it", zhenni.ErrCorrupt, headerFile)
	}
	if l.Format < oldFormat || l.Format > baseFormat {
		return l, fmt.Errorf("%w: %s has format %d, this build reads %d to %d", zhenni.ErrFormat, headerFile, l.Format, oldFormat, baseFormat)
	}
	return l, nil
}

// unlock opens the store key and checks the header against it: [zhenni.ErrWrongKey], [zhenni.ErrCorrupt].
func (l label) unlock(root RootKey) (storeKeys, error) {
	storeKey, err := root.Unwrap(l.StoreKey, l.context("store key"))
	if err != nil {
		return storeKeys{}, fmt.Errorf("the store key in %s: %w: name the store's own root key, by --key-file; if it is that, %s is damaged: "+
			"put back a copy of it, or make the store again of its backup with zhenni restore", headerFile, err, headerFile)
	}
	defer clear(storeKey)
	keys, err := deriveKeys(storeKey)
	if err != nil {
		return keys, err
	}
	mac, err := l.mac(keys.header)
	if err != nil { // a value of it has no written form
		return keys, fmt.Errorf("%w: %s was changed; restore it: %w", zhenni.ErrCorrupt, headerFile, err)
	}
	if !hmac.Equal(mac, l.MAC) {
		return keys, fmt.Errorf("%w: %s was changed; restore it", zhenni.ErrCorrupt, headerFile)
	}
	return keys, nil
}

// openLabel reads the header of the store in o.Dir, or creates one with its mark where the folder holds no store.
func openLabel(o Options) (label, storeKeys, error) {
	text, err := os.ReadFile(filepath.Join(o.Dir, headerFile))
	if errors.Is(err, os.ErrNotExist) {
		return createLabel(o)
	}
	if err != nil {
		return label{}, storeKeys{}, fmt.Errorf("storage: %w", err)
	}
	l, err := parseLabel(text)
	if err != nil {
		return l, storeKeys{}, err
	}
	keys, err := l.unlock(o.Root)
	if err != nil {
		return l, keys, err
	}
	if o.Model != (zhenni.Model{}) && o.Model != l.Model {
		return l, keys, fmt.Errorf("%w: the store holds templates of model %s (dimension %d, %s), not of %s (dimension %d, %s)",
			zhenni.ErrBadValue, l.Model.ID, l.Model.Dim, l.Model.Factor, o.Model.ID, o.Model.Dim, o.Model.Factor)
	}
	return l, keys, l.checkSandbox(o)
}

// checkSandbox keeps a sandbox's store from whoever would take its people for real ones, and a real one from a sandbox. Who only looks may
// look at both.
func (l label) checkSandbox(o Options) error {
	switch {
	case l.Sandbox == o.Sandbox, o.ReadOnly && !o.VerifyOnly && !o.Sandbox:
		return nil
	case l.Sandbox:
		return fmt.Errorf("%w: the store is a sandbox's, and nobody in it is real: zhenni serve --sandbox opens it, and nothing else", ErrSandbox)
	}
	return fmt.Errorf("%w: the store is a real one, which no sandbox opens: name another folder", ErrSandbox)
}

// createLabel starts a store. Mark and key file are written before the header, so a store with a header has both.
func createLabel(o Options) (label, storeKeys, error) {
	switch _, err := os.Stat(filepath.Join(o.Dir, viewDir)); {
	case err == nil:
		return label{}, storeKeys{}, fmt.Errorf("%w: %s is missing beside a view; restore it", zhenni.ErrCorrupt, headerFile)
	case o.ReadOnly:
		return label{}, storeKeys{}, fmt.Errorf("%w: no store in %s", zhenni.ErrNotFound, o.Dir)
	case o.Model == zhenni.Model{}:
		return label{}, storeKeys{}, fmt.Errorf("%w: a new store needs a model", zhenni.ErrBadValue)
	}
	l, keys, err := newLabel(o)
	if err != nil {
		return l, keys, err
	}
	if err := createMark(o.Dir, keys.mark); err != nil {
		return l, keys, err
	}
	if err := createKeys(o, l, keys); err != nil {
		return l, keys, err
	}
	return l, keys, l.write(o.Dir)
}
