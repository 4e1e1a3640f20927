package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"zhenni"
)

// oldForm is an entry as the version before wrote it.
func (e entry) oldForm(key []byte) []byte {
	b := append([]byte{oldEntry, byte(e.kind)}, binary.LittleEndian.AppendUint64(nil, e.sequence)...)
	b = appendRecords(binary.LittleEndian.AppendUint32(b, uint32(len(e.records))), e.records)
	return append(b, entryMAC(b, key)...)
}

// A view that is short of credentials is no ground for tallies.
func TestShortViewIsNotUpgraded(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	downgrade(t, opts, 2)
	db, err := openBadger(opts.withDefaults(), true)
	if err != nil {
		t.Fatal(err)
	}
	rawDelete(t, &Store{db: db}, appendStatusKey(nil, testID(2)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("Open: %v, want ErrCorrupt", err)
	}
}

// An entry that says no tallies is applied with those that its records come to.
func TestOldEntriesAreTallied(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	b := newBatch(s, s.committer.reached, s.committer.keys) // the committer rests
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
	err := s.look(func(txn reading) error {
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
	front, sums, err := s.readTallied(bytes.NewReader(b), func(record) error { return nil })
	if err != nil || front.at != s.machine.applied || *sums != s.agreement.held {
		t.Errorf("at %+v, %v", front.at, err)
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
