package history

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"zhenni"
	"zhenni/storage/disk"
)

// writer writes what was noted to segments. Its goroutine owns the fields up to complained.
type writer struct {
	open     *segment // nil until there is something to write
	next     uint32   // number of the next segment
	begun    time.Time
	buf      []byte
	until    uint32 // what the last block said
	unsynced []*segment
	beats    int
	// complained says that the log knows of a disk that takes nothing.
	complained bool

	requests    chan func()
	quit, ended chan struct{}
}

func (h *History) write() {
	w := &h.writer
	defer close(w.ended)
	for {
		select {
		case <-h.queue.wake:
			h.drain(false)
		case <-h.opts.Beat:
			h.beat()
		case request := <-w.requests:
			request()
		case <-w.quit:
			h.drain(true)
			return
		}
	}
}

// do runs f between two blocks: [zhenni.ErrUnavailable] where the history is closed, [zhenni.ErrDeadline].
func (h *History) do(ctx context.Context, f func()) error {
	ran := make(chan struct{})
	select {
	case h.writer.requests <- func() { f(); close(ran) }:
	case <-h.writer.ended:
		return unavailable("closed")
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", zhenni.ErrDeadline, context.Cause(ctx))
	}
	<-ran
	return nil
}

// beat writes what was noted, ends a segment that is old, and has the keeper look around.
func (h *History) beat() {
	w := &h.writer
	h.drain(true)
	if w.open != nil && w.open.items.Load() > 0 && h.opts.Now().Sub(w.begun) >= segmentAge {
		h.closeSegment()
	}
	if w.beats++; w.beats >= syncBeats {
		w.beats = 0
		nudge(h.keeper.sync)
	}
	nudge(h.keeper.wake)
}

// nudge puts a token where there is none.
func nudge(tokens chan struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// drain writes the full fills, and with all the one that is being filled. Then it is known that nothing else was noted
// until now.
func (h *History) drain(all bool) {
	w := &h.writer
	t := h.queue.take(all, h.opts.Now)
	if t.lost.to != 0 {
		h.state.lose(t.lost.from, t.lost.to, zhenni.GapShed)
		h.complain(errShed)
	}
	for i, f := range t.fills {
		until := w.until
		if all && i == len(t.fills)-1 {
			until = max(until, h.state.known(t.until))
		}
		if err := h.append(f, until); err != nil {
			lost := h.queue.shed(f)
			h.state.lose(lost.from, lost.to, zhenni.GapShed)
			h.complain(err)
		}
		h.queue.give(f)
	}
	if len(t.fills) == 0 && all {
		h.pulse(h.state.known(t.until), heartbeat)
	}
}

var errShed = errors.New("there was more to note than could be written")

// complain tells the operator once that items are shed, and of the end of it.
func (h *History) complain(err error) {
	if !h.writer.complained {
		h.opts.Logger.Warn("the history is not complete: items are shed", "error", err)
	}
	h.writer.complained = true
}

// append writes a fill as a block.
func (h *History) append(f *fill, until uint32) error {
	w := &h.writer
	if err := h.opts.Room(); err != nil {
		return err
	}
	if err := h.openSegment(); err != nil {
		return err
	}
	c := w.open
	b, err := h.put(appendBlock(w.buf[:blockHead], until, f.askers, f.runs, f.ids, f.outcomes))
	if err != nil {
		h.abandon()
		return err
	}
	w.complained = false
	w.until = until
	c.add(until, f.runs, len(f.ids))
	c.size.Add(int64(len(b)))
	if c.items.Load() >= int64(h.opts.items) || c.size.Load() >= segmentBytes {
		h.closeSegment()
	}
	return nil
}

// put seals b, which has room for its head, and writes it behind the last block.
func (h *History) put(b []byte) ([]byte, error) {
	w, c := &h.writer, h.writer.open
	at := c.size.Load()
	w.buf = sealBlock(c.aead, b, c.written, at)
	c.written++
	_, err := c.file.WriteAt(w.buf, at)
	return w.buf, err
}

// pulse notes that nothing was to be written until now, after so many seconds. The next block takes the place of it.
func (h *History) pulse(until, after uint32) {
	w := &h.writer
	if until < w.until+after || h.opts.Room() != nil || h.openSegment() != nil {
		return
	}
	if _, err := h.put(appendBlock(w.buf[:blockHead], until, nil, nil, nil, nil)); err != nil {
		h.abandon()
		return
	}
	w.until, w.open.until = until, until
}

// openSegment sees to it that there is a segment to write to.
func (h *History) openSegment() error {
	w := &h.writer
	if w.open != nil {
		return nil
	}
	c, err := createSegment(h.columnsPath(w.next), w.next, h.secrets)
	if err != nil {
		return err
	}
	w.next++
	w.open, w.begun = c, h.opts.Now()
	w.unsynced = append(w.unsynced, c)
	h.files.addColumns(c)
	return nil
}

// closeSegment hands the segment to the keeper.
func (h *History) closeSegment() {
	c := h.writer.open
	h.writer.open = nil
	h.files.mu.Lock()
	c.closed = true
	h.files.mu.Unlock()
	nudge(h.keeper.wake)
}

// abandon goes on in another segment after a failed write, of which nobody knows what is on the disk.
func (h *History) abandon() {
	_ = h.writer.open.file.Truncate(h.writer.open.size.Load())
	h.closeSegment()
}

// Sync returns nil once everything that was noted before is durable, but for what was shed, which is in the gaps. Errors
// are [zhenni.ErrUnavailable] and [zhenni.ErrDeadline].
func (h *History) Sync(ctx context.Context) error {
	w := &h.writer
	var waiting []*segment
	var v view
	err := h.do(ctx, func() {
		h.drain(true)
		v = h.files.view()
		if waiting, w.unsynced = w.unsynced, nil; w.open != nil {
			w.unsynced = append(w.unsynced, w.open)
		}
	})
	if err != nil {
		return err
	}
	defer h.files.release(v)
	return h.syncAll(v, waiting)
}

// syncAll syncs segments and their folder. One that went meanwhile is in an index, which is durable. After a failure
// nobody knows what of them is.
func (h *History) syncAll(v view, waiting []*segment) error {
	var err error
	oldest := uint32(0)
	for _, c := range v.columns {
		if slices.Contains(waiting, c) {
			err = errors.Join(err, disk.SyncData(c.file))
			oldest = earlier(oldest, c.oldest.Load())
		}
	}
	if len(waiting) > 0 {
		err = errors.Join(err, disk.SyncDir(filepath.Join(h.opts.Dir, columnsDir)))
	}
	if err == nil {
		return h.state.save()
	}
	if oldest != 0 {
		h.state.lose(oldest, secondOf(h.opts.Now()), zhenni.GapShed)
	}
	return unavailable("what was noted could not be synced: %w", err)
}
