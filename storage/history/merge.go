package history

import (
	"errors"
	"zhenni"
)

// readAhead is how many pages a merge reads of a file at a time.
const readAhead = 64

// forward goes through the entries of an index file in order, with the numbers of askers translated and without those that
// are hidden.
type forward struct {
	x       *index
	numbers []uint32
	hidden  map[entry]struct{} // ids

	// failed is told of a page that does not open, and says whether that ends it.
	failed func(error) bool

	next    int // page to read
	raw     []byte
	entries []entry
	at      int
}

// head returns the entry at hand, and false behind the last.
func (f *forward) head() (e entry, ok bool, err error) {
	for {
		for f.at < len(f.entries) {
			e = f.entries[f.at]
			if len(f.hidden) > 0 {
				if _, gone := f.hidden[entry{hi: e.hi, lo: e.lo}]; gone {
					f.at++
					continue
				}
			}
			return e, true, nil
		}
		if f.next == len(f.x.fences) {
			return e, false, nil
		}
		if err := f.fill(); err != nil {
			return e, false, err
		}
	}
}

// fill reads the next pages.
func (f *forward) fill() error {
	n := min(readAhead, len(f.x.fences)-f.next)
	if f.raw == nil {
		f.raw = make([]byte, readAhead*pageBytes)
	}
	raw := f.raw[:n*pageBytes]
	if err := readAt(f.x.file, raw, int64(1+f.next)*pageBytes); err != nil {
		return err
	}
	f.entries, f.at = f.entries[:0], 0
	var err error
	for ; len(raw) > 0; raw = raw[pageBytes:] {
		before := len(f.entries)
		if f.entries, err = f.x.openPage(f.entries, f.next, raw[:pageBytes:pageBytes]); err != nil {
			if f.entries = f.entries[:before]; f.failed(err) {
				return err
			}
		}
		f.next++
	}
	for i := range f.entries {
		e := &f.entries[i]
		e.what = f.numbers[e.asker()]<<classBits | uint32(e.class())
	}
	return nil
}

// merge makes one index file of several that follow one another, without what is hidden, and puts it in their place. A
// single one is written anew, without pages that do not open; several of which one has such a page stay as they are:
// [zhenni.ErrCorrupt].
func (h *History) merge(of []*index) error {
	if err := h.state.save(); err != nil {
		return err // an erasure that is not durable must not be taken for one that is done
	}
	s := h.state.snapshot()
	first, last := of[0], of[len(of)-1]
	to, level := span{first: first.first, last: last.last}, first.level
	if len(of) == 1 {
		to.rewrite = first.rewrite + 1
	}
	var dictionaries [][]zhenni.Asker
	for _, x := range of {
		dictionaries = append(dictionaries, x.askers)
		if len(of) > 1 {
			level = max(level, x.level+1)
		}
	}
	askers, numbers := mergeAskers(dictionaries)
	sources := make([]*forward, len(of))
	for i, x := range of {
		sources[i] = &forward{x: x, numbers: numbers[i], hidden: hiddenIn(x, s.erasures), failed: func(err error) bool {
			h.damagedIndex(x, err)
			return len(of) > 1
		}}
	}
	b, err := newBuilder(h.indexDir(), to, h.secrets, foot{until: last.until, purged: s.last, level: level, askers: askers})
	if err != nil {
		return err
	}
	if err := h.copy(b, sources); err != nil {
		return errors.Join(err, b.drop())
	}
	x, err := b.finish(h.secrets)
	if err != nil {
		return err
	}
	h.files.replace(x, nil, of)
	for _, old := range of {
		err = errors.Join(err, shred(h.indexPath(old.span)))
	}
	return err
}

// hiddenIn returns the ids that erasures hide in an index file.
func hiddenIn(x *index, erasures []erasure) map[entry]struct{} {
	hidden := make(map[entry]struct{})
	for i := range erasures {
		if erasures[i].number > x.purged {
			e := newEntry(&erasures[i].id, 0, 0, 0)
			hidden[entry{hi: e.hi, lo: e.lo}] = struct{}{}
		}
	}
	return hidden
}

// copy adds the entries of all sources in order. There are few sources, so the least is found by looking at each.
func (h *History) copy(b *builder, sources []*forward) error {
	for n := 0; ; n++ {
		var least *forward
		var next entry
		for _, f := range sources {
			e, ok, err := f.head()
			if err != nil {
				return err
			}
			if ok && (least == nil || e.compare(next) < 0) {
				least, next = f, e
			}
		}
		if least == nil {
			return nil
		}
		if err := b.add(next); err != nil {
			return err
		}
		least.at++
		if n%(1<<16) == 0 && !h.pace() {
			return errClosing
		}
	}
}
