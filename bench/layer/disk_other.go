//go:build !linux

package layer

import (
	"errors"
	"fmt"
	"os"
)

// mapFile reads the file, where there is no mapping of ours.
func mapFile(path string, n int) (memory []byte, release func() error, err error) {
	if memory, err = os.ReadFile(path); err != nil {
		return nil, nil, fmt.Errorf("layer: %w", err)
	}
	return memory[:n], func() error { return nil }, nil
}

// openDirect is for systems that read around the page cache.
func openDirect(string) (*os.File, error) { return nil, errors.ErrUnsupported }

// Forget is for systems that drop what they hold of files.
func Forget(string) error { return errors.ErrUnsupported }
