package engine

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"

	"zhenni"
)

// header is the first line of a row; the elements follow on the next. A row whose status is 0 is vacant.
type header struct {
	id         zhenni.CredentialID
	norm       int32
	tenant     zhenni.TenantID
	generation zhenni.Generation
	// until is the first second at which nothing matches, never where validity has no end.
	until int64
	// next is, in a vacant row, the vacant row below it on the stack, plus one.
	next   uint32
	status zhenni.Status
	level  zhenni.Level
	// touched is set by a lookup that finds the row and cleared as the hand passes: CLOCK's second chance.
	touched bool
}

// segment is one part of the arena: a fixed range of rows and the index to find them by. It is used by one goroutine.
//
// The index is open addressing with linear probing. A slot holds the credential's tag in its high half and the row
// plus one in its low half; 0 is empty. The tag alone says where a slot's search starts, so that a removal can close
// the gap behind it and no tombstones pile up.
type segment struct {
	dim, stride int
	capacity    uint32
	// rows starts at firstRow of the arena's slab, slots at firstSlot of its index.
	rows      []int8
	firstRow  int
	slots     []uint64
	firstSlot int

	live uint32
	// fresh is the first row that never held anything; vacant tops the stack of those that did, plus one.
	fresh, vacant uint32
	hand          uint32
	// complete says that the store has no record of this segment that is not here.
	complete bool
	// gap says that a record is not here that was, or that was met: no walk that began before makes the segment complete.
	gap    bool
	counts *counts
}

func (s *segment) header(row uint32) *header {
	return (*header)(unsafe.Pointer(&s.rows[int(row)*s.stride]))
}

// elements are the dim elements of a row.
func (s *segment) elements(row uint32) []int8 {
	at := int(row)*s.stride + lineBytes
	return s.rows[at : at+s.dim : at+s.dim]
}

// headerAt is where the header of a row lies in the arena's slab; its elements are one line further.
func (s *segment) headerAt(row uint32) int { return s.firstRow + int(row)*s.stride }

// tagOf mixes all of an id, so that ids which were not drawn at random spread as well.
func tagOf(id *zhenni.CredentialID) uint32 {
	high, low := bits.Mul64(
		binary.LittleEndian.Uint64(id[:8])^0x9e3779b97f4a7c15,
		binary.LittleEndian.Uint64(id[8:])^0xd1b54a32d192ed03)
	return uint32((high ^ low) >> 32)
}

// home is the slot where the search for a tag starts.
func (s *segment) home(tag uint32) int { return int(uint64(tag) * uint64(len(s.slots)) >> 32) }

func (s *segment) after(slot int) int {
	if slot++; slot < len(s.slots) {
		return slot
	}
	return 0
}

// scan returns the first slot from slot on that holds tag or is empty, with its content.
func (s *segment) scan(tag uint32, slot int) (int, uint64) {
	for {
		content := s.slots[slot]
		if content == 0 || uint32(content>>32) == tag {
			return slot, content
		}
		slot = s.after(slot)
	}
}

// find returns the row of id.
func (s *segment) find(id *zhenni.CredentialID) (row uint32, ok bool) {
	tag := tagOf(id)
	slot, content := s.scan(tag, s.home(tag))
	for content != 0 {
		if row := uint32(content) - 1; s.header(row).id == *id {
			return row, true
		}
		slot, content = s.scan(tag, s.after(slot))
	}
	return 0, false
}

// room evicts until n rows are vacant; n is at most the capacity.
func (s *segment) room(n uint32) {
	for s.capacity-s.live < n {
		s.complete, s.gap = false, true
		s.drop(s.victim())
		s.counts.evictions.Add(1)
	}
}

// victim moves the hand to the next row that was not looked up since the hand last passed it. A row is live.
func (s *segment) victim() uint32 {
	for {
		row := s.hand
		if s.hand++; s.hand == s.capacity {
			s.hand = 0
		}
		switch h := s.header(row); {
		case h.status == 0:
		case h.touched:
			h.touched = false
		default:
			return row
		}
	}
}

// peek returns the row that the next adopt takes; there is room.
func (s *segment) peek() uint32 {
	if s.vacant > 0 {
		return s.vacant - 1
	}
	return s.fresh
}

// never is after every second that a batch can have.
const never = math.MaxInt64

// adopt makes the row that peek returned, its elements already written, the row of r, whose id is not here. The
// elements of a credential that can not be matched are not kept; one whose factor is locked is held as suspended.
func (s *segment) adopt(r *zhenni.Reference) (row uint32) {
	row = s.peek()
	h := s.header(row)
	if s.vacant > 0 {
		s.vacant = h.next
	} else {
		s.fresh++
	}
	*h = header{id: r.ID, norm: r.Norm, tenant: r.Tenant, generation: r.Generation, status: r.Status, level: r.Level, until: never}
	if r.ValidUntil != 0 {
		h.until = r.ValidUntil
	}
	if r.Locked && r.Status == zhenni.StatusActive {
		h.status = zhenni.StatusSuspended
	}
	if h.status != zhenni.StatusActive {
		clear(s.elements(row))
	}
	tag := tagOf(&r.ID)
	slot := s.home(tag)
	for s.slots[slot] != 0 {
		slot = s.after(slot)
	}
	s.slots[slot] = uint64(tag)<<32 | uint64(row+1)
	s.live++
	s.counts.rows.Add(1)
	return row
}

// drop zeroes a live row and vacates it.
func (s *segment) drop(row uint32) {
	h := s.header(row)
	s.unindex(tagOf(&h.id), row)
	*h = header{next: s.vacant}
	clear(s.elements(row))
	s.vacant = row + 1
	s.live--
	s.counts.rows.Add(-1)
}

// unindex empties the slot of a row and moves the slots behind it up, so that no search ends early at the gap.
func (s *segment) unindex(tag, row uint32) {
	gap := s.home(tag)
	for uint32(s.slots[gap]) != row+1 {
		gap = s.after(gap)
	}
	for slot := s.after(gap); s.slots[slot] != 0; slot = s.after(slot) {
		home := s.home(uint32(s.slots[slot] >> 32))
		if s.distance(home, slot) >= s.distance(gap, slot) {
			s.slots[gap] = s.slots[slot]
			gap = slot
		}
	}
	s.slots[gap] = 0
}

// distance is the number of steps from one slot forward to another.
func (s *segment) distance(from, to int) int {
	if to >= from {
		return to - from
	}
	return to - from + len(s.slots)
}

// reset zeroes every row that was ever used and empties the index. One that was never used is left alone: touching it
// would take its memory.
func (s *segment) reset() {
	clear(s.rows[:int(s.fresh)*s.stride])
	if s.fresh > 0 {
		clear(s.slots)
	}
	s.counts.rows.Add(-int64(s.live))
	s.live, s.fresh, s.vacant, s.hand, s.complete, s.gap = 0, 0, 0, 0, false, true
}
