package audit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"zhenni"
	"zhenni/storage/disk"
)

// The layout of a journal segment, drawn in the package doc.
const (
	segmentKind   = "zhenni audit journal "
	segmentMagic  = segmentKind + "2\n\x00"
	segmentHeader = 56  // magic [24] | number u64 | first u64 | length u64 | zero u32 | crc32c u32
	markSize      = 12  // size u64 | crc32c u32
	markFirst     = 128 // the offset of one slot of the mark; the other lies one stride behind
	markStride    = 128
	groupsStart   = 512
	groupHeader   = 24 // magic u32 | count u32 | first u64 | length u32 | crc32c u32
	groupMagic    = 0x7a61_6a31
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// unbegun stands for the first index in the head of a segment that is ready and not in use.
const unbegun = -1

// firstGroup is the room that a group is given to begin with, in bytes.
const firstGroup = 4096

// journal is the append file. append and close belong to the sequencer, retire and prepare to the publisher.
type journal struct {
	files  FS
	length int64

	file   File
	number uint64 // changed with making held
	offset int64
	slot   int64

	// wanted says that the current segment is half full.
	wanted atomic.Bool
	// making guards next, the segment that is ready behind the current one, or nil. It is held while one is made.
	making sync.Mutex
	next   File
	// mu guards closed: the segments that are no longer written to, oldest first.
	mu     sync.Mutex
	closed []closedSegment
}

type closedSegment struct {
	name string
	end  int64 // the index behind its last entry
}

// newGroup empties buf to take the entries of a group behind room for its header.
func newGroup(buf []byte) []byte { return disk.Grow(buf[:0], firstGroup)[:groupHeader] }

// rotate closes the current segment, if there is one, and begins the next with the entry of index first.
func (j *journal) rotate(first int64) error {
	j.making.Lock()
	defer j.making.Unlock()
	if j.file != nil {
		if err := j.file.Close(); err != nil {
			return err
		}
		j.file = nil
		j.mu.Lock()
		j.closed = append(j.closed, closedSegment{segmentFile(j.number), first})
		j.mu.Unlock()
		j.number++
	}
	if j.next == nil {
		if err := j.makeNext(j.number); err != nil {
			return err
		}
	}
	head := j.newHead(j.number, first)
	putMark(head[markFirst:], first)
	j.file, j.next = j.next, nil
	j.offset, j.slot = groupsStart, 1
	j.wanted.Store(false)
	return j.file.Through(head, 0)
}

// newHead makes the head of a segment, without a mark.
func (j *journal) newHead(number uint64, first int64) []byte {
	head := disk.Grow(nil, groupsStart)[:groupsStart]
	copy(head, segmentMagic)
	binary.BigEndian.PutUint64(head[24:], number)
	binary.BigEndian.PutUint64(head[32:], uint64(first))
	binary.BigEndian.PutUint64(head[40:], uint64(j.length))
	putSum(head[:segmentHeader])
	return head
}

// prepare makes the next segment ready when it will soon be needed: of a closed one whose entries all lie below size, or
// a new one where there is none. A file system stalls who writes when it gives room back.
func (j *journal) prepare(size int64) error {
	if !j.wanted.Load() {
		return nil
	}
	j.making.Lock()
	defer j.making.Unlock()
	if j.next != nil {
		return nil
	}
	if old := j.takeClosed(size); old != "" {
		return j.reuse(old, j.number+1)
	}
	return j.makeNext(j.number + 1)
}

// makeNext makes a new segment ready. The caller holds making.
func (j *journal) makeNext(number uint64) error {
	image := disk.Grow(nil, int(j.length))[:j.length]
	copy(image, j.newHead(number, unbegun))
	if err := j.files.Write(Content{segmentFile(number), image}); err != nil {
		return err
	}
	var err error
	j.next, err = j.files.Open(segmentFile(number))
	return err
}

// reuse makes a retired segment ready. It loses its entries under a name that means nothing, and has a name again when
// all of them are gone for good. The caller holds making.
func (j *journal) reuse(old string, number uint64) error {
	if err := j.files.Rename(old, spareFile); err != nil {
		return err
	}
	file, err := j.files.Open(spareFile)
	if err != nil {
		return err
	}
	if err = disk.Clear(file.Through, j.length); err == nil {
		err = file.Through(j.newHead(number, unbegun), 0)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := j.files.Rename(spareFile, segmentFile(number)); err != nil {
		return err
	}
	j.next, err = j.files.Open(segmentFile(number))
	return err
}

// takeClosed takes the oldest closed segment if its entries all lie below size.
func (j *journal) takeClosed(size int64) (name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.closed) > 0 && j.closed[0].end <= size {
		name, j.closed = j.closed[0].name, j.closed[1:]
	}
	return name
}

// append writes one group, made by newGroup and filled with count entries, and returns when it is durable and marked.
// It may write zeros into the room behind the group.
func (j *journal) append(first int64, count int, group []byte) error {
	size := disk.RoundUp(len(group))
	if j.offset+int64(size) > j.length {
		if err := j.rotate(first); err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint32(group, groupMagic)
	binary.BigEndian.PutUint32(group[4:], uint32(count))
	binary.BigEndian.PutUint64(group[8:], uint64(first))
	binary.BigEndian.PutUint32(group[16:], uint32(len(group)-groupHeader))
	binary.BigEndian.PutUint32(group[20:], groupSum(group))
	padded := disk.Grow(group, size-len(group))[:size]
	clear(padded[len(group):])
	if err := j.file.Through(padded, j.offset); err != nil {
		return err
	}
	j.offset += int64(size)
	if j.offset > j.length/2 {
		j.wanted.Store(true)
	}
	return j.mark(first + int64(count))
}

// mark notes the size that will be acknowledged. It survives the process at once. After a power failure the last group
// but one is told by the last, which was written behind it, and only a second fault could make use of what is missing.
func (j *journal) mark(size int64) error {
	var slot [markSize]byte
	putMark(slot[:], size)
	_, err := j.file.WriteAt(slot[:], markFirst+j.slot*markStride)
	j.slot = 1 - j.slot
	return err
}

func putMark(slot []byte, size int64) {
	binary.BigEndian.PutUint64(slot, uint64(size))
	putSum(slot[:markSize])
}

// putSum ends b with the checksum of what is before.
func putSum(b []byte) {
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
}

func sumFits(b []byte) bool {
	return binary.BigEndian.Uint32(b[len(b)-4:]) == crc32.Checksum(b[:len(b)-4], castagnoli)
}

// groupSum covers the header before the checksum and the entries behind it.
func groupSum(group []byte) uint32 {
	return crc32.Update(crc32.Checksum(group[:groupHeader-4], castagnoli), castagnoli, group[groupHeader:])
}

// retire removes the closed segments whose entries all lie below size, oldest first, so that what is left has no gap. It
// leaves the newest of them for prepare.
func (j *journal) retire(size int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.closed) > 1 && j.closed[1].end <= size {
		if err := j.files.Remove(j.closed[0].name); err != nil {
			return err
		}
		j.closed = j.closed[1:]
	}
	return nil
}

// close closes the files when the goroutines have ended. If nothing failed it syncs before, for the last mark's sake, and
// removes the segment that was not begun: a failed sync is not tried again.
func (j *journal) close(sync bool) error {
	var err error
	if j.file != nil {
		if sync {
			err = j.file.Sync()
		}
		err = errors.Join(err, j.file.Close())
	}
	if j.next != nil {
		err = errors.Join(err, j.next.Close())
		if sync {
			err = errors.Join(err, j.files.Remove(segmentFile(j.number+1)))
		}
	}
	return err
}

// history is what a journal holds.
type history struct {
	first    int64    // the index of entries[0]
	entries  [][]byte // in order
	segments []string // by name, oldest first
	unused   []string // those that were made ready and not begun
	last     uint64   // the highest number of either
	// torn is the segment that ends in a group that was never acknowledged, cut by a crash.
	torn string
	// spoiledMark is a segment with a damaged slot of its mark.
	spoiledMark string
}

func (h *history) end() int64 { return h.first + int64(len(h.entries)) }

// readJournal reads the segments from the entry of index base on. Segments may overlap after a crash in Open, and must
// then agree. Damage to what was acknowledged is [zhenni.ErrCorrupt].
func readJournal(files FS, base int64) (*history, error) {
	names, err := files.List(journalDir)
	if err != nil {
		return nil, ioError(err)
	}
	h := &history{first: base}
	marked := int64(0)
	for _, name := range names {
		if isTemporary(name) {
			continue
		}
		size, err := h.readSegment(files, name)
		if err != nil {
			return nil, err
		}
		marked = max(marked, size)
	}
	if marked > h.end() {
		return nil, corrupt("the journal is damaged behind entry %d, and %d were acknowledged: %s", h.end(), marked, repairHint)
	}
	return h, nil
}

// readSegment adds the entries of a segment and returns its mark.
func (h *history) readSegment(files FS, name string) (marked int64, err error) {
	number, err := strconv.ParseUint(strings.TrimPrefix(name, journalDir), 16, 64)
	if err != nil || segmentFile(number) != name {
		return 0, corrupt("%s is not a file of the log", name)
	}
	b, err := files.ReadFile(name)
	if err != nil {
		return 0, ioError(err)
	}
	next, version, err := checkSegment(b, number)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if h.last = number; next == unbegun {
		h.unused = append(h.unused, name)
		return 0, nil
	}
	h.segments = append(h.segments, name)
	marked, spoiled := readMark(b)
	if spoiled {
		h.spoiledMark = name
	}
	at := groupsStart
	for {
		entries, size, err := readGroup(b[at:], next)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		if size == 0 {
			break
		}
		if err := h.add(next, entries); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		if next, at = next+int64(len(entries)), at+size; version > 1 {
			at = disk.RoundUp(at)
		}
	}
	if zero(b[at:]) {
		return marked, nil
	}
	if version > 1 && hasGroup(b, at+disk.Sector) {
		return 0, corrupt("%s is damaged behind entry %d, and groups follow: %s", name, next, repairHint)
	}
	h.torn = name
	if spoiled && next <= marked || marked < 0 {
		return 0, corrupt("%s ends in a group that is not whole, and its mark, which would tell whether it was acknowledged, "+
			"is damaged: %s", name, repairHint)
	}
	return marked, nil
}

// checkSegment checks the head of a segment and returns the index of its first entry, or unbegun. In version 1 groups lie
// end to end.
func checkSegment(b []byte, number uint64) (first int64, version int, err error) {
	if rest, ok := bytes.CutPrefix(b, []byte(segmentKind)); ok && len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
		version = int(rest[0] - '0')
	}
	if version > 2 {
		return 0, 0, fmt.Errorf("%w: a journal of version %d, this build reads 1 and 2", zhenni.ErrFormat, version)
	}
	if version < 1 || len(b) < groupsStart || version > 1 && len(b)%disk.Sector != 0 || !sumFits(b[:segmentHeader]) {
		return 0, 0, corrupt("not a journal segment, or a damaged one: %s", repairHint)
	}
	first = int64(binary.BigEndian.Uint64(b[32:]))
	if binary.BigEndian.Uint64(b[24:]) != number || binary.BigEndian.Uint64(b[40:]) != uint64(len(b)) || first < unbegun {
		return 0, 0, corrupt("a segment cut short, or in the place of another: %s", repairHint)
	}
	if first == unbegun && !zero(b[segmentHeader:]) {
		return 0, 0, corrupt("a segment that was never begun holds something: %s", repairHint)
	}
	return first, version, nil
}

// hasGroup reports whether there is a whole group at a multiple of [disk.Sector], from at on: what is before it was
// acknowledged, since a group is written when the one before it is durable.
func hasGroup(b []byte, at int) bool {
	for at = disk.RoundUp(at); at < len(b); at += disk.Sector {
		if _, ok := wholeGroup(b[at:]); ok {
			return true
		}
	}
	return false
}

// readMark returns the newest intact mark of a segment, -1 where there is none, and whether bytes around it are not as
// they were written. The slots take turns, so the newest of all is at most one group beyond an intact one.
func readMark(b []byte) (size int64, spoiled bool) {
	size = -1
	head := append([]byte(nil), b[segmentHeader:groupsStart]...)
	for i := range int64(2) {
		slot := head[markFirst+i*markStride-segmentHeader:][:markSize]
		if n := int64(binary.BigEndian.Uint64(slot)); sumFits(slot) && n >= 0 {
			size = max(size, n)
			clear(slot)
		}
	}
	return size, !zero(head)
}

// readGroup returns the entries of the group at the start of b, whose first must have the index want, and its size in
// bytes. A size of 0 says that there is none, or that it is not whole. An intact group in the wrong place is an error.
func readGroup(b []byte, want int64) (entries [][]byte, size int, err error) {
	group, ok := wholeGroup(b)
	if !ok {
		return nil, 0, nil
	}
	if first := int64(binary.BigEndian.Uint64(group[8:])); first != want {
		return nil, 0, corrupt("a group of entry %d where %d comes next: %s", first, want, repairHint)
	}
	entries, err = splitEntries(group[groupHeader:], int(binary.BigEndian.Uint32(group[4:])))
	return entries, len(group), err
}

// wholeGroup returns the bytes of the group at the start of b, if there is one and it is as it was written.
func wholeGroup(b []byte) (group []byte, ok bool) {
	if len(b) < groupHeader || binary.BigEndian.Uint32(b) != groupMagic {
		return nil, false
	}
	count, length := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[16:])
	if uint64(length) > uint64(len(b)-groupHeader) || uint64(count) > uint64(length) {
		return nil, false
	}
	group = b[:groupHeader+int(length)]
	return group, groupSum(group) == binary.BigEndian.Uint32(group[20:])
}

// add adds entries from the index first on.
func (h *history) add(first int64, entries [][]byte) error {
	for i, entry := range entries {
		at := first + int64(i) - h.first
		switch {
		case at < 0:
		case at > int64(len(h.entries)):
			return corrupt("entries %d to %d are missing: %s", h.end(), first, repairHint)
		case at == int64(len(h.entries)):
			h.entries = append(h.entries, entry)
		case string(h.entries[at]) != string(entry):
			return corrupt("two segments hold different entries %d: %s", first+int64(i), repairHint)
		}
	}
	return nil
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
