package storage

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"zhenni"
)

// The places of the token status lists. Every template ever enrolled has a place of its own in the key file; a list takes
// 15/16 of 2²⁰ of them in a row, permuted under a key of the store, so that each credential has an index that nobody else
// has and that does not tell when it was issued. So nothing is stored of which indices are taken. The rest of each
// permutation is given to nobody, see doc.go.
const (
	statusListBits = 20
	// listPlaces is how many places of the key file a list takes.
	listPlaces    = 1 << statusListBits / 16 * 15
	halfBits      = statusListBits / 2
	halfMask      = 1<<halfBits - 1
	feistelRounds = 8
)

// statusIndex is the place in the status lists of the credential whose template's key lies at a place of the key file.
func (s *Store) statusIndex(place uint64) zhenni.StatusIndex {
	list := uint32(place / listPlaces)
	return zhenni.NewStatusIndex(list+1, newPermutation(s.keys.place, list).at(uint32(place%listPlaces)))
}

// permutation is a Feistel network over 20 bits, another one for each list: what the rounds mix in is AES of list, round
// and half.
type permutation struct {
	block cipher.Block
	list  uint32
}

func newPermutation(key []byte, list uint32) permutation {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("storage: a derived key of %d bytes", len(key))) // they are all of keySize
	}
	return permutation{block, list}
}

func (p permutation) at(index uint32) uint32 {
	left, right := index>>halfBits, index&halfMask
	for round := range uint32(feistelRounds) {
		left, right = right, left^uint32(p.mix(round, right))&halfMask
	}
	return left<<halfBits | right
}

// mix returns the first half of AES of list, round and a number.
func (p permutation) mix(round, number uint32) uint64 {
	var b [aes.BlockSize]byte
	binary.LittleEndian.PutUint32(b[:], p.list)
	binary.LittleEndian.PutUint32(b[4:], round)
	binary.LittleEndian.PutUint32(b[8:], number)
	p.block.Encrypt(b[:], b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// SpareIndices returns the indices of a list, a number from 1, that no credential has or will have, 2¹⁶ of them, each once;
// and with each 64 bits that look random to whoever has not the store's key. They are the same at every call.
func (s *Store) SpareIndices(list uint32) iter.Seq2[uint32, uint64] {
	return func(yield func(uint32, uint64) bool) {
		p := newPermutation(s.keys.place, list-1)
		for place := uint32(listPlaces); place < 1<<statusListBits; place++ {
			if !yield(p.at(place), p.mix(feistelRounds, place)) {
				return
			}
		}
	}
}

// Created returns when the store was made, the zero time where that is not known.
func (s *Store) Created() time.Time { return s.label.Created }

// StatusIndices visits the place in the status lists of every credential that has one, erased ones too, with its status.
// Each slot is read as of one moment; a change that is made meanwhile may be seen or not. It opens only the records of
// credentials that were issued to subjects. visit must not call the store. An error of visit ends the walk; a slot that is
// damaged, or a record in it, is [zhenni.ErrCorrupt], for its place is not known then. It ends between two slots when ctx
// does.
func (s *Store) StatusIndices(ctx context.Context, visit func(zhenni.StatusIndex, zhenni.Status) error) error {
	for slot := range zhenni.Slot(zhenni.Slots) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := s.slotIndices(slot, visit); err != nil {
			return err
		}
	}
	return nil
}

// slotIndices visits those of one slot. The store may be closed between two.
func (s *Store) slotIndices(slot zhenni.Slot, visit func(zhenni.StatusIndex, zhenni.Status) error) (err error) {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	if err := s.agree(slot); err != nil {
		return err
	}
	txn, ring := s.begin(false), *s.ring.Load()
	defer txn.Discard()
	return s.statusRecords(txn, slot, func(id zhenni.CredentialID, sc *scratch) error {
		if len(sc.value) <= sealOverhead+statusSize { // of version 1
			return nil
		}
		st, err := s.openStatus(ring, id, sc.key, sc.value, sc)
		if err != nil || st.StatusIndex == 0 {
			return err
		}
		return visit(st.StatusIndex, st.Status)
	})
}
