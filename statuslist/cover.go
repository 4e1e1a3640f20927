package statuslist

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"zhenni"
)

// The size of a list, and of the share of it that is decoys.
const (
	indexBits = 20
	// Entries is the number of entries of a list.
	Entries = 1 << indexBits
	// Decoys is how many of them are given to nobody and yet become invalid.
	Decoys = Entries / 16
)

// KeySize is the size of the key of a [Cover], in bytes.
const KeySize = 32

// The times of decoys. Frozen with what follows from them: a decoy that became valid again would be known for one.
const (
	coverLabel = "zhenni status list decoys v1"
	// coverLife is for how long decoys go on becoming invalid.
	coverLife = 20 * 365 * 24 * time.Hour
	// longestSuspension is how long a decoy is suspended at most, before it becomes invalid; half of them never are.
	longestSuspension = 30 * 24 * time.Hour
)

// Cover says which entries are decoys, and what becomes of them. It is immutable and safe for concurrent use.
type Cover struct {
	key   *[KeySize]byte
	since time.Time
}

// NewCover returns the cover under a key of [KeySize] random bytes, which never changes and is kept from whoever reads the
// lists: [zhenni.ErrBadValue] for another size or a blank one. since is when the first list was begun. The slice stays the
// caller's, to overwrite.
func NewCover(key []byte, since time.Time) (*Cover, error) {
	var blank [KeySize]byte
	if len(key) != KeySize || hmac.Equal(key, blank[:]) {
		return nil, fmt.Errorf("%w: key of the decoys: want %d random bytes", zhenni.ErrBadValue, KeySize)
	}
	held := [KeySize]byte(key)
	return &Cover{key: &held, since: since}, nil
}

// Format implements fmt.Formatter: the key does not print.
func (*Cover) Format(s fmt.State, _ rune) { s.Write([]byte("[redacted]")) }

// decoy is an entry that is nobody's.
type decoy struct {
	index uint32
	// suspended and invalid are when it becomes so, since the cover's beginning. They are the same for one never suspended.
	suspended, invalid time.Duration
}

// decoys goes through those of a list, each once. They follow from the numbers of ChaCha8 (c2sp.org/chacha8rand) under
// HMAC-SHA256(key, label ‖ list), of 64 bits each: from the lowest 20 the index, passed over when it was there before; 30 for
// the time at which it becomes invalid; 13 for how long it is suspended until then, and one for whether it is.
func (c *Cover) decoys(list uint32) iter.Seq[decoy] {
	return func(yield func(decoy) bool) {
		mac := hmac.New(sha256.New, c.key[:])
		mac.Write(binary.BigEndian.AppendUint32([]byte(coverLabel), list))
		numbers := rand.NewChaCha8([32]byte(mac.Sum(nil)))
		var seen indexSet
		for left := Decoys; left > 0; {
			n := numbers.Uint64()
			d := decoy{index: uint32(n % Entries)}
			if !seen.add(d.index) {
				continue
			}
			left--
			d.invalid = time.Duration(n>>20%(1<<30)) * (coverLife / (1 << 30))
			d.suspended = d.invalid
			if n>>63 == 1 {
				d.suspended -= time.Duration(n>>50%(1<<13)) * (longestSuspension / (1 << 13))
			}
			if !yield(d) {
				return
			}
		}
	}
}

// apply writes what the decoys of a list are at a time.
func (c *Cover) apply(l *List, list uint32, at time.Time) {
	age := at.Sub(c.since)
	for d := range c.decoys(list) {
		switch {
		case age >= d.invalid:
			l.Set(int(d.index), Invalid)
		case age >= d.suspended:
			l.Set(int(d.index), Suspended)
		}
	}
}

// indexSet is a set of indices of one list.
type indexSet [Entries / 64]uint64

func (s *indexSet) has(i uint32) bool { return s[i/64]>>(i%64)&1 == 1 }

// add reports whether i was not there before.
func (s *indexSet) add(i uint32) bool {
	if s.has(i) {
		return false
	}
	s[i/64] |= 1 << (i % 64)
	return true
}
