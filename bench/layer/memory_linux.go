package layer

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve maps n zeroed bytes outside the heap, on huge pages where the kernel gives them, and returns what gives them
// back.
func reserve(n int) (memory []byte, release func() error, err error) {
	memory, err = unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, fmt.Errorf("layer: reserving %d bytes: %w", n, err)
	}
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE)
	return memory, func() error { return unix.Munmap(memory) }, nil
}
