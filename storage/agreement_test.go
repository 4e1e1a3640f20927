package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// behindTheLog writes to Badger what the log knows nothing of, as a block that Badger takes for absent would have it
// answer.
func behindTheLog(t *testing.T, s *Store, write func(*badger.Txn) error) {
	t.Helper()
	if err := s.db.Update(write); err != nil {
		t.Fatal(err)
	}
	s.doubt()
}

// olderStatus puts the first version of a credential's status back over a later one.
func olderStatus(t *testing.T, s *Store, n int) {
	t.Helper()
	key := appendStatusKey(nil, testID(n))
	mustApply(t, s, testEnrol(n))
	older := slices.Clone(rawGet(t, s, key))
	mustApply(t, s, changed(n, zhenni.StatusRevoked))
	behindTheLog(t, s, func(txn *badger.Txn) error { return txn.Set(key, older) })
}

// A view that lost the newest version of a record, or all of it, answers neither with the older one nor that there is
// none, and is made again by the next Open.
//
// FAULTS: S3 S5 S6 S7
func TestLostRecordIsNeverBelieved(t *testing.T) {
	t.Parallel()
	damages := map[string]func(t *testing.T, s *Store){
		"older status": func(t *testing.T, s *Store) { olderStatus(t, s, 1) },
		"no credential": func(t *testing.T, s *Store) {
			mustApply(t, s, testEnrol(1), changed(1, zhenni.StatusRevoked))
			behindTheLog(t, s, func(txn *badger.Txn) error {
				return errors.Join(txn.Delete(appendStatusKey(nil, testID(1))),
					txn.Delete(appendTemplateKey(nil, testID(1), testModel.Factor)))
			})
		},
		"a foreign key": func(t *testing.T, s *Store) {
			mustApply(t, s, testEnrol(1), changed(1, zhenni.StatusRevoked))
			behindTheLog(t, s, func(txn *badger.Txn) error { return txn.Set(slotKey(testID(1).Slot()), []byte("x")) })
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(t)
			s := openStore(t, opts)
			mustApply(t, s, testEnrol(2), testEnrol(3))
			damage(t, s)
			refusesOnly(t, s, 1)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, opts)
			if c := mustCredential(t, s, 1); c.Status != zhenni.StatusRevoked {
				t.Errorf("rebuilt: %+v", c)
			}
			if _, err := os.Stat(s.path(damagedFile)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the mark of the damage stays: %v", err)
			}
		})
	}
}

// refusesOnly checks that every way to a credential is refused as damaged, and the others are not.
func refusesOnly(t *testing.T, s *Store, n int) {
	t.Helper()
	row := make([]int8, testModel.Dim)
	_, errCredential := s.Credential(testID(n))
	_, errReference := s.Reference(testID(n), row)
	errReferences := s.References(0, zhenni.Slots-1, func(ref zhenni.Reference) error {
		if ref.ID == testID(n) {
			t.Error("visited")
		}
		return nil
	})
	calls := []error{
		errCredential, errReference, errReferences,
		apply(t, s, testEnrol(n)).Err, apply(t, s, changed(n, zhenni.StatusExpired)).Err,
	}
	for i, err := range calls {
		if !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("call %d: %v, want ErrCorrupt", i, err)
		}
	}
	if err := s.snapshot(); err == nil {
		t.Error("a snapshot is taken of it")
	}
	report, err := s.Check(t.Context(), nil)
	if err != nil || !slices.ContainsFunc(report.Problems, func(p Problem) bool { return p.Class == "slot" }) {
		t.Errorf("Check: %+v, %v", report.Problems, err)
	}
	if _, err := s.Reference(testID(2), row); err != nil {
		t.Errorf("another slot: %v", err)
	}
	mustApply(t, s, changed(3, zhenni.StatusSuspended))
}

// FAULTS: S6
func TestLostTenantKeyIsMadeAgain(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	behindTheLog(t, s, func(txn *badger.Txn) error { return txn.Delete(appendTenantKey(nil, 7, 1)) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	if _, err := s.Credential(testID(1)); err != nil {
		t.Error(err)
	}
}

// Tallies kept by increments are those of a walk, over enrolments, changes, parties, an import and a rebuilt view.
func TestTalliesAreThoseOfAWalk(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	same := func(when string) {
		t.Helper()
		held, err := s.survey()
		if err != nil || *held != s.agreement.held {
			t.Errorf("%s: the tallies are not those of a walk; %v", when, err)
		}
	}
	same("empty")
	party := goldenParty.RelyingParty
	mustApply(t, s, zhenni.PutRelyingParty{Party: party}, zhenni.RemoveRelyingParty{ID: party.ID})
	im := beginImport(t, s)
	addAscending(t, im, 3000, 3000)
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	same("imported")
	e := ascending(7, 3000)
	party.ID = "another"
	mustApply(t, s, testEnrol(1), zhenni.PutRelyingParty{Party: party}, changed(1, zhenni.StatusSuspended),
		zhenni.ChangeStatus{ID: e.ID, Tenant: e.Tenant, To: zhenni.StatusRevoked, At: testTime})
	mustApply(t, s, changed(1, zhenni.StatusRevoked))
	same("changed")
	for range 2 {
		s.truncation.running.Wait() // a folder is not copied while a snapshot in it is renamed
		opts.Dir = crashClone(t, opts.Dir)
		s = openStore(t, opts)
		same("after a crash")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, opts.Dir, viewDir)
	s = openStore(t, opts)
	same("rebuilt")
}

// Every subset of the state's files put back as they were is refused, or the state is as acknowledged all the same.
// All of them together can not be told without a witness outside.
//
// FAULTS: S6 S17
func TestFilesPutBackAreNeverBelieved(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	parts := []string{viewDir, logDir, markFile, slotsFile}
	enrolAndRevoke(t, s, 0, 4)
	if err := s.machine.settle(); err != nil { // nothing is being applied
		t.Fatal(err)
	}
	older := crashClone(t, opts.Dir)
	mustApply(t, s, changed(2, zhenni.StatusRevoked))
	for _, closed := range []bool{false, true} {
		if closed {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for subset := 1; subset < 1<<len(parts)-1; subset++ {
			// Crashed before the newer state was synced, the slots file is the older one anyway.
			if !closed && subset&0b1000 != 0 || !closed && subset == 0b0111 {
				continue
			}
			opened, what := putBack(t, opts, older, parts, subset)
			if opened == nil {
				continue
			}
			if c, err := opened.Credential(testID(2)); err != nil || c.Status != zhenni.StatusRevoked {
				t.Errorf("closed %t, %s put back: %s, %v", closed, what, c.Status, err)
			}
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// putBack opens a copy of the store in which a subset of its parts is as of older, nil where that is refused.
func putBack(t *testing.T, opts Options, older string, parts []string, subset int) (s *Store, what string) {
	t.Helper()
	opts.Dir = crashClone(t, opts.Dir)
	from := crashClone(t, older)
	var names []string
	for i, name := range parts {
		if subset&(1<<i) == 0 {
			continue
		}
		names = append(names, name)
		remove(t, opts.Dir, name)
		if err := os.Rename(filepath.Join(from, name), filepath.Join(opts.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	what = strings.Join(names, ", ")
	s, err := Open(opts)
	if err != nil {
		if !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s put back: %v, want ErrCorrupt", what, err)
		}
		return nil, what
	}
	return s, what
}

// FAULTS: S3 S4
func TestDamagedSlotsFileIsNotBelieved(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := content(t, filepath.Join(opts.Dir, slotsFile))
	for name, damage := range map[string]func(path string) error{
		"lost":    os.Remove,
		"flipped": func(path string) error { return overwrite(path, int64(len(whole)/3), 1) },
		"cut":     func(path string) error { return os.Truncate(path, 20) },
	} {
		t.Run(name, func(t *testing.T) {
			damaged := opts
			damaged.Dir = crashClone(t, opts.Dir)
			if err := damage(filepath.Join(damaged.Dir, slotsFile)); err != nil {
				t.Fatal(err)
			}
			asAcknowledged(t, openStore(t, damaged), 4)
		})
	}
}

func TestDigestsAreFrozen(t *testing.T) {
	keys, err := deriveKeys(make([]byte, keySize))
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDigester(keys, zhenni.FactorFace)
	if err != nil {
		t.Fatal(err)
	}
	value := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	seen := map[[2]uint64]string{}
	var all []placed
	for _, key := range [][]byte{
		appendStatusKey(nil, testID(1)), appendTemplateKey(nil, testID(1), zhenni.FactorFace), appendStatusKey(nil, testID(2)),
		appendTenantKey(nil, 1, 1), appendPartyKey(nil, "x"), slotKey(5), []byte("c"), []byte("zebra"),
	} {
		place, sum := d.one(key, value)
		if other, again := seen[sum.digest]; again || sum.records != 1 {
			t.Errorf("%x: %+v, as of %s", key, sum, other)
		}
		seen[sum.digest] = fmt.Sprintf("%x", key)
		all = append(all, placed{uint16(place), sum})
	}
	if _, sum := d.one(waterKey, value); sum != (tally{}) {
		t.Errorf("the high-water record is tallied: %+v", sum)
	}
	golden(t, "tallies", appendPlaced(nil, all))
	key := appendStatusKey(nil, testID(1))
	if n := testing.AllocsPerRun(100, func() { d.one(key, value) }); n != 0 {
		t.Errorf("%v allocations a digest", n)
	}
}

func FuzzPlaced(f *testing.F) {
	f.Add(appendPlaced(nil, []placed{{1, tally{2, [2]uint64{3, 4}}}, {restPlace, tally{5, [2]uint64{6, 7}}}}))
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		all, rest, err := decodePlaced(b)
		if err == nil && string(append(appendPlaced(nil, all), rest...)) != string(b) {
			t.Errorf("%x does not encode back", b)
		}
		if _, err := readAll(b); err == nil && len(b) > 0 {
			t.Error("a forged slots file holds")
		}
	})
}

// readAll reads generations under a key that nothing was sealed with.
func readAll(b []byte) (all []generation, err error) {
	for len(b) > 0 && err == nil {
		var g generation
		g, b, err = openGeneration(b, []byte("another key"))
		all = append(all, g)
	}
	return all, err
}

// A view that lost a record gives no snapshot, behind which the log that has it would be cut: neither whoever writes it
// takes it for one nor whoever reads it.
//
// FAULTS: S3
func TestSnapshotOfALossyViewIsRefused(t *testing.T) {
	s := openStore(t, testOptions(t))
	enrolAndRevoke(t, s, 0, 3)
	behindTheLog(t, s, func(txn *badger.Txn) error { return txn.Delete(appendStatusKey(nil, testID(1))) })
	snapshot, err := s.machine.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Release()
	var b bytes.Buffer
	if err := snapshot.Write(&b); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("written: %v, want ErrCorrupt", err)
	}
	if err := s.machine.VerifySnapshot(&b); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("read: %v, want ErrCorrupt", err)
	}
}
