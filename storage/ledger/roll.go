package ledger

import "math/bits"

// entry is what a roll holds, found by its id, whose hash is of uniform bits.
type entry[K comparable] interface {
	id() K
	hash() uint64
}

// roll is an index of entries in the order in which they came; the oldest leaves first. Of two with one id the newer is
// found. It holds no pointer, so the collector has nothing to look at. The zero value is empty.
type roll[K comparable, E entry[K]] struct {
	ring  []E // a power of two, or none
	first uint32
	count uint32
	// slots is an open-addressed table of places in ring, plus one; twice as long as ring, so at most half full.
	slots []uint32
}

// reserve makes room for n entries, so that none of them has to wait for the roll to grow. Memory that is not used yet
// is not resident.
func (r *roll[K, E]) reserve(n int) {
	size := 1 << bits.Len(uint(n-1))
	r.ring, r.slots = make([]E, size), make([]uint32, 2*size)
}

func (r *roll[K, E]) len() int { return int(r.count) }

func (r *roll[K, E]) at(i uint32) *E { return &r.ring[(r.first+i)&uint32(len(r.ring)-1)] }

func (r *roll[K, E]) home(e E) uint32 {
	return uint32(e.hash() >> (64 - bits.Len(uint(len(r.slots)-1))))
}

// slot returns the slot of an id, or the empty one where it belongs.
func (r *roll[K, E]) slot(e E) uint32 {
	mask := uint32(len(r.slots) - 1)
	for s := r.home(e); ; s = (s + 1) & mask {
		if p := r.slots[s]; p == 0 || r.ring[p-1].id() == e.id() {
			return s
		}
	}
}

// find returns the entry with the id of like.
func (r *roll[K, E]) find(like E) (e E, ok bool) {
	if r.count == 0 {
		return e, false
	}
	p := r.slots[r.slot(like)]
	if p == 0 {
		return e, false
	}
	return r.ring[p-1], true
}

func (r *roll[K, E]) add(e E) {
	if int(r.count) == len(r.ring) {
		r.grow()
	}
	place := (r.first + r.count) & uint32(len(r.ring)-1)
	s := r.slot(e) // before the entry is in the ring, where it would be found by its own id
	r.ring[place] = e
	r.slots[s] = place + 1
	r.count++
}

func (r *roll[K, E]) grow() {
	old := *r
	const least = 1 << 10
	size := max(2*len(old.ring), least)
	*r = roll[K, E]{ring: make([]E, size), slots: make([]uint32, 2*size)}
	for i := range old.count {
		r.add(*old.at(i))
	}
}

// pop removes the oldest entry of a roll that has one.
func (r *roll[K, E]) pop() E {
	e, place := r.ring[r.first], r.first
	if s := r.slot(e); r.slots[s] == place+1 { // else a newer one has its id
		r.vacate(s)
	}
	r.first = (r.first + 1) & uint32(len(r.ring)-1)
	r.count--
	return e
}

// vacate empties a slot and moves up what its occupant had pushed on.
func (r *roll[K, E]) vacate(hole uint32) {
	mask := uint32(len(r.slots) - 1)
	for s := hole; ; {
		s = (s + 1) & mask
		p := r.slots[s]
		if p == 0 {
			break
		}
		if home := r.home(r.ring[p-1]); (s-home)&mask >= (s-hole)&mask {
			r.slots[hole] = p
			hole = s
		}
	}
	r.slots[hole] = 0
}

// place is where a record lies: 40 bytes.
type place struct {
	key     key
	segment uint32
	offset  uint32
	length  uint32
	seconds uint32 // since 1970
	leaf    uint64 // index in the log; the top bit is set where the client named the transaction
}

const namedBit = 1 << 63

func (p place) id() key      { return p.key }
func (p place) hash() uint64 { return p.key.fingerprint() }
func (p place) named() bool  { return p.leaf&namedBit != 0 }
func (p place) index() int64 { return int64(p.leaf &^ namedBit) }

// memory is an evicted transaction that is known to be so.
type memory struct {
	fingerprint uint64
	seconds     uint32
}

func (m memory) id() uint64   { return m.fingerprint }
func (m memory) hash() uint64 { return m.fingerprint }
