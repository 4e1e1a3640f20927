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
