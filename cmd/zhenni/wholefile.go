package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"zhenni/storage/disk"
)

// wholeFile is a file in the making: it takes the place of the one at path when it is kept, whole and durable, or never.
type wholeFile struct {
	*os.File
	path string
}

// newWholeFile begins a file beside path. What is there and no file, such as a device, is refused. Whoever begins one
// defers discard.
func newWholeFile(path string, mode fs.FileMode) (*wholeFile, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, usage("write %s: it is no regular file: name one to make or replace", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".zhenni-*")
	if err != nil {
		return nil, environment("%w", err)
	}
	if err := f.Chmod(mode); err != nil {
		return nil, errors.Join(environment("write %s: %w", path, err), f.Close(), os.Remove(f.Name()))
	}
	return &wholeFile{f, path}, nil
}

// keep puts the file in its place.
func (w *wholeFile) keep() error {
	if err := errors.Join(w.Sync(), w.Close()); err != nil {
		return environment("write %s: %w", w.path, err)
	}
	if err := errors.Join(os.Rename(w.Name(), w.path), disk.SyncDir(filepath.Dir(w.path))); err != nil {
		return environment("write %s: %w", w.path, err)
	}
	return nil
}

// discard removes a file that was not kept.
func (w *wholeFile) discard() {
	_ = w.Close()
	_ = os.Remove(w.Name())
}
