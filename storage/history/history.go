package history

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
)

// History is an open history. Its methods may be called from several goroutines.
type History struct {
	opts    Options
	secrets secrets
	queue   queue
	writer  writer
	keeper  keeper
	files   files
	state   stateKeeper
	damages atomic.Uint64
	closing sync.Once
	closed  error
}

// Note takes note that who asked, at a time, about credentials, and of the outcome of each. It writes nothing itself and
// does not wait for the disk; what there is no room for is counted, and is a gap in the answers. Zero ids stand for items
// that named none. Service and purpose are of a catalogue, for every asker is kept in memory once for each file. The slices stay
// the caller's.
func (h *History) Note(who zhenni.Asker, at time.Time, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) {
	h.queue.note(&who, secondOf(at), ids, outcomes)
}

// Forget hides what was noted about credentials so far, durably, and has it removed: see the package documentation for
// when. What is noted later is shown. Errors are [zhenni.ErrOverloaded], [zhenni.ErrUnavailable], after which it may be
// hidden until a restart, and [zhenni.ErrDeadline].
func (h *History) Forget(ctx context.Context, ids ...zhenni.CredentialID) (err error) {
	refused := h.do(ctx, func() {
		h.drain(true)
		at, block := h.writer.next, uint32(0)
		if c := h.writer.open; c != nil {
			at, block = c.number, c.blocks
		}
		err = h.state.forget(ids, at, block, secondOf(h.opts.Now()))
	})
	if err := errors.Join(refused, err); err != nil {
		return err
	}
	nudge(h.keeper.wake)
	return h.state.save()
}

// Stats returns the counts since the history was opened and its levels now.
func (h *History) Stats() zhenni.HistoryStats {
	v := h.files.view()
	defer h.files.release(v)
	s := zhenni.HistoryStats{Files: int64(len(v.columns) + len(v.indexes)), Bytes: v.bytes(), Damaged: h.damages.Load()}
	for _, x := range v.indexes {
		s.Indexed += int64(x.entries)
	}
	for _, c := range v.columns {
		s.Unsorted += c.items.Load()
	}
	h.queue.mu.Lock()
	s.Noted, s.Dropped = h.queue.noted, h.queue.dropped
	h.queue.mu.Unlock()
	h.state.mu.Lock()
	s.Forgotten = int64(len(h.state.state.erasures))
	h.state.mu.Unlock()
	return s
}

// Close writes and syncs what was noted, and closes the files. What is noted later is dropped. A second Close does nothing.
func (h *History) Close() error {
	h.closing.Do(func() { h.closed = h.close() })
	return h.closed
}

func (h *History) close() error {
	h.queue.mu.Lock()
	h.queue.closed = true
	h.queue.mu.Unlock()
	h.keeper.stop()
	<-h.keeper.ended
	<-h.keeper.synced
	all := context.Background()
	pulse := h.do(all, func() {
		h.drain(true)
		h.pulse(h.state.known(secondOf(h.opts.Now())), 1)
	})
	err := errors.Join(pulse, h.Sync(all))
	close(h.writer.quit)
	<-h.writer.ended
	if h.opts.stop != nil {
		h.opts.stop()
	}
	return errors.Join(err, h.files.close())
}
