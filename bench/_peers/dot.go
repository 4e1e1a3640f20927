package main

import (
	"encoding/binary"
	"math"
	"runtime"
	"unsafe"
)

func cores() int { return runtime.GOMAXPROCS(0) }

// The comparisons of a Go client, of vectors with an even number of elements: plain loops over two sums, which the compiler keeps in registers. They are what an
// engineer writes beside a database and are far below the cost of a fetch.

// dotInt8 returns Σab and Σb² of a row that came as bytes.
func dotInt8(a []int8, b []byte) (dot, norm int32) {
	var d0, d1, n0, n1 int32
	b = b[:len(a)]
	for i := 0; i+2 <= len(a); i += 2 {
		x, y := int32(int8(b[i])), int32(int8(b[i+1]))
		d0 += int32(a[i]) * x
		d1 += int32(a[i+1]) * y
		n0 += x * x
		n1 += y * y
	}
	return d0 + d1, n0 + n1
}

// dotLittle returns Σab where b holds little-endian float32.
func dotLittle(a []float32, b []byte) float32 {
	var s0, s1 float32
	b = b[:4*len(a)]
	for i := 0; i+2 <= len(a); i += 2 {
		s0 += a[i] * math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		s1 += a[i+1] * math.Float32frombits(binary.LittleEndian.Uint32(b[4*i+4:]))
	}
	return s0 + s1
}

// dotReal returns Σab where b holds the elements of a real[] as PostgreSQL sends them: a length before each, both
// big-endian.
func dotReal(a []float32, b []byte) float32 {
	var s0, s1 float32
	b = b[:8*len(a)]
	for i := 0; i+2 <= len(a); i += 2 {
		s0 += a[i] * math.Float32frombits(binary.BigEndian.Uint32(b[8*i+4:]))
		s1 += a[i+1] * math.Float32frombits(binary.BigEndian.Uint32(b[8*i+12:]))
	}
	return s0 + s1
}

// littleFloats appends v in little-endian byte order.
func littleFloats(dst []byte, v []float32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// rawBytes are the elements of a row as they lie in memory.
func rawBytes(row []int8) []byte {
	if len(row) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&row[0])), len(row))
}
