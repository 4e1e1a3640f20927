package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// openDirect opens a file once more, for writes around the page cache, or returns nil: a file system in
// memory, a kernel before 6.1, a device of larger sectors.
func openDirect(file *os.File) *os.File {
	var stat unix.Statx_t
	err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &stat)
	if err != nil || stat.Mask&unix.STATX_DIOALIGN == 0 || !divides(stat.Dio_offset_align) || !divides(stat.Dio_mem_align) {
		return nil
	}
	direct, err := os.OpenFile(file.Name(), os.O_WRONLY|unix.O_DIRECT|unix.O_DSYNC, 0)
	if err != nil {
		return nil
	}
	return direct
}

// divides reports whether the requirement of a file system is met by whole sectors.
func divides(align uint32) bool { return align > 0 && Sector%align == 0 }
