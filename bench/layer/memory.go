package layer

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"
	"unsafe"

	"zhenni/bench/result"
)

const (
	// lineBytes is a cache line, what memory is read in.
	lineBytes = 64
	// sweepRows is how many rows are read between two looks at the clock.
	sweepRows = 1024
)

// reader is one thread that reads a slab. What it reads it adds up, so that no read can be left out.
type reader struct {
	slab []int8
	at   []int // where rows start, in random order; read from next on, round and round
	next int
	// streamed is how far the slab was read in order.
	streamed int
	sum      uint64
	_        [lineBytes]byte // the next reader's sum is on another line
}

// mostStarts is the number of places that a thread reads at before it begins again.
const mostStarts = 1 << 20

// newReaders makes a reader for each thread, with random lines of the slab to start at, longest bytes from its end: as many
// as it has lines, up to mostStarts.
func newReaders(slab []int8, threads, longest int, seed uint64) []reader {
	starts := min(max(len(slab)/lineBytes, sweepRows), mostStarts)
	readers := make([]reader, threads)
	for t := range readers {
		random := rand.New(rand.NewPCG(seed, uint64(t)))
		readers[t] = reader{slab: slab, at: make([]int, starts)}
		for i := range readers[t].at {
			readers[t].at[i] = lineBytes * random.IntN((len(slab)-longest)/lineBytes+1)
		}
	}
	return readers
}

// rows returns the next n starts, of which there are as many or more.
func (r *reader) rows(n int) []int {
	if r.next+n > len(r.at) {
		r.next = 0
	}
	at := r.at[r.next:][:n]
	r.next += n
	return at
}

// random reads a word of every line of rows of d bytes at random places: as fast as memory answers, since no read waits
// for another, and the processor has as many under way as it can.
func (r *reader) random(d int) int {
	sum, first := r.sum, unsafe.Pointer(unsafe.SliceData(r.slab))
	for _, at := range r.rows(sweepRows) {
		row := unsafe.Add(first, at)
		for line := 0; line < d; line += lineBytes {
			sum += *(*uint64)(unsafe.Add(row, line))
		}
	}
	r.sum = sum
	return sweepRows
}

// stream reads a word of every line of rows of d bytes one after another.
func (r *reader) stream(d int) int {
	length := min(sweepRows*d, len(r.slab))
	if r.streamed+length > len(r.slab) {
		r.streamed = 0
	}
	sum, first := r.sum, unsafe.Pointer(unsafe.SliceData(r.slab))
	for at := r.streamed; at < r.streamed+length; at += lineBytes {
		sum += *(*uint64)(unsafe.Add(first, at))
	}
	r.sum = sum
	r.streamed += length
	return length / d
}

// pressRandom measures what memory gives to threads that read rows of d bytes at random.
func pressRandom(readers []reader, d int) func(context.Context, time.Duration) (result.Sample, error) {
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		return bare(ctx, len(readers), about, func(t int) int { return readers[t].random(d) })
	}
}

// fill writes the slab full of noise.
func fill(slab []int8, seed uint64) {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(slab))), len(slab))
	random := rand.NewPCG(seed, 0)
	for at := 0; at+8 <= len(bytes); at += 8 {
		binary.LittleEndian.PutUint64(bytes[at:], random.Uint64())
	}
}

// signed is memory as int8.
func signed(memory []byte) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(memory))), len(memory))
}
