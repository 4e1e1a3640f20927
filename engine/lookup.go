package engine

import (
	"errors"

	"zhenni"
	"zhenni/simd"
)

// Segments is the number of parts of the arena. Each holds the rows of zhenni.Slots/Segments contiguous slots and is
// the unit of ownership that shards exchange.
const Segments = 64

// SegmentSlots is the number of slots of a segment.
const SegmentSlots = zhenni.Slots / Segments

// SegmentOf returns the segment of the credential, in [0, Segments).
func SegmentOf(id zhenni.CredentialID) int { return segmentOf(&id) }

// segmentOf reads the id where it lies: the slot is its leading bits, and so is the segment.
func segmentOf(id *zhenni.CredentialID) int { return int(id[0]) / (256 / Segments) }

// groupItems is the most missing rows opened before they are compared. Room for them is made beforehand, so up to this
// many rows of a full segment stand empty.
const groupItems = 64

// aheadItems is how many claims memory is asked for at a time: no more than a processor has misses under way, ten or
// twelve, so that it goes on with the next ones meanwhile.
const aheadItems = 8

// locate looks every claim up and makes comparisons of those whose row is in memory or known not to exist. It goes
// step by step through all claims, not claim by claim through all steps: each step asks memory for what the next one
// reads.
func (m *Matcher) locate(b *zhenni.Batch, from, to int) {
	for at := from; at < to; at += aheadItems {
		m.seek(b, at, min(at+aheadItems, to))
	}
	for at := from; at < to; at += aheadItems {
		m.follow(b, at, min(at+aheadItems, to))
	}
	claims := m.sweep.claims[from:to]
	for i, at := range m.sweep.headerAt[from:to] {
		c := &claims[i]
		h := m.arena.header(at)
		if h.id != b.IDs[c.item] || at == 0 {
			m.resolve(b, c)
			continue
		}
		if !h.touched { // so that what was read for one question only is evicted before what is asked for again
			h.touched = true
		}
		m.admit(b, c, at)
	}
}

// seek finds where the search for claims starts in the index.
func (m *Matcher) seek(b *zhenni.Batch, from, to int) {
	claims, slotAt := m.sweep.claims[from:to], m.sweep.slotAt[from:to]
	for i := range claims {
		id := &b.IDs[claims[i].item]
		s := m.arena.segmentOf(id)
		tag := tagOf(id)
		claims[i].tag = tag
		slotAt[i] = s.firstSlot + s.home(tag)
	}
	simd.Prefetch(m.arena.slots, slotAt)
}

// follow finds where the headers lie of the first rows that have the tags of claims; it is 0 where none has.
func (m *Matcher) follow(b *zhenni.Batch, from, to int) {
	claims, slotAt, headerAt := m.sweep.claims[from:to], m.sweep.slotAt[from:to], m.sweep.headerAt[from:to]
	for i := range claims {
		c := &claims[i]
		s := m.arena.segmentOf(&b.IDs[c.item])
		content := m.arena.slots[slotAt[i]]
		if content != 0 && uint32(content>>32) != c.tag {
			_, content = s.scan(c.tag, s.after(slotAt[i]-s.firstSlot))
		}
		headerAt[i] = 0
		if content != 0 {
			headerAt[i] = s.headerAt(uint32(content) - 1)
		}
	}
	simd.Prefetch(m.arena.slab, headerAt)
}

// resolve makes a comparison of a claim, or puts it among the missing, where the first row of its tag is not the one.
func (m *Matcher) resolve(b *zhenni.Batch, c *claim) {
	// Where another credential has the same tag, the one sought may stand behind it.
	s := m.arena.segmentOf(&b.IDs[c.item])
	if row, found := s.find(&b.IDs[c.item]); found {
		m.admit(b, c, s.headerAt(row))
	} else if s.complete {
		m.admit(b, c, 0)
	} else {
		m.sweep.missing = append(m.sweep.missing, *c)
	}
}

// admit makes a comparison of a claim: with the row whose header is at headerAt, if the batch's tenant may match it at the
// second of the batch, else with the decoy.
func (m *Matcher) admit(b *zhenni.Batch, c *claim, headerAt int) {
	h := m.arena.header(headerAt)
	known := h.tenant == b.Tenant && h.status == zhenni.StatusActive && h.level >= b.Level && m.sweep.second < h.until
	if !known {
		headerAt, h = 0, m.arena.header(0)
	}
	s := &m.sweep
	n := s.ready
	s.comparisons[n] = comparison{item: c.item, rowNorm: h.norm, known: known}
	s.norms[n], s.probeAt[n], s.rowAt[n] = c.probeNorm, c.probeAt, headerAt+lineBytes
	s.ready++
}

// open reads the rows of at most groupItems missing claims and makes comparisons of them. All room is made before the
// first row is read; what one claim brought in, the next may find.
func (m *Matcher) open(b *zhenni.Batch, group []claim) {
	for i := range group {
		m.arena.segmentOf(&b.IDs[group[i].item]).room(uint32(len(group)))
	}
	for i := range group {
		c := &group[i]
		headerAt, err := m.fetch(&b.IDs[c.item], c.read)
		if err != nil {
			b.Outcomes[c.item] = refusal(err)
			m.tally.Refused++
			continue
		}
		m.admit(b, c, headerAt)
	}
}

// refusal is the outcome for a record that could not be read: a damaged one will not be better when asked again.
func refusal(err error) zhenni.Outcome {
	if errors.Is(err, zhenni.ErrCorrupt) {
		return zhenni.RefusedInternal
	}
	return zhenni.RefusedUnavailable
}

// fetch returns where the header of the row of id lies, read from the store unless it is in memory; its segment has
// room. Read is where a record lies that was read together with others, 0 for one that was not. The result is 0 where the store has no such record; any other failure of the store is an error and says nothing about
// the credential.
func (m *Matcher) fetch(id *zhenni.CredentialID, read uint16) (headerAt int, err error) {
	s := m.arena.segmentOf(id)
	row, found := s.find(id)
	if !found {
		row, err = m.read(s, id, read)
	}
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return s.headerAt(row), nil
}

// read brings the record of id from the store into a vacant row. Elements of a record that is not taken, because the
// store failed or panicked, do not stay in memory.
func (m *Matcher) read(s *segment, id *zhenni.CredentialID, read uint16) (row uint32, err error) {
	elements, taken := s.elements(s.peek()), false
	defer func() {
		if !taken {
			clear(elements)
		}
	}()
	r, err := m.record(id, read, elements)
	if err != nil {
		return 0, err
	}
	r.Row = elements
	if err := s.check(&r, id); err != nil {
		return 0, err
	}
	taken = true
	return s.adopt(&r), nil
}

// record returns the record of id, its template written to elements.
func (m *Matcher) record(id *zhenni.CredentialID, read uint16, elements []int8) (zhenni.Reference, error) {
	if read > 0 {
		return m.sweep.together.take(read, elements)
	}
	m.arena.counts.storeReads.Add(1)
	return m.store.Reference(*id, elements)
}
