package disk

import (
	"errors"
	"os"
	"syscall"
)

// SyncData makes what was written in place durable. The file's size does not change, so its metadata can wait.
func SyncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
