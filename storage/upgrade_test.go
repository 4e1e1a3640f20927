package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// relabel writes the header of an older format.
func relabel(t *testing.T, s *Store, format int) {
	t.Helper()
	l, err := s.label, error(nil)
	l.Format = format
	if l.MAC, err = l.mac(s.keys.header); err != nil {
		t.Fatal(err)
	}
	if err := l.write(s.opts.Dir); err != nil {
		t.Fatal(err)
	}
}

// oldForm is an entry as the version before wrote it.
func (e entry) oldForm(key []byte) []byte {
	b := append([]byte{oldEntry, byte(e.kind)}, binary.LittleEndian.AppendUint64(nil, e.sequence)...)
	b = appendRecords(binary.LittleEndian.AppendUint32(b, uint32(len(e.records))), e.records)
	return append(b, entryMAC(b, key)...)
}

// FAULTS: S6
func TestFormat2IsUpgraded(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 6)
	for _, crashed := range []bool{true, false} {
		old := opts
		if crashed {
			old.Dir = crashClone(t, opts.Dir)
		} else if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		relabel(t, &Store{label: s.label, keys: s.keys, opts: old}, 2)
		remove(t, old.Dir, slotsFile)
		for range 2 {
			up := openStore(t, old)
			asAcknowledged(t, up, 6)
			if held, err := up.survey(); err != nil || *held != up.agreement.held || !up.agreement.known {
				t.Errorf("crashed %t: the tallies are not those of a walk; %v", crashed, err)
			}
			if err := up.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if text := content(t, filepath.Join(old.Dir, headerFile)); !bytes.Contains(text, []byte(`"format": 3`)) {
			t.Errorf("the header is still %s", text)
		}
	}
}

// A view that is short of credentials is no ground for tallies.
func TestShortViewIsNotUpgraded(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	behindTheLog(t, s, func(txn *badger.Txn) error { return txn.Delete(appendStatusKey(nil, testID(2))) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	relabel(t, s, 2)
	remove(t, opts.Dir, slotsFile)
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("Open: %v, want ErrCorrupt", err)
	}
}

// An entry that says no tallies is applied with those that its records come to.
func TestOldEntriesAreTallied(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	b := newBatch(s, s.committer.reached) // the committer rests
	defer b.discard()
	b.run([]zhenni.Command{testEnrol(2), changed(1, zhenni.StatusSuspended), changed(1, zhenni.StatusRevoked)})
	if err := b.seal(); err != nil {
		t.Fatal(err)
	}
	e := entry{kind: entryChange, sequence: b.water.sequence, records: b.records}
	if _, err := s.log.Propose(context.Background(), e.oldForm(s.keys.log)); err != nil {
		t.Fatal(err)
	}
	s.committer.reached = b.water
	if held, err := s.survey(); err != nil || *held != s.agreement.held {
		t.Errorf("the tallies are not those of a walk; %v", err)
	}
}

// oldSnapshot is a snapshot as the version before wrote it.
func oldSnapshot(t *testing.T, s *Store) []byte {
	t.Helper()
	b := s.machine.applied.append([]byte(oldSnapshotMagic))
	count := uint64(0)
	err := s.db.View(func(txn *badger.Txn) error {
		return scan(txn, nil, func(key, value []byte) error {
			if !bytes.Equal(key, progressKey) {
				b = appendRecord(b, key, value)
				count++
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	b = binary.LittleEndian.AppendUint64(append(b, make([]byte, recordHeadSize)...), count)
	return append(b, entryMAC(b, s.keys.log)...)
}

// FAULTS: S3
func TestOldSnapshotReads(t *testing.T) {
	s := openStore(t, testOptions(t))
	enrolAndRevoke(t, s, 0, 3)
	b := oldSnapshot(t, s)
	at, sums, err := s.readTallied(bytes.NewReader(b), func(record) error { return nil })
	if err != nil || at != s.machine.applied || *sums != s.agreement.held {
		t.Errorf("at %+v, %v", at, err)
	}
	for at := 0; at < len(b); at += 37 {
		if err := s.machine.VerifySnapshot(bytes.NewReader(set(b, at, b[at]^1))); err == nil {
			t.Fatalf("byte %d changed: it reads", at)
		}
		if err := s.machine.VerifySnapshot(bytes.NewReader(b[:at])); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Fatalf("cut at %d: %v, want ErrCorrupt", at, err)
		}
	}
	if err := s.machine.fill(bytes.NewReader(b)); err != nil { // the log rests
		t.Fatal(err)
	}
	s.doubt()
	asAcknowledged(t, s, 3)
}
