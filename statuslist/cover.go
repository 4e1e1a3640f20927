package statuslist

import (
	"iter"
	"time"
)

// The size of a list, and of the share of it that is decoys. They are those of whoever gives out the places.
const (
	indexBits = 20
	// Entries is the number of entries of a list.
	Entries = 1 << indexBits
	// Decoys is how many of them are given to nobody and yet become invalid.
	Decoys = Entries / 16
)

// The times of decoys. Frozen with what follows from them: a decoy that became valid again would be known for one.
const (
	// coverLife is for how long decoys go on becoming invalid.
	coverLife = 20 * 365 * 24 * time.Hour
	// longestSuspension is how long a decoy is suspended at most, before it becomes invalid; half of them never are.
	longestSuspension = 30 * 24 * time.Hour
)

// Spare says which entries of a list nobody has or will have: [Decoys] of them, each once, and with each 64 bits that look
// random to whoever has not the key they are made under. They are the same at every call.
type Spare func(list uint32) iter.Seq2[uint32, uint64]

// Cover says what becomes of the decoys. It is immutable and safe for concurrent use.
type Cover struct {
	spare Spare
	since time.Time
}

// NewCover returns the cover of spare entries that begins at since, when the first list was begun.
func NewCover(spare Spare, since time.Time) *Cover { return &Cover{spare, since} }

// decoy is an entry that is nobody's.
type decoy struct {
	index uint32
	// suspended and invalid are when it becomes so, since the cover's beginning. They are the same for one never suspended.
	suspended, invalid time.Duration
}

// decoyOf takes from the 64 bits, from the lowest, 30 for the time at which the entry becomes invalid, 13 for how long it is
// suspended until then, and the highest for whether it is.
func decoyOf(index uint32, bits uint64) decoy {
	d := decoy{index: index, invalid: time.Duration(bits%(1<<30)) * (coverLife / (1 << 30))}
	d.suspended = d.invalid
	if bits>>63 == 1 {
		d.suspended -= time.Duration(bits>>30%(1<<13)) * (longestSuspension / (1 << 13))
	}
	return d
}

// apply writes what the decoys of a list are at a time, and returns when the next of them changes: the zero time for never.
// A cover that is nil has none.
func (c *Cover) apply(l *List, list uint32, at time.Time) (next time.Time) {
	if c == nil {
		return next
	}
	age, soonest := at.Sub(c.since), coverLife
	for index, bits := range c.spare(list) {
		d := decoyOf(index, bits)
		switch {
		case age >= d.invalid:
			l.Set(int(d.index), Invalid)
		case age >= d.suspended:
			l.Set(int(d.index), Suspended)
			soonest = min(soonest, d.invalid)
		default:
			soonest = min(soonest, d.suspended)
		}
	}
	if soonest == coverLife {
		return next
	}
	return c.since.Add(soonest)
}
