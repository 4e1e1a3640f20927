package history

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zhenni"
)

// Open opens the history in a folder, or makes one. A file that is damaged is left out, and its time is a gap. Errors are
// [zhenni.ErrBadValue], [zhenni.ErrCorrupt] where the state is damaged, which knows what was forgotten, and those of the
// operating system.
func Open(o Options) (*History, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &History{opts: o}
	if h.secrets, err = newSecrets(o.Key); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, unavailable("%w", err)
	}
	for _, dir := range []string{columnsDir, indexDir} {
		if err := makeDir(filepath.Join(o.Dir, dir)); err != nil {
			return nil, unavailable("%w", err)
		}
	}
	h.state.dir, h.state.secrets = o.Dir, h.secrets
	h.keeper.clean = map[*index]uint64{}
	if err := h.load(); err != nil {
		return nil, errors.Join(err, h.files.close())
	}
	h.start()
	return h, nil
}

// start runs the goroutines.
func (h *History) start() {
	h.queue.bound, h.queue.wake = h.opts.Queue, make(chan struct{}, 1)
	if h.opts.Beat == nil {
		ticker := time.NewTicker(time.Second)
		h.opts.Beat, h.opts.stop = ticker.C, ticker.Stop
	}
	w, k := &h.writer, &h.keeper
	w.buf = make([]byte, blockHead)
	w.requests, w.quit, w.ended = make(chan func()), make(chan struct{}), make(chan struct{})
	k.wake, k.sync, k.requests = make(chan struct{}, 1), make(chan struct{}, 1), make(chan func())
	k.life, k.stop = context.WithCancel(context.Background())
	k.ended, k.synced = make(chan struct{}), make(chan struct{})
	nudge(k.wake)
	go h.write()
	go h.keep()
	go h.syncing()
}

// load reads the state and opens the files. Nothing was noted between the end of what there is and now.
func (h *History) load() error {
	columns, err1 := list(filepath.Join(h.opts.Dir, columnsDir))
	indexes, err2 := list(h.indexDir())
	if err := errors.Join(err1, err2); err != nil {
		return unavailable("%w", err)
	}
	now := secondOf(h.opts.Now())
	s, err := readState(h.opts.Dir, h.secrets)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(columns)+len(indexes) == 0:
		h.state.state = state{since: now}
		h.state.dirty = true
		return h.state.save()
	case errors.Is(err, fs.ErrNotExist):
		return corrupt("there are files of a history in %s and no %s: put it back, or move the folder away", h.opts.Dir, stateFile)
	case err != nil:
		return err
	}
	h.state.state = *s
	h.writer.next = s.first
	if columns, err = h.begun(columns); err != nil {
		return err
	}
	if err := errors.Join(h.loadIndexes(indexes), h.loadSegments(columns)); err != nil {
		return err
	}
	h.missing(append(columns, indexes...), now)
	for _, r := range h.keeper.refused {
		h.lose(r.span, now)
	}
	if until := h.until(); until < now {
		h.state.lose(before(until), now, zhenni.GapOff)
	}
	return h.state.save()
}

// begun returns the segments but for the last one where it has not even a head: a crash left it, before anything was noted in
// it. It is removed, and its number used again.
func (h *History) begun(columns []span) ([]span, error) {
	last := span{}
	for _, s := range columns {
		if s.first > last.first {
			last = s
		}
	}
	path := h.columnsPath(last.first)
	if info, err := os.Lstat(path); err != nil || info.Size() >= columnsHead {
		return columns, nil // whatever is wrong with it, opening it tells
	}
	if err := os.Remove(path); err != nil {
		return nil, unavailable("%w", err)
	}
	return slices.DeleteFunc(columns, func(s span) bool { return s == last }), nil
}

// loadIndexes opens the index files, the widest and newest first: what one of them replaces is removed.
func (h *History) loadIndexes(spans []span) error {
	slices.SortFunc(spans, span.compare)
	for _, s := range spans {
		h.writer.next = max(h.writer.next, s.last+1)
		path := h.indexPath(s)
		if n := len(h.files.indexes); s.last < h.state.state.first || n > 0 && h.files.indexes[n-1].replaces(s) {
			if err := shred(path); err != nil {
				return unavailable("%w", err)
			}
			continue
		}
		x, err := openIndex(path, s, h.secrets)
		if err := h.refuse(s, path, err); err != nil {
			return err
		}
		if err == nil {
			h.files.indexes = append(h.files.indexes, x)
		}
	}
	return nil
}

// loadSegments opens the segments, but for those that an index has.
func (h *History) loadSegments(spans []span) error {
	for _, s := range spans {
		h.writer.next = max(h.writer.next, s.last+1)
		path := h.columnsPath(s.first)
		if s.last < h.state.state.first || slices.ContainsFunc(h.files.indexes, func(x *index) bool { return x.first <= s.first && s.first <= x.last }) {
			if err := shred(path); err != nil {
				return unavailable("%w", err)
			}
			continue
		}
		c, err := openSegment(path, s.first, h.secrets, os.O_RDWR)
		if err := h.refuse(s, path, err); err != nil {
			return err
		}
		if err == nil {
			c.closed = true
			h.files.columns = append(h.files.columns, c)
		}
	}
	return h.brokenGaps()
}

// refuse takes note of a file that is damaged. Any other error is returned.
func (h *History) refuse(s span, path string, err error) error {
	if !isCorrupt(err) {
		return err
	}
	h.damages.Add(1)
	h.opts.Logger.Error("a file of the history is damaged and left out", "name", filepath.Base(path), "error", err)
	h.keeper.refused = append(h.keeper.refused, refusal{s, path})
	return nil
}

// late is how many seconds after the decision an item is noted at most, once it was recorded and answered.
const late = 30

// before is a second before which everything was noted by then.
func before(until uint32) uint32 { return until - min(until, late) }

// brokenGaps takes note of segments that are not whole. The last one may be what a crash left, which is no damage: until
// then is in it what was noted until then. It is cut there, or the next Open, behind whose segment it stands, would take it for
// damage.
func (h *History) brokenGaps() error {
	for i, c := range h.files.columns {
		if !c.broken {
			continue
		}
		if i == len(h.files.columns)-1 {
			return c.cut()
		}
		h.damages.Add(1)
		h.state.lose(before(c.until), h.files.columns[i+1].begins()+late, zhenni.GapDamaged)
	}
	return nil
}

// begins is about when the segment was begun, as far as it tells.
func (c *segment) begins() uint32 {
	if oldest := c.oldest.Load(); oldest != 0 {
		return oldest
	}
	return c.until
}

// missing finds the segments of which there is no file, neither of their own nor an index that has them.
func (h *History) missing(spans []span, now uint32) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	next := h.state.state.first
	for _, s := range spans {
		if s.first > next {
			h.damages.Add(1)
			h.opts.Logger.Error("files of the history are missing", "first", next, "last", s.first-1)
			h.lose(span{first: next, last: s.first - 1}, now)
		}
		next = max(next, s.last+1)
	}
}

// lose makes the time of segments a gap: from the end of what is before them to the beginning of what is behind.
func (h *History) lose(s span, now uint32) {
	from, to := h.state.state.since, now
	for _, x := range h.files.indexes {
		if x.last < s.first {
			from = max(from, x.until)
		} else if x.first > s.last && x.entries > 0 {
			to = min(to, x.oldest)
		}
	}
	for _, c := range h.files.columns {
		if c.number < s.first {
			from = max(from, c.until)
		} else if c.number > s.last && c.begins() != 0 {
			to = min(to, c.begins())
		}
	}
	h.state.lose(before(min(from, to)), max(from, to)+late, zhenni.GapDamaged)
}

// until is the second up to which everything that was noted is in the files.
func (h *History) until() (until uint32) {
	until = h.state.state.since
	for _, x := range h.files.indexes {
		until = max(until, x.until)
	}
	for _, c := range h.files.columns {
		until = max(until, c.until)
	}
	return until
}
