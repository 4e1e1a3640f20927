//go:build unix

package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"zhenni"
)

// FreeBytes returns what an unprivileged process may still write to the disk under dir.
func FreeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("storage: free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// A lock that is held is asked for a few times: a process that is being started holds, until its program begins, what its
// parent has open, and so a lock that the parent has given back meanwhile.
const (
	lockTries = 6
	lockPause = 20 * time.Millisecond
)

// lockDir takes the lock of a store's folder, shared for reading: [zhenni.ErrLocked] when another process has it.
// The lock goes with the file, so with the process too.
func lockDir(dir string, shared bool) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	for try := 1; try < lockTries && errors.Is(err, unix.EWOULDBLOCK); try++ {
		time.Sleep(lockPause)
		err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	}
	if err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", zhenni.ErrLocked, dir)
		}
		return nil, fmt.Errorf("storage: lock %s: %w", dir, err)
	}
	return f, nil
}

// diskBytes sums the blocks that the files under dir take; a file that vanishes meanwhile counts nothing. Badger
// preallocates sparse files, so lengths would overstate.
func diskBytes(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(path, &st) == nil {
			total += st.Blocks * 512
		}
		return nil
	})
	return total
}
