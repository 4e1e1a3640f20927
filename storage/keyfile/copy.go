package keyfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"zhenni"
	"zhenni/storage/disk"
)

// Copy copies the file, while it is in use, to path, which it replaces once the copy is durable and was read back. It
// calls pace, when not nil, before every page and ends with its error. A copy has every slot whole. Of the Puts meanwhile
// it has the first so many, since it goes from the last page to the first. Its epoch is that of the beginning, so that a
// key destroyed meanwhile, which may be in it, is one that the epoch tells of. It returns the bytes copied. Errors:
// [zhenni.ErrCorrupt] for a copy that does not read back.
func (f *File) Copy(path string, pace func() error) (size int64, err error) {
	if pace == nil {
		pace = func() error { return nil }
	}
	temporary := path + ".new"
	to, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("key file: %w", err)
	}
	size, err = f.copyTo(to, pace)
	if err = errors.Join(err, to.Close()); err == nil {
		err = f.check(temporary)
	}
	if err == nil {
		err = errors.Join(os.Rename(temporary, path), disk.SyncDir(filepath.Dir(path)))
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("copy of the key file: %w", err), os.Remove(temporary))
	}
	return size, nil
}

// check opens the header of a copy.
func (f *File) check(path string) error {
	copied, err := Open(path, f.id, f.key, true)
	if err != nil {
		return err
	}
	return copied.Close()
}

// copyTo writes header and slots, and compares what the disk then gives back.
func (f *File) copyTo(to *os.File, pace func() error) (int64, error) {
	f.turn.Lock()
	size, head := max(f.size, firstSlot), f.header
	f.turn.Unlock()
	if err := errors.Join(to.Truncate(size), head.write(to, f.key)); err != nil {
		return 0, err
	}
	written, err := backwards(size, pace, sha256.New(), func(page []byte, at int64) error {
		if err := f.page(page, at); err != nil {
			return err
		}
		_, err := to.WriteAt(page, at)
		return err
	})
	if err != nil {
		return 0, err
	}
	if err := to.Sync(); err != nil {
		return 0, err
	}
	forget(to)
	read, err := backwards(size, pace, sha256.New(), func(page []byte, at int64) error {
		_, err := to.ReadAt(page, at)
		return err
	})
	if err == nil && !bytes.Equal(read, written) {
		err = fmt.Errorf("%w: it does not read back as it was written", zhenni.ErrCorrupt)
	}
	return size, err
}

// page reads slots while nobody writes. What was trimmed since is unused.
func (f *File) page(page []byte, at int64) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	n, err := f.file.ReadAt(page, at)
	if errors.Is(err, io.EOF) {
		clear(page[n:])
		err = nil
	}
	return err
}

// backwards has visit fill the pages of the slots from the last to the first, and returns the digest of them.
func backwards(size int64, pace func() error, sum hash.Hash, visit func(page []byte, at int64) error) ([]byte, error) {
	buf := make([]byte, scanSlots*SlotSize)
	for pages := (size - firstSlot + int64(len(buf)) - 1) / int64(len(buf)); pages > 0; pages-- {
		if err := pace(); err != nil {
			return nil, err
		}
		at := firstSlot + (pages-1)*int64(len(buf))
		page := buf[:min(int64(len(buf)), size-at)]
		if err := visit(page, at); err != nil {
			return nil, err
		}
		sum.Write(page)
	}
	return sum.Sum(nil), nil
}
