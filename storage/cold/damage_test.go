package cold

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// edit changes a file of a tier.
func edit(t testing.TB, o Options, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(o.Dir, name)
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whichever bit of whichever file is turned, the tier is refused or the item is: what is answered is right.
//
// FAULTS: S3
func TestTurnedBits(t *testing.T) {
	o := testOptions(t)
	all := first(30)
	build(t, o, 3, all...)
	for _, name := range []string{manifestFile, markFile, idsFile, rowsFile} {
		whole, err := os.ReadFile(filepath.Join(o.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(whole); at += 31 {
			edit(t, o, name, func(b []byte) []byte { b[at] ^= 1 << (at % 8); return b })
			tier, err := Open(o)
			if err == nil {
				wantNoWrong(t, tier, all)
				_ = tier.Close()
			} else if name == rowsFile {
				t.Fatalf("%s, byte %d: the tier is refused: %v", name, at, err)
			}
			edit(t, o, name, func([]byte) []byte { return whole })
		}
	}
}

// wantNoWrong reads everything and wants what is answered to be right. It returns how many were.
func wantNoWrong(t testing.TB, tier *Tier, all []zhenni.Reference) (right int) {
	t.Helper()
	ids := make([]zhenni.CredentialID, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	refs, errs := wanted(len(all), tier.dim)
	tier.Read(ids, refs, errs)
	for i := range all {
		switch {
		case errs[i] == nil && !same(refs[i], all[i]):
			t.Fatalf("credential %d: %+v", i, refs[i])
		case errs[i] == nil:
			right++
		case !errors.Is(errs[i], zhenni.ErrCorrupt) && !errors.Is(errs[i], zhenni.ErrNotFound) && !errors.Is(errs[i], zhenni.ErrUnavailable):
			t.Fatalf("credential %d: %v", i, errs[i])
		}
	}
	return right
}

// FAULTS: S4 S5
func TestCutAndMissingFilesAreRefused(t *testing.T) {
	o := testOptions(t)
	all := first(1000)
	for _, name := range []string{manifestFile, markFile, idsFile, rowsFile} {
		for _, cut := range []float64{0, 0.3, 0.99} {
			build(t, o, 3, all...)
			edit(t, o, name, func(b []byte) []byte { return b[:int(float64(len(b))*cut)] })
			if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Errorf("%s cut to %v: %v", name, cut, err)
			}
		}
		build(t, o, 3, all...)
		if err := os.Remove(filepath.Join(o.Dir, name)); err != nil {
			t.Fatal(err)
		}
		want := zhenni.ErrCorrupt
		if name == manifestFile {
			want = zhenni.ErrNotFound
		}
		if _, err := Open(o); !errors.Is(err, want) {
			t.Errorf("without %s: %v, want %v", name, err, want)
		}
	}
}

// A record that is put in another's place, and one that is put back as it was before a change, do not answer.
//
// FAULTS: S6 S7 Z6
func TestMovedRecordsDoNotAnswer(t *testing.T) {
	o := testOptions(t)
	all := first(30)
	build(t, o, 3, all...)
	l := newLayout(testModel.Dim)
	record := func(b []byte, place uint32) []byte { return b[l.at(place):][:l.record] }

	var before []byte
	edit(t, o, rowsFile, func(b []byte) []byte {
		before = bytes.Clone(b)
		copy(record(b, 4), record(b, 5))
		// Relabelled too: the id and generation that the reader looks for.
		copy(record(b, 6), record(b, 7))
		copy(record(b, 6), record(before, 6)[:boundBytes])
		return b
	})
	tier := open(t, o)
	if right := wantNoWrong(t, tier, all); right != len(all)-2 {
		t.Errorf("%d answers, want all but 2", right)
	}
	revoked := all[9]
	revoked.Generation, revoked.Status = 2, zhenni.StatusRevoked
	if err := tier.Put(&revoked); err != nil {
		t.Fatal(err)
	}
	edit(t, o, rowsFile, func(b []byte) []byte { copy(record(b, 9), record(before, 9)); return b })
	if r, err := tier.read(revoked.ID); !errors.Is(err, zhenni.ErrCorrupt) || tier.Stats().Doubted != 1 {
		t.Errorf("the old record answers: %+v, %v", r, err)
	}
}

// A record of another tier, made of the same references under the same key of the owner, does not open.
//
// FAULTS: S7
func TestFilesOfAnotherTier(t *testing.T) {
	o, other := testOptions(t), testOptions(t)
	all := first(30)
	build(t, o, 3, all...)
	build(t, other, 3, all...)
	for _, name := range []string{markFile, idsFile, rowsFile} {
		text, err := os.ReadFile(filepath.Join(other.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		edit(t, o, name, func([]byte) []byte { return text })
		tier, err := Open(o)
		if name != rowsFile && !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s of another tier: %v", name, err)
		}
		if name == rowsFile {
			if right := wantNoWrong(t, tier, all); right != 0 {
				t.Errorf("%d records of another tier open", right)
			}
			_ = tier.Close()
		}
		build(t, o, 3, all...)
	}
}

func TestOpenRefuses(t *testing.T) {
	o := testOptions(t)
	build(t, o, 3, first(3)...)
	for name, tt := range map[string]struct {
		set  func(*Options)
		want error
	}{
		"another key":   {func(o *Options) { o.Key = bytes.Repeat([]byte{8}, keyBytes) }, zhenni.ErrWrongKey},
		"short key":     {func(o *Options) { o.Key = o.Key[1:] }, zhenni.ErrBadValue},
		"another model": {func(o *Options) { o.Model.ID = "test-2" }, zhenni.ErrBadValue},
		"no tier":       {func(o *Options) { o.Dir += "x" }, zhenni.ErrNotFound},
		"no folder":     {func(o *Options) { o.Dir = "" }, zhenni.ErrBadValue},
		"depth":         {func(o *Options) { o.Depth = MaxDepth + 1 }, zhenni.ErrBadValue},
	} {
		o := o
		tt.set(&o)
		if _, err := Open(o); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// An id with two places is of no tier: of two records one is stale.
func TestTwoPlacesAreRefused(t *testing.T) {
	o := testOptions(t)
	all := first(30)
	build(t, o, 3, all...)
	tier := open(t, o)
	if err := tier.writeEntry(29, func(entry []byte) { appendEntry(entry[:0], &all[2].ID, 2) }); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}

// No template lies in the clear, and none of an erased credential at all.
func TestRowsAreSealedAndErased(t *testing.T) {
	o := testOptions(t)
	all := first(30)
	build(t, o, 3, all...)
	tier := open(t, o)
	l := newLayout(testModel.Dim)
	added := newReference(testID(31), 1, testModel.Dim)
	if err := errors.Join(tier.Put(&added), tier.Remove(all[8].ID, added.ID, testID(77))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(o.Dir, rowsFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if bytes.Contains(text, unsigned(r.Row)) {
			t.Errorf("the row of %s is in the clear", r.ID)
		}
	}
	for _, place := range []uint32{8, 30} {
		if record := text[l.at(place):][:l.record]; !bytes.Equal(record, make([]byte, l.record)) {
			t.Errorf("place %d is not overwritten", place)
		}
	}
}
