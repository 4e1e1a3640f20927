package main

import (
	"sync"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// VPDPBUSD multiplies unsigned by signed bytes. A signed a goes in as a^0x80, which is a+128, and the surplus 128·Σb
// comes off again: exact for every pair of int8, −128 included.

// Registers of a dot product. All lie above Z15: they leave the upper halves that legacy SSE code shares clean, so the
// kernels need no VZEROUPPER. Four accumulators of each kind hide the latency of VPDPBUSD.
var (
	sums    = zmms[16:20]
	surplus = zmms[20:24] // 128·Σb
	left    = zmms[24:28]
	right   = zmms[28:30]
	kept    = Z30 // what a kernel keeps across dot products
	bias    = Z31 // 0x80 in every byte
	tail    = K1  // the elements of the last, partial vector
)

func zero(regs ...VecPhysical) {
	for _, r := range regs {
		VPXORD(r, r, r)
	}
}

// biasBytes is the memory that bias is broadcast from.
var biasBytes = sync.OnceValue(func() Mem {
	bytes := GLOBL("bias", RODATA|NOPTR)
	DATA(0, U32(0x80808080))
	return bytes
})

func loadBias() { VPBROADCASTD(biasBytes(), bias) }

// step adds the vector of 64 elements at displacement disp, partial if masked, to accumulators i.
func step(a, b Register, disp, i int, masked bool) {
	x, y := left[i], right[i%2]
	if masked {
		VMOVDQU8_Z(Mem{Base: a, Disp: disp}, tail, x)
		VMOVDQU8_Z(Mem{Base: b, Disp: disp}, tail, y)
		VPXORD(x, bias, x)
	} else {
		VPXORD(Mem{Base: a, Disp: disp}, bias, x)
		VMOVDQU8(Mem{Base: b, Disp: disp}, y)
	}
	VPDPBUSD(y, x, sums[i])
	VPDPBUSD(y, bias, surplus[i])
}

// sweep runs body over n elements into accumulators: 256 elements at a time into all four of each kind, which are then
// added into the first; then 64 at a time, and the masked rest, into the first. It consumes n; advance moves the
// pointers.
func sweep(name string, n Register, kinds [][]VecPhysical, body func(disp, i int, masked bool), advance func(by int)) {
	for _, acc := range kinds {
		zero(acc[0])
	}
	SUBQ(U32(256), n)
	JB(LabelRef(name + "Narrow"))
	for _, acc := range kinds {
		zero(acc[1:]...)
	}
	Label(name + "Wide")
	for i := range 4 {
		body(64*i, i, false)
	}
	advance(256)
	SUBQ(U32(256), n)
	JAE(LabelRef(name + "Wide"))
	for _, acc := range kinds {
		VPADDD(acc[1], acc[0], acc[0])
		VPADDD(acc[3], acc[2], acc[2])
		VPADDD(acc[2], acc[0], acc[0])
	}

	Label(name + "Narrow")
	ADDQ(U32(256-64), n)
	JL(LabelRef(name + "Tail"))
	Label(name + "Vector")
	body(0, 0, false)
	advance(64)
	SUBQ(Imm(64), n)
	JAE(LabelRef(name + "Vector"))

	Label(name + "Tail")
	ANDQ(Imm(63), n)
	JZ(LabelRef(name + "Done"))
	mask := GP64()
	MOVQ(I32(-1), mask)
	BZHIQ(n, mask, mask)
	KMOVQ(mask, tail)
	body(0, 0, true)
	Label(name + "Done")
}

// fold leaves the sum of the lanes of the first accumulator in a register. It consumes the second.
func fold(acc []VecPhysical) Register {
	z, t := acc[0], acc[1]
	VEXTRACTI64X4(Imm(1), z, t.AsY())
	VPADDD(t.AsY(), z.AsY(), z.AsY())
	VEXTRACTI32X4(Imm(1), z.AsY(), t.AsX())
	VPADDD(t.AsX(), z.AsX(), z.AsX())
	for _, half := range []uint64{0x4e, 0xb1} {
		VPSHUFD(Imm(half), z.AsX(), t.AsX())
		VPADDD(t.AsX(), z.AsX(), z.AsX())
	}
	out := GP32()
	VMOVD(z.AsX(), out)
	return out
}

// dot emits the dot product of n elements at a and b and returns its register. It consumes a, b, n and ahead, which is
// nil or a row to prefetch on the way.
func dot(name string, a, b, n, ahead Register) Register {
	sweep(name, n, [][]VecPhysical{sums, surplus},
		func(disp, i int, masked bool) {
			touch(ahead, disp)
			step(a, b, disp, i, masked)
		},
		func(by int) { move(by, a, b, ahead) })
	VPSUBD(surplus[0], sums[0], sums[0])
	return fold(sums)
}

// touch prefetches the line at ahead, if there is one.
func touch(ahead Register, disp int) {
	if ahead != nil {
		PREFETCHT0(Mem{Base: ahead, Disp: disp})
	}
}

// move adds to the pointers that are there.
func move(by int, pointers ...Register) {
	for _, p := range pointers {
		if p != nil {
			ADDQ(U32(uint32(by)), p)
		}
	}
}

func dotVNNI() {
	TEXT("dotVNNI", NOSPLIT, "func(a, b *int8, n int) int32")
	Pragma("noescape")
	Doc("dotVNNI returns Σ a[i]·b[i] for i < n.")
	a, b, n := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("n"), GP64())
	loadBias()
	Store(dot("dot", a, b, n, nil), ReturnIndex(0))
	RET()
}

func sumSquaresVNNI() {
	TEXT("sumSquaresVNNI", NOSPLIT, "func(a *int8, n int) (sum int32, low bool)")
	Pragma("noescape")
	Doc("sumSquaresVNNI returns Σ a[i]² for i < n, and whether any a[i] is −128.")
	a, n := Load(Param("a"), GP64()), Load(Param("n"), GP64())
	loadBias()
	zero(kept)
	sweep("squares", n, [][]VecPhysical{sums, surplus},
		func(disp, i int, masked bool) {
			step(a, a, disp, i, masked)
			VPMINSB(right[i%2], kept, kept)
		},
		func(by int) { ADDQ(U32(by), a) })
	VPSUBD(surplus[0], sums[0], sums[0])
	Store(fold(sums), Return("sum"))
	low := GP8()
	VPCMPEQB(bias, kept, K1)
	KTESTQ(K1, K1)
	SETNE(low)
	Store(low, Return("low"))
	RET()
}

func dotPairsVNNI() {
	TEXT("dotPairsVNNI", NOSPLIT, "func(dst *int32, a *int8, aOff *int, b *int8, bOff *int, n, d int)")
	Pragma("noescape")
	Doc("dotPairsVNNI sets dst[i] to the dot product of the d elements at a[aOff[i]] and b[bOff[i]], for i < n, n ≥ 1.")
	loadBias()
	pairs(func(a, b, n, ahead Register, load func()) Register {
		load()
		return dot("dot", a, b, n, ahead)
	})
	RET()
}

// squares accumulate what dotPairsNormsVNNI needs beside a dot product. They share their upper halves with legacy SSE
// code, so that kernel ends with a VZEROUPPER.
var squares, leftBiased = zmms[:4], zmms[4:6]

// stepNorm is step with b biased in place of a, so that Σa·b and Σa² have one surplus, 128·Σa. It keeps the least a.
func stepNorm(a, b Register, disp, i int, masked bool) {
	x, u, y := left[i], leftBiased[i%2], right[i%2]
	if masked {
		VMOVDQU8_Z(Mem{Base: a, Disp: disp}, tail, x)
		VMOVDQU8_Z(Mem{Base: b, Disp: disp}, tail, y)
		VPXORD(y, bias, y)
	} else {
		VMOVDQU8(Mem{Base: a, Disp: disp}, x)
		VPXORD(Mem{Base: b, Disp: disp}, bias, y)
	}
	VPXORD(x, bias, u)
	VPDPBUSD(x, y, sums[i])
	VPDPBUSD(x, u, squares[i])
	VPDPBUSD(x, bias, surplus[i])
	VPMINSB(x, kept, kept)
}

// dotPairsNormsVNNI reads each a once for both: its norm costs no more than what the processor does while it waits for b.
func dotPairsNormsVNNI() {
	TEXT("dotPairsNormsVNNI", NOSPLIT, "func(dst, norms *int32, a *int8, aOff *int, b *int8, bOff *int, n, d int)")
	Pragma("noescape")
	Doc("dotPairsNormsVNNI is dotPairsVNNI, and sets norms[i] to Σ of the squares of the d elements at a[aOff[i]], or to 0",
		"where one of them is −128.")
	loadBias()
	norms := Load(Param("norms"), GP64())
	pairs(func(a, b, n, ahead Register, load func()) Register {
		load()
		zero(kept)
		sweep("dot", n, [][]VecPhysical{sums, squares, surplus},
			func(disp, i int, masked bool) {
				touch(ahead, disp)
				stepNorm(a, b, disp, i, masked)
			},
			func(by int) { move(by, a, b, ahead) })
		VPSUBD(surplus[0], sums[0], sums[0])
		VPSUBD(surplus[0], squares[0], squares[0])
		norm, none := fold(squares), GP32()
		XORL(none, none)
		VPCMPEQB(bias, kept, K1)
		KTESTQ(K1, K1)
		CMOVLNE(none, norm)
		MOVL(norm, Mem{Base: norms})
		ADDQ(Imm(4), norms)
		return fold(sums)
	})
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

	x, y, m := GP64(), GP64(), GP64()
	// operand is the vector of the probe: memory, or a register where it is partial.
	operand := func(disp, i int, masked bool) Op {
		p := Mem{Base: x, Disp: disp}
		if !masked {
			return p
		}
		VMOVDQU8_Z(p, tail, right[i%2])
		return right[i%2]
	}
	MOVQ(probe, x)
	MOVQ(d, m)
	sweep("surplus", m, [][]VecPhysical{sums},
		func(disp, i int, masked bool) { VPDPBUSD(operand(disp, i, masked), bias, sums[i]) },
		func(by int) { ADDQ(U32(by), x) })
	VMOVDQA64(sums[0], kept)

	Label("row")
	MOVQ(probe, x)
	MOVQ(rows, y)
	MOVQ(d, m)
	sweep("dot", m, [][]VecPhysical{sums},
		func(disp, i int, masked bool) {
			if masked {
				VMOVDQU8_Z(Mem{Base: y, Disp: disp}, tail, left[i])
				VPXORD(left[i], bias, left[i])
			} else {
				VPXORD(Mem{Base: y, Disp: disp}, bias, left[i])
			}
			VPDPBUSD(operand(disp, i, masked), left[i], sums[i])
		},
		func(by int) { ADDQ(U32(by), x); ADDQ(U32(by), y) })
	VPSUBD(kept, sums[0], sums[0])
	MOVL(fold(sums), Mem{Base: dst})
	ADDQ(Imm(4), dst)
	ADDQ(stride, rows)
	DECQ(n)
	JNZ(LabelRef("row"))
	RET()
}
