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

func replaceFile(path string, content []byte) error {
	if err := disk.Replace(path, content); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	return nil
}

// Destroy makes the tier in dir unreadable, by overwriting its key, durably, and removes it. A folder without one, or that
// is not there, is removed as well. Nobody has the tier open.
func Destroy(dir string) error {
	if err := destroyKey(filepath.Join(dir, manifestFile)); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(dir+building)); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	return nil
}

// destroyKey overwrites a manifest where it lies.
func destroyKey(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(path))
}
