package keyfile

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes what was written in place durable. The file's size does not change, so its metadata can wait.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
