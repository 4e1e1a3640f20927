//go:build !race

package simd

// raceEnabled is false here, so that the calls below are compiled away.
const raceEnabled = false

func raceReadBytes([]int8)                                  {}
func raceWriteBytes([]int8)                                 {}
func raceWriteWords([]int32)                                {}
func raceReadFloats([]float32)                              {}
func racePairs([]int32, []int8, []int, []int8, []int, int)  {}
func raceBlock(dst []int32, probe, rows []int8, stride int) {}
func raceHadamard([]float32, []uint64)                      {}
func raceDigests([][digestSize]byte, *batch)                {}
func raceChunks([]byte)                                     {}
