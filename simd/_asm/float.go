package main

import (
	"fmt"
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

// blocks runs wide over blocks of four vectors of the n elements, then single over the vectors left. It consumes n.
func (s shape) blocks(n Register, wide, single func()) {
	SUBQ(U32(uint32(4*s.lanes)), n)
	JB(LabelRef("narrow"))
	Label("wide")
	wide()
	SUBQ(U32(uint32(4*s.lanes)), n)
	JAE(LabelRef("wide"))
	Label("narrow")
	ADDQ(U32(uint32(4*s.lanes)), n)
	JZ(LabelRef("done"))
	Label("single")
	single()
	SUBQ(Imm(uint64(s.lanes)), n)
	JNZ(LabelRef("single"))
	Label("done")
}

// maxAbs compares magnitudes as integers, which orders them like the floats they are, with infinities and NaN on top.
func (s shape) maxAbs() {
	TEXT("maxAbs"+s.tier, NOSPLIT, "func(src *float32, n int) uint32")
	Pragma("noescape")
	Doc("maxAbs"+s.tier+" returns the largest of the bit patterns of |src[i]| for i < n.",
		fmt.Sprintf("n is a positive multiple of %d.", s.lanes))
	src, n := Load(Param("src"), GP64()), Load(Param("n"), GP64())
	largest, x, magnitude := s.v[:4], s.v[4:8], s.v[8]
	s.broadcast(math.MaxInt32, magnitude)
	for _, l := range largest {
		VPXOR(l.AsY(), l.AsY(), l.AsY())
	}
	vectors := func(count int) {
		for i := range count {
			s.and(Mem{Base: src, Disp: i * s.bytes()}, magnitude, x[i])
			VPMAXUD(x[i], largest[i], largest[i])
		}
		ADDQ(U32(uint32(count*s.bytes())), src)
	}
	s.blocks(n, func() { vectors(4) }, func() { vectors(1) })
	for _, pair := range [][2]int{{1, 0}, {3, 2}, {2, 0}} {
		VPMAXUD(largest[pair[0]], largest[pair[1]], largest[pair[1]])
	}
	if s.lanes == 16 {
		VEXTRACTI64X4(Imm(1), Z0, Y1)
		VPMAXUD(Y1, Y0, Y0)
	}
	VEXTRACTI128(Imm(1), Y0, X1)
	VPMAXUD(X1, X0, X0)
	for _, half := range []uint64{0x4e, 0xb1} {
		VPSHUFD(Imm(half), X0, X1)
		VPMAXUD(X1, X0, X0)
	}
	out := GP32()
	VMOVD(X0, out)
	Store(out, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func (s shape) and(m Mem, x, to VecPhysical) {
	if s.lanes == 16 {
		VPANDD(m, x, to)
		return
	}
	VPAND(m, x, to)
}

// scale packs four vectors into one of bytes, and squares those.
func (s shape) scale() {
	TEXT("scale"+s.tier, NOSPLIT, "func(dst *int8, src *float32, n int, r float32) int32")
	Pragma("noescape")
	Doc("scale"+s.tier+" sets dst[i] = RoundToEven(src[i]·r) for i < n and returns Σ dst[i]²; |src[i]·r| < 127.5.",
		fmt.Sprintf("n is a positive multiple of %d.", s.lanes))
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	sum, x, r, order, one := s.v[0], s.v[1:5], s.v[5], s.v[6], s.v[7]
	s.param("r", r)
	s.loadOrder(order)
	s.broadcast(0x00010001, one)
	VPXOR(Y0, Y0, Y0)
	convert := func(count int) {
		for i := range count {
			VMULPS(Mem{Base: src, Disp: i * s.bytes()}, r, x[i])
			VCVTPS2DQ(x[i], x[i])
		}
		ADDQ(U32(uint32(count*s.bytes())), src)
	}
	wide := func() {
		convert(4)
		VPACKSSDW(x[1], x[0], x[0])
		VPACKSSDW(x[3], x[2], x[2])
		VPACKSSWB(x[2], x[0], x[0])
		VPERMD(x[0], order, x[0])
		VMOVUPS(x[0], Mem{Base: dst})
		VPABSB(x[0], x[0])
		VPMADDUBSW(x[0], x[0], x[0]) // at most 2·127², which fits 16 bits
		VPMADDWD(one, x[0], x[0])
		VPADDD(x[0], sum, sum)
		ADDQ(Imm(uint64(4*s.lanes)), dst)
	}
	single := func() {
		convert(1)
		s.narrow(x[0], dst)
		VPABSD(x[0], x[0])
		VPMADDWD(x[0], x[0], x[0]) // the upper halves are zero
		VPADDD(x[0], sum, sum)
		ADDQ(Imm(uint64(s.lanes)), dst)
	}
	s.blocks(n, wide, single)
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

// loadOrder fills a register with the order of words that undoes packing four vectors, which goes by 128-bit lanes.
func (s shape) loadOrder(order VecPhysical) {
	table := GLOBL("packed"+s.tier, RODATA|NOPTR)
	for i := range s.lanes {
		DATA(4*i, U32(uint32(i%(s.lanes/4)*4+i/(s.lanes/4))))
	}
	VMOVUPS(table, order)
}

// narrow stores the lanes of x, all in [−127, 127], as bytes.
func (s shape) narrow(x VecPhysical, dst Register) {
	if s.lanes == 16 {
		VPMOVSDB(x, Mem{Base: dst})
		return
	}
	VEXTRACTI128(Imm(1), x, X9)
	VPACKSSDW(X9, x.AsX(), X9)
	VPACKSSWB(X9, X9, X9)
	VMOVQ(X9, Mem{Base: dst})
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
