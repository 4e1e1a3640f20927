package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// VPDPBUSD multiplies unsigned by signed bytes. A signed a goes in as a^0x80, which is a+128, and the surplus 128·Σb
// comes off again: exact for every pair of int8, −128 included.

// Registers of a dot product: four accumulators so that the latency of VPDPBUSD overlaps, two for the surplus.
var (
	sums    = []VecPhysical{Z0, Z1, Z2, Z3}
	surplus = []VecPhysical{Z4, Z5}
	bias    = Z15 // 0x80 in every byte
	tail    = K1  // the elements of the last, partial vector
)

func zero(regs ...VecPhysical) {
	for _, r := range regs {
		VPXORD(r, r, r)
	}
}

func loadBias() {
	r := GP32()
	MOVL(U32(0x80808080), r)
	VPBROADCASTD(r, bias)
}

// loadTail sets the mask to the lowest n%64 bits.
func loadTail(n Register) {
	rest, ones := GP64(), GP64()
	MOVQ(n, rest)
	ANDQ(Imm(63), rest)
	MOVQ(I32(-1), ones)
	BZHIQ(rest, ones, ones)
	KMOVQ(ones, tail)
}

// step adds one vector of 64 elements at displacement disp, partial if masked, to accumulator i.
func step(a, b Register, disp, i int, masked bool) {
	x, y := VecPhysical(ZMM6[i]), VecPhysical(ZMM10[i])
	if masked {
		VMOVDQU8_Z(Mem{Base: a, Disp: disp}, tail, x)
		VMOVDQU8_Z(Mem{Base: b, Disp: disp}, tail, y)
		VPXORD(x, bias, x)
	} else {
		VPXORD(Mem{Base: a, Disp: disp}, bias, x)
		VMOVDQU8(Mem{Base: b, Disp: disp}, y)
	}
	VPDPBUSD(y, x, sums[i])
	VPDPBUSD(y, bias, surplus[i%2])
}

var (
	ZMM6  = []VecPhysical{Z6, Z7, Z8, Z9}
	ZMM10 = []VecPhysical{Z10, Z11, Z12, Z13}
)

// sweep runs body over n bytes: 256 at a time, then 64, then the masked rest. It consumes n; advance moves the
// pointers.
func sweep(name string, n Register, body func(disp, i int, masked bool), advance func(by int)) {
	Label(name + "Wide")
	CMPQ(n, U32(256))
	JL(LabelRef(name + "Narrow"))
	for i := range 4 {
		body(64*i, i, false)
	}
	advance(256)
	SUBQ(U32(256), n)
	JMP(LabelRef(name + "Wide"))

	Label(name + "Narrow")
	CMPQ(n, Imm(64))
	JL(LabelRef(name + "Tail"))
	body(0, 0, false)
	advance(64)
	SUBQ(Imm(64), n)
	JMP(LabelRef(name + "Narrow"))

	Label(name + "Tail")
	TESTQ(n, n)
	JZ(LabelRef(name + "Done"))
	body(0, 1, true)
	Label(name + "Done")
}

// fold leaves the sum of the lanes of Z0 in a register.
func fold() Register {
	out := GP32()
	VEXTRACTI64X4(Imm(1), Z0, Y1)
	VPADDD(Y1, Y0, Y0)
	foldY()
	VMOVD(X0, out)
	return out
}

// foldY leaves the sum of the lanes of Y0 in the lowest lane of X0.
func foldY() {
	VEXTRACTI128(Imm(1), Y0, X1)
	VPADDD(X1, X0, X0)
	VPSHUFD(Imm(0x4e), X0, X1)
	VPADDD(X1, X0, X0)
	VPSHUFD(Imm(0xb1), X0, X1)
	VPADDD(X1, X0, X0)
}

func gather(regs []VecPhysical) {
	VPADDD(regs[1], regs[0], regs[0])
	VPADDD(regs[3], regs[2], regs[2])
	VPADDD(regs[2], regs[0], regs[0])
}

// dot emits the dot product of n elements at a and b and returns its register. It consumes a, b and n.
func dot(name string, a, b, n Register) Register {
	zero(sums...)
	zero(surplus...)
	sweep(name, n,
		func(disp, i int, masked bool) { step(a, b, disp, i, masked) },
		func(by int) { ADDQ(U32(by), a); ADDQ(U32(by), b) })
	gather(sums)
	VPADDD(Z5, Z4, Z4)
	VPSUBD(Z4, Z0, Z0)
	return fold()
}

func dotVNNI() {
	TEXT("dotVNNI", NOSPLIT, "func(a, b *int8, n int) int32")
	Pragma("noescape")
	Doc("dotVNNI returns Σ a[i]·b[i] for i < n.")
	a, b, n := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("n"), GP64())
	loadBias()
	loadTail(n)
	Store(dot("dot", a, b, n), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func sumSquaresVNNI() {
	TEXT("sumSquaresVNNI", NOSPLIT, "func(a *int8, n int) (sum int32, low bool)")
	Pragma("noescape")
	Doc("sumSquaresVNNI returns Σ a[i]² for i < n, and whether any a[i] is −128.")
	a, n := Load(Param("a"), GP64()), Load(Param("n"), GP64())
	loadBias()
	loadTail(n)
	zero(sums...)
	zero(surplus...)
	zero(Z14)
	sweep("squares", n,
		func(disp, i int, masked bool) {
			step(a, a, disp, i, masked)
			VPMINSB(ZMM10[i], Z14, Z14)
		},
		func(by int) { ADDQ(U32(by), a) })
	gather(sums)
	VPADDD(Z5, Z4, Z4)
	VPSUBD(Z4, Z0, Z0)
	Store(fold(), Return("sum"))
	low := GP8()
	VPCMPEQB(bias, Z14, K2)
	KTESTQ(K2, K2)
	SETNE(low)
	Store(low, Return("low"))
	VZEROUPPER()
	RET()
}

// prefetchAhead is how many rows ahead DotPairs asks memory for: 4 to 16 measure alike.
const prefetchAhead = 8

// prefetchRow touches each line of the row of d bytes at row, which it consumes.
func prefetchRow(name string, row, d Register) {
	end := GP64()
	LEAQ(Mem{Base: row, Index: d, Scale: 1, Disp: -1}, end)
	Label(name + "Line")
	PREFETCHT0(Mem{Base: row})
	ADDQ(Imm(64), row)
	CMPQ(row, end)
	JLE(LabelRef(name + "Line"))
	PREFETCHT0(Mem{Base: end})
}

// pairs emits the loop of DotPairs around one dot product.
func pairs(body func(a, b, n Register) Register) {
	dst := Load(Param("dst"), GP64())
	a, aOff := Load(Param("a"), GP64()), Load(Param("aOff"), GP64())
	b, bOff := Load(Param("b"), GP64()), Load(Param("bOff"), GP64())
	n, d := Load(Param("n"), GP64()), Load(Param("d"), GP64())

	Label("pair")
	CMPQ(n, Imm(prefetchAhead))
	JLE(LabelRef("near"))
	row := GP64()
	MOVQ(Mem{Base: bOff, Disp: 8 * prefetchAhead}, row)
	ADDQ(b, row)
	prefetchRow("ahead", row, d)

	Label("near")
	x, y, m := GP64(), GP64(), GP64()
	MOVQ(Mem{Base: aOff}, x)
	ADDQ(a, x)
	MOVQ(Mem{Base: bOff}, y)
	ADDQ(b, y)
	MOVQ(d, m)
	MOVL(body(x, y, m), Mem{Base: dst})
	ADDQ(Imm(4), dst)
	ADDQ(Imm(8), aOff)
	ADDQ(Imm(8), bOff)
	DECQ(n)
	JNZ(LabelRef("pair"))
}

func dotPairsVNNI() {
	TEXT("dotPairsVNNI", NOSPLIT, "func(dst *int32, a *int8, aOff *int, b *int8, bOff *int, n, d int)")
	Pragma("noescape")
	Doc("dotPairsVNNI sets dst[i] to the dot product of the d elements at a[aOff[i]] and b[bOff[i]], for i < n, n ≥ 1.")
	loadBias()
	loadTail(Load(Param("d"), GP64()))
	pairs(func(a, b, n Register) Register { return dot("dot", a, b, n) })
	VZEROUPPER()
	RET()
}

// dotBlockVNNI biases the rows instead of the probe, so that the surplus is the probe's and is computed once.
func dotBlockVNNI() {
	TEXT("dotBlockVNNI", NOSPLIT, "func(dst *int32, n int, probe, rows *int8, d, stride int)")
	Pragma("noescape")
	Doc("dotBlockVNNI sets dst[i] to the dot product of the d elements at probe and at rows[i·stride], for i < n, n ≥ 1.")
	dst, n := Load(Param("dst"), GP64()), Load(Param("n"), GP64())
	probe, rows := Load(Param("probe"), GP64()), Load(Param("rows"), GP64())
	d, stride := Load(Param("d"), GP64()), Load(Param("stride"), GP64())
	loadBias()
	loadTail(d)

	x, y, m := GP64(), GP64(), GP64()
	advance := func(by int) { ADDQ(U32(by), x); ADDQ(U32(by), y) }
	biased := func(disp, i int, masked bool) {
		p := Mem{Base: x, Disp: disp}
		if masked {
			VMOVDQU8_Z(p, tail, ZMM10[i])
			VMOVDQU8_Z(Mem{Base: y, Disp: disp}, tail, ZMM6[i])
			VPXORD(ZMM6[i], bias, ZMM6[i])
			VPDPBUSD(ZMM10[i], ZMM6[i], sums[i])
			return
		}
		VPXORD(Mem{Base: y, Disp: disp}, bias, ZMM6[i])
		VPDPBUSD(p, ZMM6[i], sums[i])
	}
	surplusOnly := func(disp, i int, masked bool) {
		if masked {
			VMOVDQU8_Z(Mem{Base: x, Disp: disp}, tail, ZMM10[i])
			VPDPBUSD(ZMM10[i], bias, sums[i])
			return
		}
		VPDPBUSD(Mem{Base: x, Disp: disp}, bias, sums[i])
	}

	MOVQ(probe, x)
	MOVQ(d, m)
	zero(sums...)
	sweep("surplus", m, surplusOnly, func(by int) { ADDQ(U32(by), x) })
	gather(sums)
	VMOVDQA64(Z0, Z14)

	Label("row")
	MOVQ(probe, x)
	MOVQ(rows, y)
	MOVQ(d, m)
	zero(sums...)
	sweep("dot", m, biased, advance)
	gather(sums)
	VPSUBD(Z14, Z0, Z0)
	MOVL(fold(), Mem{Base: dst})
	ADDQ(Imm(4), dst)
	ADDQ(stride, rows)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
