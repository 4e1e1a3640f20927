package storage

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/keyfile"
)

func erasure(n int) zhenni.Erase {
	return zhenni.Erase{ID: testID(n), Tenant: 7, At: testTime.Add(2 * time.Hour)}
}

func TestErase(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3), changed(2, zhenni.StatusRevoked))
	first := mustApply(t, s, erasure(1), erasure(2))
	foreign := erasure(3)
	foreign.Tenant = 8
	for _, tt := range []struct {
		name string
		cmd  zhenni.Command
		want error
	}{
		{"another tenant's", foreign, zhenni.ErrNotFound},
		{"unknown id", erasure(9), zhenni.ErrNotFound},
		{"by a change of status", changed(3, zhenni.StatusErased), zhenni.ErrBadValue},
		{"out of it", changed(1, zhenni.StatusActive), zhenni.ErrIllegalChange},
		{"enrolled again", testEnrol(1), zhenni.ErrExists},
	} {
		if r := apply(t, s, tt.cmd); !errors.Is(r.Err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, r.Err, tt.want)
		}
	}
	retry := erasure(1)
	retry.At = retry.At.Add(time.Hour)
	if second := apply(t, s, retry); second != first[0] || second.Credential.Status != zhenni.StatusErased {
		t.Errorf("first %+v, retry %+v", first[0], second)
	}
	for range 2 {
		erasedButOne(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}

// erasedButOne expects three credentials, of which the third has its template.
func erasedButOne(t *testing.T, s *Store) {
	t.Helper()
	row := make([]int8, testModel.Dim)
	for n := 1; n <= 2; n++ {
		if _, err := s.Reference(testID(n), row); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("the reference of an erased credential: %v, want ErrNotFound", err)
		}
		if c := mustCredential(t, s, n); c.Status != zhenni.StatusErased {
			t.Errorf("credential %+v", c)
		}
	}
	walked := 0
	err := s.References(0, zhenni.Slots-1, func(zhenni.Reference) error { walked++; return nil })
	if err != nil || walked != 1 || s.Count() != 3 {
		t.Errorf("walked %d of %d, %v; want 1 of 3", walked, s.Count(), err)
	}
	report, err := s.Check(t.Context(), nil)
	if err != nil || !report.OK() || report.Keys != 1 || report.Erased != 2 || report.SpareKeys != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// An erasure in the commit of the enrolment destroys a key that the commit itself has written.
func TestErasedInTheCommitOfItsEnrolment(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), erasure(1), testEnrol(2))
	var slot keyfile.Slot
	if state, err := s.vault.keys.State(0, &slot); err != nil || state != keyfile.Shredded {
		t.Errorf("the slot is %d, %v", state, err)
	}
	if _, err := s.Reference(testID(2), make([]int8, testModel.Dim)); err != nil {
		t.Error(err)
	}
}

// A record whose place was changed must not have another credential's key destroyed.
func TestDamagedRecordErasesNoOther(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), testEnrol(2))
	key := appendTemplateKey(nil, testID(1), testModel.Factor)
	value := rawGet(t, s, key)
	rawSet(t, s, key, set(value, 9, value[9]^1))
	if r := apply(t, s, erasure(1)); !errors.Is(r.Err, zhenni.ErrCorrupt) {
		t.Errorf("erased by a damaged record: %v, want ErrCorrupt", r.Err)
	}
	if _, err := s.Reference(testID(2), make([]int8, testModel.Dim)); err != nil {
		t.Errorf("the other credential: %v", err)
	}
}

// templatesIn looks through the bytes of every file under dir for records of the template of id and returns how many
// open with the keys of s and the given key file.
func templatesIn(t *testing.T, dir string, s *Store, keys *keyfile.File, id zhenni.CredentialID) (opened int) {
	t.Helper()
	key := appendTemplateKey(nil, id, testModel.Factor)
	body := templateHeadSize + testModel.Dim
	v := s.vault
	v.keys = keys
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return unlessGone(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return unlessGone(err)
		}
		for version, size := range map[byte]int{recordVersion: sealOverhead + body, keyedVersion: keyedOverhead + body} {
			front := []byte{version, byte(7), 0, 0, 0} // tenant 7
			for at := 0; ; at++ {
				next := bytes.Index(text[at:], front)
				if next < 0 {
					break
				}
				if at += next; at+size > len(text) {
					break
				}
				if _, _, err := v.open(*s.ring.Load(), key, text[at:at+size], new(scratch)); err == nil {
					opened++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// unlessGone passes over a file that the open store has replaced meanwhile.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// What a credential's template was written to: the log, a snapshot, Badger's tables and a copy of everything but the key
// file. After the erasure it opens from none of them, with every key that is left; with the key file of before it does.
//
// FAULTS: C14 S16
func TestErasedTemplateOpensFromNowhere(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	for n := range 8 {
		mustApply(t, s, testEnrol(n))
	}
	early := crashClone(t, opts.Dir) // log and memtable
	remove(t, early, keysFile)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, changed(5, zhenni.StatusSuspended))
	if err := s.Close(); err != nil { // writes a table
		t.Fatal(err)
	}
	backup := crashClone(t, opts.Dir) // snapshot and table
	oldKeys := filepath.Join(t.TempDir(), "keys")
	if err := os.Rename(filepath.Join(backup, keysFile), oldKeys); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	mustApply(t, s, erasure(5))
	old, err := keyfile.Open(oldKeys, s.label.keysID(), s.keys.file, true)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for _, dir := range []string{opts.Dir, early, backup} {
		if n := templatesIn(t, dir, s, s.vault.keys, testID(5)); n != 0 {
			t.Errorf("the erased template opens from %d records", n)
		}
		if n := templatesIn(t, dir, s, s.vault.keys, testID(4)); n < 2 {
			t.Errorf("another template opens from %d records, want two copies", n)
		}
		if n := templatesIn(t, dir, s, old, testID(5)); n < 2 {
			t.Errorf("with the old key file it opens from %d records: the search finds nothing", n)
		}
	}
}

// A crash after the command and before the shredding is finished by the next Open.
//
// FAULTS: S1 C10
func TestPendingErasureIsFinished(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), testEnrol(2))
	before := content(t, opts.KeysPath())
	mustApply(t, s, erasure(1))
	opts.Dir = crashClone(t, opts.Dir)
	if err := os.WriteFile(opts.KeysPath(), before, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	var slot keyfile.Slot
	if state, err := s.vault.keys.State(0, &slot); err != nil || state != keyfile.Shredded {
		t.Errorf("the slot is %d, %v", state, err)
	}
	if _, err := s.Reference(testID(2), make([]int8, testModel.Dim)); err != nil {
		t.Error(err)
	}
}

// An older key file, in which erased keys are back, is refused; adopted, it has them destroyed again.
//
// FAULTS: S6 C14
func TestOlderKeyFileIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]zhenni.Command{
		"two erasures behind": {erasure(1), erasure(2)},
		"an enrolment behind": {testEnrol(4), erasure(1), erasure(2)},
	} {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(t)
			s := openStore(t, opts)
			mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3))
			older := content(t, opts.KeysPath())
			for _, cmd := range change {
				mustApply(t, s, cmd)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(opts.KeysPath(), older, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Fatalf("Open: %v, want ErrCorrupt", err)
			}
			behind := checked(t, opts)
			if len(behind.Problems) == 0 || behind.Problems[0].Class != "key file" {
				t.Errorf("read-only, Check says %+v", behind.Problems)
			}
			adopting := opts
			adopting.AdoptKeys = true
			if err := openStore(t, adopting).Close(); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, opts)
			var slot keyfile.Slot
			for place := range uint64(2) {
				if state, err := s.vault.keys.State(place, &slot); err != nil || state != keyfile.Shredded {
					t.Errorf("place %d is %d, %v", place, state, err)
				}
			}
			if _, err := s.Reference(testID(3), make([]int8, testModel.Dim)); err != nil {
				t.Error(err)
			}
		})
	}
}

// checked returns what Check says of a store opened for reading.
func checked(t *testing.T, opts Options) Report {
	t.Helper()
	opts.ReadOnly = true
	s := openStore(t, opts)
	report, err := s.Check(t.Context(), nil)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return report
}

// Keys that were written for a commit that a crash prevented are dropped, and their places given out again.
//
// FAULTS: C10
func TestKeysWithoutACommitAreDropped(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	if err := s.vault.keys.Put(1, bytes.Repeat(usedSlot(), 3)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	var slot keyfile.Slot
	if state, err := s.vault.keys.State(2, &slot); err != nil || state != keyfile.Unused {
		t.Errorf("the slot is %d, %v", state, err)
	}
	mustApply(t, s, testEnrol(2))
	if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() || report.Keys != 2 || report.SpareKeys != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func usedSlot() []byte {
	var slot keyfile.Slot
	slot.Fill(bytes.Repeat([]byte{1}, keyfile.PayloadSize))
	return slot[:]
}

// Keys behind the last one the view knows, in a file that is newer or more than a commit has, are those of credentials
// that an older view lacks.
//
// FAULTS: S6 S15
func TestKeysOfANewerViewAreKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spare int64
		epoch uint64
	}{{groupCommands + 1, 0}, {2, 1}} {
		opts := testOptions(t)
		s := openStore(t, opts)
		mustApply(t, s, testEnrol(1))
		err := s.vault.keys.Put(1, bytes.Repeat(usedSlot(), int(tt.spare)))
		if err := errors.Join(err, s.vault.keys.SetEpoch(tt.epoch), s.Close()); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
		mustApply(t, s, testEnrol(2))
		if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() || report.SpareKeys != tt.spare {
			t.Errorf("%d spare, epoch %d: %+v, %v", tt.spare, tt.epoch, report, err)
		}
	}
}

// A damaged slot is one credential's loss.
//
// FAULTS: S14
func TestDamagedSlotIsRefusedAlone(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), testEnrol(2))
	var slot keyfile.Slot
	if err := s.vault.keys.Read(0, &slot); err != nil {
		t.Fatal(err)
	}
	for at := range slot {
		damaged := slot
		damaged[at] ^= 1
		if err := s.vault.keys.Replace(0, &damaged); err != nil {
			t.Fatal(err)
		}
		_, err := s.Reference(testID(1), make([]int8, testModel.Dim))
		if !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("byte %d: %v, want ErrCorrupt", at, err)
		}
	}
	if _, err := s.Reference(testID(2), make([]int8, testModel.Dim)); err != nil {
		t.Error(err)
	}
	if report, err := s.Check(t.Context(), nil); err != nil || len(report.Problems) != 1 || report.Problems[0].Class != "template" {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestOpenKeyedAllocatesTheCipherOnly(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	key := appendTemplateKey(nil, testID(1), testModel.Factor)
	value := rawGet(t, s, key)
	var sc scratch
	allocs := testing.AllocsPerRun(100, func() {
		if _, _, err := s.vault.open(*s.ring.Load(), key, value, &sc); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 2 {
		t.Errorf("%v allocations, want at most 2", allocs)
	}
}

// A key file from before the newest enrolment lacks its key. Nothing was erased since, so the epochs agree.
//
// FAULTS: S6
func TestKeyFileWithoutItsLastPlaceIsRefused(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	older := content(t, opts.KeysPath())
	mustApply(t, s, testEnrol(2))
	if err := errors.Join(s.Close(), os.WriteFile(opts.KeysPath(), older, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Fatalf("Open: %v, want ErrCorrupt", err)
	}
}
