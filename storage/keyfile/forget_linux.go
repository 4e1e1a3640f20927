package keyfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget drops what the system keeps of a synced file in memory, so that reading it reads the disk.
func forget(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
