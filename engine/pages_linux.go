package engine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve maps n zeroed bytes of address space; memory is taken page by page as it is touched. The pages are huge
// where the kernel has them, stay out of core dumps and, where RLIMIT_MEMLOCK allows, out of swap: they hold opened
// templates. The advice is best effort, so that a node starts on a kernel or in a container without it.
func reserve(n int) ([]byte, error) {
	flags := unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_NORESERVE
	memory, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, fmt.Errorf("engine: reserving %d bytes: %w", n, err)
	}
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE)
	_ = unix.Madvise(memory, unix.MADV_DONTDUMP)
	_, _, _ = unix.Syscall(unix.SYS_MLOCK2, uintptr(unsafe.Pointer(&memory[0])), uintptr(n), unix.MLOCK_ONFAULT)
	return memory, nil
}

// release gives back what reserve returned.
func release(memory []byte) error { return unix.Munmap(memory) }
