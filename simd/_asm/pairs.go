package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// prefetchAhead is how many rows ahead DotPairs asks memory for: 4 to 16 measure alike.
const prefetchAhead = 8

// pairs emits the loop of DotPairs around one dot product of what load points at. The product prefetches the row ahead
// vector by vector, which spreads the misses over its work; a row off the lines of memory needs its last one as well.
func pairs(body func(a, b, n, ahead Register, load func()) Register) {
	dst := Load(Param("dst"), GP64())
	a, aOff := Load(Param("a"), GP64()), Load(Param("aOff"), GP64())
	b, bOff := Load(Param("b"), GP64()), Load(Param("bOff"), GP64())
	n, d := Load(Param("n"), GP64()), Load(Param("d"), GP64())

	Label("pair")
	ahead := GP64()
	LEAQ(Mem{Base: bOff, Disp: 8 * prefetchAhead}, ahead)
	CMPQ(n, Imm(prefetchAhead))
	CMOVQLE(bOff, ahead)
	MOVQ(Mem{Base: ahead}, ahead)
	ADDQ(b, ahead)
	PREFETCHT0(Mem{Base: ahead, Index: d, Scale: 1, Disp: -1})

	x, y, m := GP64(), GP64(), GP64()
	sum := body(x, y, m, ahead, func() {
		MOVQ(Mem{Base: aOff}, x)
		ADDQ(a, x)
		MOVQ(Mem{Base: bOff}, y)
		ADDQ(b, y)
		MOVQ(d, m)
	})
	MOVL(sum, Mem{Base: dst})
	ADDQ(Imm(4), dst)
	ADDQ(Imm(8), aOff)
	ADDQ(Imm(8), bOff)
	DECQ(n)
	JNZ(LabelRef("pair"))
}

// outside checks offsets without a branch each: one is in [0, last] unless it or last − offset is negative.
func outside() {
	TEXT("outsideAVX2", NOSPLIT, "func(offsets *int, n, last int) bool")
	Pragma("noescape")
	Doc("outsideAVX2 tells whether one of n offsets is not in [0, last]. n is a positive multiple of 8.")
	offsets, n := Load(Param("offsets"), GP64()), Load(Param("n"), GP64())
	last, err := Param("last").Resolve()
	if err != nil {
		panic(err)
	}
	VPBROADCASTQ(last.Addr, Y0)
	negative := []VecPhysical{Y1, Y2}
	for _, v := range negative {
		VPXOR(v, v, v)
	}
	Label("offset")
	for i, v := range negative {
		at := Mem{Base: offsets, Disp: 32 * i}
		VPOR(at, v, v)
		VPSUBQ(at, Y0, Y3)
		VPOR(Y3, v, v)
	}
	ADDQ(Imm(64), offsets)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("offset"))
	VPOR(Y2, Y1, Y1)
	signs, found := GP32(), GP8()
	VMOVMSKPD(Y1, signs)
	TESTL(signs, signs)
	SETNE(found)
	Store(found, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// prefetch touches lines in a loop so short that as many misses are under way as the processor can have.
func prefetch() {
	TEXT("prefetchAVX2", NOSPLIT, "func(first *byte, size int, at *int, n int)")
	Pragma("noescape")
	Doc("prefetchAVX2 asks memory for the lines at first+size·at[i], for i < n, n ≥ 1.")
	first, size := Load(Param("first"), GP64()), Load(Param("size"), GP64())
	at, n, line := Load(Param("at"), GP64()), Load(Param("n"), GP64()), GP64()
	Label("line")
	MOVQ(Mem{Base: at}, line)
	IMULQ(size, line)
	PREFETCHT0(Mem{Base: first, Index: line, Scale: 1})
	ADDQ(Imm(8), at)
	DECQ(n)
	JNZ(LabelRef("line"))
	RET()
}
