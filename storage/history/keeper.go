package history

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"zhenni"
)

// keeper makes the index in the background, drops what is too old or too much, and writes anew what still holds what was
// forgotten. Its goroutine owns the fields from collector on.
type keeper struct {
	wake     chan struct{} // holds a token when there may be something to do
	sync     chan struct{} // holds a token when it is time to sync
	requests chan func()
	life     context.Context // ends with stop
	stop     context.CancelFunc
	ended    chan struct{}
	synced   chan struct{} // closed when the goroutine that syncs has ended

	collector collector
	begun     time.Time
	// complained says that the log knows of a disk that takes no index.
	complained bool
	// clean is, of index files, up to which erasure they were seen to hold nothing of.
	clean map[*index]uint64
	// refused are the spans of files that did not open. They are not read, and nothing is merged across them.
	refused []refusal
}

// refusal is a file that did not open.
type refusal struct {
	span
	path string
}

// crowd is the number of waiting segments from which on the keeper works without a pause: reads scan them.
const crowd = 8

func (h *History) keep() {
	k := &h.keeper
	defer close(k.ended)
	for {
		select {
		case <-k.wake:
			h.work()
		case request := <-k.requests:
			request()
		case <-k.life.Done():
			return
		}
	}
}

// syncing syncs when it is time to, beside the writer, which goes on.
func (h *History) syncing() {
	k := &h.keeper
	defer close(k.synced)
	for {
		select {
		case <-k.sync:
			if err := h.Sync(k.life); err != nil && !errors.Is(err, zhenni.ErrDeadline) {
				h.opts.Logger.Warn("the history could not be synced", "error", err)
			}
		case <-k.life.Done():
			return
		}
	}
}

// work does what there is to do, one file at a time.
func (h *History) work() {
	for {
		h.keeper.begun = time.Now()
		did, err := h.step()
		switch {
		case errors.Is(err, errClosing):
			return
		case err != nil && !isCorrupt(err):
			if !h.keeper.complained {
				h.opts.Logger.Warn("the history can not be indexed; it is tried again every second", "error", err)
			}
			h.keeper.complained = true
			return
		case !did || !h.pace():
			h.keeper.complained = false
			h.keeper.collector = collector{}
			return
		}
	}
}

// step does the most urgent thing, and reports whether there was any.
func (h *History) step() (did bool, err error) {
	if err := h.state.save(); err != nil {
		return false, err
	}
	if did, err = h.retain(); did || err != nil {
		return did, err
	}
	if err := h.opts.Room(); err != nil {
		return false, unavailable("%w", err)
	}
	v := h.files.view()
	defer h.files.release(v)
	if c := h.waiting(v); c != nil {
		return true, h.sortSegment(c)
	}
	if x := h.unclean(v); x != nil {
		return true, h.merge([]*index{x})
	}
	if of := h.mergeable(v); of != nil {
		return true, h.merge(of)
	}
	return false, nil
}

// waiting returns the oldest segment that is not written to any more.
func (h *History) waiting(v view) *segment {
	h.files.mu.Lock()
	defer h.files.mu.Unlock()
	if len(v.columns) > 0 && v.columns[0].closed {
		return v.columns[0]
	}
	return nil
}

// pace has the keeper take its share of a processor and no more. It returns false where the history is being closed.
func (h *History) pace() bool {
	k := &h.keeper
	h.files.mu.Lock()
	behind := len(h.files.columns)
	h.files.mu.Unlock()
	share := time.Duration(h.opts.Share)
	pause := time.Since(k.begun) * (100 - share) / share
	if behind > crowd {
		pause = 0
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-k.life.Done():
		return false
	case <-timer.C:
	}
	k.begun = time.Now()
	return true
}

// mergeable returns the first run of neighbours of one level that are to become one of the next.
func (h *History) mergeable(v view) []*index {
	for from := range v.indexes {
		to := from + h.opts.fan
		if to > len(v.indexes) {
			return nil
		}
		if run := v.indexes[from:to]; h.merges(run) {
			return run
		}
	}
	return nil
}

// merges reports whether index files may become one: a file is dropped as a whole, so it must not be too long or too large.
func (h *History) merges(run []*index) bool {
	var entries uint64
	var bytes int64
	askers := 0
	first, last := run[0], run[len(run)-1]
	var times lost
	for _, x := range run {
		if x.damaged.Load() || x.level != first.level {
			return false
		}
		entries, bytes, askers = entries+x.entries, bytes+x.bytes, askers+len(x.askers)
		if x.entries > 0 {
			times.add(x.oldest)
			times.add(x.newest)
		}
	}
	for _, r := range h.keeper.refused {
		if first.first <= r.last && r.first <= last.last {
			return false
		}
	}
	return entries <= mergedItems && askers <= maxAskers && bytes <= h.opts.Bytes/8 &&
		time.Duration(times.to-times.from)*time.Second <= h.opts.Keep/12
}

// unclean returns an index file that holds what was forgotten long ago, and finishes the erasures of which nothing holds
// anything any more.
func (h *History) unclean(v view) *index {
	s := h.state.snapshot()
	if len(s.erasures) == 0 {
		return nil
	}
	due := secondOf(h.opts.Now().Add(-h.opts.Purge))
	if len(s.erasures) > maxErasures/2 {
		due = secondOf(h.opts.Now()) // to have room for more
	}
	finished := s.last
	if len(v.columns) > 0 {
		if at := slices.IndexFunc(s.erasures, func(e erasure) bool { return e.hides(v.columns[0].number, 0) }); at >= 0 {
			finished = s.erasures[at].number - 1
		}
	}
	var found *index
	for _, x := range v.indexes {
		through, holds := h.inspect(x, s.erasures)
		if holds != nil && holds.second <= due {
			found = x
		}
		if holds != nil {
			through = holds.number - 1
		}
		finished = min(finished, through)
	}
	if finished >= s.erasures[0].number {
		h.state.change(func(s *state) {
			s.erasures = slices.DeleteFunc(s.erasures, func(e erasure) bool { return e.number <= finished })
		})
	}
	return found
}

// inspect returns the first erasure of whose credential an index file holds anything, or up to which it holds nothing.
func (h *History) inspect(x *index, erasures []erasure) (through uint64, holds *erasure) {
	k := &h.keeper
	through = max(x.purged, k.clean[x])
	for i := range erasures {
		e := &erasures[i]
		if e.number <= through {
			continue
		}
		if x.holds(&e.id) {
			return through, e
		}
		through = e.number
	}
	k.clean[x] = through
	return through, nil
}

// holds reports whether an index file has entries of a credential, or does not tell.
func (x *index) holds(id *zhenni.CredentialID) bool {
	b, err := x.seek(lastOf(id))
	if err != nil {
		return true
	}
	_, ok, err := b.next()
	return ok || err != nil
}

// lastOf is beyond every entry of a credential.
func lastOf(id *zhenni.CredentialID) entry {
	e := newEntry(id, 1<<32-1, 0, 0)
	e.what = 1<<32 - 1
	return e
}

// retain drops the oldest file where it is too old, or where there is too much.
func (h *History) retain() (did bool, err error) {
	v := h.files.view()
	defer h.files.release(v)
	bytes := v.bytes()
	before := secondOf(h.opts.Now().Add(-h.opts.Keep))
	for x := range h.keeper.clean {
		if !slices.Contains(v.indexes, x) {
			delete(h.keeper.clean, x)
		}
	}
	if len(v.indexes) > 0 {
		x := v.indexes[0]
		if x.newest >= before && bytes <= h.opts.Bytes {
			return false, nil
		}
		return true, h.drop(x.last, x.newest, func() error {
			h.files.replace(nil, nil, []*index{x})
			return shred(h.indexPath(x.span))
		})
	}
	if c := h.waiting(v); c != nil && bytes > h.opts.Bytes {
		return true, h.drop(c.number, c.newest.Load(), func() error {
			h.files.replace(nil, []*segment{c}, nil)
			return shred(h.columnsPath(c.number))
		})
	}
	return false, nil
}

// drop removes the oldest file, and what did not open from before it, once it is durable since when all is kept.
func (h *History) drop(last, newest uint32, remove func() error) error {
	h.state.change(func(s *state) {
		s.since, s.first = max(s.since, newest+1), last+1
		s.gaps = slices.DeleteFunc(s.gaps, func(g gap) bool { return g.to < s.since })
	})
	if err := h.state.save(); err != nil {
		return err
	}
	err := remove()
	k := &h.keeper
	k.refused = slices.DeleteFunc(k.refused, func(r refusal) bool {
		if r.last > last {
			return false
		}
		err = errors.Join(err, os.Remove(r.path))
		return true
	})
	return err
}

// bytes is what the files take.
func (v view) bytes() (n int64) {
	for _, x := range v.indexes {
		n += x.bytes
	}
	for _, c := range v.columns {
		n += c.size.Load()
	}
	return n
}

// damagedIndex takes note of an index file of which a page does not open.
func (h *History) damagedIndex(x *index, err error) {
	if x.damaged.CompareAndSwap(false, true) {
		h.damaged(x.name(), x.oldest, x.newest, err)
	}
}

// damagedSegment takes note of a segment of which a block does not open.
func (h *History) damagedSegment(c *segment, err error) {
	if c.damaged.CompareAndSwap(false, true) {
		h.damaged(columnsName(c.number), c.oldest.Load(), c.newest.Load(), err)
	}
}

func (h *History) damaged(name string, oldest, newest uint32, err error) {
	h.damages.Add(1)
	h.state.lose(oldest, newest, zhenni.GapDamaged)
	h.opts.Logger.Error("a part of the history is damaged; the rest goes on", "name", name, "error", err)
}

var (
	errClosing = errors.New("the history is being closed")
	errTooMany = errors.Join(zhenni.ErrOverloaded, errors.New("history: too many credentials are being forgotten"))
)
