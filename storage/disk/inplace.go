package disk

import (
	"errors"
	"os"
	"slices"
	"unsafe"
)

// Sector is the unit in which [InPlace.Through] goes around the page cache: where offset, length and memory are
// multiples of it, and the file system has it.
const Sector = 512

// InPlace is a file that keeps its size and is written by one goroutine.
type InPlace struct {
	file *os.File
	// direct writes around the page cache and returns when the device has it; nil where that is not to be had.
	direct *os.File
}

// OpenInPlace opens an existing file.
func OpenInPlace(path string) (*InPlace, error) {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &InPlace{file, openDirect(file)}, nil
}

const (
	// fillDirect is the size from which [Fill] goes around the page cache: what is less is likely to be read soon.
	fillDirect = 1 << 20
	// piece is as much as is written at a time beside writes that somebody waits for: they come between.
	piece = 256 << 10
)

// Fill writes the content of a new file, which then is as durable as a write makes it. Large content in memory of [Grow]
// goes around the page cache, which would be filled with what nobody reads.
func Fill(f *os.File, content []byte) error {
	if len(content) >= fillDirect && aligned(content) {
		if direct := openDirect(f); direct != nil {
			return errors.Join(fill(direct, content), direct.Close())
		}
	}
	return fill(f, content)
}

func fill(f *os.File, content []byte) error {
	for part := range slices.Chunk(content, piece) {
		if _, err := f.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// Clear overwrites the first size bytes of a file, whole sectors of it, with zeros by way of through, its
// [InPlace.Through].
func Clear(through func(b []byte, at int64) error, size int64) error {
	zeros := Grow(nil, piece)[:min(piece, size)]
	for at := int64(0); at < size; at += piece {
		if err := through(zeros[:min(piece, size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// WriteAt writes what survives the process at once, and a power failure some time later or with the next Sync.
func (f *InPlace) WriteAt(b []byte, at int64) (int, error) { return f.file.WriteAt(b, at) }

// Through writes b and returns when it is durable. What WriteAt wrote elsewhere in the file need not be.
func (f *InPlace) Through(b []byte, at int64) error {
	if f.direct != nil && at%Sector == 0 && aligned(b) {
		_, err := f.direct.WriteAt(b, at)
		return err
	}
	if _, err := f.file.WriteAt(b, at); err != nil {
		return err
	}
	return SyncData(f.file)
}

// Sync makes everything durable that was written.
func (f *InPlace) Sync() error { return SyncData(f.file) }

// Close closes the file.
func (f *InPlace) Close() error {
	if f.direct == nil {
		return f.file.Close()
	}
	return errors.Join(f.direct.Close(), f.file.Close())
}

func aligned(b []byte) bool {
	return len(b)%Sector == 0 && uintptr(unsafe.Pointer(unsafe.SliceData(b)))%Sector == 0
}

// Grow returns b with room for n bytes behind it, as [slices.Grow] does, in memory that [InPlace.Through] takes as it
// is.
func Grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	raw := make([]byte, max(2*cap(b), len(b)+n)+Sector)
	// The heap does not move, so what is aligned once stays so.
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (Sector - 1)
	grown := raw[skip : skip+len(b)]
	copy(grown, b)
	return grown
}

// RoundUp returns the least multiple of [Sector] that is no less than n.
func RoundUp(n int) int { return (n + Sector - 1) &^ (Sector - 1) }
