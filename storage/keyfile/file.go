package keyfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"zhenni"
	"zhenni/storage/disk"
)

const (
	// SlotSize is the length in bytes of a slot.
	SlotSize = 64
	// PayloadSize is the length in bytes of what a caller keeps in a slot.
	PayloadSize = 62

	stateAt = SlotSize - 1
	// growth is what the file grows by.
	growth = 1 << 20
)

// State is what a slot holds.
type State uint8

// The states of a slot.
const (
	Unused State = iota
	Used
	Shredded
)

// Slot is one slot as it lies in the file.
type Slot [SlotSize]byte

// Fill makes the slot hold a payload of [PayloadSize] bytes.
func (s *Slot) Fill(payload []byte) {
	copy(s[:PayloadSize], payload)
	s[PayloadSize], s[stateAt] = 0, byte(Used)
}

// Payload returns what the slot holds, sharing its memory.
func (s *Slot) Payload() []byte { return s[:PayloadSize] }

// File is an open key file. Reads may run beside each other and beside one writer; the writing methods take turns. A
// read beside a write of the same slot may see a mix of both, which the seal of the payload tells.
type File struct {
	file *os.File
	key  []byte

	turn sync.Mutex
	header
	size int64 // of the file
}

// Create makes an empty key file at path, durably, and opens it. A file there that holds slots is [zhenni.ErrExists];
// one without is what an earlier Create left, and is replaced.
func Create(path string, id ID, key []byte) (*File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > firstSlot {
		return nil, fmt.Errorf("%w: key file %s", zhenni.ErrExists, path)
	}
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	err = errors.Join(f.Truncate(firstSlot), header{id: id}.write(f, key), f.Sync(), f.Close())
	if err == nil {
		err = errors.Join(os.Rename(temporary, path), disk.SyncDir(filepath.Dir(path)))
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return Open(path, id, key, false)
}

// Open opens the key file of the store id at path. Errors: that of the file system for a file that is not there
// ([os.ErrNotExist]); [zhenni.ErrCorrupt] for a header that fails its seal under key, or names another store.
func Open(path string, id ID, key []byte, readOnly bool) (*File, error) {
	flags := os.O_RDWR
	if readOnly {
		flags = os.O_RDONLY
	}
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	f := &File{file: file, key: key}
	if err := f.open(id); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

func (f *File) open(id ID) (err error) {
	if f.header, err = readHeader(f.file, f.key); err != nil {
		return err
	}
	if f.id != id {
		return fmt.Errorf("%w: the key file belongs to another store", zhenni.ErrCorrupt)
	}
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	f.size = info.Size()
	return nil
}

// Close closes the file without syncing it.
func (f *File) Close() error { return f.file.Close() }

// Epoch returns the count that SetEpoch wrote last.
func (f *File) Epoch() uint64 {
	f.turn.Lock()
	defer f.turn.Unlock()
	return f.epoch
}

// SetEpoch writes the epoch, durably.
func (f *File) SetEpoch(epoch uint64) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	next := header{f.id, f.revision + 1, epoch}
	if err := errors.Join(next.write(f.file, f.key), disk.SyncData(f.file)); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	f.header = next
	return nil
}

func offset(place uint64) int64 { return firstSlot + int64(place)*SlotSize }

// Places returns how many places the file has room for now; those behind are unused.
func (f *File) Places() uint64 {
	f.turn.Lock()
	defer f.turn.Unlock()
	return uint64(max(0, f.size-firstSlot)) / SlotSize
}

// Read reads the slot at place into s: [zhenni.ErrCorrupt] for one that holds no key. It does not allocate.
func (f *File) Read(place uint64, s *Slot) error {
	state, err := f.State(place, s)
	if err == nil && state != Used {
		return errNoKey
	}
	return err
}

var errNoKey = fmt.Errorf("%w: the place in the key file holds no key", zhenni.ErrCorrupt)

// State reads the slot at place into s, the end of the file as unused slots: [zhenni.ErrCorrupt] for no slot's form.
func (f *File) State(place uint64, s *Slot) (State, error) {
	if place >= 1<<56 {
		return Unused, errNoKey
	}
	clear(s[:])
	if n, err := f.file.ReadAt(s[:], offset(place)); err != nil && !errors.Is(err, io.EOF) {
		return Unused, fmt.Errorf("%w: key file: %w", zhenni.ErrUnavailable, err)
	} else if n > 0 && n < SlotSize {
		return Unused, errNoKey
	}
	return s.state()
}

func (s *Slot) state() (State, error) {
	switch state := State(s[stateAt]); {
	case state == Used && s[PayloadSize] == 0:
		return Used, nil
	case state != Used && state <= Shredded && *s == (Slot{stateAt: byte(state)}):
		return state, nil
	}
	return Unused, errNoKey
}

// Put writes the slots of consecutive places, durably; slots is a multiple of [SlotSize] bytes.
func (f *File) Put(first uint64, slots []byte) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	if err := f.grow(offset(first) + int64(len(slots))); err != nil {
		return err
	}
	if _, err := f.file.WriteAt(slots, offset(first)); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if err := disk.SyncData(f.file); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// grow appends zeros until the file has a length of at least size.
func (f *File) grow(size int64) error {
	if size <= f.size {
		return nil
	}
	to := (size + growth - 1) / growth * growth
	zeros := make([]byte, growth)
	for f.size < to {
		n, err := f.file.WriteAt(zeros[:min(growth, to-f.size)], f.size)
		f.size += int64(n)
		if err != nil {
			return fmt.Errorf("key file: %w", err)
		}
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// Write is Put without the sync, for a great many slots in order.
func (f *File) Write(first uint64, slots []byte) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	n, err := f.file.WriteAt(slots, offset(first))
	f.size = max(f.size, offset(first)+int64(n))
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// Sync makes everything written durable.
func (f *File) Sync() error {
	f.turn.Lock()
	defer f.turn.Unlock()
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// Replace overwrites one slot in place. A crash leaves the old slot or the new, as it lies within a sector.
func (f *File) Replace(place uint64, s *Slot) error { return f.Write(place, s[:]) }

// Shred overwrites the slots of the places, durably: what they held is gone.
func (f *File) Shred(places []uint64) error {
	tombstone := Slot{stateAt: byte(Shredded)}
	for _, place := range places {
		if err := f.Replace(place, &tombstone); err != nil {
			return err
		}
	}
	return f.Sync()
}

// Trim cuts the file to so many places, durably.
func (f *File) Trim(places uint64) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	if f.size <= offset(places) {
		return nil
	}
	if err := errors.Join(f.file.Truncate(offset(places)), f.file.Sync()); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	f.size = offset(places)
	return nil
}
