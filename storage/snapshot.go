package storage

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
	"zhenni/storage/commandlog"
)

// A snapshot is every record of the view but its position, as of one entry, drawn in the package documentation. The
// records are sealed; the MAC at the end is over all of it, so that none is missing and none too many.
const snapshotMagic = "zhenni snapshot 1\n"

const snapshotBuffer = 1 << 20

// frozen is the view as of one entry.
type frozen struct {
	txn *badger.Txn
	at  position
	key []byte
}

// Snapshot syncs the view and freezes it.
func (m *machine) Snapshot() (commandlog.Snapshot, error) {
	switch {
	case m.failed != nil:
		return nil, m.failed
	case !m.changed:
		return nil, commandlog.ErrNothingNew
	}
	if err := m.sync(); err != nil {
		return nil, m.fail(err)
	}
	m.changed = false
	return &frozen{m.store.db.NewTransaction(false), m.applied, m.store.keys.log}, nil
}

func (f *frozen) Release() { f.txn.Discard() }

// Write writes the snapshot.
func (f *frozen) Write(to io.Writer) error {
	mac := hmac.New(sha256.New, f.key)
	w := bufio.NewWriterSize(io.MultiWriter(to, mac), snapshotBuffer)
	head := f.at.append([]byte(snapshotMagic))
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("storage: snapshot: %w", err)
	}
	count := uint64(0)
	var buf []byte
	err := scan(f.txn, nil, func(key, value []byte) error {
		if bytes.Equal(key, progressKey) {
			return nil
		}
		count++
		buf = appendRecords(buf[:0], []record{{key, value}})
		_, err := w.Write(buf)
		return err
	})
	if err != nil {
		return fmt.Errorf("storage: snapshot: %w", err)
	}
	buf = append(buf[:0], make([]byte, recordHeadSize)...)
	buf = binary.LittleEndian.AppendUint64(buf, count)
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("storage: snapshot: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("storage: snapshot: %w", err)
	}
	_, err = to.Write(mac.Sum(nil))
	return err
}

// snapshotReader reads a snapshot and hashes what it reads.
type snapshotReader struct {
	r   *bufio.Reader
	mac hash.Hash
	buf []byte
}

// readSnapshot passes every record to visit, valid for the visit, and checks the MAC after the last one. Until then
// nothing read is to be believed: [zhenni.ErrCorrupt], [zhenni.ErrFormat].
func readSnapshot(r io.Reader, key []byte, visit func(record) error) (position, error) {
	s := &snapshotReader{r: bufio.NewReaderSize(r, snapshotBuffer), mac: hmac.New(sha256.New, key)}
	head, err := s.take(len(snapshotMagic) + positionSize)
	if err != nil {
		return position{}, err
	}
	if string(head[:len(snapshotMagic)]) != snapshotMagic {
		return position{}, fmt.Errorf("%w: not a snapshot of this build", zhenni.ErrFormat)
	}
	at := decodePosition(head[len(snapshotMagic):])
	for count := uint64(0); ; count++ {
		r, err := s.record()
		if err != nil {
			return position{}, err
		}
		if len(r.key) == 0 {
			return at, s.end(count)
		}
		if err := visit(r); err != nil {
			return position{}, err
		}
	}
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
	s.mac.Write(b)
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
	sum := s.mac.Sum(nil)
	if b, err = s.take(sha256.Size); err != nil {
		return err
	}
	if !hmac.Equal(b, sum) {
		return fmt.Errorf("%w: the snapshot fails its seal", zhenni.ErrCorrupt)
	}
	return nil
}

// VerifySnapshot reads a snapshot to its end.
func (m *machine) VerifySnapshot(r io.Reader) error {
	_, err := readSnapshot(r, m.store.keys.log, func(record) error { return nil })
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
	db := m.store.db
	if err := translate(db.DropAll()); err != nil {
		return err
	}
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	at, err := readSnapshot(r, m.store.keys.log, func(r record) error {
		return translate(batch.Set(bytes.Clone(r.key), bytes.Clone(r.value)))
	})
	if err != nil {
		return errors.Join(err, translate(db.DropAll()))
	}
	if err := translate(batch.Flush()); err != nil {
		return err
	}
	m.progress = progress{at, at}
	if err := m.store.syncView(); err != nil {
		return err
	}
	m.holds = at.sequence
	return m.write(at, nil)
}
