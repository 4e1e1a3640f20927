package storage

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"zhenni"
	"zhenni/storage/commandlog"
)

// A snapshot is every record of the view but its position, as of one entry, drawn in the package documentation. The
// records are sealed; the stream that carries them is whole or does not read.
const (
	snapshotMagic    = "zhenni snapshot 2\n"
	overMagic        = "zhenni snapshot 3\n" // of what lies over a base
	oldSnapshotMagic = "zhenni snapshot 1\n"
)

const snapshotBuffer = 1 << 20

// frozen is the view as of one entry, and what it must hold.
type frozen struct {
	store *Store
	txn   reading
	at    position
	held  *tallies
	id    [chunkIDSize]byte
}

// Snapshot syncs the view and freezes it.
func (m *machine) Snapshot() (commandlog.Snapshot, error) {
	switch {
	case m.failed != nil:
		return nil, m.failed
	case !m.changed && !m.stale.Load():
		return nil, commandlog.ErrNothingNew
	}
	f := &frozen{store: m.store, at: m.applied}
	if _, err := io.ReadFull(m.store.opts.Entropy, f.id[:]); err != nil {
		return nil, fmt.Errorf("%w: no entropy for a snapshot: %w", zhenni.ErrUnavailable, err)
	}
	if err := m.sync(); err != nil {
		return nil, m.fail(err)
	}
	m.changed = false
	m.stale.Store(false)           // one that is not written is found damaged again
	held := m.store.agreement.held // the machine is its only writer
	f.held, f.txn = &held, m.store.begin(false)
	return f, nil
}

func (f *frozen) Release() { f.txn.Discard() }

// Write writes the snapshot. A view that does not hold what the log says gives none: [zhenni.ErrCorrupt].
func (f *frozen) Write(to io.Writer) error {
	magic := snapshotMagic
	if f.store.base != nil {
		magic = overMagic
	}
	aead, err := newChunkAEAD(f.store.keys.log, magic, f.id)
	if err != nil {
		return err
	}
	if _, err := to.Write(append([]byte(magic), f.id[:]...)); err != nil {
		return fmt.Errorf("storage: snapshot: %w", err)
	}
	w := newChunkWriter(to, aead)
	sums, err := f.writeRecords(w)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("storage: snapshot: %w", err)
	}
	return f.store.compareAll(sums, f.held)
}

// writeRecords writes what the stream carries and returns the tallies of the records.
func (f *frozen) writeRecords(w *chunkWriter) (_ *tallies, err error) {
	defer damagePanics(&err, "the view")
	front := f.at.append(nil)
	if f.store.base != nil {
		if front, err = hex.AppendDecode(front, []byte(f.store.baseID())); err != nil {
			return nil, fmt.Errorf("storage: %w", err)
		}
	}
	if _, err := w.Write(appendPlaced(front, f.held.list())); err != nil {
		return nil, err
	}
	over, count := f.store.newOverlay(true), uint64(0)
	var buf []byte
	err = scan(f.txn.upper(), nil, func(key, value []byte) error {
		if bytes.Equal(key, progressKey) {
			return nil
		}
		count++
		buf = appendRecord(buf[:0], key, value)
		_, err := w.Write(buf)
		return errors.Join(err, over.take(record{key, value}))
	})
	if err != nil {
		return nil, err
	}
	buf = binary.LittleEndian.AppendUint64(append(buf[:0], make([]byte, recordHeadSize)...), count)
	_, err = w.Write(buf)
	return over.sums, err
}

// snapshotFront is what stands before the records: where the snapshot was taken and what the view held, with the id of the
// base that it lay over, "" for none. One of the old format has no tallies.
type snapshotFront struct {
	at        position
	base      string
	held      []placed
	untallied bool
}

// snapshotReader reads what a snapshot carries. mac hashes what is read of one of the old format.
type snapshotReader struct {
	r    *bufio.Reader
	mac  hash.Hash
	over bool // a base
	buf  []byte
}

// readSnapshot passes what stands before the records to begin, which may be nil, then every record to visit, valid for the visit, and checks at the end that it is whole. Until then
// nothing read is to be believed: [zhenni.ErrCorrupt], [zhenni.ErrFormat]. Whether the records are those that the front
// tallies is the caller's to check, [Store.readTallied].
func readSnapshot(
	r io.Reader, key []byte, begin func(snapshotFront) error, visit func(record) error,
) (front snapshotFront, err error) {
	s, err := newSnapshotReader(r, key)
	if err != nil {
		return front, err
	}
	if front, err = s.front(); err == nil && begin != nil {
		err = begin(front)
	}
	if err != nil {
		return front, err
	}
	for count := uint64(0); ; count++ {
		r, err := s.record()
		if err != nil {
			return front, err
		}
		if len(r.key) == 0 {
			return front, s.end(count)
		}
		if err := visit(r); err != nil {
			return front, err
		}
	}
}

func newSnapshotReader(r io.Reader, key []byte) (*snapshotReader, error) {
	magic := make([]byte, len(snapshotMagic))
	if _, err := io.ReadFull(r, magic); err != nil {
		return nil, fmt.Errorf("%w: the snapshot is cut short: %w", zhenni.ErrCorrupt, err)
	}
	switch string(magic) {
	case oldSnapshotMagic:
		s := &snapshotReader{r: bufio.NewReaderSize(r, snapshotBuffer), mac: hmac.New(sha256.New, key)}
		s.mac.Write(magic)
		return s, nil
	case snapshotMagic, overMagic:
		var id [chunkIDSize]byte
		if _, err := io.ReadFull(r, id[:]); err != nil {
			return nil, fmt.Errorf("%w: the snapshot is cut short: %w", zhenni.ErrCorrupt, err)
		}
		aead, err := newChunkAEAD(key, string(magic), id)
		if err != nil {
			return nil, err
		}
		from := bufio.NewReaderSize(newChunkReader(r, aead), snapshotBuffer)
		return &snapshotReader{r: from, over: string(magic) == overMagic}, nil
	}
	return nil, fmt.Errorf("%w: not a snapshot of this build", zhenni.ErrFormat)
}

// front reads what stands before the records.
func (s *snapshotReader) front() (front snapshotFront, err error) {
	b, err := s.take(positionSize)
	if err != nil {
		return front, err
	}
	front = snapshotFront{at: decodePosition(b), untallied: s.mac != nil}
	if front.untallied {
		return front, nil
	}
	if s.over {
		if b, err = s.take(chunkIDSize); err != nil {
			return front, err
		}
		front.base = hex.EncodeToString(b)
	}
	if b, err = s.take(4); err != nil {
		return front, err
	}
	list := bytes.Clone(b)
	size, err := placedLength(list)
	if err != nil {
		return front, err
	}
	if b, err = s.take(size); err != nil {
		return front, err
	}
	front.held, _, err = decodePlaced(append(list, b...))
	return front, err
}

// take reads n bytes, valid until the next take.
func (s *snapshotReader) take(n int) ([]byte, error) {
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	b := s.buf[:n]
	if _, err := io.ReadFull(s.r, b); err != nil {
		return nil, fmt.Errorf("%w: the snapshot is cut short: %w", zhenni.ErrCorrupt, err)
	}
	if s.mac != nil {
		s.mac.Write(b)
	}
	return b, nil
}

// record reads one record; one without a key ends the snapshot.
func (s *snapshotReader) record() (record, error) {
	head, err := s.take(recordHeadSize)
	if err != nil {
		return record{}, err
	}
	keyLen, valueLen := int(binary.LittleEndian.Uint16(head)), int(binary.LittleEndian.Uint32(head[2:]))
	if keyLen > maxRecordKey || valueLen > maxRecordValue {
		return record{}, fmt.Errorf("%w: record with a key of %d bytes and a value of %d", zhenni.ErrCorrupt, keyLen, valueLen)
	}
	b, err := s.take(keyLen + valueLen)
	if err != nil {
		return record{}, err
	}
	return record{b[:keyLen:keyLen], b[keyLen:]}, nil
}

func (s *snapshotReader) end(count uint64) error {
	b, err := s.take(8)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint64(b) != count {
		return fmt.Errorf("%w: a snapshot of %d records has %d", zhenni.ErrCorrupt, binary.LittleEndian.Uint64(b), count)
	}
	if s.mac == nil {
		return s.ended()
	}
	sum := s.mac.Sum(nil)
	if b, err = s.take(sha256.Size); err != nil {
		return err
	}
	if !hmac.Equal(b, sum) {
		return fmt.Errorf("%w: the snapshot fails its seal", zhenni.ErrCorrupt)
	}
	return nil
}

// ended reports whether the stream ends here, by its last chunk.
func (s *snapshotReader) ended() error {
	_, err := s.r.ReadByte()
	switch {
	case err == nil:
		return fmt.Errorf("%w: the snapshot goes on behind its end", zhenni.ErrCorrupt)
	case !errors.Is(err, io.EOF) || errors.Is(err, zhenni.ErrCorrupt):
		return fmt.Errorf("%w: the snapshot is cut short: %w", zhenni.ErrCorrupt, err)
	}
	return nil
}

// readTallied is readSnapshot that also holds the records, over the base where the snapshot is of what lies over one,
// against the tallies, and returns these. A snapshot over another base is [zhenni.ErrCorrupt].
func (s *Store) readTallied(r io.Reader, visit func(record) error) (front snapshotFront, _ *tallies, err error) {
	var over *overlay
	front, err = readSnapshot(r, s.keys.log, func(front snapshotFront) error {
		if front.base != "" && front.base != s.baseID() {
			return fmt.Errorf("%w: a snapshot over base %s, the store has %q", zhenni.ErrCorrupt, front.base, s.baseID())
		}
		over = s.newOverlay(front.base != "")
		return nil
	}, func(r record) error {
		return errors.Join(over.take(r), visit(r))
	})
	if over == nil {
		return front, nil, err
	}
	if err != nil || front.untallied {
		return front, over.sums, err
	}
	held := new(tallies)
	held.add(front.held)
	if *held != *over.sums {
		return front, over.sums, fmt.Errorf("%w: the records of a snapshot are not those that it tallies", zhenni.ErrCorrupt)
	}
	return front, over.sums, nil
}

// VerifySnapshot reads a snapshot to its end.
func (m *machine) VerifySnapshot(r io.Reader) error {
	_, _, err := m.store.readTallied(r, func(record) error { return nil })
	return err
}

// Restore replaces the view by a snapshot. The position is written last: a view restored in part has none, and the next
// start restores it again.
func (m *machine) Restore(r io.Reader) error {
	if err := m.fill(r); err != nil {
		return m.fail(err)
	}
	return nil
}

func (m *machine) fill(r io.Reader) error {
	db, a := m.store.db, &m.store.agreement
	if err := translate(db.DropAll()); err != nil {
		return err
	}
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	front, sums, err := m.store.readTallied(r, func(r record) error {
		return translate(batch.Set(bytes.Clone(r.key), bytes.Clone(r.value)))
	})
	if err == nil && front.base != m.store.baseID() {
		err = fmt.Errorf("%w: a snapshot from before the import that the store's base is of", zhenni.ErrCorrupt)
	}
	if err != nil {
		return errors.Join(err, translate(db.DropAll()))
	}
	if err := translate(batch.Flush()); err != nil {
		return err
	}
	at := front.at
	a.held = *sums
	m.applied, m.holds = at, at.sequence
	if err := m.sync(); err != nil {
		return err
	}
	return m.write(at, nil)
}
