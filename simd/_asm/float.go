package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// shape holds what differs between the float kernels of two vector widths.
type shape struct {
	tier  string
	lanes int // float32 in a vector
	v     []VecPhysical
}

var zmm = shape{"VNNI", 16, zmms}

var ymm = shape{"AVX2", 8, []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}}

func (s shape) bytes() int { return 4 * s.lanes }

// broadcast fills a register with a 32-bit pattern.
func (s shape) broadcast(bits uint32, to VecPhysical) {
	r := GP32()
	MOVL(U32(bits), r)
	if s.lanes == 16 {
		VPBROADCASTD(r, to)
		return
	}
	VMOVD(r, to.AsX())
	VPBROADCASTD(to.AsX(), to)
}

// param fills a register from a float32 parameter. It reads memory with VBROADCASTSS: avo's Load would use MOVSS,
// whose legacy encoding stalls on dirty upper halves.
func (s shape) param(name string, to VecPhysical) {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, to)
}

func (s shape) quantize() {
	s.maxAbs()
	s.scale()
}

// maxAbs compares magnitudes as integers, which orders them like the floats they are, with infinities and NaN on top.
func (s shape) maxAbs() {
	TEXT("maxAbs"+s.tier, NOSPLIT, "func(src *float32, n int) uint32")
	Pragma("noescape")
	Doc("maxAbs"+s.tier+" returns the largest of the bit patterns of |src[i]| for i < n.",
		label("n is a positive multiple of %d.", s.lanes))
	src, n := Load(Param("src"), GP64()), Load(Param("n"), GP64())
	largest, magnitude, x := s.v[0], s.v[1], s.v[2]
	s.broadcast(math.MaxInt32, magnitude)
	VPXOR(Y0, Y0, Y0)
	Label("vector")
	if s.lanes == 16 {
		VPANDD(Mem{Base: src}, magnitude, x)
	} else {
		VPAND(Mem{Base: src}, magnitude, x)
	}
	VPMAXUD(x, largest, largest)
	ADDQ(Imm(uint64(s.bytes())), src)
	SUBQ(Imm(uint64(s.lanes)), n)
	JNZ(LabelRef("vector"))
	if s.lanes == 16 {
		VEXTRACTI64X4(Imm(1), Z0, Y1)
		VPMAXUD(Y1, Y0, Y0)
	}
	VEXTRACTI128(Imm(1), Y0, X1)
	VPMAXUD(X1, X0, X0)
	VPSHUFD(Imm(0x4e), X0, X1)
	VPMAXUD(X1, X0, X0)
	VPSHUFD(Imm(0xb1), X0, X1)
	VPMAXUD(X1, X0, X0)
	out := GP32()
	VMOVD(X0, out)
	Store(out, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// scale squares magnitudes as 16-bit halves of a lane, the upper of which is zero.
func (s shape) scale() {
	TEXT("scale"+s.tier, NOSPLIT, "func(dst *int8, src *float32, n int, r float32) int32")
	Pragma("noescape")
	Doc("scale"+s.tier+" sets dst[i] = RoundToEven(src[i]·r) for i < n and returns Σ dst[i]²; |src[i]·r| < 127.5.",
		label("n is a positive multiple of %d.", s.lanes))
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	s.param("r", s.v[3])
	VPXOR(Y0, Y0, Y0)
	Label("vector")
	VMULPS(Mem{Base: src}, s.v[3], s.v[1])
	VCVTPS2DQ(s.v[1], s.v[1])
	s.narrow(s.v[1], dst)
	VPABSD(s.v[1], s.v[1])
	VPMADDWD(s.v[1], s.v[1], s.v[1])
	VPADDD(s.v[1], s.v[0], s.v[0])
	ADDQ(Imm(uint64(s.lanes)), dst)
	ADDQ(Imm(uint64(s.bytes())), src)
	SUBQ(Imm(uint64(s.lanes)), n)
	JNZ(LabelRef("vector"))
	if s.lanes == 16 {
		VEXTRACTI64X4(Imm(1), Z0, Y1)
		VPADDD(Y1, Y0, Y0)
	}
	foldY()
	out := GP32()
	VMOVD(X0, out)
	Store(out, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// narrow stores the lanes of x, all in [−127, 127], as bytes.
func (s shape) narrow(x VecPhysical, dst Register) {
	if s.lanes == 16 {
		VPMOVSDB(x, Mem{Base: dst})
		return
	}
	VEXTRACTI128(Imm(1), x, X2)
	VPACKSSDW(X2, x.AsX(), X2)
	VPACKSSWB(X2, X2, X2)
	VMOVQ(X2, Mem{Base: dst})
}

// hadamard keeps the generic order of operations, so that its results are the same bits: first the butterflies within
// a vector and across four of them, then two levels a pass through memory, then one if a level is left, and the scale.
// Within a vector a butterfly is partner + x·(±1) in one fused operation, which rounds once as the addition does.
func (s shape) hadamard() {
	TEXT("hadamard"+s.tier, NOSPLIT, "func(x *float32, n int, signs *uint64, scale float32)")
	Pragma("noescape")
	Doc("hadamard"+s.tier+" transforms the n elements at x in place.",
		label("n is a power of two, at least %d.", 4*s.lanes))
	x, n, signs := Load(Param("x"), GP64()), Load(Param("n"), GP64()), Load(Param("signs"), GP64())
	end, span := GP64(), GP64()
	LEAQ(Mem{Base: x, Index: n, Scale: 4}, end)
	s.firstLevels(x, end, signs)

	MOVQ(I32(int32(4*s.bytes())), span) // bytes between partners
	half, quarter := GP64(), GP64()
	MOVQ(n, half)
	SHLQ(Imm(1), half) // 2 bytes an element: span of the last level
	MOVQ(n, quarter)
	Label("levels")
	CMPQ(span, half)
	JE(LabelRef("lastLevel"))
	JG(LabelRef("scaleAll"))
	s.twoLevels(x, end, span)
	SHLQ(Imm(2), span)
	JMP(LabelRef("levels"))

	Label("lastLevel")
	s.oneLevel(x, end, span)

	Label("scaleAll")
	s.param("scale", s.v[15])
	Label("scaleVector")
	VMULPS(Mem{Base: x}, s.v[15], s.v[0])
	VMOVUPS(s.v[0], Mem{Base: x})
	ADDQ(Imm(uint64(s.bytes())), x)
	CMPQ(x, end)
	JNE(LabelRef("scaleVector"))
	VZEROUPPER()
	RET()
}

// foldY leaves the sum of the lanes of Y0 in the lowest lane of X0.
func foldY() {
	VEXTRACTI128(Imm(1), Y0, X1)
	VPADDD(X1, X0, X0)
	for _, half := range []uint64{0x4e, 0xb1} {
		VPSHUFD(Imm(half), X0, X1)
		VPADDD(X1, X0, X0)
	}
}
