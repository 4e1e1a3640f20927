package engine

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// flagsOf returns the kernel's flags of the mapping that starts at the address of memory.
func flagsOf(t *testing.T, memory []byte) []string {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip("no smaps here:", err)
	}
	defer f.Close()
	start, inside := fmt.Sprintf("%x-", uintptr(unsafe.Pointer(&memory[0]))), false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		inside = inside || strings.HasPrefix(lines.Text(), start)
		if flags, found := strings.CutPrefix(lines.Text(), "VmFlags:"); found && inside {
			return strings.Fields(flags)
		}
	}
	t.Skip("the mapping is not listed on its own")
	return nil
}

// Templates stay out of core dumps.
func TestPagesAreAdvised(t *testing.T) {
	memory, err := reserve(1 << 30)
	if err != nil {
		t.Skip("no address space for the test:", err)
	}
	defer func() {
		if err := release(memory); err != nil {
			t.Error(err)
		}
	}()
	flags := flagsOf(t, memory)
	if !slices.Contains(flags, "dd") {
		t.Errorf("flags %v: no dd, the pages go into core dumps", flags)
	}
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err == nil && !slices.Contains(flags, "hg") {
		t.Errorf("flags %v: no hg, the pages are small", flags)
	}
}
