package simd

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs) of one long message: the leaves of its tree are chunks of 1,024 bytes, and
// a vector hashes sixteen of them at once. Where there is no AVX-512 it is slower than crypto/sha256 with instructions of its own.

const (
	blakeBlock = 64
	blakeChunk = 1024
	// blakeGroup is sixteen chunks.
	blakeGroup = wideChunks * blakeChunk
	wideChunks = 16
	// blakeHeights bounds the height of a tree over groups: a message is below 2⁶³ bytes.
	blakeHeights = 63 - 14
)

// The flags of a node.
const (
	blakeChunkStart = 1 << iota
	blakeChunkEnd
	blakeParent
	blakeRoot
)

// A blakeValue is the chaining value of a node, blakeValues those of sixteen beside each other: word by word.
type (
	blakeValue  [8]uint32
	blakeValues [8][wideChunks]uint32
)

// blakeInitial is the first state of SHA-256.
var blakeInitial = blakeValue{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// Blake3 returns the 32-byte hash of a message, without a key.
func Blake3(message []byte) [32]byte {
	var s blakeStack
	if len(message) <= blakeGroup {
		return s.sum(message, 0)
	}
	t := blakeTrees.Get().(*blakeTree)
	defer blakeTrees.Put(t)
	t.take(message)
	for height := bits.Len64(t.groups) - 1; height >= 0; height-- {
		if t.groups&(1<<height) != 0 {
			s.push(t.pending[height].fold())
		}
	}
	return s.sum(message[t.groups*blakeGroup:], t.groups*wideChunks)
}

// A blakeTree is the tree over groups, as far as it is not closed. It is 25 KiB long.
type blakeTree struct {
	// groups is how many groups were taken. For each of its bits pending has sixteen nodes, each over as many chunks.
	groups  uint64
	pending [blakeHeights]blakeValues
}

var blakeTrees = sync.Pool{New: func() any { return new(blakeTree) }}

// take takes the whole groups of a message, but for the last one where nothing follows it: the root is unlike other nodes.
func (t *blakeTree) take(message []byte) {
	for t.groups = 0; uint64(len(message)) > (t.groups+1)*blakeGroup; t.groups++ {
		from := t.groups * blakeGroup
		var values blakeValues
		blakeChunks(&values, message[from:from+blakeGroup], wideChunks, t.groups*wideChunks)
		height := 0
		for ; t.groups&(1<<height) != 0; height++ {
			blakeParents(&values, &t.pending[height], &values)
		}
		t.pending[height] = values
	}
}

// fold returns the node above all sixteen.
func (v *blakeValues) fold() blakeValue {
	half := *v
	for range 4 {
		blakeParents(&half, &half, &half) // of the first lanes alone it matters
	}
	return half.lane(0)
}

// lane returns one of sixteen.
func (v *blakeValues) lane(i int) (one blakeValue) {
	for word := range one {
		one[word] = v[word][i]
	}
	return one
}

// setLane is the opposite of lane.
func (v *blakeValues) setLane(i int, one blakeValue) {
	for word := range one {
		v[word][i] = one[word]
	}
}

// A blakeStack has the nodes that await their right neighbours, the highest first.
type blakeStack struct {
	nodes [blakeHeights + 4]blakeValue
	n     int
}

func (s *blakeStack) push(v blakeValue) {
	s.nodes[s.n] = v
	s.n++
}

// sum ends the tree with the last chunks of the message, at most a group of them, of which the first is number counter.
func (s *blakeStack) sum(tail []byte, counter uint64) [32]byte {
	n := max(len(tail)-1, 0) / blakeChunk
	var values blakeValues
	blakeChunks(&values, tail, n, counter)
	for i := range n {
		node := values.lane(i)
		for ended := i + 1; ended%2 == 0; ended /= 2 {
			s.n--
			parent := parentNode(&s.nodes[s.n], &node)
			node = parent.value()
		}
		s.push(node)
	}
	last := chunkNode(tail[n*blakeChunk:], counter+uint64(n))
	for ; s.n > 0; s.n-- {
		right := last.value()
		last = parentNode(&s.nodes[s.n-1], &right)
	}
	last.flags |= blakeRoot
	var sum [32]byte
	for i, word := range last.value() {
		binary.LittleEndian.PutUint32(sum[4*i:], word)
	}
	return sum
}

// A blakeNode is what is left of a node to be compressed: its last block, or both values below it.
type blakeNode struct {
	before  blakeValue
	block   [16]uint32
	counter uint64
	length  uint32
	flags   uint32
}

// chunkNode is the node of a chunk of at most 1,024 bytes.
func chunkNode(chunk []byte, counter uint64) blakeNode {
	n := blakeNode{before: blakeInitial, counter: counter, flags: blakeChunkStart}
	for ; len(chunk) > blakeBlock; chunk = chunk[blakeBlock:] {
		n.take(chunk[:blakeBlock])
		n.before = n.value()
		n.flags = 0
	}
	n.take(chunk)
	n.flags |= blakeChunkEnd
	return n
}

// take makes at most 64 bytes the block.
func (n *blakeNode) take(part []byte) {
	var block [blakeBlock]byte
	n.length = uint32(copy(block[:], part))
	for i := range n.block {
		n.block[i] = binary.LittleEndian.Uint32(block[4*i:])
	}
}

func parentNode(left, right *blakeValue) blakeNode {
	n := blakeNode{before: blakeInitial, length: blakeBlock, flags: blakeParent}
	copy(n.block[:8], left[:])
	copy(n.block[8:], right[:])
	return n
}

// blakeSchedule is the order in which each round takes the words of the block.
var blakeSchedule = func() (s [7][16]uint8) {
	for i := range s[0] {
		s[0][i] = uint8(i)
	}
	for round := 1; round < len(s); round++ {
		for i, from := range [16]uint8{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8} {
			s[round][i] = s[round-1][from]
		}
	}
	return s
}()

// value is the compression function: the chaining value of the node.
func (n *blakeNode) value() (out blakeValue) {
	v := [16]uint32{
		n.before[0], n.before[1], n.before[2], n.before[3], n.before[4], n.before[5], n.before[6], n.before[7],
		blakeInitial[0], blakeInitial[1], blakeInitial[2], blakeInitial[3],
		uint32(n.counter), uint32(n.counter >> 32), n.length, n.flags,
	}
	for round := range blakeSchedule {
		at := &blakeSchedule[round]
		word := func(i int) uint32 { return n.block[at[i]&15] }
		v[0], v[4], v[8], v[12] = blakeQuarter(v[0], v[4], v[8], v[12], word(0), word(1))
		v[1], v[5], v[9], v[13] = blakeQuarter(v[1], v[5], v[9], v[13], word(2), word(3))
		v[2], v[6], v[10], v[14] = blakeQuarter(v[2], v[6], v[10], v[14], word(4), word(5))
		v[3], v[7], v[11], v[15] = blakeQuarter(v[3], v[7], v[11], v[15], word(6), word(7))
		v[0], v[5], v[10], v[15] = blakeQuarter(v[0], v[5], v[10], v[15], word(8), word(9))
		v[1], v[6], v[11], v[12] = blakeQuarter(v[1], v[6], v[11], v[12], word(10), word(11))
		v[2], v[7], v[8], v[13] = blakeQuarter(v[2], v[7], v[8], v[13], word(12), word(13))
		v[3], v[4], v[9], v[14] = blakeQuarter(v[3], v[4], v[9], v[14], word(14), word(15))
	}
	for i := range out {
		out[i] = v[i] ^ v[i+8]
	}
	return out
}

func blakeQuarter(a, b, c, d, x, y uint32) (uint32, uint32, uint32, uint32) {
	a += b + x
	d = bits.RotateLeft32(d^a, -16)
	c += d
	b = bits.RotateLeft32(b^c, -12)
	a += b + y
	d = bits.RotateLeft32(d^a, -8)
	c += d
	b = bits.RotateLeft32(b^c, -7)
	return a, b, c, d
}

// blakeChunksGeneric sets the first n lanes to the values of the first n chunks of the message, which number from counter on.
func blakeChunksGeneric(values *blakeValues, message []byte, n int, counter uint64) {
	for i := range n {
		node := chunkNode(message[i*blakeChunk:][:blakeChunk], counter+uint64(i))
		values.setLane(i, node.value())
	}
}

// blakeParentsGeneric sets values to the parents of the 32 nodes of left and then right, two by two. Values may be either.
func blakeParentsGeneric(values, left, right *blakeValues) {
	var parents blakeValues
	for i := range wideChunks {
		from, at := left, 2*i
		if at >= wideChunks {
			from, at = right, at-wideChunks
		}
		a, b := from.lane(at), from.lane(at+1)
		node := parentNode(&a, &b)
		parents.setLane(i, node.value())
	}
	*values = parents
}
