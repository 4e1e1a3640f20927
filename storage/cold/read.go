package cold

import (
	"cmp"
	"fmt"
	"slices"

	"zhenni"
	"zhenni/storage/disk"
)

var (
	errAbsent  = fmt.Errorf("%w: not in the cold tier", zhenni.ErrNotFound)
	errDoubted = fmt.Errorf("%w: a cold record is of another generation than the index", zhenni.ErrCorrupt)
	// errOther is of a record that is another id's: the two have one tag.
	errOther = fmt.Errorf("%w: a cold record of another credential", zhenni.ErrNotFound)
)

// Read fetches the records of ids into refs, whose rows the caller gives: refs[i].Row has the model's dimension. Of what
// errs[i] then says, only nil says something about the credential: refs[i] is its record, of any status but erased, with
// every change whose Put or Remove had returned before the call. Else the caller asks where the tier was made from:
// [zhenni.ErrNotFound] for an id that is not in the tier, [zhenni.ErrCorrupt] for a record that fails its seal or is not
// of the generation that the index has, [zhenni.ErrUnavailable] for a tier that is closed or broken and for a disk that
// does not read. The row of such an item holds nothing of use.
//
// The pages are read in the order of their places, [Options.Depth] at a time and each once; what is on one page is opened
// from it together. Read does not allocate by the item.
func (t *Tier) Read(ids []zhenni.CredentialID, refs []zhenni.Reference, errs []error) {
	s, ok := <-t.idle
	if !ok {
		fillErrors(errs, errClosed)
		return
	}
	s.ids, s.refs, s.errs = ids, refs, errs
	for i := range errs {
		errs[i] = errOther
	}
	for nth, left := 0, len(ids); left > 0; nth++ {
		left = s.locate(nth)
		s.fetch()
	}
	s.ids, s.refs, s.errs = nil, nil, nil
	t.idle <- s
}

func fillErrors(errs []error, err error) {
	for i := range errs {
		errs[i] = err
	}
}

// session is what one call of Read works with. Its memory is used again by the next.
type session struct {
	tier *Tier
	// ids, refs and errs are the caller's.
	ids     []zhenni.CredentialID
	refs    []zhenni.Reference
	errs    []error
	targets []target
	spans   []span
	// pages has room for a page for each read in flight, openers belong to them.
	pages   []byte
	openers []opener
	ring    *ring // nil where there is none
	// inFlight is, of the reads of the ring, the span that each slot of pages is for.
	inFlight []int
}

// target is a record to be read.
type target struct {
	place      uint32
	item       uint32
	generation uint8
}

// span is the targets of one page: from … to − 1.
type span struct {
	page     int64
	from, to int
}

func newSession(t *Tier) *session {
	depth := t.opts.Depth
	s := &session{
		tier: t, pages: disk.Grow(nil, depth*pageBytes)[:depth*pageBytes], openers: make([]opener, depth), inFlight: make([]int, depth),
	}
	if !t.opts.noRing && depth > 1 {
		s.ring = newRing(depth)
	}
	return s
}

func (s *session) close() {
	if s.ring != nil {
		s.ring.close()
	}
}

// page is the memory of one read in flight.
func (s *session) page(slot int) []byte { return s.pages[slot*pageBytes:][:pageBytes] }

// locate makes targets of the items that are still another's: of the n-th place that the index has for each. It returns
// how many there are.
func (s *session) locate(nth int) int {
	t := s.tier
	s.targets = s.targets[:0]
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i := range s.ids {
		if s.errs[i] != errOther {
			continue
		}
		if t.failed != nil {
			s.errs[i] = t.failed
			continue
		}
		entry := t.index.candidate(&s.ids[i], nth)
		if entry == 0 {
			s.errs[i] = errAbsent
			continue
		}
		s.targets = append(s.targets, target{placeIn(entry), uint32(i), generationIn(entry)})
	}
	return len(s.targets)
}

// fetch reads every target.
func (s *session) fetch() {
	slices.SortFunc(s.targets, func(a, b target) int { return cmp.Compare(a.place, b.place) })
	s.spans = s.spans[:0]
	for i := range s.targets {
		page := s.tier.page(s.targets[i].place)
		if n := len(s.spans); n > 0 && s.spans[n-1].page == page {
			s.spans[n-1].to++
			continue
		}
		s.spans = append(s.spans, span{page, i, i + 1})
	}
	s.tier.counts.pages.Add(uint64(len(s.spans)))
	switch {
	case len(s.spans) == 1:
		s.readOne(0, 0)
	case s.ring != nil:
		s.readByRing()
	default:
		s.readByPool()
	}
}

// readOne reads a span's page into a slot and opens what is asked for.
func (s *session) readOne(slot, n int) {
	sp := s.spans[n]
	_, err := s.tier.direct.ReadAt(s.page(slot), sp.page*pageBytes)
	s.open(slot, sp, err)
}

// open opens the targets of a span from the page in a slot, or gives them the error of its read. An id that was asked for
// twice is copied: a record is decrypted where it lies.
func (s *session) open(slot int, sp span, err error) {
	targets := s.targets[sp.from:sp.to]
	if err != nil {
		err = fmt.Errorf("%w: cold tier: %w", zhenni.ErrUnavailable, err)
		for i := range targets {
			s.errs[targets[i].item] = err
		}
		return
	}
	for i := range targets {
		item := targets[i].item
		if i > 0 && targets[i-1].place == targets[i].place && s.ids[item] == s.ids[targets[i-1].item] {
			s.repeat(item, targets[i-1].item)
			continue
		}
		s.errs[item] = s.openRecord(slot, &targets[i])
	}
}

func (s *session) repeat(item, of uint32) {
	row := s.refs[item].Row
	s.refs[item] = s.refs[of]
	s.refs[item].Row = row
	copy(row, s.refs[of].Row)
	s.errs[item] = s.errs[of]
}

// openRecord opens one target from the page in a slot.
func (s *session) openRecord(slot int, g *target) error {
	t := s.tier
	record := s.page(slot)[t.inPage(g.place):][:t.layout.record]
	if zhenni.CredentialID(record[:idBytes]) != s.ids[g.item] {
		return errOther
	}
	if uint8(generationOf(record)) != g.generation {
		t.counts.doubted.Add(1)
		return errDoubted
	}
	if err := s.openers[slot].open(&t.keys, g.place, record, &s.refs[g.item]); err != nil {
		t.counts.damaged.Add(1)
		return err
	}
	return nil
}
