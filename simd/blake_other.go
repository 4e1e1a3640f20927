//go:build purego || !amd64

package simd

func blakeChunks(values *blakeValues, message []byte, n int, counter uint64) {
	blakeChunksGeneric(values, message, n, counter)
}

func blakeParents(values, left, right *blakeValues) { blakeParentsGeneric(values, left, right) }
