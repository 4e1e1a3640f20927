package main

import (
	"sync"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The fast AVX2 form multiplies |a| by b with the sign of a. It is exact unless b holds −128, whose negative does not
// fit a byte. So it keeps the least b, and a product that met −128 is computed again in the exact form, which widens to
// 16 bits and takes about twice as long. Quantised rows hold no −128.

var (
	least = ymm.v[12] // least element of b so far, per byte
	ones  = ymm.v[13] // 1 in every 16-bit lane
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

func loadOnes() {
	VPCMPEQW(ones, ones, ones)
	VPSRLW(Imm(15), ones, ones)
}

// addFast adds the products of 32 elements a, in memory or in x, and b to sum. It consumes x and b.
func addFast(a Op, x, b, sum VecPhysical) {
	VPMINSB(b, least, least)
	VPSIGNB(a, b, b)
	VPABSB(a, x)
	VPMADDUBSW(b, x, x)
	VPMADDWD(ones, x, x)
	VPADDD(x, sum, sum)
}

// addExact adds the products of 16 elements a and b, in memory or registers, to sum.
func addExact(a, b Op, sum VecPhysical) {
	x, y := ymm.v[8], ymm.v[9]
	VPMOVSXBW(a, x)
	VPMOVSXBW(b, y)
	VPMADDWD(y, x, x)
	VPADDD(x, sum, sum)
}

// vector adds the 32 elements at displacement disp to sum.
func vector(a, b Register, disp int, sum VecPhysical, exact bool) {
	if exact {
		for _, at := range []int{disp, disp + 16} {
			addExact(Mem{Base: a, Disp: at}, Mem{Base: b, Disp: at}, sum)
		}
		return
	}
	x, y := ymm.v[4+disp/32%4], ymm.v[8+disp/32%4]
	VMOVDQU(Mem{Base: b, Disp: disp}, y)
	addFast(Mem{Base: a, Disp: disp}, x, y, sum)
}

// rest adds the last n < 32 elements of a slice of at least 32: its last 32, those counted before masked off in a.
func rest(a, b, n Register, sum VecPhysical, exact bool) {
	x, y, mask := ymm.v[4], ymm.v[6], GP64()
	LEAQ(tailMask(), mask)
	VMOVDQU(Mem{Base: mask, Index: n, Scale: 1}, x)
	VPAND(Mem{Base: a, Index: n, Scale: 1, Disp: -32}, x, x)
	VMOVDQU(Mem{Base: b, Index: n, Scale: 1, Disp: -32}, y)
	if !exact {
		addFast(x, x, y, sum)
		return
	}
	addExact(x.AsX(), y.AsX(), sum)
	VEXTRACTI128(Imm(1), x, x.AsX())
	VEXTRACTI128(Imm(1), y, y.AsX())
	addExact(x.AsX(), y.AsX(), sum)
}

// dot32 emits the dot product of n ≥ 32 elements at a and b into out. It consumes a, b, n and ahead, which is nil or a
// row to prefetch on the way.
func dot32(name string, a, b, n, ahead, out Register, exact bool) {
	sum := ymm.v[:4]
	VPXOR(sum[0], sum[0], sum[0])
	if !exact {
		VPXOR(least, least, least)
	}
	SUBQ(U32(128), n)
	JB(LabelRef(name + "Narrow"))
	for _, s := range sum[1:] {
		VPXOR(s, s, s)
	}
	Label(name + "Wide")
	for i, s := range sum {
		if i%2 == 0 {
			touch(ahead, 32*i)
		}
		vector(a, b, 32*i, s, exact)
	}
	move(128, a, b, ahead)
	SUBQ(U32(128), n)
	JAE(LabelRef(name + "Wide"))
	VPADDD(sum[1], sum[0], sum[0])
	VPADDD(sum[3], sum[2], sum[2])
	VPADDD(sum[2], sum[0], sum[0])

	Label(name + "Narrow")
	ADDQ(U32(128-32), n)
	JL(LabelRef(name + "Tail"))
	Label(name + "Vector")
	touch(ahead, 0)
	vector(a, b, 0, sum[0], exact)
	move(32, a, b, ahead)
	SUBQ(Imm(32), n)
	JAE(LabelRef(name + "Vector"))

	Label(name + "Tail")
	ANDQ(Imm(31), n)
	JZ(LabelRef(name + "Fold"))
	rest(a, b, n, sum[0], exact)

	Label(name + "Fold")
	foldY()
	VMOVD(X0, out)
}

// metLow sets the flag NZ if an element of b was −128, the only byte whose magnitude is negative.
func metLow() {
	bits := GP32()
	VPABSB(least, Y1)
	VPMOVMSKB(Y1, bits)
	TESTL(bits, bits)
}

// dotRow emits the dot product of the n ≥ 32 elements that load points at, for any elements, and returns its register.
func dotRow(a, b, n, ahead Register, load func()) Register {
	out := GP32()
	load()
	dot32("fast", a, b, n, ahead, out, false)
	metLow()
	JZ(LabelRef("summed"))
	load()
	dot32("exact", a, b, n, nil, out, true)
	Label("summed")
	return out
}

func dotAVX2() {
	TEXT("dotAVX2", NOSPLIT, "func(a, b *int8, n int) int32")
	Pragma("noescape")
	Doc("dotAVX2 returns Σ a[i]·b[i] for i < n, n ≥ 32.")
	a, b, n := GP64(), GP64(), GP64()
	loadOnes()
	sum := dotRow(a, b, n, nil, func() {
		Load(Param("a"), a)
		Load(Param("b"), b)
		Load(Param("n"), n)
	})
	Store(sum, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func sumSquaresAVX2() {
	TEXT("sumSquaresAVX2", NOSPLIT, "func(a *int8, n int) (sum int32, low bool)")
	Pragma("noescape")
	Doc("sumSquaresAVX2 returns Σ a[i]² for i < n, n ≥ 32, if no a[i] is −128; otherwise low is true.")
	a, n, sum, low := Load(Param("a"), GP64()), Load(Param("n"), GP64()), GP32(), GP8()
	VPXOR(least, least, least)
	loadOnes()
	b := GP64()
	MOVQ(a, b)
	dot32("squares", a, b, n, nil, sum, false)
	Store(sum, Return("sum"))
	metLow()
	SETNE(low)
	Store(low, Return("low"))
	VZEROUPPER()
	RET()
}

func dotPairsAVX2() {
	TEXT("dotPairsAVX2", NOSPLIT, "func(dst *int32, a *int8, aOff *int, b *int8, bOff *int, n, d int)")
	Pragma("noescape")
	Doc("dotPairsAVX2 sets dst[i] to the dot product of the d ≥ 32 elements at a[aOff[i]] and b[bOff[i]], for i < n,",
		"n ≥ 1.")
	loadOnes()
	pairs(dotRow)
	VZEROUPPER()
	RET()
}

func dotBlockAVX2() {
	TEXT("dotBlockAVX2", NOSPLIT, "func(dst *int32, n int, probe, rows *int8, d, stride int)")
	Pragma("noescape")
	Doc("dotBlockAVX2 sets dst[i] to the dot product of the d ≥ 32 elements at probe and at rows[i·stride], for i < n,",
		"n ≥ 1.")
	dst, n := Load(Param("dst"), GP64()), Load(Param("n"), GP64())
	probe, rows := Load(Param("probe"), GP64()), Load(Param("rows"), GP64())
	d, stride := Load(Param("d"), GP64()), Load(Param("stride"), GP64())
	loadOnes()
	x, y, m := GP64(), GP64(), GP64()
	Label("row")
	ahead := GP64() // prefetching beyond the last row touches nothing
	LEAQ(Mem{Base: rows, Index: stride, Scale: 8}, ahead)
	sum := dotRow(x, y, m, ahead, func() {
		MOVQ(rows, x)
		MOVQ(probe, y)
		MOVQ(d, m)
	})
	MOVL(sum, Mem{Base: dst})
	ADDQ(Imm(4), dst)
	ADDQ(stride, rows)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
