package main

import (
	"sync"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The fast AVX2 form multiplies |a| by b with the sign of a. It is exact unless b holds −128, whose negative does not
// fit a byte; so the kernels keep the least b and report it, and the caller repeats such a row in the exact form, which
// widens to 16 bits and takes about twice as long. Quantised rows hold no −128.

const (
	least = iota + 12 // least element of b so far, per byte
	ones              // 1 in every 16-bit lane
)

// tailMask is 32 zero bytes, then 32 of ones: at offset r it masks off all but the last r bytes of a vector.
var tailMask = sync.OnceValue(func() Mem {
	table := GLOBL("tailMask", RODATA|NOPTR)
	for i := range 8 {
		v := U64(0)
		if i >= 4 {
			v = ^v
		}
		DATA(8*i, v)
	}
	return table
})

// stepAVX2 adds 32 elements in y[4] and y[5] to an accumulator.
func stepAVX2(a, b, sum VecPhysical) {
	v := ymm.v
	VPMINSB(b, v[least], v[least])
	VPSIGNB(a, b, b)
	VPABSB(a, a)
	VPMADDUBSW(b, a, a)
	VPMADDWD(v[ones], a, a)
	VPADDD(a, sum, sum)
}

// stepExact adds 32 elements at a and b to two accumulators, the elements of a masked by mask if it is not nil.
func stepExact(a, b, sum VecPhysical) {
	v := ymm.v
	for half := range 2 {
		x, y := v[8], v[9]
		if half == 1 {
			VEXTRACTI128(Imm(1), a, a.AsX())
			VEXTRACTI128(Imm(1), b, b.AsX())
		}
		VPMOVSXBW(a.AsX(), x)
		VPMOVSXBW(b.AsX(), y)
		VPMADDWD(y, x, x)
		VPADDD(x, sum, sum)
	}
}

// dot32 emits the dot product of n ≥ 32 elements at a and b and returns its register. It consumes a, b and n. The rest
// beyond a multiple of 32 is the end of the last 32 elements, the others masked off.
func dot32(name string, a, b, n, mask Register, add func(a, b, sum VecPhysical)) Register {
	v := ymm.v
	for i := range 4 {
		VPXOR(v[i], v[i], v[i])
	}
	one := func(disp, i int) {
		x, y := v[4+2*(i%2)], v[5+2*(i%2)]
		VMOVDQU(Mem{Base: a, Disp: disp}, x)
		VMOVDQU(Mem{Base: b, Disp: disp}, y)
		add(x, y, v[i])
	}
	SUBQ(U32(128), n)
	JB(LabelRef(name + "Narrow"))
	Label(name + "Wide")
	for i := range 4 {
		one(32*i, i)
	}
	SUBQ(I32(-128), a)
	SUBQ(I32(-128), b)
	SUBQ(U32(128), n)
	JAE(LabelRef(name + "Wide"))

	Label(name + "Narrow")
	ADDQ(U32(128-32), n)
	JL(LabelRef(name + "Tail"))
	Label(name + "Vector")
	one(0, 0)
	ADDQ(Imm(32), a)
	ADDQ(Imm(32), b)
	SUBQ(Imm(32), n)
	JAE(LabelRef(name + "Vector"))

	Label(name + "Tail")
	ANDQ(Imm(31), n)
	JZ(LabelRef(name + "Done"))
	last := func(p Register) Mem { return Mem{Base: p, Index: n, Scale: 1, Disp: -32} }
	VMOVDQU(last(a), v[4])
	VPAND(Mem{Base: mask, Index: n, Scale: 1}, v[4], v[4])
	VMOVDQU(last(b), v[5])
	add(v[4], v[5], v[1])

	Label(name + "Done")
	VPADDD(v[1], v[0], v[0])
	VPADDD(v[3], v[2], v[2])
	VPADDD(v[2], v[0], v[0])
	foldY()
	out := GP32()
	VMOVD(X0, out)
	return out
}

// prepareAVX2 loads what dot32 needs and returns the address of the masks.
func prepareAVX2() Register {
	v := ymm.v
	mask := GP64()
	LEAQ(tailMask(), mask)
	VPXOR(v[least], v[least], v[least])
	VPCMPEQW(v[ones], v[ones], v[ones])
	VPSRLW(Imm(15), v[ones], v[ones])
	return mask
}

// storeExact returns whether no element of b was −128.
func storeExact() {
	v := ymm.v
	bits, exact := GP32(), GP8()
	VPABSB(v[least], v[0]) // negative only if it was −128
	VPMOVMSKB(v[0], bits)
	TESTL(bits, bits)
	SETEQ(exact)
	Store(exact, Return("exact"))
}

func dotAVX2() {
	TEXT("dotAVX2", NOSPLIT, "func(a, b *int8, n int) (sum int32, exact bool)")
	Pragma("noescape")
	Doc("dotAVX2 returns Σ a[i]·b[i] for i < n, n ≥ 32; the sum is exact unless b holds −128.")
	a, b, n := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("n"), GP64())
	mask := prepareAVX2()
	Store(dot32("dot", a, b, n, mask, stepAVX2), Return("sum"))
	storeExact()
	VZEROUPPER()
	RET()
}

func dotExactAVX2() {
	TEXT("dotExactAVX2", NOSPLIT, "func(a, b *int8, n int) int32")
	Pragma("noescape")
	Doc("dotExactAVX2 returns Σ a[i]·b[i] for i < n, n ≥ 32, for any elements.")
	a, b, n := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("n"), GP64())
	mask := prepareAVX2()
	Store(dot32("dot", a, b, n, mask, stepExact), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func dotPairsAVX2() {
	TEXT("dotPairsAVX2", NOSPLIT, "func(dst *int32, a *int8, aOff *int, b *int8, bOff *int, n, d int) (exact bool)")
	Pragma("noescape")
	Doc("dotPairsAVX2 sets dst[i] to the dot product of the d ≥ 32 elements at a[aOff[i]] and b[bOff[i]], for i < n,",
		"n ≥ 1; they are exact unless a row of b holds −128.")
	mask := prepareAVX2()
	pairs(func(a, b, n Register) Register { return dot32("dot", a, b, n, mask, stepAVX2) })
	storeExact()
	VZEROUPPER()
	RET()
}

func dotBlockAVX2() {
	TEXT("dotBlockAVX2", NOSPLIT, "func(dst *int32, n int, probe, rows *int8, d, stride int) (exact bool)")
	Pragma("noescape")
	Doc("dotBlockAVX2 sets dst[i] to the dot product of the d ≥ 32 elements at probe and at rows[i·stride], for i < n,",
		"n ≥ 1; they are exact unless the probe holds −128.")
	dst, n := Load(Param("dst"), GP64()), Load(Param("n"), GP64())
	probe, rows := Load(Param("probe"), GP64()), Load(Param("rows"), GP64())
	d, stride := Load(Param("d"), GP64()), Load(Param("stride"), GP64())
	mask := prepareAVX2()
	Label("row")
	x, y, m := GP64(), GP64(), GP64()
	MOVQ(rows, x)
	MOVQ(probe, y)
	MOVQ(d, m)
	MOVL(dot32("dot", x, y, m, mask, stepAVX2), Mem{Base: dst})
	ADDQ(Imm(4), dst)
	ADDQ(stride, rows)
	DECQ(n)
	JNZ(LabelRef("row"))
	storeExact()
	VZEROUPPER()
	RET()
}
