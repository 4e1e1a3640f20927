//go:build !linux

package engine

import "unsafe"

// reserve allocates n zeroed bytes, the first at a multiple of 64. Nothing keeps them out of swap or core dumps here.
func reserve(n int) ([]byte, error) {
	memory := make([]byte, n+lineBytes)
	skip := -int(uintptr(unsafe.Pointer(&memory[0]))) & (lineBytes - 1)
	return memory[skip : skip+n : skip+n], nil
}

// release gives back what reserve returned.
func release(memory []byte) error {
	clear(memory)
	return nil
}
