package ledger

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"zhenni/storage/audit"
)

// unsyncable is a file that takes writes and can not be synced.
type unsyncable struct{ audit.File }

func (f unsyncable) Through(b []byte, at int64) error {
	_, err := f.WriteAt(b, at)
	return errors.Join(err, errUnsyncable)
}

var errUnsyncable = errors.New("the disk fails")

// A record that was written and not synced answers nothing, and stops the ledger.
//
// FAULTS: S9 C10
func TestUnsyncedRecordAnswersNothing(t *testing.T) {
	l := mustOpen(t, small(t.TempDir(), &fakeLog{}))
	l.writer.file = unsyncable{l.writer.file} // which the writer takes up with the group that wakes it
	r := request("t")
	if answer, err := l.Begin(r); answer != nil || err != nil {
		t.Fatal(answer, err)
	}
	if _, err := l.Settle(context.Background(), r, single("yes")); !errors.Is(err, errUnsyncable) {
		t.Errorf("settled on a disk that fails: %v", err)
	}
	if l.Err() == nil {
		t.Error("the ledger goes on")
	}
}

// No two records are sealed under one key and nonce: each has a nonce of its own in its run, and each run a key.
//
// FAULTS: Z6
func TestNoncesAreUsedOnce(t *testing.T) {
	dir, log := t.TempDir(), &fakeLog{}
	var salts [][]byte
	for run := range 2 {
		l := mustOpen(t, small(dir, log))
		seen := map[uint64]bool{}
		for i := range 3 {
			settle(t, l, request(name(10*run+i)), single("yes"))
		}
		for i := range 3 {
			p, _ := l.settledPlace("desk", name(10*run+i))
			o, err := l.open(p, "desk", name(10*run+i))
			if err != nil {
				t.Fatal(err)
			}
			if seen[o.nonce] {
				t.Errorf("run %d uses nonce %d twice", run, o.nonce)
			}
			seen[o.nonce] = true
		}
		for _, salt := range salts {
			if bytes.Equal(salt, l.salt) {
				t.Error("two runs have one key")
			}
		}
		salts = append(salts, bytes.Clone(l.salt))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
