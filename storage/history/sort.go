package history

import (
	"errors"
	"slices"

	"zhenni"
)

// collected is the entries of a segment, their askers numbered in order.
type collected struct {
	entries []entry
	askers  []zhenni.Asker
}

// collector reads segments into memory that it uses again. It is the keeper's.
type collector struct{ entries, spare []entry }

// collect reads a segment, but for what is hidden, in order. A block that does not open ends it; what was before is
// returned with [zhenni.ErrCorrupt].
func (m *collector) collect(c *segment, erasures []erasure) (collected, error) {
	hidden := make(map[zhenni.CredentialID]*erasure, len(erasures))
	for i := range erasures {
		hidden[erasures[i].id] = &erasures[i]
	}
	numbers := make(map[zhenni.Asker]uint32)
	var askers []zhenni.Asker
	m.entries = slices.Grow(m.entries[:0], int(c.items.Load()))
	_, err := c.walk(func(number uint32, b *block) error {
		i := 0
		for _, r := range b.runs {
			who := b.askers[r.asker]
			asker, known := numbers[who]
			if !known {
				asker = uint32(len(askers))
				numbers[who] = asker
				askers = append(askers, who)
			}
			for end := i + int(r.count); i < end; i++ {
				id := b.id(i)
				if *id == (zhenni.CredentialID{}) {
					continue // an item that named none
				}
				if len(hidden) > 0 {
					if e := hidden[*id]; e != nil && e.hides(c.number, number) {
						continue
					}
				}
				m.entries = append(m.entries, newEntry(id, r.second, asker, b.classOf(i)))
			}
		}
		return nil
	})
	m.rank(askers)
	m.spare = slices.Grow(m.spare[:0], len(m.entries))[:len(m.entries)]
	sortEntries(m.entries, m.spare)
	return collected{m.entries, askers}, err
}

// rank puts askers in order and gives the entries their numbers in it.
func (m *collector) rank(askers []zhenni.Asker) {
	order := make([]uint32, len(askers))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return compareAskers(askers[a], askers[b]) })
	ranks := make([]uint32, len(askers))
	for rank, number := range order {
		ranks[number] = uint32(rank)
	}
	for i := range m.entries {
		e := &m.entries[i]
		e.what = ranks[e.asker()]<<classBits | uint32(e.class())
	}
	slices.SortFunc(askers, compareAskers)
}

// sortSegment makes the index of a closed segment and drops the segment.
func (h *History) sortSegment(c *segment) error {
	if err := h.state.save(); err != nil {
		return err // an erasure that is not durable must not be taken for one that is done
	}
	s := h.state.snapshot()
	found, damage := h.keeper.collector.collect(c, s.erasures)
	if damage != nil && !isCorrupt(damage) {
		return damage
	}
	if damage != nil {
		h.damagedSegment(c, damage)
	}
	b, err := newBuilder(h.indexDir(), span{first: c.number, last: c.number}, h.secrets, foot{until: c.until, purged: s.last, askers: found.askers})
	if err != nil {
		return err
	}
	for _, e := range found.entries {
		if err := b.add(e); err != nil {
			return errors.Join(err, b.drop())
		}
	}
	x, err := b.finish(h.secrets)
	if err != nil {
		return err
	}
	h.files.replace(x, []*segment{c}, nil)
	return shred(h.columnsPath(c.number))
}
