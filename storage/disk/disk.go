// Package disk makes what was written durable. Errors are those of the operating system.
package disk

import (
	"errors"
	"os"
)

// SyncDir makes the names in a folder durable: files that were made, renamed or removed in it.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
