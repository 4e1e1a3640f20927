package engine

import (
	"errors"

	"zhenni"
)

// Segments is the number of parts of the arena. Each holds the rows of zhenni.Slots/Segments contiguous slots and is
// the unit of ownership that shards exchange.
const Segments = 64

const slotsPerSegment = zhenni.Slots / Segments

// SegmentOf returns the segment of the credential, in [0, Segments).
func SegmentOf(id zhenni.CredentialID) int { return int(id.Slot()) / slotsPerSegment }

// groupItems is the most missing rows opened before they are compared. Room for them is made beforehand, so up to this
// many rows of a full segment stand empty.
const groupItems = 64

// locate looks every claim up and makes comparisons of those whose row is in memory or known not to exist. It goes in
// three passes, each doing no more than start one read that misses the cache, so that those of many items overlap.
func (m *Matcher) locate(b *zhenni.Batch) {
	claims := m.slab.claims
	for i := range claims {
		c := &claims[i]
		id := &b.IDs[c.item]
		c.segment = &m.arena.segments[SegmentOf(*id)]
		c.tag = tagOf(id)
		c.slot = c.segment.home(c.tag)
		c.content = c.segment.slots[c.slot]
	}
	for i := range claims {
		c := &claims[i]
		if c.content != 0 && uint32(c.content>>32) != c.tag {
			c.slot, c.content = c.segment.scan(c.tag, c.slot)
		}
		if c.content != 0 {
			c.rowNorm = c.segment.header(uint32(c.content) - 1).norm
		}
	}
	for i := range claims {
		m.resolve(b, &claims[i])
	}
}

// resolve makes a comparison of a claim, or puts it among the missing.
func (m *Matcher) resolve(b *zhenni.Batch, c *claim) {
	row, found := uint32(c.content)-1, c.content != 0
	if found && c.segment.header(row).id != b.IDs[c.item] {
		row, found = c.segment.find(&b.IDs[c.item])
	}
	if found || c.segment.complete {
		m.admit(b, c, row, found)
		return
	}
	m.slab.missing = append(m.slab.missing, *c)
}

// admit makes a comparison of a claim: with the row where it is one the batch's tenant may match, else with the decoy.
func (m *Matcher) admit(b *zhenni.Batch, c *claim, row uint32, found bool) {
	s := &m.slab
	x, at := comparison{item: c.item, probeNorm: c.probeNorm, rowNorm: m.arena.decoyNorm}, m.arena.decoy
	if found {
		h := c.segment.header(row)
		if !h.touched {
			h.touched = true
		}
		if h.tenant == b.Tenant && h.status == zhenni.StatusActive {
			x.rowNorm, x.known, at = h.norm, true, c.segment.offset(row)
		}
	}
	s.comparisons = append(s.comparisons, x)
	s.probeAt = append(s.probeAt, c.probeAt)
	s.rowAt = append(s.rowAt, at)
}

// open reads the rows of at most groupItems missing claims and makes comparisons of them. All room is made before the
// first row is read; what one claim brought in, the next may find.
func (m *Matcher) open(b *zhenni.Batch, group []claim) {
	for i := range group {
		group[i].segment.room(uint32(len(group)))
	}
	for i := range group {
		c := &group[i]
		row, found, err := m.fetch(c.segment, &b.IDs[c.item])
		if err != nil {
			b.Outcomes[c.item] = zhenni.RefusedUnavailable
			m.tally.Refused++
			continue
		}
		m.admit(b, c, row, found)
	}
}

// fetch returns the row of id, from the store unless it is in memory; the segment has room. found is false where the
// store has no such record; any other failure of the store is an error and says nothing about the credential.
func (m *Matcher) fetch(s *segment, id *zhenni.CredentialID) (row uint32, found bool, err error) {
	if row, found = s.find(id); found {
		return row, true, nil
	}
	row, err = m.read(s, id)
	if errors.Is(err, zhenni.ErrNotFound) {
		return 0, false, nil
	}
	return row, err == nil, err
}

// read brings the record of id from the store into a vacant row. Elements of a record that is not taken, because the
// store failed or panicked, do not stay in memory.
func (m *Matcher) read(s *segment, id *zhenni.CredentialID) (row uint32, err error) {
	elements, taken := s.elements(s.peek()), false
	defer func() {
		if !taken {
			clear(elements)
		}
	}()
	m.arena.counts.storeReads.Add(1)
	r, err := m.store.Reference(*id, elements)
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
