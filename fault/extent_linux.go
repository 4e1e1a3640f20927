package fault

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// extentsOf lists the parts of a file that are not holes.
func extentsOf(f *os.File, size int64) (list []extent, err error) {
	for at := int64(0); at < size; {
		first, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole is left
		}
		if err != nil {
			return nil, err
		}
		last, err := unix.Seek(int(f.Fd()), first, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		list = append(list, extent{first, last})
		at = last
	}
	return list, nil
}
