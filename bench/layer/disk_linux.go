package layer

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mapFile maps the first n bytes of a file for reading, and returns what unmaps them.
func mapFile(path string, n int) (memory []byte, release func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("layer: %w", err)
	}
	defer f.Close()
	if memory, err = unix.Mmap(int(f.Fd()), 0, n, unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, nil, fmt.Errorf("layer: mapping %s: %w", path, err)
	}
	return memory, func() error { return unix.Munmap(memory) }, nil
}

// openDirect opens a file for reads around the page cache: [errors.ErrUnsupported] where its file system has none.
func openDirect(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		return nil, errors.ErrUnsupported
	}
	return f, err
}

// Forget drops what the system holds of the synced files under a folder, those that this process has mapped included.
func Forget(dir string) error {
	if err := pageOut(dir); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the store removes files of its own
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		return f.Close()
	})
}

// pageOut takes the pages of files under the folder out of the address space: the system does not drop what is mapped. It
// changes no content, even where an address meanwhile is something else's.
func pageOut(dir string) error {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), dir) {
			continue
		}
		var first, last uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x", &first, &last); n == 2 {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, first, last-first, unix.MADV_PAGEOUT)
		}
	}
	return lines.Err()
}
