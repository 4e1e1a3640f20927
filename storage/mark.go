package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zhenni"
)

// A mark file holds two slots of markSlot bytes: the body of a [water] and its MAC, then zeros. Commit n writes slot
// n mod 2, so a torn write leaves the other.
const (
	markSlot = 64
	markSize = waterSize + sha256.Size
)

// mark is the high-water mark outside Badger: what Badger had made durable, written after each commit and not synced
// itself. It is never ahead of what was acknowledged, so a view behind it has lost acknowledged changes: bits flipped
// in a log, a shortened manifest, an older copy put back. It is owned by the committer.
type mark struct {
	file *os.File
	key  []byte
}

func createMark(dir string, key []byte) error {
	content := make([]byte, 2*markSlot)
	copy(content, sealMark(water{}, key))
	return writeFile(filepath.Join(dir, markFile), content)
}

func sealMark(w water, key []byte) []byte {
	body := w.appendBody(make([]byte, 0, markSize))
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return mac.Sum(body)
}

// openMark opens the mark file and returns the higher of its slots that hold: [zhenni.ErrCorrupt] when none does.
func openMark(dir string, key []byte, readOnly bool) (*mark, water, error) {
	flags := os.O_RDWR
	if readOnly {
		flags = os.O_RDONLY
	}
	file, err := os.OpenFile(filepath.Join(dir, markFile), flags, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, water{}, fmt.Errorf("%w: %s is missing; restore the store", zhenni.ErrCorrupt, markFile)
	}
	if err != nil {
		return nil, water{}, fmt.Errorf("storage: %w", err)
	}
	content := make([]byte, 2*markSlot)
	if _, err := file.ReadAt(content, 0); err != nil {
		file.Close()
		return nil, water{}, fmt.Errorf("%w: %s is cut short; restore the store", zhenni.ErrCorrupt, markFile)
	}
	high, ok := highest(content, key)
	if !ok {
		file.Close()
		return nil, water{}, fmt.Errorf("%w: %s fails its seal; restore the store", zhenni.ErrCorrupt, markFile)
	}
	return &mark{file, key}, high, nil
}

// highest returns the higher water of the slots that hold.
func highest(content, key []byte) (high water, ok bool) {
	for slot := range 2 {
		b := content[slot*markSlot:][:markSize]
		w, err := decodeWater(b[:waterSize])
		if err != nil || !hmac.Equal(sealMark(w, key), b) {
			continue
		}
		if !ok || w.sequence > high.sequence {
			high, ok = w, true
		}
	}
	return high, ok
}

// write records what a commit made durable.
func (m *mark) write(w water) error {
	if _, err := m.file.WriteAt(sealMark(w, m.key), int64(w.sequence%2)*markSlot); err != nil {
		return fmt.Errorf("storage: mark: %w", err)
	}
	return nil
}

func (m *mark) close() error { return m.file.Close() }
