package engine

import (
	"fmt"
	"math"
	"sync/atomic"
	"unsafe"

	"zhenni"
)

const (
	// lineBytes is a cache line; rows and their headers start on one.
	lineBytes = 64
	// slotsPerRow is the index slots a row is given: at most half are ever full, so most lookups read one line.
	slotsPerRow = 2
)

// Arena is the memory of the opened rows of a node, under a fixed budget. It is split into [Segments]; a segment is
// used by the one [Matcher] whose owner holds it, and passing it on is the owners' business. The arena itself holds
// no lock.
type Arena struct {
	dim    int
	stride int
	// memory is all of it: the decoy, the rows segment by segment, then the indexes segment by segment.
	memory []byte
	// slab is the part of memory that holds rows, slots the part that holds indexes. The row at 0 of the slab is the
	// decoy, a vacant row with elements and a norm: what a probe is compared with where nothing may match.
	slab     []int8
	slots    []uint64
	capacity int64
	segments [Segments]segment
	counts   counts
}

// counts are what segments report while they work; they are read from any goroutine.
type counts struct {
	rows       atomic.Int64
	storeReads atomic.Uint64
	evictions  atomic.Uint64
}

// NewArena reserves an arena for rows of dim elements in budget bytes, rows and index together; memory is taken as it
// is first written. A dim outside [1, zhenni.MaxDim], or a budget without room for one row a segment, is
// [zhenni.ErrBadValue].
func NewArena(dim int, budget int64) (*Arena, error) {
	if dim < 1 || dim > zhenni.MaxDim {
		return nil, fmt.Errorf("%w: arena of dimension %d: want 1–%d", zhenni.ErrBadValue, dim, zhenni.MaxDim)
	}
	a := &Arena{dim: dim, stride: lineBytes + (dim+lineBytes-1)/lineBytes*lineBytes}
	capacity := min(budget/Segments/int64(a.rowBytes()), math.MaxUint32-1)
	a.capacity = Segments * capacity
	if capacity < 1 {
		return nil, fmt.Errorf("%w: arena of %d bytes: want at least %d", zhenni.ErrBadValue, budget, Segments*a.rowBytes())
	}
	var err error
	if a.memory, err = reserve(a.stride + Segments*int(capacity)*a.rowBytes()); err != nil {
		return nil, err
	}
	a.layOut(int(capacity))
	return a, nil
}

// rowBytes is what one row costs: header, elements and index slots.
func (a *Arena) rowBytes() int { return a.stride + 8*slotsPerRow }

// layOut divides the memory and writes the decoy.
func (a *Arena) layOut(capacity int) {
	rows, slots := a.stride*capacity, slotsPerRow*capacity
	index := a.stride + Segments*rows
	a.slab = unsafe.Slice((*int8)(unsafe.Pointer(&a.memory[0])), index)
	a.slots = unsafe.Slice((*uint64)(unsafe.Pointer(&a.memory[index])), Segments*slots)
	a.header(0).norm = fillDecoy(a.slab[lineBytes:][:a.dim])
	for i := range a.segments {
		firstRow, firstSlot := a.stride+i*rows, i*slots
		a.segments[i] = segment{
			dim: a.dim, stride: a.stride, capacity: uint32(capacity), counts: &a.counts,
			rows: a.slab[firstRow:][:rows:rows], firstRow: firstRow,
			slots: a.slots[firstSlot:][:slots:slots], firstSlot: firstSlot,
		}
	}
}

// header is the header at an offset in the slab.
func (a *Arena) header(at int) *header { return (*header)(unsafe.Pointer(&a.slab[at])) }

func (a *Arena) segmentOf(id *zhenni.CredentialID) *segment { return &a.segments[segmentOf(id)] }

// fillDecoy writes a fixed row of which no element is 0 and returns its norm. It is nobody's; no outcome depends on it.
func fillDecoy(row []int8) (norm int32) {
	for i := range row {
		row[i] = int8(i*37%127) + 1
		if i%3 == 0 {
			row[i] = -row[i]
		}
		norm += int32(row[i]) * int32(row[i])
	}
	return norm
}

// Close gives the memory back. No matcher of the arena may be used from then on; a second Close does nothing.
func (a *Arena) Close() error {
	if a.memory == nil {
		return nil
	}
	memory := a.memory
	a.memory, a.slab, a.slots, a.segments = nil, nil, nil, [Segments]segment{}
	return release(memory)
}

// Stats describes the arena now. It is safe from any goroutine.
func (a *Arena) Stats() zhenni.ArenaStats {
	rows := a.counts.rows.Load()
	return zhenni.ArenaStats{
		Rows: rows, Capacity: a.capacity, Bytes: rows * int64(a.rowBytes()),
		StoreReads: a.counts.storeReads.Load(), Evictions: a.counts.evictions.Load(),
	}
}
