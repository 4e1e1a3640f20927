package history

import (
	"cmp"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"

	"zhenni"
)

// The layout of index files, drawn in the package doc.
const (
	indexMagic = "zhenni history index 1\x00\x00"
	indexHead  = saltAt + saltSize
	indexTail  = 8
	tailMagic  = 0x7a684869 // zhHi
	// footNonce is above the number of any page.
	footNonce = 1 << 63
	maxFoot   = 1 << 30
	maxAskers = 1 << 20
)

// foot is what ends an index file.
type foot struct {
	entries        uint64
	oldest, newest uint32 // seconds of its entries
	until          uint32 // that of its last segment
	level          uint32 // how many merges led to it
	purged         uint64 // number of the last erasure that it has no entries of
	askers         []zhenni.Asker
	fences         []uint64 // the first eight bytes of the first id of each page
}

func (f *foot) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, f.entries)
	for _, n := range [...]uint32{f.oldest, f.newest, f.until, f.level} {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	dst = binary.BigEndian.AppendUint64(dst, f.purged)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.askers)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.fences)))
	dst = appendAskers(dst, f.askers)
	for _, fence := range f.fences {
		dst = binary.BigEndian.AppendUint64(dst, fence)
	}
	return dst
}

func decodeFoot(b []byte) (*foot, error) {
	r := &reader{b: b}
	f := &foot{entries: r.u64(), oldest: r.u32(), newest: r.u32(), until: r.u32(), level: r.u32(), purged: r.u64()}
	askers, pages := r.u32(), r.u32()
	f.askers = r.askers(askers)
	if uint64(pages)*8 != uint64(len(r.b)) {
		return nil, corrupt("the foot of an index says %d pages", pages)
	}
	f.fences = make([]uint64, pages)
	for i := range f.fences {
		f.fences[i] = r.u64()
	}
	if !r.ended() || !slices.IsSorted(f.fences) || !slices.IsSortedFunc(f.askers, compareAskers) || f.entries > uint64(pageEntries)*uint64(pages) {
		return nil, corrupt("the foot of an index is not of its form")
	}
	return f, nil
}

// indexHeader is the first bytes of an index file; the rest of its first page is zeros.
func indexHeader(s span, salt [saltSize]byte) []byte {
	b := append(make([]byte, 0, pageBytes), indexMagic...)
	for _, n := range [...]uint32{s.first, s.last, s.rewrite, 0} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return append(b, salt[:]...)
}

// index is an index file, which never changes.
type index struct {
	held
	span
	*foot
	file  *os.File
	aead  cipher.AEAD
	bytes int64
	// damaged says that a page did not open: it was told, and the file is merged no more.
	damaged atomic.Bool
}

// openIndex opens the file of a span: [zhenni.ErrCorrupt] where it is not as it was written.
func openIndex(path string, s span, keys secrets) (*index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	x := &index{span: s, file: f}
	if err := x.load(keys); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return x, nil
}

func (x *index) load(keys secrets) error {
	info, err := x.file.Stat()
	if err != nil {
		return unavailable("%w", err)
	}
	x.bytes = info.Size()
	var head [indexHead]byte
	var tail [indexTail]byte
	if err := errors.Join(readAt(x.file, head[:], 0), readAt(x.file, tail[:], max(0, x.bytes-indexTail))); err != nil {
		return err
	}
	if !slices.Equal(head[:], indexHeader(x.span, [saltSize]byte(head[saltAt:]))) {
		return corrupt("not the index of its name")
	}
	if x.aead, err = keys.aead("index", head[:]); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(tail[:]))
	at := x.bytes - indexTail - n
	if binary.BigEndian.Uint32(tail[4:]) != tailMagic || n < tagSize || n > maxFoot || at < pageBytes {
		return corrupt("the end of an index is damaged")
	}
	if x.foot, err = x.readFoot(at, int(n)); err != nil {
		return err
	}
	if at != int64(1+len(x.fences))*pageBytes {
		return corrupt("an index of %d pages has its foot at %d", len(x.fences), at)
	}
	return nil
}

func (x *index) readFoot(at int64, n int) (*foot, error) {
	b := make([]byte, n)
	if err := readAt(x.file, b, at); err != nil {
		return nil, err
	}
	nonce := nonceOf(footNonce)
	plain, err := x.aead.Open(b[:0], nonce[:], b, nil)
	if err != nil {
		return nil, corrupt("the foot of an index does not open")
	}
	return decodeFoot(plain)
}

// page appends the entries of a page to dst. Buf is memory of a page.
func (x *index) page(dst []entry, number int, buf *[pageBytes]byte) ([]entry, error) {
	if err := readAt(x.file, buf[:], int64(1+number)*pageBytes); err != nil {
		return dst, err
	}
	return x.openPage(dst, number, buf[:])
}

func (x *index) openPage(dst []entry, number int, b []byte) ([]entry, error) {
	nonce := nonceOf(uint64(number))
	body, err := x.aead.Open(b[:0], nonce[:], b, nil)
	if err != nil {
		return dst, corrupt("page %d of index %s does not open", number, x.name())
	}
	return decodePage(dst, body, uint32(len(x.askers)))
}

// backward goes through the entries of one credential from the newest on.
type backward struct {
	x       *index
	key     entry // id of the credential
	number  int   // of the page that entries are of
	entries []entry
	left    int // of entries, not given yet
	buf     [pageBytes]byte
}

// seek begins behind the last entry that is not beyond key, an entry with the id that is sought.
func (x *index) seek(key entry) (*backward, error) {
	b := &backward{x: x, key: key, number: -1}
	// The last page that may hold such an entry begins with none that is beyond it. Fences tell but for pages that begin
	// with the same eight bytes, and of those there are many only where they are one credential's.
	low, _ := slices.BinarySearch(x.fences, key.hi)
	high, _ := slices.BinarySearchFunc(x.fences, key.hi, func(fence, hi uint64) int {
		if fence > hi {
			return 1
		}
		return -1
	})
	for low < high {
		middle := (low + high) / 2
		if err := b.load(middle); err != nil {
			return nil, err
		}
		if b.entries[0].compare(key) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		return b, nil
	}
	if b.number != low-1 {
		if err := b.load(low - 1); err != nil {
			return nil, err
		}
	}
	b.left, _ = slices.BinarySearchFunc(b.entries, key, func(e, key entry) int { return cmp.Or(e.compare(key), -1) })
	return b, nil
}

func (b *backward) load(number int) (err error) {
	b.number = number
	b.entries, err = b.x.page(b.entries[:0], number, &b.buf)
	b.left = len(b.entries)
	return err
}

// next returns the entry before, and false where it is another credential's or there is none.
func (b *backward) next() (e entry, ok bool, err error) {
	if b.left == 0 {
		if b.number <= 0 {
			return e, false, nil
		}
		if err := b.load(b.number - 1); err != nil {
			return e, false, err
		}
	}
	b.left--
	e = b.entries[b.left]
	return e, e.of(b.key), nil
}
