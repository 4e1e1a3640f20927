package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

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

// twoLevels runs the levels whose partners are span and 2·span bytes apart.
func (s shape) twoLevels(x, end, span Register) {
	p, limit, span3 := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: span, Index: span, Scale: 2}, span3)
	MOVQ(x, p)
	Label("twoBlock")
	LEAQ(Mem{Base: p, Index: span, Scale: 1}, limit)
	Label("twoVector")
	rows := []Mem{
		{Base: p}, {Base: p, Index: span, Scale: 1}, {Base: p, Index: span, Scale: 2}, {Base: p, Index: span3, Scale: 1},
	}
	v, spare := append([]VecPhysical{}, s.v[:4]...), s.v[4]
	for i, row := range rows {
		VMOVUPS(row, v[i])
	}
	for _, pair := range [][2]int{{0, 1}, {2, 3}, {0, 2}, {1, 3}} {
		spare = butterfly(v, pair[0], pair[1], spare)
	}
	for i, row := range rows {
		VMOVUPS(v[i], row)
	}
	ADDQ(Imm(uint64(s.bytes())), p)
	CMPQ(p, limit)
	JNE(LabelRef("twoVector"))
	ADDQ(span3, p)
	CMPQ(p, end)
	JNE(LabelRef("twoBlock"))
}

// oneLevel runs the last level, whose partners are span bytes, half the array, apart.
func (s shape) oneLevel(x, _, span Register) {
	p, limit := GP64(), GP64()
	MOVQ(x, p)
	LEAQ(Mem{Base: p, Index: span, Scale: 1}, limit)
	Label("lastVector")
	upper := Mem{Base: p, Index: span, Scale: 1}
	v := append([]VecPhysical{}, s.v[:2]...)
	VMOVUPS(Mem{Base: p}, v[0])
	VMOVUPS(upper, v[1])
	butterfly(v, 0, 1, s.v[2])
	VMOVUPS(v[0], Mem{Base: p})
	VMOVUPS(v[1], upper)
	ADDQ(Imm(uint64(s.bytes())), p)
	CMPQ(p, limit)
	JNE(LabelRef("lastVector"))
}
