package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"zhenni/bench/result"
)

// Memory is divided once, at start: the arena gets what the operator says or half of what is free up to a cap, the
// garbage-collected heap is limited to most of what is left. The arena takes its pages as rows fill it.
const (
	maxArenaDefault = 16 << 30
	minArenaDefault = 64 << 20
	minHeapLimit    = 512 << 20
)

// arenaBudget returns the arena's bytes: asked, or the default for the free memory where asked is 0.
func arenaBudget(asked, free byteSize) byteSize {
	if asked > 0 {
		return asked
	}
	return min(max(free/2, minArenaDefault), maxArenaDefault)
}

// limitHeap sets the soft limit of the Go heap, unless GOMEMLIMIT sets it.
func limitHeap(free, arena byteSize) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(max((free-arena)*3/4, minHeapLimit)))
	}
}

// freeMemory returns the bytes this process may still take: what the machine has available or, where lower, what the
// control group leaves. Where neither can be read it is 2 GiB.
func freeMemory() byteSize {
	free := byteSize(2 << 30)
	if available, ok := result.KernelBytes("/proc/meminfo", "MemAvailable"); ok {
		free = byteSize(available)
	}
	limit, limited := readNumber("/sys/fs/cgroup/memory.max")
	if used, ok := readNumber("/sys/fs/cgroup/memory.current"); ok && limited {
		free = min(free, max(byteSize(limit-used), 0))
	}
	return free
}

// residentBytes returns the resident set of this process, or 0 where it can not be read.
func residentBytes() int64 {
	resident, _ := result.KernelBytes("/proc/self/status", "VmRSS")
	return resident
}

func readNumber(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
