// Package disk makes what was written durable. Errors are those of the operating system.
package disk

import (
	"errors"
	"os"
	"path/filepath"
)

// SyncDir makes the names in a folder durable: files that were made, renamed or removed in it.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Replace replaces the file at path whole, by way of path.new: after a crash it has its old content or the new one, which is
// durable when Replace returns.
func Replace(path string, content []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
