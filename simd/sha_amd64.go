//go:build !purego

package simd

import (
	"crypto/sha256"
	"encoding/binary"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// shaExtensions tells whether crypto/sha256 has the SHA instructions. Tests alone change it.
var shaExtensions = cpuid.CPU.Supports(cpuid.SHA)

// wide and narrow are the lanes of the kernels.
const (
	wide   = 16
	narrow = 8
)

// The state before the first block, in every lane: the first 32 bits of the fractional parts of the square roots of the
// first eight primes.
var startWide, startNarrow = func() (w [8][wide]uint32, n [8][narrow]uint32) {
	for word, h := range [8]uint32{
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	} {
		for lane := range w[word] {
			w[word][lane] = h
		}
		for lane := range n[word] {
			n[word][lane] = h
		}
	}
	return w, n
}()

// leastLanes is how many messages a pass must hold to be faster than crypto/sha256. A block of all sixteen lanes takes
// 350 ns, without the SHA instructions one of crypto/sha256 alone 190–250 (both measured, Cascade Lake), with them 60–70
// (published rates, two cycles a byte and the call; no machine with both was at hand).
func leastLanes() int {
	if shaExtensions {
		return 5
	}
	return 2
}

// sumMany uses no AVX2 where there are SHA instructions: a block takes 46–57 ns in eight lanes, too little below what
// crypto/sha256 then takes, which has no lanes to fill and nothing to copy.
func sumMany(dst [][digestSize]byte, m *batch) {
	switch {
	case wideFor(len(dst)) && len(dst) >= leastLanes():
		sumWide(dst, m)
	case useAVX2 && !shaExtensions && len(dst) >= leastLanes():
		sumNarrow(dst, m)
	default:
		sumGeneric(dst, m, 0)
	}
}

// sumWide hashes sixteen messages at a time. The last ones, fewer, fill the lanes with copies of the very last.
func sumWide(dst [][digestSize]byte, m *batch) {
	var at [wide]int
	for lane := range at {
		at[lane] = lane * m.stride
	}
	done := 0
	for ; len(dst)-done >= wide; done += wide {
		m.passWide(&dst[done], done, &at)
	}
	rest := len(dst) - done
	if rest < leastLanes() {
		sumGeneric(dst[done:], m, done)
		return
	}
	for lane := rest; lane < wide; lane++ {
		at[lane] = at[rest-1]
	}
	var last [wide][digestSize]byte
	m.passWide(&last[0], done, &at)
	copy(dst[done:], last[:])
}

// passWide hashes the messages at the offsets from message first on to sixteen digests at dst.
func (m *batch) passWide(dst *[digestSize]byte, first int, at *[wide]int) {
	state := startWide
	start := (*byte)(unsafe.Add(unsafe.Pointer(m.first), first*m.stride))
	for b := range m.blocks() {
		mask, padding := m.block(b)
		compressVNNI(&state, start, at, b*sha256.BlockSize-m.prefixed, mask, &padding)
	}
	digestVNNI(dst, &state)
}

// sumNarrow hashes eight messages at a time, as sumWide does sixteen.
func sumNarrow(dst [][digestSize]byte, m *batch) {
	var last [narrow][digestSize]byte
	for done := 0; done < len(dst); done += narrow {
		switch rest := len(dst) - done; {
		case rest >= narrow:
			m.passNarrow(&dst[done], done, narrow)
		case rest >= leastLanes():
			m.passNarrow(&last[0], done, rest)
			copy(dst[done:], last[:])
		default:
			sumGeneric(dst[done:], m, done)
		}
	}
}

// passNarrow hashes n messages from message first on to eight digests at dst, the last of them copies where n is less.
// AVX2 has no masks for bytes, so a block that is not all the message's is put together in memory.
func (m *batch) passNarrow(dst *[digestSize]byte, first, n int) {
	state := startNarrow
	var edges [narrow][sha256.BlockSize]byte
	var inEdges, inPlace [wide]int
	for lane := range narrow {
		inEdges[lane] = min(lane, n-1) * sha256.BlockSize
		inPlace[lane] = min(lane, n-1) * m.stride
	}
	start := (*byte)(unsafe.Add(unsafe.Pointer(m.first), first*m.stride))
	for b := range m.blocks() {
		mask, padding := m.block(b)
		from := b*sha256.BlockSize - m.prefixed
		if mask == ^uint64(0) {
			compressAVX2(&state, start, &inPlace, from)
			continue
		}
		for lane := range n {
			edges[lane] = padding
			if skip := max(0, -from); mask != 0 {
				part := m.message(first + lane)[from+skip:]
				copy(edges[lane][skip:], part[:min(len(part), sha256.BlockSize-skip)])
			}
		}
		compressAVX2(&state, &edges[0][0], &inEdges, 0)
	}
	digestAVX2(dst, &state)
}

// blocks is the number of 64-byte blocks of a padded message.
func (m *batch) blocks() int { return (m.prefixed+m.size+8)/sha256.BlockSize + 1 }

// block describes block b of all messages: bit i of mask is set where byte i of the block is the message's, and
// padding holds the other bytes. Byte 0 of the block is byte b*64-prefixed of the message.
func (m *batch) block(b int) (mask uint64, padding [sha256.BlockSize]byte) {
	at := b * sha256.BlockSize
	whole := m.prefixed + m.size
	left := whole - at
	switch {
	case left >= sha256.BlockSize:
		mask = ^uint64(0)
	case left >= 0:
		mask = 1<<left - 1
		padding[left] = 0x80
	}
	if b == 0 && m.prefixed == 1 {
		mask &^= 1
		padding[0] = m.prefix
	}
	if b == m.blocks()-1 {
		binary.BigEndian.PutUint64(padding[sha256.BlockSize-8:], uint64(whole)*8)
	}
	return mask, padding
}
