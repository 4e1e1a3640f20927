package ledger

import (
	"encoding/binary"
	"errors"
	"io/fs"

	"zhenni"
)

// salvage is what can be read of a segment that has no index: one that was written to when the process ended.
type salvage struct {
	number uint32
	b      []byte
	groups []foundGroup
	// lost are the fingerprints of damaged groups, dead counts those damaged with their fingerprints.
	lost []uint64
	dead int
	any  bool // a group was found, whole or not
	end  int  // of what was read
}

// foundGroup is a whole group. Its records are placed; their leaves are not known yet.
type foundGroup struct {
	head
	places []place
	hashes [][32]byte
	// follows marks that the group behind it, which names its first leaf, was read.
	follows bool
	first   uint64
}

// recoverSegment reads a segment without an index and resolves its records against the log. It returns their places
// and the end of what was written; no places at all for a segment in which nothing ever was.
func (l *Ledger) recoverSegment(n uint32) (places []place, end int64, err error) {
	b, err := l.files.ReadFile(numbered(segmentDir, n))
	if err != nil {
		return nil, 0, err
	}
	s := &salvage{number: n, b: b}
	switch _, err := segmentSalt(b, n); {
	case errors.Is(err, zhenni.ErrFormat):
		return nil, 0, err
	case err != nil: // what is in it can not be opened; the groups still say what it was
		l.opts.Logger.Error("the head of a segment is damaged", "segment", n)
	}
	s.walk()
	if !s.any && s.cutShort() { // else nothing was ever written to it
		s.any, s.dead = true, 1
	}
	if err := l.firstOfNext(s); err != nil {
		return nil, 0, err
	}
	if places, err = l.resolve(s); err != nil {
		return nil, 0, err
	}
	if s.any && places == nil {
		places = []place{}
	}
	return places, int64(min(s.end, len(b))), l.answerForLoss(s)
}

// answerForLoss has the transactions of damaged groups refused as evicted, as far as their names are known.
func (l *Ledger) answerForLoss(s *salvage) error {
	if s.dead > 0 {
		if err := l.lose("%d places of segment %d are damaged with the names of what was there", s.dead, s.number); err != nil {
			return err
		}
	}
	if len(s.lost) == 0 {
		return nil
	}
	l.opts.Logger.Error("stored answers are damaged; their transactions are refused as evicted", "segment", s.number, "transactions", len(s.lost))
	now := uint32(l.opts.Now().Unix())
	l.rememberAll(s.lost, now)
	return l.noteGone(s.number, now, s.lost)
}

// cutShort reports whether a segment is not even one that was made and never used.
func (s *salvage) cutShort() bool {
	_, err := segmentSalt(s.b, s.number)
	return err != nil || binary.BigEndian.Uint64(s.b[32:]) != uint64(len(s.b))
}

// walk reads group after group. What is behind the mark and not whole was never acknowledged. The last group has the
// force of a mark: it was written when those before it were durable.
func (s *salvage) walk() {
	mark := max(markOf(s.b), s.lastGroup())
	at := align
	defer func() { s.end = at }()
	for at < len(s.b) {
		h, ok := readHead(s.b, at, s.number)
		switch {
		case !ok && at < mark:
			at = s.skip(at, mark)
			continue
		case !ok:
			return
		}
		s.any = true
		end := at + groupSize(h.records, h.length)
		g, whole := s.group(at, h)
		if !whole && end > mark {
			return
		}
		if n := len(s.groups); n > 0 && s.groups[n-1].end() == at {
			s.groups[n-1].followedBy(h)
		}
		if whole {
			s.groups = append(s.groups, g)
		} else {
			s.lose(at, end)
		}
		at = end
	}
	if at < mark { // the segment was cut
		s.any = true
		s.dead++
	}
}

// lastGroup is where the last group begins, 0 where there is none.
func (s *salvage) lastGroup() int {
	for at := len(s.b) / align * align; at >= align; at -= align {
		if _, ok := readHead(s.b, at, s.number); ok {
			return at
		}
	}
	return 0
}

// followedBy takes the first leaf of a group from the head of the one behind it. The first group of another run names none.
func (g *foundGroup) followedBy(h head) { g.follows, g.first = h.prior != unknown, h.prior }

func (g *foundGroup) end() int {
	if len(g.places) == 0 {
		return 0
	}
	return int(g.places[0].offset) - groupHeader + groupSize(g.records, g.length)
}

// skip passes over groups whose headers are damaged, up to the next whole header or the mark.
func (s *salvage) skip(at, mark int) int {
	s.any = true
	start := at
	for at += align; at < mark && at < len(s.b); at += align {
		if _, ok := readHead(s.b, at, s.number); ok {
			break
		}
	}
	s.lose(start, at)
	return at
}

// lose notes the transactions of the damaged groups between two offsets, from the last backwards: the end of each says
// how long it is.
func (s *salvage) lose(start, end int) {
	for end > start {
		all, size, ok := fingerprints(s.b, end)
		if !ok || size > end-start {
			s.dead++
			return
		}
		s.lost = append(s.lost, all...)
		end -= size
	}
}

// group reads the records of a group; it is whole when all of it is as it was written.
func (s *salvage) group(at int, h head) (g foundGroup, whole bool) {
	if !bodyFits(s.b, at, h) {
		return g, false
	}
	g.head = h
	offset, end := at+groupHeader, at+groupHeader+h.length
	for range h.records {
		r, ok := readRecord(s.b[offset:end])
		if !ok {
			return g, false
		}
		g.places = append(g.places, r.place(s.number, offset, 0))
		g.hashes = append(g.hashes, r.leaf)
		offset += r.length
	}
	return g, offset == end
}

// firstOfNext looks in the segment behind for the first leaf of the last group.
func (l *Ledger) firstOfNext(s *salvage) error {
	b, err := l.files.ReadFile(numbered(segmentDir, s.number+1))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if n := len(s.groups); n > 0 && s.groups[n-1].end() == s.end {
		if h, ok := readHead(b, align, s.number+1); ok {
			s.groups[n-1].followedBy(h)
		}
	}
	return nil
}

// resolve finds the leaf of every record. One that has none was never acknowledged and is left out.
func (l *Ledger) resolve(s *salvage) (places []place, err error) {
	leaves := map[[32]byte]uint64{}
	from := none
	for _, g := range s.groups {
		if !g.follows {
			from = min(from, g.from)
		}
	}
	if from != none {
		if _, err := l.leavesFrom(int64(from), func(i int64, hash [32]byte) { leaves[hash] = uint64(i) }); err != nil {
			return nil, err
		}
	}
	dropped := 0
	for _, g := range s.groups {
		for i, p := range g.places {
			leaf, ok := g.first+uint64(i), g.first != none
			if !g.follows {
				leaf, ok = leaves[g.hashes[i]]
			}
			if !ok || leaf >= uint64(l.opts.Log.Size()) {
				dropped++
				continue
			}
			p.leaf |= leaf
			places = append(places, p)
		}
	}
	if dropped > 0 {
		l.opts.Logger.Warn("records without a leaf were dropped; they were never acknowledged", "segment", s.number, "records", dropped)
	}
	return places, nil
}
