package cold

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zhenni"
)

var errCrash = errors.New("crash")

// crashAt makes the n-th step, counted from 0, and every later one fail: what a crash there leaves is what is on disk.
func crashAt(n int) (fault func(string) error, crashed *bool) {
	crashed = new(bool)
	return func(string) error {
		if n--; n < 0 {
			*crashed = true
			return errCrash
		}
		return nil
	}, crashed
}

// A build that ends at any step leaves the tier from before, the new one, or none.
//
// FAULTS: S1 S8
func TestCrashOfABuild(t *testing.T) {
	o := testOptions(t)
	before, after := first(40), first(50)[3:]
	for step := 0; ; step++ {
		build(t, o, 1, before...)
		crashing := o
		var crashed *bool
		crashing.fault, crashed = crashAt(step)
		err := Build(crashing, 2, listed(after...))
		if !*crashed {
			if err != nil || step < 5 {
				t.Fatal(step, err)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatalf("step %d: %v", step, err)
		}
		tier, err := Open(o)
		if errors.Is(err, zhenni.ErrNotFound) {
			continue
		}
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		want := before
		if tier.Commit() == 2 {
			want = after
		}
		wantOnly(t, tier, 60, byID(want...))
		_ = tier.Close()
	}
}

// changes are made after the mark: a change of each kind, one of them undone by the next.
func changes(tier *Tier, upTo int) error {
	revoked, added := newReference(testID(5), 2, testModel.Dim), newReference(testID(50), 1, testModel.Dim)
	changed := newReference(testID(50), 2, testModel.Dim)
	steps := []func() error{
		func() error { return tier.Put(&revoked) },
		func() error { return tier.Put(&added) },
		func() error { return tier.Remove(testID(7), testID(8)) },
		func() error { return tier.Put(&changed) },
		func() error { return tier.Remove(testID(50)) },
	}
	for _, step := range steps[:upTo] {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

const allChanges = 5

// changed is what the tier is to have when all of them were made.
func changed(all []zhenni.Reference) map[zhenni.CredentialID]zhenni.Reference {
	want := byID(all...)
	want[testID(5)] = newReference(testID(5), 2, testModel.Dim)
	delete(want, testID(7))
	delete(want, testID(8))
	return want
}

// A crash at any step of any change, then what the log has of them again: the tier is as it is to be. In between no
// change is answered from before, once it began.
//
// FAULTS: S1 C2 C14
func TestCrashOfAChange(t *testing.T) {
	o := testOptions(t)
	all := first(40)
	for step := 0; ; step++ {
		build(t, o, 1, all...)
		crashing := o
		var crashed *bool
		crashing.fault, crashed = crashAt(step)
		tier := open(t, crashing)
		err := changes(tier, allChanges)
		if err == nil {
			err = tier.Mark(2)
		}
		if (err == nil) == *crashed {
			t.Fatalf("step %d: %v", step, err)
		}
		if *crashed {
			if _, err := tier.read(testID(0)); !errors.Is(err, zhenni.ErrUnavailable) {
				t.Fatalf("step %d: a broken tier answers: %v", step, err)
			}
		}
		if err := tier.Close(); err != nil {
			t.Fatal(err)
		}
		tier = open(t, o)
		if tier.Commit() == 1 {
			if err := changes(tier, allChanges); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
		}
		wantOnly(t, tier, 60, changed(all))
		wantZeros(t, o, tier)
		if err := tier.Close(); err != nil {
			t.Fatal(err)
		}
		if !*crashed {
			return
		}
	}
}

// wantZeros wants every place without an id to be overwritten: what is erased lies nowhere.
func wantZeros(t testing.TB, o Options, tier *Tier) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.Dir, rowsFile))
	if err != nil {
		t.Fatal(err)
	}
	var used []uint32
	for i := range tier.index.tables {
		for _, entry := range tier.index.tables[i].entries {
			if entry != 0 {
				used = append(used, placeIn(entry))
			}
		}
	}
	for place := range tier.room {
		record := text[tier.at(place):][:tier.layout.record]
		if zero := !slices.ContainsFunc(record, func(b byte) bool { return b != 0 }); zero == slices.Contains(used, place) {
			t.Fatalf("place %d: zeros %v", place, zero)
		}
	}
}

// What a power failure keeps of two files is not in order. A row without its id, and an id without its row, are put right
// by the changes since the mark.
//
// FAULTS: S2
func TestPowerFailureKeepsOneFile(t *testing.T) {
	o := testOptions(t)
	all := first(40)
	for _, lost := range []string{rowsFile, idsFile} {
		build(t, o, 1, all...)
		before, err := os.ReadFile(filepath.Join(o.Dir, lost))
		if err != nil {
			t.Fatal(err)
		}
		tier := open(t, o)
		if err := errors.Join(changes(tier, 2), tier.Close()); err != nil {
			t.Fatal(err)
		}
		edit(t, o, lost, func(now []byte) []byte { clear(now); copy(now, before); return now })
		tier = open(t, o)
		if _, err := tier.read(testID(5)); err == nil {
			t.Errorf("%s lost: a record of which half was lost answers", lost)
		}
		if err := changes(tier, allChanges); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, tier, 60, changed(all))
		wantZeros(t, o, tier)
		_ = tier.Close()
	}
}
