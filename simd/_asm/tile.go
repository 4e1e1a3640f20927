package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A tile is 14 rows of a against 32 rows of b, packed so that a vector holds the same four elements of 16 rows of b.
// Each lane of an accumulator is then one whole comparison, and nothing is summed across lanes.
const tileRows = 14

var zmms = []VecPhysical{
	Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
	Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31,
}

// packVNNI transposes in blocks of 16 bytes: a vector collects those of rows g, g+4, g+8 and g+12, and the four such
// vectors are transposed as 4×4 words within each lane.
func packVNNI() {
	TEXT("packVNNI", NOSPLIT, "func(dst *uint8, rows *int8, d, stride int)")
	Pragma("noescape")
	Doc("packVNNI writes, for every k < d/4, the elements 4k…4k+3 of 16 rows, biased by 128, as 64 bytes at dst[128k].",
		"d is a multiple of 16.")
	dst, rows := Load(Param("dst"), GP64()), Load(Param("rows"), GP64())
	d, stride := Load(Param("d"), GP64()), Load(Param("stride"), GP64())
	loadBias()

	var base [4]Register // rows 0, 4, 8, 12
	base[0] = rows
	for i := range 3 {
		base[i+1] = GP64()
		LEAQ(Mem{Base: base[i], Index: stride, Scale: 4}, base[i+1])
	}
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	row := func(i, g int) Mem {
		switch g {
		case 0:
			return Mem{Base: base[i]}
		case 3:
			return Mem{Base: base[i], Index: stride3, Scale: 1}
		}
		return Mem{Base: base[i], Index: stride, Scale: uint8(g)}
	}

	Label("block")
	low := []VecPhysical{X0, X1, X2, X3}
	for g := range 4 {
		VMOVDQU(row(0, g), low[g])
		for lane := 1; lane < 4; lane++ {
			VINSERTI32X4(Imm(uint64(lane)), row(lane, g), zmms[g], zmms[g])
		}
	}
	VPUNPCKLDQ(Z1, Z0, Z4)
	VPUNPCKHDQ(Z1, Z0, Z5)
	VPUNPCKLDQ(Z3, Z2, Z6)
	VPUNPCKHDQ(Z3, Z2, Z7)
	VPUNPCKLQDQ(Z6, Z4, Z0)
	VPUNPCKHQDQ(Z6, Z4, Z1)
	VPUNPCKLQDQ(Z7, Z5, Z2)
	VPUNPCKHQDQ(Z7, Z5, Z3)
	for k := range 4 {
		VPXORD(bias, zmms[k], zmms[k])
		VMOVDQU32(zmms[k], Mem{Base: dst, Disp: 128 * k})
	}
	ADDQ(U32(512), dst)
	for _, b := range base {
		ADDQ(Imm(16), b)
	}
	SUBQ(Imm(16), d)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

func tileVNNI() {
	TEXT("tileVNNI", NOSPLIT, "func(dst *int32, nb int, a *int8, d int, surplus *int32, packed *uint8)")
	Pragma("noescape")
	Doc("tileVNNI sets dst[i·nb+j] for 14 rows of a, d elements apart, and the 32 rows packed by two calls of packVNNI.",
		"surplus[i] is −128·Σ of row i of a.")
	dst, nb := Load(Param("dst"), GP64()), Load(Param("nb"), GP64())
	a, d := Load(Param("a"), GP64()), Load(Param("d"), GP64())
	sur, packed := Load(Param("surplus"), GP64()), Load(Param("packed"), GP64())

	for i := range tileRows {
		VPBROADCASTD(Mem{Base: sur, Disp: 4 * i}, zmms[2*i])
		VMOVDQA64(zmms[2*i], zmms[2*i+1])
	}
	// Rows 0–4, 5–9 and 10–13 have a base each: a row is then one addressing mode away.
	a5, a10, d3 := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: d, Index: d, Scale: 2}, d3)
	LEAQ(Mem{Base: a, Index: d, Scale: 4}, a5)
	ADDQ(d, a5)
	LEAQ(Mem{Base: a5, Index: d, Scale: 4}, a10)
	ADDQ(d, a10)
	row := func(i int) Mem {
		base := []Register{a, a5, a10}[i/5]
		return []Mem{
			{Base: base},
			{Base: base, Index: d, Scale: 1},
			{Base: base, Index: d, Scale: 2},
			{Base: base, Index: d3, Scale: 1},
			{Base: base, Index: d, Scale: 4},
		}[i%5]
	}

	steps := GP64()
	MOVQ(d, steps)
	SHRQ(Imm(2), steps)
	Label("step")
	VMOVDQU32(Mem{Base: packed}, Z28)
	VMOVDQU32(Mem{Base: packed, Disp: 64}, Z29)
	for i := range tileRows {
		four := zmms[30+i%2]
		VPBROADCASTD(row(i), four)
		VPDPBUSD(four, Z28, zmms[2*i])
		VPDPBUSD(four, Z29, zmms[2*i+1])
	}
	for _, p := range []Register{a, a5, a10} {
		ADDQ(Imm(4), p)
	}
	ADDQ(U32(128), packed)
	DECQ(steps)
	JNZ(LabelRef("step"))

	SHLQ(Imm(2), nb)
	for i := range tileRows {
		VMOVDQU32(zmms[2*i], Mem{Base: dst})
		VMOVDQU32(zmms[2*i+1], Mem{Base: dst, Disp: 64})
		ADDQ(nb, dst)
	}
	VZEROUPPER()
	RET()
}

func peakVNNI() {
	TEXT("peakVNNI", NOSPLIT, "func(n int)")
	Doc("peakVNNI issues 28·n independent VPDPBUSD: the yardstick of BenchmarkDotTile.")
	n := Load(Param("n"), GP64())
	zero(zmms...)
	Label("again")
	for i := range 2 * tileRows {
		VPDPBUSD(zmms[30], zmms[28+i%2], zmms[i])
	}
	DECQ(n)
	JNZ(LabelRef("again"))
	VZEROUPPER()
	RET()
}
