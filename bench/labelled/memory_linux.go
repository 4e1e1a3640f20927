package labelled

import "golang.org/x/sys/unix"

// limitMemory makes the kernel refuse this process more than n bytes of writable memory.
func limitMemory(n uint64) error {
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: n, Max: n})
}
