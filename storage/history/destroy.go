package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zhenni/storage/disk"
	"zhenni/storage/wrappedkey"
)

// Exists reports whether a folder holds a history.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, wrappedkey.File))
	return err == nil
}

// Destroy makes the history in a folder unreadable, by overwriting its key, durably, and removes it. Nobody has it open. A
// folder that is not there is no error.
func Destroy(dir string) error {
	for _, name := range []string{wrappedkey.NextFile, wrappedkey.File} {
		if err := overwrite(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// overwrite writes zeros over a file, if there is one, and syncs it.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	return errors.Join(err, disk.SyncData(f), f.Close())
}
