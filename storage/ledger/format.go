package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"zhenni"
)

// Every file of a ledger, in its folder.
const (
	segmentDir = "segment/"
	indexDir   = "index/"
	goneDir    = "gone/"
	endFile    = "end"
	countsFile = "attempts"
	spareFile  = "segment/spare.new" // a dropped segment on its way to be used again
	temporary  = ".new"
)

func numbered(folder string, n uint32) string { return folder + fmt.Sprintf("%016x", n) }

// numberOf reads a name made by numbered.
func numberOf(folder, name string) (n uint32, ok bool) {
	wide, err := strconv.ParseUint(strings.TrimPrefix(name, folder), 16, 32)
	return uint32(wide), err == nil && numbered(folder, uint32(wide)) == name
}

// The layout of a segment, drawn in the package doc.
const (
	segmentKind   = "zhenni ledger segment "
	segmentMagic  = segmentKind + "2\x00"
	firstMagic    = segmentKind + "1\x00" // of segments whose records have no counts
	saltSize      = 32
	segmentHeader = 76
	markSize      = 12
	markFirst     = 128
	markStride    = 128
	align         = 512 // of groups
	groupHeader   = 56
	groupMagic    = 0x7a6c_6731
	trailerFixed  = 12
	recordHeader  = 72
	sealOverhead  = 16

	// What stands for the first leaf of the group before: that it has no leaves, and that it is of another run.
	none    = ^uint64(0)
	unknown = none - 1
)

const (
	kindSingle  = 1
	kindBatch   = 2
	flagNamed   = 1
	flagCounted = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// putSum ends b with the checksum of what is before.
func putSum(b []byte) { binary.BigEndian.PutUint32(b[len(b)-4:], sum(b[:len(b)-4])) }

func sumFits(b []byte) bool { return binary.BigEndian.Uint32(b[len(b)-4:]) == sum(b[:len(b)-4]) }

// putSegmentHeader writes the head of a segment that holds nothing.
func putSegmentHeader(image []byte, number uint32, salt []byte) {
	copy(image, segmentMagic)
	binary.BigEndian.PutUint64(image[24:], uint64(number))
	binary.BigEndian.PutUint64(image[32:], uint64(len(image)))
	copy(image[40:], salt)
	putSum(image[:segmentHeader])
	putMark(image[markFirst:], align)
}

func putMark(slot []byte, end int64) {
	binary.BigEndian.PutUint64(slot, uint64(end))
	putSum(slot[:markSize])
}

// segmentSalt checks the head of a segment and returns its salt: [zhenni.ErrCorrupt], [zhenni.ErrFormat].
func segmentSalt(b []byte, number uint32) ([]byte, error) {
	if len(b) > len(segmentKind) && string(b[:len(segmentKind)]) == segmentKind && b[len(segmentKind)] > '2' && b[len(segmentKind)] <= '9' {
		return nil, fmt.Errorf("%w: ledger: a segment of version %c, this build reads 1 and 2", zhenni.ErrFormat, b[len(segmentKind)])
	}
	if len(b) < segmentHeader || string(b[:len(segmentMagic)]) != segmentMagic && string(b[:len(firstMagic)]) != firstMagic || !sumFits(b[:segmentHeader]) ||
		binary.BigEndian.Uint64(b[24:]) != uint64(number) {
		return nil, corrupt("%s is not a segment, or damaged", numbered(segmentDir, number))
	}
	return b[40 : 40+saltSize], nil
}

// markOf returns the newest mark of a segment, at least where groups begin.
func markOf(b []byte) int {
	end := align
	for i := range 2 {
		if at := markFirst + i*markStride; at+markSize <= len(b) && sumFits(b[at:at+markSize]) {
			end = max(end, int(binary.BigEndian.Uint64(b[at:])))
		}
	}
	return min(end, 1<<31)
}

// head is the header of a group.
type head struct {
	records     int
	length      int
	prior, from uint64
}

// groupSize is the size on disk of a group of records that take length bytes.
func groupSize(records, length int) int {
	return (groupHeader + length + 8*records + trailerFixed + align - 1) / align * align
}

// sealGroup completes a group in place: header, fingerprints, checksums. The records lie behind room for the header;
// what is between them and the end of group is overwritten.
func sealGroup(group []byte, number uint32, at int64, h head, places []place) {
	clear(group[groupHeader+h.length:])
	b := group[:groupHeader]
	binary.BigEndian.PutUint32(b, groupMagic)
	binary.BigEndian.PutUint32(b[4:], uint32(h.records))
	binary.BigEndian.PutUint64(b[8:], uint64(number))
	binary.BigEndian.PutUint64(b[16:], uint64(at))
	binary.BigEndian.PutUint64(b[24:], uint64(h.length))
	binary.BigEndian.PutUint64(b[32:], h.prior)
	binary.BigEndian.PutUint64(b[40:], h.from)
	binary.BigEndian.PutUint32(b[48:], sum(group[groupHeader:groupHeader+h.length]))
	putSum(b)
	trailer := group[len(group)-8*h.records-trailerFixed:]
	for i, p := range places {
		if p.named() {
			binary.BigEndian.PutUint64(trailer[8*i:], p.key.fingerprint())
		}
	}
	binary.BigEndian.PutUint32(trailer[8*h.records:], uint32(h.records))
	binary.BigEndian.PutUint32(trailer[8*h.records+4:], uint32(len(group)))
	putSum(trailer)
}

// readHead reads the header of a group at an offset of a segment.
func readHead(b []byte, at int, number uint32) (h head, ok bool) {
	if at+groupHeader > len(b) {
		return h, false
	}
	g := b[at : at+groupHeader]
	if binary.BigEndian.Uint32(g) != groupMagic || !sumFits(g) ||
		binary.BigEndian.Uint64(g[8:]) != uint64(number) || binary.BigEndian.Uint64(g[16:]) != uint64(at) {
		return h, false
	}
	h = head{
		records: int(binary.BigEndian.Uint32(g[4:])), length: int(binary.BigEndian.Uint64(g[24:])),
		prior: binary.BigEndian.Uint64(g[32:]), from: binary.BigEndian.Uint64(g[40:]),
	}
	return h, h.length >= 0 && h.length <= len(b) && h.records <= len(b) && at+groupSize(h.records, h.length) <= len(b)
}

// bodyFits reports whether the records of the group at an offset are as they were written.
func bodyFits(b []byte, at int, h head) bool {
	return binary.BigEndian.Uint32(b[at+48:]) == sum(b[at+groupHeader:at+groupHeader+h.length])
}

// fingerprints reads those of the group that ends at an offset, and its size.
func fingerprints(b []byte, end int) (all []uint64, size int, ok bool) {
	if end > len(b) || end < align+trailerFixed {
		return nil, 0, false
	}
	n := int(binary.BigEndian.Uint32(b[end-trailerFixed:]))
	size = int(binary.BigEndian.Uint32(b[end-trailerFixed+4:]))
	start := end - trailerFixed - 8*n
	if start < align || !sumFits(b[start:end]) || size < align {
		return nil, 0, false
	}
	for ; start < end-trailerFixed; start += 8 {
		if f := binary.BigEndian.Uint64(b[start:]); f != 0 {
			all = append(all, f)
		}
	}
	return all, size, true
}

// record is the clear part of a record.
type record struct {
	length int // of the whole
	kind   byte
	named  bool
	counts int // how many counts of attempts stand behind the answer
	millis int64
	nonce  uint64
	key    key
	leaf   [32]byte
}

func (r *record) put(b []byte) {
	clear(b[:recordHeader])
	binary.BigEndian.PutUint32(b, uint32(r.length-recordHeader))
	b[4] = r.kind
	if r.named {
		b[5] = flagNamed
	}
	if r.counts > 0 {
		b[5] |= flagCounted
		binary.BigEndian.PutUint16(b[6:], uint16(r.counts-1))
	}
	binary.BigEndian.PutUint64(b[8:], uint64(r.millis))
	binary.BigEndian.PutUint64(b[16:], r.nonce)
	copy(b[24:], r.key[:])
	copy(b[40:], r.leaf[:])
}

// readRecord reads the clear part of the record at the start of b.
func readRecord(b []byte) (r record, ok bool) {
	if len(b) < recordHeader {
		return r, false
	}
	r = record{
		length: recordHeader + int(binary.BigEndian.Uint32(b)), kind: b[4], named: b[5]&flagNamed != 0,
		millis: int64(binary.BigEndian.Uint64(b[8:])), nonce: binary.BigEndian.Uint64(b[16:]),
		key: key(b[24:40]), leaf: [32]byte(b[40:72]),
	}
	if b[5]&flagCounted != 0 {
		r.counts = 1 + int(binary.BigEndian.Uint16(b[6:]))
	}
	return r, r.answerEnd() >= recordHeader+sealOverhead && r.length <= len(b)
}

func (r *record) place(segment uint32, offset int, leaf uint64) place {
	if r.named {
		leaf |= namedBit
	}
	return place{r.key, segment, uint32(offset), uint32(r.length), uint32(r.millis / 1000), leaf}
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: ledger: %s", zhenni.ErrCorrupt, fmt.Sprintf(format, args...))
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: ledger: %w", zhenni.ErrUnavailable, fmt.Errorf(format, args...))
}
