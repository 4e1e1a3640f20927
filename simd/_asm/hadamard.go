package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// hadamard keeps the generic order of operations, so that its results are the same bits: first the butterflies within
// a vector and across four of them, then passes of two levels through memory, and a last pass of up to three levels and
// the scale. Within a vector a butterfly is partner + x·(±1) in one fused operation, which rounds once as the addition
// does.
func (s shape) hadamard() {
	TEXT("hadamard"+s.tier, NOSPLIT, "func(x *float32, n int, signs *uint64, scale float32)")
	Pragma("noescape")
	Doc("hadamard"+s.tier+" transforms the n elements at x in place.",
		fmt.Sprintf("n is a power of two, at least %d.", 4*s.lanes))
	x, n, signs := Load(Param("x"), GP64()), Load(Param("n"), GP64()), Load(Param("signs"), GP64())
	end, span, blocks := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: x, Index: n, Scale: 4}, end)
	s.firstLevels(x, end, signs)
	s.param("scale", s.v[15])

	MOVQ(I32(int32(4*s.bytes())), span) // bytes between partners
	MOVQ(n, blocks)                     // spans in the array
	SHRQ(Imm(uint64(bits.TrailingZeros(uint(4*s.lanes)))), blocks)
	Label("levels")
	CMPQ(blocks, Imm(8))
	JLE(LabelRef("last"))
	s.pass("two", 2, x, end, span, false)
	SHLQ(Imm(2), span)
	SHRQ(Imm(2), blocks)
	JMP(LabelRef("levels"))

	Label("last")
	for levels := 3; levels >= 0; levels-- {
		below := fmt.Sprintf("below%d", levels)
		if levels > 0 {
			CMPQ(blocks, Imm(1<<levels))
			JNE(LabelRef(below))
		}
		s.pass(fmt.Sprintf("last%d", levels), levels, x, end, span, true)
		if levels > 0 {
			JMP(LabelRef("scaled"))
			Label(below)
		}
	}
	Label("scaled")
	VZEROUPPER()
	RET()
}

// levels is the number of butterfly levels within a vector.
func (s shape) levels() int {
	if s.lanes == 16 {
		return 4
	}
	return 3
}

// firstLevels flips signs and runs the levels that stay within four vectors.
func (s shape) firstLevels(x, end, signs Register) {
	one := s.v[8:]
	s.constants(one)
	p := GP64()
	MOVQ(x, p)
	v, t := append([]VecPhysical{}, s.v[:4]...), s.v[4:8]
	Label("first")
	for i := range 4 {
		VMOVUPS(Mem{Base: p, Disp: s.bytes() * i}, v[i])
	}
	s.flip(v, t, signs)
	for level := range s.levels() {
		for i := range 4 {
			s.partner(level, v[i], t[i])
		}
		for i := range 4 {
			VFMADD213PS(t[i], one[level], v[i])
		}
	}
	spare := t[0]
	for _, pair := range [][2]int{{0, 1}, {2, 3}, {0, 2}, {1, 3}} {
		spare = butterfly(v, pair[0], pair[1], spare)
	}
	for i := range 4 {
		VMOVUPS(v[i], Mem{Base: p, Disp: s.bytes() * i})
	}
	ADDQ(U32(4*s.bytes()), p)
	CMPQ(p, end)
	JNE(LabelRef("first"))
}

// constants fills one[level] with 1 where the lane is the upper of its pair's sum and −1 where it is the difference,
// and the register after them with the sign bit.
func (s shape) constants(one []VecPhysical) {
	table := GLOBL("butterfly"+s.tier, RODATA|NOPTR)
	for level := range s.levels() {
		for lane := range s.lanes {
			f := F32(1)
			if lane>>level&1 == 1 {
				f = -1
			}
			DATA(4*(level*s.lanes+lane), f)
		}
	}
	for level := range s.levels() {
		VMOVUPS(table.Offset(level*s.bytes()), one[level])
	}
	s.broadcast(1<<31, one[4])
}

// flip negates the lanes of four vectors whose bit is set in signs, and moves signs on.
func (s shape) flip(v, t []VecPhysical, signs Register) {
	sign := s.v[12]
	if s.lanes == 16 {
		for i := range 4 {
			KMOVW(Mem{Base: signs, Disp: 2 * i}, K1)
			VPXORD(sign, v[i], K1, v[i])
		}
		ADDQ(Imm(8), signs)
		return
	}
	counts := GLOBL("toSignBit", RODATA|NOPTR)
	for lane := range 32 {
		DATA(4*lane, U32(31-lane))
	}
	VPBROADCASTD(Mem{Base: signs}, s.v[13])
	for i := range 4 {
		VPSLLVD(counts.Offset(32*i), s.v[13], t[i])
		VPAND(sign, t[i], t[i])
		VPXOR(t[i], v[i], v[i])
	}
	ADDQ(Imm(4), signs)
}

// partner sets t to v with the lanes 1<<level apart exchanged.
func (s shape) partner(level int, v, t VecPhysical) {
	switch {
	case level == 0:
		VPERMILPS(Imm(0xb1), v, t)
	case level == 1:
		VPERMILPS(Imm(0x4e), v, t)
	case s.lanes == 8:
		VPERM2F128(Imm(0x01), v, v, t)
	case level == 2:
		VSHUFF32X4(Imm(0xb1), v, v, t)
	default:
		VSHUFF32X4(Imm(0x4e), v, v, t)
	}
}

// butterfly replaces v[i], v[j] by their sum and difference, and returns the register that came free.
func butterfly(v []VecPhysical, i, j int, spare VecPhysical) VecPhysical {
	VSUBPS(v[j], v[i], spare)
	VADDPS(v[j], v[i], v[i])
	v[j], spare = spare, v[j]
	return spare
}

// pass runs butterfly levels whose partners are span, 2·span, … bytes apart, over blocks of span<<levels bytes. The last
// pass, whose block is the whole array, also scales.
func (s shape) pass(name string, levels int, x, end, span Register, last bool) {
	p, limit, rows := GP64(), GP64(), 1<<levels
	MOVQ(x, p)
	at := multiples(p, span, rows)
	Label(name + "Block")
	LEAQ(Mem{Base: p, Index: span, Scale: 1}, limit)
	Label(name + "Vector")
	v, spare := append([]VecPhysical{}, s.v[:rows]...), s.v[rows]
	for i := range v {
		VMOVUPS(at[i], v[i])
	}
	for h := 1; h < rows; h *= 2 {
		for i := range v {
			if i&h == 0 {
				spare = butterfly(v, i, i+h, spare)
			}
		}
	}
	for i := range v {
		if last {
			VMULPS(s.v[15], v[i], v[i])
		}
		VMOVUPS(v[i], at[i])
	}
	ADDQ(Imm(uint64(s.bytes())), p)
	CMPQ(p, limit)
	JNE(LabelRef(name + "Vector"))
	if !last {
		ADDQ(at[rows-1].Index, p)
		CMPQ(p, end)
		JNE(LabelRef(name + "Block"))
	}
}

// multiples addresses p, p+span, … for up to eight rows.
func multiples(p, span Register, rows int) []Mem {
	at := []Mem{{Base: p}, {Base: p, Index: span, Scale: 1}, {Base: p, Index: span, Scale: 2}}
	if rows <= 2 {
		return at[:rows]
	}
	span3 := GP64()
	LEAQ(Mem{Base: span, Index: span, Scale: 2}, span3)
	at = append(at, Mem{Base: p, Index: span3, Scale: 1})
	if rows == 4 {
		return at
	}
	span5, span7 := GP64(), GP64()
	LEAQ(Mem{Base: span, Index: span, Scale: 4}, span5)
	LEAQ(Mem{Base: span3, Index: span, Scale: 4}, span7)
	return append(at, Mem{Base: p, Index: span, Scale: 4}, Mem{Base: p, Index: span5, Scale: 1},
		Mem{Base: p, Index: span3, Scale: 2}, Mem{Base: p, Index: span7, Scale: 1})
}
