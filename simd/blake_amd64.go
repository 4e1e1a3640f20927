//go:build !purego

package simd

import "unsafe"

// blakeWhole is where the chunks of a whole group begin.
var blakeWhole = func() (at [wideChunks]int) {
	for i := range at {
		at[i] = i * blakeChunk
	}
	return at
}()

// blakeChunks leaves one chunk to the generic code, which is as fast as a vector of one, and a message of few blocks, which is
// not worth what wide registers cost after it.
func blakeChunks(values *blakeValues, message []byte, n int, counter uint64) {
	if !useVNNI || n < 2 || counter == 0 && !wideFor(n*blakeChunk/blakeBlock) {
		blakeChunksGeneric(values, message, n, counter)
		return
	}
	if raceEnabled {
		raceChunks(message[:n*blakeChunk])
	}
	at := blakeWhole
	for i := n; i < wideChunks; i++ {
		at[i] = at[n-1] // a chunk too often rather than one outside of the message
	}
	chunksVNNI((*[8][wideChunks]uint32)(values), unsafe.SliceData(message), &at, counter)
}

func blakeParents(values, left, right *blakeValues) {
	if !useVNNI {
		blakeParentsGeneric(values, left, right)
		return
	}
	parentsVNNI((*[8][wideChunks]uint32)(values), (*[8][wideChunks]uint32)(left), (*[8][wideChunks]uint32)(right))
}
