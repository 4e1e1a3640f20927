package storage

import (
	"crypto/aes"
	"encoding/binary"
	"fmt"

	"zhenni"
)

// The places of the token status lists. Every template ever enrolled has a place of its own in the key file; a list takes
// 2²⁰ of them in a row, permuted under a key of the store, so that each credential has an index that nobody else has and
// that does not tell when it was issued. So nothing is stored of which indices are taken.
const (
	statusListBits = 20
	halfBits       = statusListBits / 2
	halfMask       = 1<<halfBits - 1
	feistelRounds  = 8
)

// statusIndex is the place in the status lists of the credential whose template's key lies at a place of the key file.
func (s *Store) statusIndex(place uint64) zhenni.StatusIndex {
	list := uint32(place >> statusListBits)
	return zhenni.NewStatusIndex(list+1, permute(s.keys.place, list, uint32(place)&(1<<statusListBits-1)))
}

// permute is a Feistel network over 20 bits, one permutation for each list: what the rounds mix in is AES of list, round and
// half.
func permute(key []byte, list, index uint32) uint32 {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("storage: a derived key of %d bytes", len(key))) // they are all of keySize
	}
	left, right := index>>halfBits, index&halfMask
	for round := range uint32(feistelRounds) {
		var b [aes.BlockSize]byte
		binary.LittleEndian.PutUint32(b[:], list)
		binary.LittleEndian.PutUint32(b[4:], round)
		binary.LittleEndian.PutUint32(b[8:], right)
		block.Encrypt(b[:], b[:])
		left, right = right, left^binary.LittleEndian.Uint32(b[:])&halfMask
	}
	return left<<halfBits | right
}
