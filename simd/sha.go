package simd

import (
	"crypto/sha256"
	"unsafe"
)

// SHA-256 of many short messages of one length. One message cannot be hashed faster than its rounds follow each other,
// but a vector does the same round of sixteen messages (AVX-512) or eight (AVX2) at once. Of the Go packages that
// do the same, sha256-simd hands each message to a server goroutine over a channel, which costs more than a short
// message, and gohashtree hashes pairs of 32 bytes alone, without the byte that RFC 6962 puts before them.

// digestSize is the length of a SHA-256.
const digestSize = sha256.Size

// longestPrefixed is the longest message that takes a prefix: the generic code copies it to the stack.
const longestPrefixed = 511

// Arguments of the hashing functions that do not fit together.
const (
	messageOutside = "simd: a message leaves its slice"
	prefixedLong   = "simd: a message with a prefix is too long"
)

// SumMany writes dst[i] = SHA-256(messages[i*stride : i*stride+size]) for every i. dst and messages do not overlap.
// It panics, with dst untouched, if a message leaves messages.
func SumMany[D ~[digestSize]byte](dst []D, messages []byte, size, stride int) {
	checkMessages(len(dst), len(messages), size, stride)
	sum(digests(dst), &batch{first: unsafe.SliceData(messages), size: size, stride: stride})
}

// SumPrefixed is SumMany of prefix and then the message, whose size is at most 511.
func SumPrefixed[D ~[digestSize]byte](dst []D, prefix byte, messages []byte, size, stride int) {
	checkMessages(len(dst), len(messages), size, stride)
	if size > longestPrefixed {
		panic(prefixedLong)
	}
	sum(digests(dst), &batch{unsafe.SliceData(messages), size, stride, 1, prefix})
}

// SumTuples writes dst[i] = SHA-256(prefix, parts[i*arity], …, parts[i*arity+arity-1]) for every i: with arity 2 the
// nodes of a Merkle tree. arity is 1–15. dst may be the beginning of parts; otherwise the two do not overlap.
// It panics, with dst untouched, if parts is too short.
func SumTuples[D ~[digestSize]byte](dst []D, prefix byte, parts []D, arity int) {
	if arity < 1 || arity > longestPrefixed/digestSize || len(parts)/arity < len(dst) {
		panic(messageOutside)
	}
	size := arity * digestSize
	sum(digests(dst), &batch{(*byte)(unsafe.Pointer(unsafe.SliceData(parts))), size, size, 1, prefix})
}

// checkMessages panics unless n messages lie within length.
func checkMessages(n, length, size, stride int) {
	if n > 0 && (size < 0 || size > length || !fits(n-1, stride, length-size)) {
		panic(messageOutside)
	}
}

// digests sees the arrays that a caller may have a name of its own for.
func digests[D ~[digestSize]byte](dst []D) [][digestSize]byte {
	return unsafe.Slice((*[digestSize]byte)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
}

// batch is messages of one length, stride apart from first on, each behind its prefix: 0 bytes or 1.
type batch struct {
	first        *byte
	size, stride int
	prefixed     int
	prefix       byte
}

func sum(dst [][digestSize]byte, m *batch) {
	if raceEnabled {
		raceDigests(dst, m)
	}
	if m.size == 0 {
		sumGeneric(dst, m, 0)
		return
	}
	sumMany(dst, m)
}

// message returns message i without its prefix. An empty one can lie at the very end, where no pointer may point.
func (m *batch) message(i int) []byte {
	if m.size == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(m.first), i*m.stride)), m.size)
}

// sumGeneric leaves each message to crypto/sha256, which has the SHA instructions of amd64 and arm64.
func sumGeneric(dst [][digestSize]byte, m *batch, from int) {
	if m.prefixed == 0 {
		for i := range dst {
			dst[i] = sha256.Sum256(m.message(from + i))
		}
		return
	}
	var whole [1 + longestPrefixed]byte
	whole[0] = m.prefix
	for i := range dst {
		dst[i] = sha256.Sum256(whole[:1+copy(whole[1:], m.message(from+i))])
	}
}
