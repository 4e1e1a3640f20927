package ledger

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zhenni"
)

// countSize is that of one count of attempts, drawn in the package doc.
const countSize = 16 + 8 + 8 + 8 + 2 + 2 + 1

// counted is the fold of the counts of attempts over all that was settled: of each credential and lane the newest.
type counted struct {
	// expected says that the folder's last user kept counts. It is used while the ledger is opened.
	expected bool
	// from is the first segment whose counts are not in the file of counts. The keeper owns it.
	from uint32

	// mu guards the rest.
	mu     sync.Mutex
	counts *zhenni.AttemptCounts
	// cleared are the credentials that came to be clear of late: an older count of them may still be on its way.
	cleared map[countKey]clearing
	now     func() time.Time
}

type countKey struct {
	credential zhenni.CredentialID
	lane       zhenni.Lane
}

type clearing struct {
	version uint64
	at      time.Time
}

const (
	// clearedKeep is longer than any request takes from its decision to its record.
	clearedKeep = 15 * time.Minute
	// clearedMost bounds the clearings that are remembered. Beyond it one may be undone by an older count: an attempt too
	// many is held against somebody, never one too few.
	clearedMost   = 1 << 16
	clearedSample = 8
)

func (c *counted) make(o Options) {
	c.counts, c.cleared, c.now = zhenni.NewAttemptCounts(o.Rules, o.Counts), map[countKey]clearing{}, o.Now
}

func (c *counted) len() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(c.counts.Len())
}

// fold takes in what a group of records has settled.
func (l *Ledger) fold(counts []zhenni.AttemptCount) {
	if len(counts) == 0 {
		return
	}
	c := &l.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	lost, now := 0, c.now()
	for i := range counts {
		if !c.add(&counts[i], now) {
			lost++
		}
	}
	if lost > 0 {
		l.opts.Logger.Error("no room for counts of failed attempts: they will not be known after a restart", "counts", lost, "room", l.opts.Counts)
	}
}

// add takes in one count, and reports whether there was room for it. The caller holds mu.
func (c *counted) add(count *zhenni.AttemptCount, now time.Time) bool {
	key := countKey{count.Credential, count.Lane}
	if cleared, ok := c.cleared[key]; ok {
		if cleared.version >= count.Version {
			return true
		}
		delete(c.cleared, key)
	}
	held := c.counts.Find(&count.Credential, count.Lane)
	if held.Version >= count.Version && held.Version > 0 {
		return true
	}
	if count.Clear() {
		c.forget()
		c.cleared[key] = clearing{count.Version, now}
	}
	return c.counts.Merge(*count, now.UnixMilli())
}

// forget makes room for a clearing: the oldest of a few goes. The caller holds mu.
func (c *counted) forget() {
	if len(c.cleared) < clearedMost {
		return
	}
	var oldest countKey
	seen := 0
	for key, cleared := range c.cleared {
		if seen == 0 || cleared.at.Before(c.cleared[oldest].at) {
			oldest = key
		}
		if seen++; seen == clearedSample {
			break
		}
	}
	delete(c.cleared, oldest)
}

// Attempts visits the newest count of each credential and lane over all that was settled. Nothing is settled meanwhile.
func (l *Ledger) Attempts(yield func(zhenni.AttemptCount) bool) {
	c := &l.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, cleared := range c.cleared {
		if !yield(key.clear(cleared.version)) {
			return
		}
	}
	c.counts.All(yield)
}

func (k countKey) clear(version uint64) zhenni.AttemptCount {
	return zhenni.AttemptCount{Credential: k.credential, Lane: k.lane, Attempts: zhenni.Attempts{Version: version}}
}

func appendCount(dst []byte, c *zhenni.AttemptCount) []byte {
	dst = append(dst, c.Credential[:]...)
	dst = binary.BigEndian.AppendUint64(dst, c.Version)
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.At))
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.Eased))
	dst = binary.BigEndian.AppendUint16(dst, c.Streak)
	dst = binary.BigEndian.AppendUint16(dst, c.Total)
	return append(dst, byte(c.Lane))
}

// readCounts reads whole counts.
func readCounts(b []byte) []zhenni.AttemptCount {
	counts := make([]zhenni.AttemptCount, len(b)/countSize)
	for i := range counts {
		e, c := b[i*countSize:], &counts[i]
		c.Credential, c.Lane = zhenni.CredentialID(e[:16]), zhenni.Lane(e[44])
		c.Version, c.At = binary.BigEndian.Uint64(e[16:]), int64(binary.BigEndian.Uint64(e[24:]))
		c.Eased = int64(binary.BigEndian.Uint64(e[32:]))
		c.Streak, c.Total = binary.BigEndian.Uint16(e[40:]), binary.BigEndian.Uint16(e[42:])
	}
	return counts
}

// countsSize is what n counts take behind the answer in a record.
func countsSize(n int) int {
	if n == 0 {
		return 0
	}
	return n*countSize + sealOverhead
}

// answerEnd is where the sealed answer of a record ends and its counts begin.
func (r *record) answerEnd() int { return r.length - countsSize(r.counts) }

// countsNonce is that of the counts of a record: it differs from the answer's in its first byte.
func countsNonce(nonce uint64) (b [12]byte) {
	b[0] = 1
	binary.BigEndian.PutUint64(b[4:], nonce)
	return b
}

// sealCounts adds the counts to the record of which the scratch has everything else. They are sealed apart from the answer:
// whoever opens a ledger reads them without knowing who asked.
func (s *scratch) sealCounts(by cipher.AEAD, counts []zhenni.AttemptCount) {
	if len(counts) == 0 {
		return
	}
	start := len(s.record)
	for i := range counts {
		s.record = appendCount(s.record, &counts[i])
	}
	s.nonce[0] = 1
	s.record = by.Seal(s.record[:start], s.nonce[:], s.record[start:], s.bound[:recordHeader])
	s.nonce[0] = 0
}

// openCounts opens the counts of the record that fills b.
func openCounts(by cipher.AEAD, b []byte) ([]zhenni.AttemptCount, error) {
	r, ok := readRecord(b)
	if !ok || r.length != len(b) {
		return nil, corrupt("not a record")
	}
	if r.counts == 0 {
		return nil, nil
	}
	nonce := countsNonce(r.nonce)
	plain, err := by.Open(nil, nonce[:], b[r.answerEnd():], b[:recordHeader])
	if err != nil {
		return nil, corrupt("the counts of a record do not open")
	}
	return readCounts(plain), nil
}

// foldSegment takes in the counts of a segment that are not in the file of counts.
func (l *Ledger) foldSegment(n uint32, places []place) error {
	if n < l.counted.from || len(places) == 0 {
		return nil
	}
	b, err := l.files.ReadFile(numbered(segmentDir, n))
	if err != nil {
		return err
	}
	damaged := 0
	salt, err := segmentSalt(b, n)
	if errors.Is(err, zhenni.ErrCorrupt) {
		return l.lose("the head of segment %d is damaged, and with it counts of failed attempts", n)
	}
	if err != nil {
		return err
	}
	aead, err := l.secrets.aead(salt)
	if err != nil {
		return err
	}
	for _, p := range places {
		end := int64(p.offset) + int64(p.length)
		if end > int64(len(b)) {
			damaged++
			continue
		}
		counts, err := openCounts(aead, b[p.offset:end])
		if err != nil {
			damaged++
		}
		l.fold(counts)
	}
	if damaged > 0 {
		l.opts.Logger.Error("records are damaged, and the failed attempts counted in them are not known any more", "segment", n, "records", damaged)
	}
	return nil
}

// loseCounts answers for a segment that is missing.
func (l *Ledger) loseCounts(n uint32) error {
	if n < l.counted.from {
		return nil
	}
	return l.lose("segment %d is missing, and with it counts of failed attempts", n)
}

// countsMagic begins the file of counts, which has the form of those beside it. Its number is the first segment whose
// counts are not in it; its content a salt and, sealed, counts.
const countsMagic = "zhenni ledger counts 1\x00\x00"

// writeCounts writes the file of counts. What is settled into segments from the number on may be in it, what is before
// is. The keeper calls it, or whoever has ended it.
func (l *Ledger) writeCounts(from uint32) error {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return unavailable("no salt: %w", err)
	}
	aead, err := l.secrets.aead(salt)
	if err != nil {
		return err
	}
	b, n := l.counted.encode(append(newSide(countsMagic, from, 0), salt...))
	binary.BigEndian.PutUint64(b[32:], uint64(n))
	var nonce [12]byte // the key is of this one file
	head := sideHeader + saltSize
	b = aead.Seal(b[:head], nonce[:], b[head:], nil)
	if err := l.replace(countsFile, l.secrets.sign(b)); err != nil {
		return err
	}
	l.counted.from = from
	return nil
}

// encode appends every count, and every clearing that an older count might still follow.
func (c *counted) encode(dst []byte) (_ []byte, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for key, cleared := range c.cleared {
		if now.Sub(cleared.at) > clearedKeep {
			delete(c.cleared, key)
			continue
		}
		count := key.clear(cleared.version)
		dst, n = appendCount(dst, &count), n+1
	}
	c.counts.All(func(count zhenni.AttemptCount) bool {
		dst, n = appendCount(dst, &count), n+1
		return true
	})
	return dst, n
}

// loadCounts reads the file of counts. Where it is damaged or lost, the counts are taken from all segments, if these reach
// back to the first that had any.
func (l *Ledger) loadCounts(files folder) error {
	from, counts, err := l.readCountsFile()
	switch {
	case err == nil:
		l.counted.from = from
		l.fold(counts)
		return nil
	case errors.Is(err, fs.ErrNotExist) && !l.counted.expected:
		return nil // an older build made the ledger
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, zhenni.ErrCorrupt):
		return err
	}
	if l.reachesBack(files) {
		l.opts.Logger.Error("the file of failed attempts is lost; it is made again from all that was answered", "cause", err)
		return nil
	}
	return l.lose("%s is damaged or lost, and segments that had its counts were dropped: failed attempts would be forgotten", countsFile)
}

func (l *Ledger) readCountsFile() (from uint32, counts []zhenni.AttemptCount, err error) {
	b, err := l.files.ReadFile(countsFile)
	if err != nil {
		return 0, nil, err
	}
	b, ok := l.secrets.signed(b)
	head := sideHeader + saltSize
	if !ok || len(b) < head || string(b[:24]) != countsMagic || binary.BigEndian.Uint64(b[24:]) > math.MaxUint32 {
		return 0, nil, corrupt("%s is damaged", countsFile)
	}
	aead, err := l.secrets.aead(b[sideHeader:head])
	if err != nil {
		return 0, nil, err
	}
	var nonce [12]byte
	plain, err := aead.Open(nil, nonce[:], b[head:], nil)
	if err != nil || uint64(len(plain)) != countSize*binary.BigEndian.Uint64(b[32:]) {
		return 0, nil, corrupt("%s is damaged", countsFile)
	}
	return uint32(binary.BigEndian.Uint64(b[24:])), readCounts(plain), nil
}

// reachesBack reports whether no segment with counts was dropped: the oldest is the first of all, or has none.
func (l *Ledger) reachesBack(files folder) bool {
	if len(files.segments) == 0 {
		return len(files.gone) == 0
	}
	oldest := files.segments[0]
	if oldest == 1 {
		return true
	}
	f, err := os.Open(filepath.Join(l.opts.Dir, numbered(segmentDir, oldest)))
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, len(firstMagic))
	_, err = f.ReadAt(magic, 0)
	return err == nil && string(magic) == firstMagic
}
