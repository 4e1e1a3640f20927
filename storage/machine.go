package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"zhenni"
	"zhenni/storage/commandlog"
)

// syncStride is how many bytes of entries are applied between two syncs of the view: what a restart applies again.
const syncStride = 32 << 20

// position is a place in the log: the index of an entry and the commit that it made.
type position struct{ index, sequence uint64 }

const positionSize = 8 + 8

func (p position) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, p.index)
	return binary.LittleEndian.AppendUint64(dst, p.sequence)
}

func decodePosition(b []byte) position {
	return position{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

// progress is the position record of the view, written in one transaction with every entry. applied is that entry;
// durable is one up to which everything was known to be synced, from which a restart applies the log again. Badger may
// have kept any part of what lies between: the entries are redo records, and the last one of a key wins again.
type progress struct{ applied, durable position }

const progressSize = 2*positionSize + sha256.Size

func (p progress) seal(key []byte) record {
	body := p.durable.append(p.applied.append(make([]byte, 0, progressSize)))
	return record{progressKey, append(body, entryMAC(body, key)...)}
}

func openProgress(b, key []byte) (progress, error) {
	if len(b) != progressSize || !hmac.Equal(entryMAC(b[:2*positionSize], key), b[2*positionSize:]) {
		return progress{}, fmt.Errorf("%w: the view's position in the log fails its seal", zhenni.ErrCorrupt)
	}
	return progress{decodePosition(b), decodePosition(b[positionSize:])}, nil
}

// machine makes the view of the log's entries. Its fields belong to the log's goroutine, but for imported before the
// start and after the end.
type machine struct {
	store *Store
	progress
	unsynced int
	// changed says that something was applied that no snapshot holds.
	changed bool
	// stale says that the newest snapshot is damaged, so that one is taken without a change.
	stale atomic.Bool
	// imported is the commit of the last import in the log, 0 without one.
	imported uint64
	// ready says that the view has everything the log has. Until then nothing is recorded as synced.
	ready bool
	// failed is the first entry that could not be applied. None is applied after it.
	failed error
	// found is the commit that the view had before the log was applied to it, holds the last whose import it has the
	// records of.
	found, holds uint64
	// generations are what the slots file held at Open, saved is the newest, read or written since.
	generations []generation
	saved       generation
	// ring opens the records of entries for the recorder; nil until one is needed.
	ring keyring
}

// Inspect checks one entry before any is applied.
func (m *machine) Inspect(_ uint64, b []byte) error {
	e, err := openEntry(b, m.store.keys.log)
	if err == nil && e.kind == entryImport {
		m.imported = e.sequence
	}
	return err
}

// Check holds an entry that is read again against its seal.
func (m *machine) Check(b []byte) error {
	_, err := openEntry(b, m.store.keys.log)
	return err
}

// Apply writes the records of an entry and the position it reaches in one transaction. An entry that another one
// overtook is refused: what it says was decided on a state that is gone.
func (m *machine) Apply(index uint64, b []byte) error {
	if m.failed != nil {
		return m.failed
	}
	if index <= m.applied.index {
		return nil
	}
	e, err := openEntry(b, m.store.keys.log)
	if err != nil {
		return m.fail(err)
	}
	switch {
	case e.sequence <= m.applied.sequence:
		return errOvertaken
	case e.sequence > m.applied.sequence+1:
		return m.fail(fmt.Errorf("%w: commit %d follows commit %d in the log", zhenni.ErrCorrupt, e.sequence, m.applied.sequence))
	}
	if err := m.admitImport(e); err != nil {
		return m.fail(err)
	}
	if err := m.write(position{index, e.sequence}, &e); err != nil {
		return m.fail(err)
	}
	if err := m.follow(e); err != nil {
		return m.fail(err)
	}
	m.store.changes.end(&e)
	if err := m.record(e); err != nil {
		return m.fail(err)
	}
	m.changed = true
	if m.unsynced += len(b); m.unsynced >= syncStride {
		return m.fail(m.sync())
	}
	return nil
}

var errOvertaken = fmt.Errorf("%w: another change came first", zhenni.ErrUnavailable)

func (m *machine) fail(err error) error {
	m.failed = err
	return err
}

// admitImport refuses an import whose records are not in the view: they were never in the log.
func (m *machine) admitImport(e entry) error {
	if e.kind != entryImport {
		return nil
	}
	if e.sequence > m.holds {
		return fmt.Errorf("%w: the view has lost an import of %d credentials that no snapshot holds; import again",
			zhenni.ErrCorrupt, e.credentials)
	}
	return nil
}

// fault is what a test has fail, or wait, at an operation.
func (s *Store) fault(operation string) error {
	if s.opts.fault == nil {
		return nil
	}
	return s.opts.fault(operation)
}

// write commits the records of an entry with the position they reach, nil for none. Nobody sees the one without what
// it adds to the tallies.
func (m *machine) write(at position, e *entry) error {
	if e == nil {
		e = &entry{kind: entryChange}
	}
	if err := m.store.fault("view"); err != nil {
		return err
	}
	a, next := &m.store.agreement, progress{at, m.durable}
	txn := m.store.begin(true)
	defer txn.Discard()
	if err := m.tallyOld(txn, e); err != nil {
		return err
	}
	for _, r := range append(e.records[:len(e.records):len(e.records)], next.seal(m.store.keys.log)) {
		if err := txn.over.Set(r.key, r.value); err != nil {
			return translate(err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	m.store.changes.begin(e)
	if err := translate(txn.over.Commit()); err != nil {
		return err
	}
	if e.kind == entryImport {
		a.held = tallies{}
	}
	a.held.add(e.turned)
	m.progress = next
	return nil
}

// tallyOld tallies an entry of the old version, which does not say. In a store with tallies such an entry is applied
// only to a view that is made anew, whose records are therefore those before the entry.
func (m *machine) tallyOld(txn reading, e *entry) error {
	s := m.store
	if !e.untallied || !s.agreement.known {
		return nil
	}
	if e.kind == entryImport {
		return fmt.Errorf("%w: an import of an older build is no longer in a snapshot", zhenni.ErrCorrupt)
	}
	last := map[string]record{} // of a key written twice
	for _, r := range e.records {
		last[string(r.key)] = r
	}
	d := s.digest
	for _, r := range last {
		place, t, err := s.turn(txn, &d, r)
		if err != nil {
			return err
		}
		e.turned = append(e.turned, placed{uint16(place), t})
	}
	return nil
}

// sync makes everything applied durable, and then what the slots hold by it. Tables are synced as they are made; what is
// left are the logs of memtables, of which Badger's own Sync reaches only the newest.
func (m *machine) sync() error {
	if err := errors.Join(m.store.syncView(), m.saveTallies(), m.markCold()); err != nil {
		return err
	}
	m.durable, m.unsynced = m.applied, 0
	return nil
}

// syncView syncs the view, unless it is in memory.
func (s *Store) syncView() error {
	if s.opts.VerifyOnly {
		return nil
	}
	return syncView(s.path(viewDir))
}

func syncView(dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	for _, path := range logs {
		if err := syncFile(path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// syncFile syncs a file, whichever process or mapping wrote it. One that is gone has become a table.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return nil
}

// settle records that everything is synced, so that the next start applies nothing again. It is for the end.
func (m *machine) settle() error {
	if !m.ready || m.failed != nil || m.applied == m.durable {
		return nil
	}
	if err := m.sync(); err != nil {
		return err
	}
	return m.write(m.applied, nil)
}

// readProgress reads the position of the view. A view without one holds nothing of the log.
func (s *Store) readProgress() (p progress, ok bool, err error) {
	sc := scratch{key: progressKey}
	err = s.look(func(txn reading) error { return get(txn, &sc) })
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return progress{}, false, nil
	case err != nil:
		return progress{}, false, err
	}
	p, err = openProgress(sc.value, s.keys.log)
	return p, err == nil, err
}

// errLogShort is a log that ends before what its view or its tallies have seen. No view is made of such a log.
var errLogShort = fmt.Errorf("%w: the command log has lost its end; restore the store", zhenni.ErrCorrupt)

// openLog opens the log and inspects it. Nothing is applied yet.
func (s *Store) openLog() (err error) {
	s.machine = &machine{store: s}
	s.log, err = commandlog.OpenFaulty(s.path(logDir), s.machine, s.opts.Logger, s.opts.fault)
	return err
}

// locate reads where the view stands in the log.
func (s *Store) locate() error {
	held, positioned, err := s.readProgress()
	if err != nil {
		return err
	}
	if held.applied.index > s.log.Last() {
		return fmt.Errorf("%w: it ends at entry %d, the view has %d", errLogShort, s.log.Last(), held.applied.index)
	}
	return s.look(func(txn reading) error {
		reached, err := s.loadWater(txn, keyring{0: s.keys.system})
		if err != nil {
			return err
		}
		m := s.machine
		m.progress, m.found, m.holds = held, reached.sequence, max(m.holds, reached.sequence)
		if !positioned && reached.sequence > 0 {
			// Written before there was a log, it goes on from there; the log's first entry stands for it.
			s.adopted, m.holds = true, reached.sequence+1
			m.applied.sequence, m.durable.sequence = reached.sequence, reached.sequence
		}
		return s.chooseTallies()
	})
}

// replay starts the log where the synced part of the view ends and waits for the view to reach the log's end.
func (s *Store) replay() error {
	m := s.machine
	m.applied = m.durable
	if err := s.log.Start(m.durable.index); err != nil {
		return err
	}
	if m.failed == nil && m.applied.sequence < m.found {
		m.failed = fmt.Errorf("%w: it ends at commit %d, the view has %d", errLogShort, m.applied.sequence, m.found)
	}
	m.ready = m.failed == nil
	return m.failed
}

// takeOver takes over the view that an upgrade has made: it is surveyed once, after every table was read, and put into
// the log. The tallies are written once the view stands still where they are of, and the header last, so that a start in
// between goes on from there.
func (s *Store) takeOver() error {
	if s.opts.ReadOnly || !s.label.Upgraded {
		return nil
	}
	a, m := &s.agreement, s.machine
	if !a.known {
		held, err := s.survey()
		if err != nil {
			return err
		}
		a.held = *held
	}
	if err := errors.Join(s.adopt(), m.settle()); err != nil {
		return err
	}
	a.known = true
	if err := m.saveTallies(); err != nil {
		return err
	}
	s.label.Upgraded = false
	return s.rewriteLabel()
}

// adopt gives a view that was written before there was a log an entry that stands for it. Open ends with a snapshot.
func (s *Store) adopt() error {
	if !s.adopted || s.machine.applied.index != 0 {
		return nil
	}
	reached := s.committer.reached
	reached.sequence++
	value, err := s.vault.seal(s.keys.system, 0, 0, waterKey, reached.appendBody(nil), new(scratch))
	if err != nil {
		return err
	}
	e := entry{
		kind: entryImport, sequence: reached.sequence, records: []record{{waterKey, value}},
		credentials: uint64(reached.credentials), turned: s.agreement.held.list(),
	}
	if err := errors.Join(s.propose(e), s.machine.settle()); err != nil {
		return err
	}
	s.committer.reached = reached
	return s.committer.mark.write(reached)
}
