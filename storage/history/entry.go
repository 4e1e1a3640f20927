package history

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"zhenni"
)

// class is what a history keeps of an outcome, in two bits. The zero class is that of nothing.
type class uint32

const (
	classMatch class = iota + 1
	classNoMatch
	classRefused

	classBits = 2
	classMask = 1<<classBits - 1
)

// classes are those of the outcomes; whatever is no verdict is refused.
var classes = func() (table [256]class) {
	for i := range table {
		table[i] = classRefused
	}
	table[zhenni.Match], table[zhenni.NoMatch] = classMatch, classNoMatch
	return table
}()

// verdict is the word for a class.
func (c class) verdict() string {
	switch c {
	case classMatch:
		return zhenni.Match.Verdict()
	case classNoMatch:
		return zhenni.NoMatch.Verdict()
	}
	return zhenni.RefusedInternal.Verdict()
}

// entry is one question about one credential: the two halves of its id, the second, and the asker's number in the
// dictionary at hand with the class behind it.
type entry struct {
	hi, lo     uint64
	when, what uint32
}

func newEntry(id *zhenni.CredentialID, when, asker uint32, c class) entry {
	return entry{binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:]), when, asker<<classBits | uint32(c)}
}

func (e entry) asker() uint32 { return e.what >> classBits }
func (e entry) class() class  { return class(e.what & classMask) }

// of reports whether the entry is about the credential of o.
func (e entry) of(o entry) bool { return e.hi == o.hi && e.lo == o.lo }

func (e entry) compare(o entry) int {
	switch {
	case e.hi != o.hi:
		return cmp.Compare(e.hi, o.hi)
	case e.lo != o.lo:
		return cmp.Compare(e.lo, o.lo)
	case e.when != o.when:
		return cmp.Compare(e.when, o.when)
	}
	return cmp.Compare(e.what, o.what)
}

// shared is the number of leading bytes of their ids that two entries have in common.
func (e entry) shared(o entry) int {
	if e.hi != o.hi {
		return bits.LeadingZeros64(e.hi^o.hi) / 8
	}
	return 8 + bits.LeadingZeros64(e.lo^o.lo)/8
}

// digitBits is how many bits of an id a pass of a sort looks at. Two passes leave a handful of a segment's entries to
// compare.
const digitBits = 9

// sortEntries sorts by way of spare, which is as long. Ids are random, so the first bits put most of them in order; ids
// that somebody chose to be alike cost n·log n and no more.
func sortEntries(entries, spare []entry) {
	scatter(spare, entries, 64-2*digitBits)
	scatter(entries, spare, 64-digitBits)
	const shift = 64 - 2*digitBits
	for from := 0; from < len(entries); {
		to := from + 1
		for to < len(entries) && entries[to].hi>>shift == entries[from].hi>>shift {
			to++
		}
		if to-from > 1 {
			slices.SortFunc(entries[from:to], entry.compare)
		}
		from = to
	}
}

// scatter orders entries by the bits of their ids above shift, one digit of them, and leaves them else as they are.
func scatter(to, entries []entry, shift uint) {
	const mask = 1<<digitBits - 1
	var ends [1 << digitBits]int
	for i := range entries {
		ends[entries[i].hi>>shift&mask]++
	}
	sum := 0
	for b, n := range ends {
		ends[b] = sum
		sum += n
	}
	for i := range entries {
		at := &ends[entries[i].hi>>shift&mask]
		to[*at] = entries[i]
		*at++
	}
}

// compareAskers orders askers, the same in every file.
func compareAskers(a, b zhenni.Asker) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Party, b.Party), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Purpose, b.Purpose))
}
