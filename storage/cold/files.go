package cold

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zhenni/storage/disk"
)

// Every file of a tier, in its folder.
const (
	manifestFile = "manifest.json"
	markFile     = "mark"
	rowsFile     = "rows"
	idsFile      = "ids"
	// building is put behind the name of the folder while a tier is made.
	building = ".new"
)

// replaceFile replaces the file at path whole: after a crash it has the old content or the new, and the new is durable
// when replaceFile returns.
func replaceFile(path string, content []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = disk.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	return nil
}

// removeTier removes the tier in dir, first of all what makes it one.
func removeTier(dir string) error {
	err := os.Remove(filepath.Join(dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	return nil
}
