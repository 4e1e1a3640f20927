package main

import (
	"fmt"
	"math/big"
	"sync"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// SHA-256 (FIPS 180-4) over one block of as many messages as a vector has lanes: word t of lane i belongs to message i.
// A lane's words arrive by whole vectors and a transposition. Gathers would take one instruction a word, but they are
// microcode with a fix for data sampling on many processors, and there slower than the rounds themselves.

// roundConstants are the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
func roundConstants() (k [64]uint32) {
	for i, p := 0, int64(2); i < 64; p++ {
		if !big.NewInt(p).ProbablyPrime(0) {
			continue
		}
		root := new(big.Int).Lsh(big.NewInt(p), 96) // the cube root of p·2⁹⁶ is that of p, times 2³²
		k[i] = uint32(cubeRoot(root).Uint64())
		i++
	}
	return k
}

// cubeRoot returns the integer part of the cube root, below 2⁴⁰.
func cubeRoot(n *big.Int) *big.Int {
	root, cube := new(big.Int), new(big.Int)
	for bit := 40; bit >= 0; bit-- {
		root.SetBit(root, bit, 1)
		if cube.Exp(root, big.NewInt(3), nil).Cmp(n) > 0 {
			root.SetBit(root, bit, 0)
		}
	}
	return root
}

// roundTable is the memory that the constants are broadcast from.
func roundTable() Mem {
	table := GLOBL("rounds", RODATA|NOPTR)
	for t, k := range roundConstants() {
		DATA(4*t, U32(k))
	}
	return table
}

// bigEndian is the shuffle that turns the bytes of every word around, for one part of 128 bits.
var bigEndian = sync.OnceValue(func() Mem {
	table := GLOBL("bigEndian", RODATA|NOPTR)
	DATA(0, U64(0x04050607_00010203))
	DATA(8, U64(0x0c0d0e0f_08090a0b))
	return table
})

// exchange applies an operation of two halves to a pair of registers: low goes to the spare, high in the place of x.
// It returns where both are, and the register that came free.
func exchange(low, high func(y, x, to Op), x, y, spare VecPhysical) (lo, hi, free VecPhysical) {
	low(y, x, spare)
	high(y, x, x)
	return spare, x, y
}

func shuffled(imm uint64) func(y, x, to Op) {
	return func(y, x, to Op) { VSHUFI32X4(Imm(imm), y, x, to) }
}

func joined(imm uint64) func(y, x, to Op) {
	return func(y, x, to Op) { VPERM2I128(Imm(imm), y, x, to) }
}

// turn transposes the words of four registers within each part of 128 bits: afterwards part k of v[j] has word 4k+j of
// all four. It returns the register that is free then.
func turn(v []VecPhysical, spare VecPhysical) VecPhysical {
	words := [2]func(y, x, to Op){func(y, x, to Op) { VPUNPCKLDQ(y, x, to) }, func(y, x, to Op) { VPUNPCKHDQ(y, x, to) }}
	pairs := [2]func(y, x, to Op){func(y, x, to Op) { VPUNPCKLQDQ(y, x, to) }, func(y, x, to Op) { VPUNPCKHQDQ(y, x, to) }}
	v[0], v[1], spare = exchange(words[0], words[1], v[0], v[1], spare)
	v[2], v[3], spare = exchange(words[0], words[1], v[2], v[3], spare)
	low, high := v[0], v[1]
	v[0], v[1], spare = exchange(pairs[0], pairs[1], low, v[2], spare)
	v[2], v[3], spare = exchange(pairs[0], pairs[1], high, v[3], spare)
	return spare
}

// transpose16 makes of sixteen rows of sixteen words, one a message, sixteen rows of one word of every message.
func transpose16(v []VecPhysical, spare VecPhysical) {
	for g := 0; g < 16; g += 4 {
		spare = turn(v[g:g+4], spare)
	}
	for j := range 4 {
		a, b, c, d := v[j], v[4+j], v[8+j], v[12+j]
		a, b, spare = exchange(shuffled(0x44), shuffled(0xee), a, b, spare)
		c, d, spare = exchange(shuffled(0x44), shuffled(0xee), c, d, spare)
		v[j], v[4+j], spare = exchange(shuffled(0x88), shuffled(0xdd), a, c, spare)
		v[8+j], v[12+j], spare = exchange(shuffled(0x88), shuffled(0xdd), b, d, spare)
	}
}

// transpose8 is transpose16 for eight of eight.
func transpose8(v []VecPhysical, spare VecPhysical) {
	spare = turn(v[:4], spare)
	spare = turn(v[4:8], spare)
	for j := range 4 {
		v[j], v[4+j], spare = exchange(joined(0x20), joined(0x31), v[j], v[4+j], spare)
	}
}

// Truth tables of three operands for VPTERNLOGD.
const (
	parity   = 0x96
	choice   = 0xca // the second where the first is set, else the third
	majority = 0xe8
)

// mix16 sets to to the parity of x turned right by two counts and by, or shifted where shift is set, a third.
func mix16(x, to, u, v VecPhysical, first, second, third uint64, shift bool) {
	VPRORD(Imm(first), x, to)
	VPRORD(Imm(second), x, u)
	if shift {
		VPSRLD(Imm(third), x, v)
	} else {
		VPRORD(Imm(third), x, v)
	}
	VPTERNLOGD(Imm(parity), u, v, to)
}

// The sixteen-lane kernels use all 32 registers, so they end in VZEROUPPER.
func compressVNNI() {
	TEXT("compressVNNI", NOSPLIT, "func(state *[8][16]uint32, first *byte, at *[16]int, skip int, mask uint64, padding *[64]byte)")
	Pragma("noescape")
	Doc("compressVNNI takes one block of sixteen messages into their states. The block of lane i is the 64 bytes at",
		"first+skip+at[i] as far as mask has their bits, ORed with padding; no other byte is touched.")
	w, s, t := zmms[:16], append([]VecPhysical{}, zmms[16:24]...), zmms[24:]
	state, first, at := Load(Param("state"), GP64()), Load(Param("first"), GP64()), Load(Param("at"), GP64())
	lane, mask, padding := GP64(), Load(Param("mask"), GP64()), Load(Param("padding"), GP64())
	ADDQ(Load(Param("skip"), GP64()), first)
	KMOVQ(mask, K1)
	VMOVDQU64(Mem{Base: padding}, t[0])
	VBROADCASTI32X4(bigEndian(), t[1])
	for i, row := range w {
		MOVQ(Mem{Base: at, Disp: 8 * i}, lane)
		VMOVDQU8_Z(Mem{Base: first, Index: lane, Scale: 1}, K1, row)
		VPORQ(t[0], row, row)
		VPSHUFB(t[1], row, row)
	}
	words := append([]VecPhysical{}, w...)
	transpose16(words, t[2])
	t = unused(t, w, words)
	for i, r := range s {
		VMOVDQU64(Mem{Base: state, Disp: 64 * i}, r)
	}
	k := roundTable()
	for round := range 64 {
		i := round % 16
		if round >= 16 {
			mix16(words[(i+1)%16], t[0], t[1], t[2], 7, 18, 3, true)
			mix16(words[(i+14)%16], t[3], t[4], t[5], 17, 19, 10, true)
			VPADDD(words[(i+9)%16], words[i], words[i])
			VPADDD(t[0], words[i], words[i])
			VPADDD(t[3], words[i], words[i])
		}
		a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
		VPADDD(words[i], h, h)
		VPADDD_BCST(k.Offset(4*round), h, h)
		mix16(e, t[0], t[1], t[2], 6, 11, 25, false)
		VMOVDQA64(e, t[3])
		VPTERNLOGD(Imm(choice), g, f, t[3])
		VPADDD(t[3], h, h)
		VPADDD(t[0], h, h)
		VPADDD(h, d, d)
		mix16(a, t[4], t[5], t[6], 2, 13, 22, false)
		VMOVDQA64(a, t[0])
		VPTERNLOGD(Imm(majority), c, b, t[0])
		VPADDD(t[0], h, h)
		VPADDD(t[4], h, h)
		s = append([]VecPhysical{h}, s[:7]...)
	}
	for i, r := range s {
		VPADDD(Mem{Base: state, Disp: 64 * i}, r, r)
		VMOVDQU64(r, Mem{Base: state, Disp: 64 * i})
	}
	VZEROUPPER()
	RET()
}

// unused returns the registers of pools a and b that do not hold a word.
func unused(a, b, words []VecPhysical) (free []VecPhysical) {
	for _, r := range append(append([]VecPhysical{}, a...), b...) {
		taken := false
		for _, word := range words {
			taken = taken || word == r
		}
		if !taken {
			free = append(free, r)
		}
	}
	return free
}

// digest writes the states of all lanes as digests, end to end.
func (s shape) digest() {
	TEXT("digest"+s.tier, NOSPLIT, fmt.Sprintf("func(dst *[32]byte, state *[8][%d]uint32)", s.lanes))
	Pragma("noescape")
	Doc(fmt.Sprintf("digest%s writes the states of %d lanes as so many digests, end to end.", s.tier, s.lanes))
	dst, state := Load(Param("dst"), GP64()), Load(Param("state"), GP64())
	v, spare := append([]VecPhysical{}, s.v[:8]...), s.v[8]
	if s.lanes == 16 {
		VBROADCASTI32X4(bigEndian(), s.v[9])
	} else {
		VBROADCASTI128(bigEndian(), s.v[9])
	}
	for i, r := range v {
		s.load(Mem{Base: state, Disp: s.bytes() * i}, r)
		VPSHUFB(s.v[9], r, r)
	}
	spare = turn(v[:4], spare)
	turn(v[4:], spare)
	for part := range s.lanes / 4 {
		for j := range 4 {
			s.extract(part, v[j], Mem{Base: dst, Disp: 32 * (4*part + j)})
			s.extract(part, v[4+j], Mem{Base: dst, Disp: 32*(4*part+j) + 16})
		}
	}
	VZEROUPPER()
	RET()
}

func (s shape) load(from Mem, to VecPhysical) {
	if s.lanes == 16 {
		VMOVDQU64(from, to)
		return
	}
	VMOVDQU(from, to)
}

// extract stores one part of 128 bits.
func (s shape) extract(part int, from VecPhysical, to Mem) {
	switch {
	case part == 0:
		VMOVDQU(from.AsX(), to)
	case s.lanes == 16:
		VEXTRACTI32X4(Imm(uint64(part)), from, to)
	default:
		VEXTRACTI128(Imm(uint64(part)), from, to)
	}
}

// mix8 is mix16 without its instructions: it leaves the parity in to.
func mix8(x, to, u VecPhysical, first, second, third uint8, shift bool) {
	VPSRLD(Imm(uint64(first)), x, to)
	for _, count := range []uint8{32 - first, second, 32 - second, third, 32 - third} {
		switch {
		case shift && count == 32-third:
			continue
		case count == second || count == third:
			VPSRLD(Imm(uint64(count)), x, u)
		default:
			VPSLLD(Imm(uint64(count)), x, u)
		}
		VPXOR(u, to, to)
	}
}

// compressAVX2 keeps the sixteen newest words of the schedule on its frame, for want of registers.
func compressAVX2() {
	TEXT("compressAVX2", NOSPLIT, "func(state *[8][8]uint32, first *byte, at *[16]int, skip int)")
	Pragma("noescape")
	Doc("compressAVX2 takes one block of eight messages into their states: of lane i the 64 bytes at first+skip+at[i].")
	state, first, at := Load(Param("state"), GP64()), Load(Param("first"), GP64()), Load(Param("at"), GP64())
	lane, schedule := GP64(), GP64()
	ADDQ(Load(Param("skip"), GP64()), first)
	LEAQ(AllocLocal(16*32+24).Offset(24), schedule) // a multiple of 32: no access crosses a line of the cache
	ANDQ(I8(-32), schedule)
	word := func(t int) Mem { return Mem{Base: schedule, Disp: 32 * (t % 16)} }
	VBROADCASTI128(bigEndian(), Y15)
	for half := range 2 {
		rows := append([]VecPhysical{}, ymm.v[:8]...)
		for i, row := range rows {
			MOVQ(Mem{Base: at, Disp: 8 * i}, lane)
			VMOVDQU(Mem{Base: first, Index: lane, Scale: 1, Disp: 32 * half}, row)
			VPSHUFB(Y15, row, row)
		}
		transpose8(rows, Y8)
		for i, row := range rows {
			VMOVDQA(row, word(8*half+i))
		}
	}
	s, t := append([]VecPhysical{}, ymm.v[:8]...), ymm.v[8:]
	for i, r := range s {
		VMOVDQU(Mem{Base: state, Disp: 32 * i}, r)
	}
	k, bc := roundTable(), t[5] // the parity of b and c, which the round before had as that of a and b
	VPXOR(s[1], s[2], bc)
	for round := range 64 {
		x := t[7]
		VMOVDQA(word(round), x)
		if round >= 16 {
			VMOVDQA(word(round+1), t[0])
			VMOVDQA(word(round+14), t[1])
			VPADDD(word(round+9), x, x)
			mix8(t[0], t[2], t[3], 7, 18, 3, true)
			mix8(t[1], t[4], t[3], 17, 19, 10, true)
			VPADDD(t[2], x, x)
			VPADDD(t[4], x, x)
			VMOVDQA(x, word(round))
		}
		a, b, d, e, f, g, h := s[0], s[1], s[3], s[4], s[5], s[6], s[7]
		VPADDD(x, h, h)
		VPBROADCASTD(k.Offset(4*round), t[0])
		VPADDD(t[0], h, h)
		mix8(e, t[0], t[1], 6, 11, 25, false)
		VPXOR(f, g, t[2])
		VPAND(e, t[2], t[2])
		VPXOR(g, t[2], t[2])
		VPADDD(t[2], h, h)
		VPADDD(t[0], h, h)
		VPADDD(h, d, d)
		mix8(a, t[3], t[4], 2, 13, 22, false)
		ab := t[5+(round+1)%2]
		VPXOR(a, b, ab)
		VPAND(ab, bc, bc) // majority: b, unless a and c both differ from it
		VPXOR(b, bc, bc)
		VPADDD(bc, h, h)
		VPADDD(t[3], h, h)
		bc = ab
		s = append([]VecPhysical{h}, s[:7]...)
	}
	for i, r := range s {
		VPADDD(Mem{Base: state, Disp: 32 * i}, r, r)
		VMOVDQU(r, Mem{Base: state, Disp: 32 * i})
	}
	VZEROUPPER()
	RET()
}
