package cold

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"zhenni"
)

// index finds the place of an id in eight bytes and a share of the empty room: a table for each slot, open addressing
// with linear probing. An entry that is not 0 is
//
//	tag u24 | generation u8, the low bits | place + 1 u32
//
// The tag alone says where the search starts, so that a removal can close the gap behind it. Two ids of a slot may have
// one tag, so what is found is a candidate until its record names the id.
type index struct {
	tables [zhenni.Slots]table
	live   int
}

type table struct {
	entries []uint64
	live    int
}

const (
	tagBits     = 24
	firstLength = 4
)

// tagOf mixes all of an id, so that ids which were not drawn at random spread as well.
func tagOf(id *zhenni.CredentialID) uint64 {
	high, low := bits.Mul64(
		binary.LittleEndian.Uint64(id[:8])^0x9e3779b97f4a7c15,
		binary.LittleEndian.Uint64(id[8:])^0xd1b54a32d192ed03)
	return (high ^ low) >> (64 - tagBits)
}

func newEntry(id *zhenni.CredentialID, generation zhenni.Generation, place uint32) uint64 {
	return tagOf(id)<<40 | uint64(uint8(generation))<<32 | uint64(place+1)
}

func tagIn(entry uint64) uint64      { return entry >> 40 }
func generationIn(e uint64) uint8    { return uint8(e >> 32) }
func placeIn(entry uint64) uint32    { return uint32(entry) - 1 }
func (t *table) home(tag uint64) int { return int(tag * uint64(len(t.entries)) >> tagBits) }

func (t *table) after(at int) int {
	if at++; at < len(t.entries) {
		return at
	}
	return 0
}

// candidate returns the entry of the n-th id that has the tag of id, and 0 where there are not so many.
func (x *index) candidate(id *zhenni.CredentialID, n int) uint64 {
	t, tag := &x.tables[id.Slot()], tagOf(id)
	if t.live == 0 {
		return 0
	}
	for at := t.home(tag); t.entries[at] != 0; at = t.after(at) {
		if tagIn(t.entries[at]) != tag {
			continue
		}
		if n == 0 {
			return t.entries[at]
		}
		n--
	}
	return 0
}

// grow makes room for n more entries. A table is at most 7/8 full and grows by an eighth: of what a table holds twice,
// little is empty, and an entry is moved some eight times in its life.
func (t *table) grow(n int) {
	need := (8*(t.live+n) + 6) / 7
	if need <= len(t.entries) {
		return
	}
	old := t.entries
	t.entries = slices.Grow([]uint64(nil), max(firstLength, need, len(old)+len(old)/8))
	t.entries = t.entries[:cap(t.entries)] // all that the allocator gives
	for _, entry := range old {
		if entry != 0 {
			t.put(entry)
		}
	}
}

func (t *table) put(entry uint64) {
	at := t.home(tagIn(entry))
	for t.entries[at] != 0 {
		at = t.after(at)
	}
	t.entries[at] = entry
}

// add adds the entry of an id that is not in the index.
func (x *index) add(slot zhenni.Slot, entry uint64) {
	t := &x.tables[slot]
	t.grow(1)
	t.put(entry)
	t.live++
	x.live++
}

// replace puts next where entry stands, which has the same tag.
func (x *index) replace(slot zhenni.Slot, entry, next uint64) {
	t := &x.tables[slot]
	t.entries[t.find(entry)] = next
}

// find returns where an entry stands that is there.
func (t *table) find(entry uint64) int {
	at := t.home(tagIn(entry))
	for t.entries[at] != entry {
		at = t.after(at)
	}
	return at
}

// remove takes an entry out and moves those behind it up, so that no search ends early at the gap.
func (x *index) remove(slot zhenni.Slot, entry uint64) {
	t := &x.tables[slot]
	gap := t.find(entry)
	for at := t.after(gap); t.entries[at] != 0; at = t.after(at) {
		home := t.home(tagIn(t.entries[at]))
		if t.distance(home, at) >= t.distance(gap, at) {
			t.entries[gap] = t.entries[at]
			gap = at
		}
	}
	t.entries[gap] = 0
	t.live--
	x.live--
}

// distance is the number of steps from one entry forward to another.
func (t *table) distance(from, to int) int {
	if to >= from {
		return to - from
	}
	return to - from + len(t.entries)
}

// bytes is the memory of the entries and of what finds them.
func (x *index) bytes() (total int64) {
	for i := range x.tables {
		total += int64(8 * cap(x.tables[i].entries))
	}
	return total + int64(len(x.tables))*tableBytes
}

// tableBytes is the size of a table without its entries.
const tableBytes = 32
