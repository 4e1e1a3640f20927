package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"zhenni"
	"zhenni/storage/audit"
	"zhenni/storage/disk"
)

// firstGroup is the room that a group is given to begin with, in bytes.
const firstGroup = 64 << 10

// group is the records of one write and the leaves that go to the log beside it. The writer sets first and err before
// it closes done.
type group struct {
	buf    []byte // room for the header, then records
	places []place
	leaves []audit.Leaf
	counts []zhenni.AttemptCount
	first  int64
	err    error
	done   chan struct{}
}

// writer is the one writer of segments. Its goroutine owns the fields up to from.
type writer struct {
	file    audit.File
	number  uint32
	offset  int64
	slot    int64
	written []place // of the segment
	// prior is the index of the first leaf of the last group in the segments, or none. From is a size of the log below
	// which no leaf to come is.
	prior uint64
	from  int64

	wake        chan struct{} // holds one token when filling is not empty
	quit, ended chan struct{}

	// mu guards the rest.
	mu      sync.Mutex
	stopped bool
	filling *group
	spare   group // the buffers that are not in use
}

// enqueue puts a prepared record into the group being filled and returns it with its place in it. Where the group is
// full it waits for the next one, until ctx ends: [zhenni.ErrDeadline]. Then the record is in none.
func (w *writer) enqueue(ctx context.Context, s *scratch, leaf audit.Leaf, counts []zhenni.AttemptCount, bound int) (g *group, at int, err error) {
	for {
		g, at, full := w.tryEnqueue(s, leaf, counts, bound)
		if g != nil {
			return g, at, nil
		}
		if full == nil {
			return nil, 0, unavailable("the ledger is closed")
		}
		select {
		case <-full:
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("%w: %w", zhenni.ErrDeadline, context.Cause(ctx))
		}
	}
}

// tryEnqueue returns no group where there is no room, and then what to wait for.
func (w *writer) tryEnqueue(s *scratch, leaf audit.Leaf, counts []zhenni.AttemptCount, bound int) (g *group, at int, full <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return nil, 0, nil
	}
	if w.filling == nil {
		w.filling = &group{
			buf: disk.Grow(w.spare.buf[:0], firstGroup)[:groupHeader], places: w.spare.places[:0], leaves: w.spare.leaves[:0],
			counts: w.spare.counts[:0], done: make(chan struct{}),
		}
		w.spare = group{}
	}
	g, at = w.filling, len(w.filling.places)
	if at == groupLeaves || at > 0 && len(g.buf)+len(s.record) > bound {
		return nil, 0, g.done
	}
	r, ok := readRecord(s.record)
	if !ok {
		panic("ledger: a record that can not be read was prepared")
	}
	g.places = append(g.places, r.place(0, len(g.buf), 0))
	g.leaves = append(g.leaves, leaf)
	g.counts = append(g.counts, counts...)
	g.buf = append(disk.Grow(g.buf, len(s.record)), s.record...)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return g, at, nil
}

func (l *Ledger) write() {
	w := &l.writer
	defer close(w.ended)
	for {
		select {
		case <-w.wake:
			// Whoever is about to settle comes along: on a busy machine a group has the records of several requests.
			runtime.Gosched()
			l.commit(false)
		case <-w.quit:
			l.commit(true)
			return
		}
	}
}

// commit writes the group that was filled meanwhile, ends its requests and answers for it.
func (l *Ledger) commit(last bool) {
	w := &l.writer
	w.mu.Lock()
	g := w.filling
	w.filling, w.stopped = nil, last
	w.mu.Unlock()
	if g == nil {
		return
	}
	if g.err = l.Err(); g.err == nil {
		g.err = l.writeGroup(g)
	}
	l.noteRoom(g.err)
	switch {
	case g.err == nil, errors.Is(g.err, zhenni.ErrOverloaded), errors.Is(g.err, zhenni.ErrNoRoom):
	default:
		g.err = unavailable("%w: a decision could not be recorded: %w", zhenni.ErrHalted, g.err)
	}
	l.settled(g)
	if g.err == nil {
		l.fold(g.counts)
	}
	close(g.done)
	w.mu.Lock()
	w.spare = group{buf: g.buf, places: g.places, leaves: g.leaves, counts: g.counts}
	w.mu.Unlock()
}

// writeGroup makes the records of a group durable, then its leaves. A failure of the disk or the log is latched: which of
// them are durable is known after the next Open only.
func (l *Ledger) writeGroup(g *group) error {
	w := &l.writer
	if err := l.opts.Log.Room(); err != nil {
		return err // before the group takes the place of answers that are kept
	}
	length := len(g.buf) - groupHeader
	size := groupSize(len(g.places), length)
	if w.offset+int64(size) > l.opts.Segment {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	g.buf = disk.Grow(g.buf, size-len(g.buf))[:size]
	sealGroup(g.buf, w.number, w.offset, head{len(g.places), length, w.prior, uint64(w.from)}, g.places)
	if err := w.file.Through(g.buf, w.offset); err != nil {
		l.fail(err)
		return err
	}
	first, refused := l.opts.Log.Append(context.Background(), g.leaves)
	w.prior = none
	if refused != nil && !errors.Is(refused, zhenni.ErrOverloaded) && !errors.Is(refused, zhenni.ErrNoRoom) {
		l.fail(refused)
		return refused
	}
	start := w.offset
	w.offset += int64(size)
	if refused != nil {
		return refused
	}
	g.first = first
	w.prior, w.from = uint64(first), first+int64(len(g.leaves))
	for i := range g.places {
		p := &g.places[i]
		p.segment, p.offset = w.number, p.offset+uint32(start)
		p.leaf |= uint64(first) + uint64(i)
	}
	w.written = append(w.written, g.places...)
	if err := w.mark(); err != nil {
		l.fail(err)
		return err
	}
	return nil
}

// mark notes what will be acknowledged. It survives the process at once; after a power failure the next group tells.
func (w *writer) mark() error {
	var slot [markSize]byte
	putMark(slot[:], w.offset)
	_, err := w.file.WriteAt(slot[:], markFirst+w.slot*markStride)
	w.slot = 1 - w.slot
	return err
}

// rotate goes on in the segment that the keeper made ready. Where there is none it is [zhenni.ErrNoRoom], and the next
// group tries again.
func (l *Ledger) rotate() error {
	w := &l.writer
	next := <-l.keeper.ready
	if next.err != nil {
		next = <-l.keeper.ready // the first may be from long ago
	}
	if next.err != nil {
		return next.err
	}
	var err error
	if w.file != nil {
		err = w.file.Close()
	}
	l.keeper.closed <- closedSegment{w.number, w.written, w.offset}
	w.file, w.number, w.offset, w.slot, w.written = next.file, next.number, align, 1, nil
	return err
}
