package storage

import (
	"os"
	"path/filepath"
)

// Exists reports whether a folder holds a store, of any format.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, headerFile))
	return err == nil
}
