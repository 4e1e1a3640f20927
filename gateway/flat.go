package gateway

import "encoding/binary"

// A flat reads FlatBuffers, the encoding of Arrow's metadata, from bytes that a stranger sent. Every access is checked;
// one that leaves the bytes reads as zero and sets bad, which the caller looks at before it believes anything. A
// library reader is not used here because it sizes its slices by the lengths it is told, so that forty hostile bytes
// make it ask for gigabytes, which no recover catches.
type flat struct {
	data []byte
	bad  bool
}

func (f *flat) inside(at, size int) bool {
	if at < 0 || size < 0 || at > len(f.data)-size {
		f.bad = true
		return false
	}
	return true
}

func (f *flat) uint8(at int) uint8 {
	if !f.inside(at, 1) {
		return 0
	}
	return f.data[at]
}

func (f *flat) uint16(at int) int {
	if !f.inside(at, 2) {
		return 0
	}
	return int(binary.LittleEndian.Uint16(f.data[at:]))
}

func (f *flat) int32(at int) int {
	if !f.inside(at, 4) {
		return 0
	}
	return int(int32(binary.LittleEndian.Uint32(f.data[at:])))
}

func (f *flat) int64(at int) int64 {
	if !f.inside(at, 8) {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(f.data[at:]))
}

// follow returns where the reference at a position points: forwards only.
func (f *flat) follow(at int) int {
	if !f.inside(at, 4) {
		return 0
	}
	return at + int(binary.LittleEndian.Uint32(f.data[at:]))
}

// slot returns the position of the i-th field of the table, or 0 where the field is absent.
func (f *flat) slot(table, i int) int {
	vtable := table - f.int32(table)
	size := f.uint16(vtable)
	entry := 4 + 2*i
	if entry+2 > size {
		return 0
	}
	offset := f.uint16(vtable + entry)
	if offset == 0 {
		return 0
	}
	return table + offset
}

// table returns the table that the i-th field refers to, or 0.
func (f *flat) table(table, i int) int {
	at := f.slot(table, i)
	if at == 0 {
		return 0
	}
	return f.follow(at)
}

// vector returns the first element and the length of the vector that the i-th field refers to. The elements lie inside
// the data.
func (f *flat) vector(table, i, elementSize int) (first, n int) {
	at := f.table(table, i)
	if at == 0 || !f.inside(at, 4) {
		return 0, 0
	}
	n = int(binary.LittleEndian.Uint32(f.data[at:]))
	if !f.inside(at+4, n*elementSize) {
		return 0, 0
	}
	return at + 4, n
}

// text returns the string that the i-th field refers to.
func (f *flat) text(table, i int) string {
	first, n := f.vector(table, i, 1)
	return string(f.data[first : first+n])
}

// The fields below take their default, zero, where the slot is empty.

func (f *flat) uint8Field(table, i int) uint8 {
	if at := f.slot(table, i); at != 0 {
		return f.uint8(at)
	}
	return 0
}

func (f *flat) int16Field(table, i int) int {
	if at := f.slot(table, i); at != 0 {
		return int(int16(f.uint16(at)))
	}
	return 0
}

func (f *flat) int32Field(table, i int) int {
	if at := f.slot(table, i); at != 0 {
		return f.int32(at)
	}
	return 0
}

func (f *flat) int64Field(table, i int) int64 {
	if at := f.slot(table, i); at != 0 {
		return f.int64(at)
	}
	return 0
}
