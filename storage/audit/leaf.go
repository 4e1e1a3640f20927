package audit

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// Kind says what a leaf stands for.
type Kind uint8

// The kinds of leaves.
const (
	KindVerification Kind = iota + 1 // one verification
	KindChange                       // one change of state
	KindBatch                        // one bulk batch: the root of a [Tree] over its items
)

const (
	leafVersion = 1
	// LeafSize is the encoded length of a leaf in bytes: with the 0 that RFC 6962 puts before it, it hashes in one block.
	LeafSize = 54
	// maxEntry bounds an entry of any version, and so what a reader must be ready for.
	maxEntry = 160
)

// Leaf is one entry of the log. It is public, and so holds commitments only: no identifier, no outcome, no score.
type Leaf struct {
	Kind Kind
	// At is the time of the event, to the millisecond, from 1970 on, for eight thousand years.
	At time.Time
	// Number is the count of items of a batch, the number of the commit of a change, and 0 for a verification.
	Number uint64
	// Hash is the [Opening.Commitment] of a verification or a change, and the root of a batch.
	Hash tlog.Hash
	// Nonce is a digest of the request's nonce, so that the nonces of the last window can be found again after a
	// restart. It must be of a random nonce of at least 128 bits. A change has none.
	Nonce [12]byte
}

// check reports whether the leaf can be written: [zhenni.ErrBadValue].
func (l *Leaf) check() error {
	switch {
	case l.Kind < KindVerification || l.Kind > KindBatch:
		return badValue("leaf of kind %d", l.Kind)
	case l.Kind == KindVerification && l.Number != 0:
		return badValue("a verification has no number, not %d", l.Number)
	case l.Kind == KindChange && l.Nonce != [12]byte{}:
		return badValue("a change has no nonce")
	case l.Kind == KindBatch && (l.Number < 1 || l.Number > zhenni.MaxBatchItems):
		return badValue("batch of %d items, want 1–%d", l.Number, zhenni.MaxBatchItems)
	case l.At.UnixMilli() < 0 || l.At.UnixMilli() >= 1<<48:
		return badValue("leaf from before 1970, or too late")
	}
	return nil
}

// Append appends the encoding of l, [LeafSize] bytes, to dst.
func (l *Leaf) Append(dst []byte) []byte {
	var b [LeafSize]byte
	binary.BigEndian.PutUint64(b[:], uint64(l.At.UnixMilli()))
	b[0], b[1] = leafVersion, byte(l.Kind)
	copy(b[8:], l.Hash[:])
	if l.Kind == KindBatch {
		binary.BigEndian.PutUint16(b[40:], uint16(l.Number-1))
	}
	copy(b[42:], l.Nonce[:])
	if l.Kind == KindChange {
		binary.BigEndian.PutUint64(b[46:], l.Number)
	}
	return append(dst, b[:]...)
}

// ParseLeaf reads an entry of the log. A later version is [zhenni.ErrFormat], anything else that [Leaf.Append] does
// not write is [zhenni.ErrCorrupt].
func ParseLeaf(b []byte) (Leaf, error) {
	if len(b) > 0 && b[0] > leafVersion {
		return Leaf{}, fmt.Errorf("%w: leaf of version %d, this build reads %d", zhenni.ErrFormat, b[0], leafVersion)
	}
	if len(b) != LeafSize || b[0] != leafVersion {
		return Leaf{}, corrupt("not a leaf")
	}
	const milliseconds = 1<<48 - 1
	at := binary.BigEndian.Uint64(b) & milliseconds
	l := Leaf{Kind: Kind(b[1]), At: time.UnixMilli(int64(at)).UTC(), Hash: tlog.Hash(b[8:40])}
	switch l.Kind {
	case KindChange:
		l.Number = binary.BigEndian.Uint64(b[46:])
	case KindBatch:
		l.Number = uint64(binary.BigEndian.Uint16(b[40:])) + 1
		fallthrough
	default:
		l.Nonce = [12]byte(b[42:])
	}
	if err := l.check(); err != nil {
		return Leaf{}, fmt.Errorf("%w: %w", zhenni.ErrCorrupt, err)
	}
	var again [LeafSize]byte
	if string(l.Append(again[:0])) != string(b) {
		return Leaf{}, corrupt("a leaf with bytes where zeros belong")
	}
	return l, nil
}

func badValue(format string, args ...any) error {
	return fmt.Errorf("%w: audit: %s", zhenni.ErrBadValue, fmt.Sprintf(format, args...))
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: audit: %s", zhenni.ErrCorrupt, fmt.Sprintf(format, args...))
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: audit: %s", zhenni.ErrUnavailable, fmt.Sprintf(format, args...))
}

// appendEntry appends an entry as bundles and the journal hold it: its length as u16, then its bytes.
func appendEntry(dst, entry []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(entry)))
	return append(dst, entry...)
}

// cutEntry splits the first entry off b.
func cutEntry(b []byte) (entry, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if n < 1 || n > maxEntry || len(b)-2 < n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// leadingEntries returns the first count entries of b with their lengths.
func leadingEntries(b []byte, count int) []byte {
	rest := b
	for range count {
		_, after, ok := cutEntry(rest)
		if !ok {
			panic("audit: a group without its entries")
		}
		rest = after
	}
	return b[:len(b)-len(rest)]
}

// splitEntries returns exactly count entries that fill b: [zhenni.ErrCorrupt].
func splitEntries(b []byte, count int) ([][]byte, error) {
	entries := make([][]byte, 0, count)
	for range count {
		entry, rest, ok := cutEntry(b)
		if !ok {
			return nil, corrupt("entry %d of %d is cut or too long", len(entries), count)
		}
		entries, b = append(entries, entry), rest
	}
	if len(b) != 0 {
		return nil, corrupt("%d bytes after the last of %d entries", len(b), count)
	}
	return entries, nil
}
