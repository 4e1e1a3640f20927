package main

import (
	"sync"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// BLAKE3 of sixteen nodes of its tree at once: word t of lane i belongs to node i. State and message fill all 32 registers, and
// every step of a round is in place.

// The flags of a node.
const (
	chunkStart = 1
	chunkEnd   = 2
	parent     = 4
)

const (
	blockBytes  = 64
	chunkBlocks = 16
)

// blakeTable is the memory that constants are broadcast from: the words of SHA-256's first state, then the flags of a chunk's
// blocks.
var blakeTable = sync.OnceValues(func() (words, flags Mem) {
	table := GLOBL("blake", RODATA|NOPTR)
	for i, word := range []uint32{
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	} {
		DATA(4*i, U32(word))
	}
	for block := range chunkBlocks {
		flag := uint32(0)
		switch block {
		case 0:
			flag = chunkStart
		case chunkBlocks - 1:
			flag = chunkEnd
		}
		DATA(32+4*block, U32(flag))
	}
	return table, table.Offset(32)
})

// numbers is the memory of the numbers from 0 to 15, 64 bytes behind it of the even and 128 of the odd ones below 32.
var numbers = sync.OnceValue(func() Mem {
	table := GLOBL("numbers", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i)))
	}
	for i := range 16 {
		DATA(64+4*i, U32(uint32(2*i)))
	}
	for i := range 16 {
		DATA(128+4*i, U32(uint32(2*i+1)))
	}
	return table
})

// permuted is the order in which a round takes the words of the one before.
var permuted = [16]int{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8}

// quarters are the four states that each half of a round mixes: columns, then diagonals.
var quarters = [2][4][4]int{
	{{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}},
	{{0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}},
}

// blakeRounds mixes the message into the state, four quarters in step, and leaves the chaining value in its first eight words.
func blakeRounds(v, m []VecPhysical) {
	m = append([]VecPhysical{}, m...)
	for range 7 {
		for half, four := range quarters {
			words := m[8*half:]
			for step, turns := range [2][2]uint64{{16, 12}, {8, 7}} {
				each := func(do func(q [4]int)) {
					for _, q := range four {
						do(q)
					}
				}
				for i, q := range four {
					VPADDD(words[2*i+step], v[q[0]], v[q[0]])
				}
				each(func(q [4]int) { VPADDD(v[q[1]], v[q[0]], v[q[0]]) })
				each(func(q [4]int) { VPXORD(v[q[0]], v[q[3]], v[q[3]]) })
				each(func(q [4]int) { VPRORD(Imm(turns[0]), v[q[3]], v[q[3]]) })
				each(func(q [4]int) { VPADDD(v[q[3]], v[q[2]], v[q[2]]) })
				each(func(q [4]int) { VPXORD(v[q[2]], v[q[1]], v[q[1]]) })
				each(func(q [4]int) { VPRORD(Imm(turns[1]), v[q[1]], v[q[1]]) })
			}
		}
		next := append([]VecPhysical{}, m...)
		for i, from := range permuted {
			next[i] = m[from]
		}
		m = next
	}
	for i := range 8 {
		VPXORD(v[8+i], v[i], v[i])
	}
}

func chunksVNNI() {
	TEXT("chunksVNNI", NOSPLIT, "func(values *[8][16]uint32, first *byte, at *[16]int, counter uint64)")
	Pragma("noescape")
	Doc("chunksVNNI sets values to the chaining values of sixteen whole chunks of BLAKE3: chunk counter+i is the 1,024 bytes at",
		"first+at[i]. The sixteen numbers agree above their low 32 bits.")
	v, rows := zmms[:16], zmms[16:]
	values, first, at := Load(Param("values"), GP64()), Load(Param("first"), GP64()), Load(Param("at"), GP64())
	counter, lane, block := GP64(), GP64(), GP64()
	Load(Param("counter"), counter)
	words, flags := blakeTable()
	table, all, high := GP64(), GP64(), GP64()
	LEAQ(flags, table)
	LEAQ(numbers(), all)
	MOVQ(counter, high)
	SHRQ(Imm(32), high)
	for i := range 8 {
		VPBROADCASTD(words.Offset(4*i), v[i])
	}
	XORQ(block, block)

	Label("block")
	for i, row := range rows {
		MOVQ(Mem{Base: at, Disp: 8 * i}, lane)
		VMOVDQU64(Mem{Base: first, Index: lane, Scale: 1}, row)
	}
	message := append([]VecPhysical{}, rows...)
	transpose16(message, v[8])
	rest := append(append([]VecPhysical{}, v[:8]...), unused(rows, v[8:], message)...)
	for i := range 4 {
		VPBROADCASTD(words.Offset(4*i), rest[8+i])
	}
	VPBROADCASTD(counter.As32(), rest[12])
	VPADDD(Mem{Base: all}, rest[12], rest[12])
	VPBROADCASTD(high.As32(), rest[13])
	MOVL(U32(blockBytes), lane.As32())
	VPBROADCASTD(lane.As32(), rest[14])
	VPBROADCASTD(Mem{Base: table, Index: block, Scale: 4}, rest[15])
	blakeRounds(rest, message)
	ADDQ(Imm(blockBytes), first)
	INCQ(block)
	CMPQ(block, Imm(chunkBlocks))
	JNE(LabelRef("block"))

	for i := range 8 {
		VMOVDQU64(v[i], Mem{Base: values, Disp: 64 * i})
	}
	VZEROUPPER()
	RET()
}

func parentsVNNI() {
	TEXT("parentsVNNI", NOSPLIT, "func(values, left, right *[8][16]uint32)")
	Pragma("noescape")
	Doc("parentsVNNI sets values to the chaining values of the sixteen parents of BLAKE3 of the 32 nodes of left and then right, two",
		"by two. Values may be either of them.")
	v, message := zmms[:16], zmms[16:]
	values, left, right := Load(Param("values"), GP64()), Load(Param("left"), GP64()), Load(Param("right"), GP64())
	even, odd := numbers().Offset(64), numbers().Offset(128)
	words, _ := blakeTable()
	size := GP32()
	for i := range 8 {
		VMOVDQU64(Mem{Base: left, Disp: 64 * i}, v[0])
		VMOVDQU64(even, message[i])
		VPERMI2D(Mem{Base: right, Disp: 64 * i}, v[0], message[i])
		VMOVDQU64(odd, message[8+i])
		VPERMI2D(Mem{Base: right, Disp: 64 * i}, v[0], message[8+i])
	}
	for i := range 12 {
		VPBROADCASTD(words.Offset(4*(i%8)), v[i])
	}
	VPXORD(v[12], v[12], v[12])
	VPXORD(v[13], v[13], v[13])
	MOVL(U32(blockBytes), size)
	VPBROADCASTD(size, v[14])
	MOVL(U32(parent), size)
	VPBROADCASTD(size, v[15])
	blakeRounds(v, message)
	for i := range 8 {
		VMOVDQU64(v[i], Mem{Base: values, Disp: 64 * i})
	}
	VZEROUPPER()
	RET()
}
