//go:build race

package simd

import (
	"runtime"
	"unsafe"
)

// The race detector does not see what assembly touches; these tell it, range by range.
const raceEnabled = true

func raceRead[T any](s []T) {
	if len(s) > 0 {
		runtime.RaceReadRange(unsafe.Pointer(&s[0]), len(s)*int(unsafe.Sizeof(s[0])))
	}
}

func raceWrite[T any](s []T) {
	if len(s) > 0 {
		runtime.RaceWriteRange(unsafe.Pointer(&s[0]), len(s)*int(unsafe.Sizeof(s[0])))
	}
}

func raceReadBytes(s []int8)     { raceRead(s) }
func raceWriteBytes(s []int8)    { raceWrite(s) }
func raceWriteWords(s []int32)   { raceWrite(s) }
func raceReadFloats(s []float32) { raceRead(s) }
func raceChunks(s []byte)        { raceRead(s) }

func racePairs(dst []int32, a []int8, aOff []int, b []int8, bOff []int, d int) {
	raceRead(aOff)
	raceRead(bOff)
	for i := range dst {
		raceRead(a[aOff[i] : aOff[i]+d])
		raceRead(b[bOff[i] : bOff[i]+d])
	}
	raceWrite(dst)
}

func raceBlock(dst []int32, probe, rows []int8, stride int) {
	raceRead(probe)
	for i := range dst {
		raceRead(rows[i*stride : i*stride+len(probe)])
	}
	raceWrite(dst)
}

func raceHadamard(x []float32, signs []uint64) {
	raceRead(signs[:(len(x)+63)/64])
	raceWrite(x)
}

func raceDigests(dst [][digestSize]byte, m *batch) {
	for i := range dst {
		raceRead(m.message(i))
	}
	raceWrite(dst)
}
