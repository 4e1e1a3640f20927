package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"zhenni"
)

// Recorder keeps a record of every change of state outside of the store: the audit log. Its methods but Ready are
// called by one goroutine at a time.
type Recorder interface {
	// Ready reports why nothing can be recorded now. No change is begun then. It is called from several goroutines.
	Ready() error
	// Recorded returns the number of the commit recorded last, 0 before the first.
	Recorded() uint64
	// Record makes the changes of a commit durable, all or none. Numbers grow by one. An error is final: the store
	// acknowledges nothing more until it is opened again, which records the commit if the record lacks it.
	Record(commit uint64, changes []zhenni.Change) error
}

// record tells the recorder of a commit that the view has, before anybody is told that it is done and before the view
// counts as synced up to it. So the commits that a crash left out of the record are among those that the next Open applies
// again, and come by here.
func (m *machine) record(e entry) error {
	by := m.store.opts.Recorder
	if by == nil {
		return nil
	}
	switch recorded := by.Recorded(); {
	case e.sequence <= recorded:
		return nil
	case recorded != 0 && e.sequence != recorded+1:
		return missingRecord(recorded+1, e.sequence-1)
	}
	changes, err := m.changes(e)
	if err != nil {
		return err
	}
	return by.Record(e.sequence, changes)
}

// changes reads from the records of an entry what they change.
func (m *machine) changes(e entry) (changes []zhenni.Change, err error) {
	if e.kind == entryImport {
		m.ring = nil // an import writes tenant keys that are in no entry
		return []zhenni.Change{{Imported: e.credentials}}, nil
	}
	if err := m.loadRing(e); err != nil {
		return nil, err
	}
	var sc scratch
	for _, r := range e.records {
		c, ok, err := m.change(r, &sc)
		if err != nil {
			return nil, err
		}
		if ok {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// loadRing loads the tenant keys that open the records of an entry, where that may have changed them.
func (m *machine) loadRing(e entry) error {
	if m.ring != nil && !slices.ContainsFunc(e.records, func(r record) bool { return r.key[0] == prefixTenantKey }) {
		return nil
	}
	m.ring = keyring{0: m.store.keys.system}
	return m.store.look(func(txn reading) error { return m.store.loadTenantKeys(txn, m.ring) })
}

// change reads one record; ok is false for one that goes with another or is bookkeeping of the store.
func (m *machine) change(r record, sc *scratch) (c zhenni.Change, ok bool, err error) {
	s := m.store
	if tenant, _, ok := parseTenantKey(r.key); ok {
		return zhenni.Change{Tenant: tenant}, true, nil
	}
	if r.key[0] == prefixParty {
		p, err := s.openParty(m.ring, r.key, r.value, sc)
		return zhenni.Change{Tenant: p.Tenant, Party: p.ID, Removed: p.removed}, true, err
	}
	if r.key[0] == prefixReproof {
		p, err := s.openReproof(m.ring, r.key, r.value, sc)
		return zhenni.Change{
			At: p.at, Tenant: p.credential.Tenant, Credential: p.credential.ID, Status: p.credential.Status, Generation: p.credential.Generation,
		}, true, err
	}
	id, kind, ok := parseCredentialKey(r.key, s.label.Model.Factor)
	if !ok || kind != kindStatus {
		return zhenni.Change{}, false, nil
	}
	st, err := s.openStatus(m.ring, id, r.key, r.value, sc)
	return zhenni.Change{
		At: st.ChangedAt, Tenant: st.Tenant, Credential: id, Status: st.Status, Generation: st.Generation, StatusIndex: st.StatusIndex,
	}, true, err
}

// settleRecord holds the record against the state once that is at the end of the log. A store that is behind its record
// was put back as it was earlier. One that was there before its record gets a beginning.
func (s *Store) settleRecord() error {
	by := s.opts.Recorder
	if by == nil || s.opts.ReadOnly && !s.opts.VerifyOnly {
		return nil
	}
	reached := s.machine.applied.sequence
	switch recorded := by.Recorded(); {
	case recorded > reached:
		return fmt.Errorf("%w: the audit log has the changes up to commit %d and the store those up to %d: the store was put back "+
			"as it was earlier, and revocations may be undone; restore its newest copy, or say that what is missing is lost with zhenni audit accept", zhenni.ErrCorrupt, recorded, reached)
	case recorded == reached:
		return nil
	case recorded != 0:
		return missingRecord(recorded+1, reached)
	}
	return by.Record(reached, []zhenni.Change{{Imported: uint64(s.Count())}})
}

func missingRecord(from, to uint64) error {
	return fmt.Errorf("%w: the audit log lacks the changes of commits %d to %d: it was put back as it was earlier, or the store "+
		"was changed without it; restore the audit log's newest copy, or say that they are lost with zhenni audit accept", zhenni.ErrCorrupt, from, to)
}

// recordable reports why no change could be recorded now.
func (s *Store) recordable() error {
	if s.opts.Recorder == nil {
		return nil
	}
	if err := s.opts.Recorder.Ready(); err != nil {
		return fmt.Errorf("%w: changes can not be recorded: %w", zhenni.ErrUnavailable, err)
	}
	return nil
}

// Commit returns the number of the commit that the store had reached when it was opened.
func (s *Store) Commit() uint64 { return s.found }

// Exists reports whether a folder holds a store, of any format.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, headerFile))
	return err == nil
}
