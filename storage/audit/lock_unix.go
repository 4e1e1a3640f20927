//go:build unix

package audit

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"zhenni"
)

// reserve is the free disk space, in bytes, below which a log in a folder takes nothing.
const reserve = 256 << 20

// FolderRoom is a Room of [Options] for a log in a folder: at least 256 MiB must be free.
func FolderRoom(dir string) func() error {
	return func() error {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			return err
		}
		if free := int64(st.Bavail) * int64(st.Bsize); free < reserve {
			return fmt.Errorf("%d bytes of disk are free, the reserve is %d", free, int64(reserve))
		}
		return nil
	}
}

// LockFolder takes the lock of the folder of a log, which it makes where there is none: [zhenni.ErrLocked] while another
// process has it. Closing gives it back, and so does the end of the process.
func LockFolder(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, ioError(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, ioError(err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		err = fmt.Errorf("%w: %s", zhenni.ErrLocked, dir)
	default:
		err = ioError(err)
	}
	return nil, errors.Join(err, f.Close())
}
