package cold

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"zhenni/storage/disk"
)

// openPages opens the rows once more for reads of whole pages around the page cache, so that rows read once do not push
// out what is used again. Where the file system does not have that, they go through it, without reading ahead.
func openPages(rows *os.File, cached bool) (*os.File, error) {
	if !cached {
		direct, err := os.OpenFile(rows.Name(), os.O_RDONLY|unix.O_DIRECT, 0)
		if err == nil && readsPages(direct) {
			return direct, nil
		}
		if err == nil {
			direct.Close()
		}
	}
	f, err := os.Open(rows.Name())
	if err != nil {
		return nil, fmt.Errorf("cold: %w", err)
	}
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM)
	return f, nil
}

// readsPages reports whether the first page can be read; an empty file can.
func readsPages(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err == nil
	}
	_, err = f.ReadAt(disk.Grow(nil, pageBytes)[:pageBytes], 0)
	return err == nil
}
