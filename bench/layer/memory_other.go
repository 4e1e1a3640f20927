//go:build !linux

package layer

import "unsafe"

// reserve allocates n zeroed bytes, the first at a multiple of 64.
func reserve(n int) (memory []byte, release func() error, err error) {
	memory = make([]byte, n+lineBytes)
	skip := -int(uintptr(unsafe.Pointer(&memory[0]))) & (lineBytes - 1)
	return memory[skip : skip+n : skip+n], func() error { return nil }, nil
}
