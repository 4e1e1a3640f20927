package storage

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// twoModels is a store in which credentials 1 … 4 have templates of both models, 5 of the first alone and 6 of the second
// alone.
func twoModels(t testing.TB, opts Options) *Store {
	t.Helper()
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutModel{Model: laterModel})
	for n := 1; n <= 5; n++ {
		mustApply(t, s, testEnrol(n))
	}
	mustApply(t, s, putTemplate(laterModel, 1), putTemplate(laterModel, 2), putTemplate(laterModel, 3), putTemplate(laterModel, 4))
	mustApply(t, s, enrolBy(laterModel, 6))
	return s
}

func templatesBy(t testing.TB, s *Store, model zhenni.Model) *Templates {
	t.Helper()
	templates, err := s.Templates(model.ID)
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

// holdsTwoModels expects what twoModels wrote.
func holdsTwoModels(t *testing.T, what string, s *Store) {
	t.Helper()
	row := make([]int8, testModel.Dim)
	for n := 1; n <= 6; n++ {
		first, err := s.Reference(testID(n), row)
		if n == 6 != errors.Is(err, zhenni.ErrNotFound) || n < 6 && !equalRows(first.Row, testEnrol(n).Row) {
			t.Errorf("%s: %d by the first: %v", what, n, err)
		}
		second, err := templatesBy(t, s, laterModel).Reference(testID(n), row)
		if n == 5 != errors.Is(err, zhenni.ErrNotFound) || n != 5 && !equalRows(second.Row, rowBy(laterModel, n)) {
			t.Errorf("%s: %d by the second: %v", what, n, err)
		}
	}
	if report := mustCheck(t, s); !report.OK() || report.Credentials != 6 || report.Further != 5 || report.Keys != 6 || report.SpareKeys != 0 {
		t.Errorf("%s: %+v", what, report)
	}
}

// Templates of a further model go where credentials go: through a restart, a snapshot, a view made anew, a rotation of the
// tenant's key that a crash ends at any step, and a backup.
//
// FAULTS: A15 S1 C6
func TestFurtherTemplatesAreKept(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := twoModels(t, opts)
	holdsTwoModels(t, "written", s)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, s)
	holdsTwoModels(t, "reopened", s)
	images := imagesOf(t, s, func() error { return s.RotateTenant(t.Context(), 7, nil) })
	holdsTwoModels(t, "rotated", s)
	for i, image := range images {
		opts.Dir = image
		crashed := openStore(t, opts)
		holdsTwoModels(t, fmt.Sprintf("crashed at step %d", i), crashed)
		if err := crashed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	backup := filepath.Join(t.TempDir(), "backup")
	backUp(t, s, backup)
	again, _ := restored(t, backup, nil)
	holdsTwoModels(t, "restored", again)
}

// One erasure destroys the key of every template of a credential, and of no other.
//
// FAULTS: C7
func TestErasureReachesEveryModel(t *testing.T) {
	opts := testOptions(t)
	s := twoModels(t, opts)
	key := (&storedModel{StoredModel: zhenni.StoredModel{Model: laterModel, Number: 1}}).templateKey(nil, testID(2))
	record := rawGet(t, s, key)
	st, err := s.status(s.begin(false), *s.ring.Load(), testID(2), new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	model := (*s.models.Load()).of(1)
	row := make([]int8, laterModel.Dim)
	if _, err := s.openFurther(*s.ring.Load(), st, model, key, record, row, new(scratch)); err != nil {
		t.Fatalf("before: %v", err)
	}
	mustApply(t, s, erasure(2), erasure(6))
	for _, n := range []int{2, 6} {
		if _, err := templatesBy(t, s, laterModel).Reference(testID(n), row); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("the reference of an erased credential %d: %v", n, err)
		}
	}
	if _, err := s.openFurther(*s.ring.Load(), st, model, key, record, row, new(scratch)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a copy of the record opens: %v", err)
	}
	report := mustCheck(t, s)
	if !report.OK() || report.Keys != 4 || report.Erased != 2 || report.Further != 3 {
		t.Errorf("%+v", report)
	}
	if r := apply(t, s, putTemplate(laterModel, 2)); !errors.Is(r.Err, zhenni.ErrIllegalChange) {
		t.Errorf("a template for an erased credential: %v", r.Err)
	}
}

// A template put where another credential's, or another model's, belongs does not open, nor does an older store's; the walk
// leaves it out and the check names it.
//
// FAULTS: Z6 S7 L9
func TestFurtherTemplateOpensInItsPlaceOnly(t *testing.T) {
	s := twoModels(t, testOptions(t))
	mustApply(t, s, zhenni.PutModel{Model: zhenni.Model{ID: "test-face.3", Dim: testModel.Dim, Factor: testModel.Factor}})
	third, err := s.Templates("test-face.3")
	if err != nil {
		t.Fatal(err)
	}
	at := func(number uint8, n int) []byte {
		return (*s.models.Load()).of(number).templateKey(nil, testID(n))
	}
	first, second := rawGet(t, s, at(1, 1)), rawGet(t, s, at(1, 2))
	rawSet(t, s, at(1, 1), second)
	rawSet(t, s, at(1, 2), first)
	rawSet(t, s, at(2, 3), rawGet(t, s, at(1, 3)))
	rawSet(t, s, at(0, 4), rawGet(t, s, at(1, 4)))
	row := make([]int8, testModel.Dim)
	for what, read := range map[string]func() (zhenni.Reference, error){
		"another credential's": func() (zhenni.Reference, error) { return templatesBy(t, s, laterModel).Reference(testID(1), row) },
		"the other way":        func() (zhenni.Reference, error) { return templatesBy(t, s, laterModel).Reference(testID(2), row) },
		"another model's":      func() (zhenni.Reference, error) { return third.Reference(testID(3), row) },
		"as the first model's": func() (zhenni.Reference, error) { return s.Reference(testID(4), row) },
	} {
		if ref, err := read(); !errors.Is(err, zhenni.ErrCorrupt) || ref.Row != nil {
			t.Errorf("%s: %+v, %v; want ErrCorrupt", what, ref, err)
		}
	}
	walked := 0
	err = templatesBy(t, s, laterModel).References(0, zhenni.Slots-1, func(zhenni.Reference) error { walked++; return nil })
	if !errors.Is(err, zhenni.ErrCorrupt) || walked != 3 {
		t.Errorf("walked %d, %v; want 3 and ErrCorrupt", walked, err)
	}
	if report := mustCheck(t, s); len(report.Problems) != 1 || report.Problems[0].Class != "template" || report.Problems[0].Count != 4 {
		t.Errorf("%+v", report.Problems)
	}
}

// A slot that lost a further template behind the log's back is refused, never taken for one without it.
//
// FAULTS: S7
func TestLostFurtherTemplateIsNotAbsent(t *testing.T) {
	s := twoModels(t, testOptions(t))
	key := (*s.models.Load()).of(1).templateKey(nil, testID(3))
	rawWrite(t, s, key, func(txn *badger.Txn) error { return txn.Delete(key) })
	slot := slotOf(key)
	s.agreement.held[slot].add(tally{records: 1, digest: [2]uint64{1, 2}})
	s.agreement.agreed.remove(zhenni.Slot(slot))
	row := make([]int8, testModel.Dim)
	if _, err := templatesBy(t, s, laterModel).Reference(testID(3), row); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("read: %v, want ErrCorrupt", err)
	}
	if _, err := s.Migration(t.Context(), laterModel.ID, 0); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("counted: %v, want ErrCorrupt", err)
	}
	err := templatesBy(t, s, laterModel).References(0, zhenni.Slots-1, func(zhenni.Reference) error { return nil })
	if !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("walked: %v, want ErrCorrupt", err)
	}
}

func TestModelCommandsRefused(t *testing.T) {
	s := twoModels(t, testOptions(t))
	mustApply(t, s, changed(4, zhenni.StatusRevoked))
	foreign, dim, zero := putTemplate(laterModel, 5), putTemplate(laterModel, 5), putTemplate(laterModel, 5)
	foreign.Tenant, dim.Row, zero.Row = 8, dim.Row[1:], make([]int8, laterModel.Dim)
	another, different := putTemplate(laterModel, 1), laterModel
	another.Row = rowBy(laterModel, 50)
	different.Dim++
	for _, tt := range []struct {
		name string
		cmd  zhenni.Command
		want error
	}{
		{"another tenant's", foreign, zhenni.ErrNotFound},
		{"unknown", putTemplate(laterModel, 9), zhenni.ErrNotFound},
		{"revoked", putTemplate(laterModel, 4), zhenni.ErrIllegalChange},
		{"of another dimension", dim, zhenni.ErrBadProbe},
		{"of zeros", zero, zhenni.ErrBadProbe},
		{"of a model that there is not", putTemplate(voiceModel, 5), zhenni.ErrBadValue},
		{"enrolled by one", enrolBy(voiceModel, 7), zhenni.ErrBadValue},
		{"a model that differs", zhenni.PutModel{Model: different}, zhenni.ErrExists},
		{"a model that is none", zhenni.PutModel{}, zhenni.ErrBadValue},
		{"retired, unknown", zhenni.RetireModel{ID: voiceModel.ID}, zhenni.ErrNotFound},
		{"another of a model that it has", another, zhenni.ErrExists},
		{"the same again", putTemplate(laterModel, 1), nil},
		{"the model again", zhenni.PutModel{Model: laterModel}, nil},
	} {
		if r := apply(t, s, tt.cmd); !errors.Is(r.Err, tt.want) || tt.want == nil && r.Err != nil {
			t.Errorf("%s: %v, want %v", tt.name, r.Err, tt.want)
		}
	}
	for n := 2; n < zhenni.MaxModels; n++ {
		mustApply(t, s, zhenni.PutModel{Model: zhenni.Model{ID: fmt.Sprintf("more.%d", n), Dim: 1, Factor: zhenni.FactorFace}})
	}
	if r := apply(t, s, zhenni.PutModel{Model: voiceModel}); !errors.Is(r.Err, zhenni.ErrBadValue) {
		t.Errorf("one too many: %v", r.Err)
	}
}

// A crash at any step of the dropping leaves a store in which the model is retired and all else is as it was; the next run ends
// it. What is dropped is not in the view any more, and the credentials go on by their other model.
//
// FAULTS: S1
func TestDropTemplates(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := twoModels(t, opts)
	record := rawGet(t, s, appendTemplateKey(nil, testID(1), testModel.Factor))
	if err := s.DropTemplates(t.Context(), 0, nil); !errors.Is(err, zhenni.ErrIllegalChange) {
		t.Errorf("dropped while it serves: %v", err)
	}
	if err := s.DropTemplates(t.Context(), 9, nil); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("a model that there is not: %v", err)
	}
	mustApply(t, s, zhenni.RetireModel{ID: testModel.ID})
	images := imagesOf(t, s, func() error { return s.DropTemplates(t.Context(), 0, nil) })
	for i, image := range append([]string{""}, images...) {
		now := s
		if image != "" {
			opts.Dir = image
			now = openStore(t, opts)
			if err := now.DropTemplates(t.Context(), 0, nil); err != nil {
				t.Fatal(err)
			}
		}
		wantDropped(t, fmt.Sprintf("step %d", i), now, record)
	}
	mustApply(t, s, erasure(1), enrolBy(laterModel, 7))
	if err := s.RotateTenant(t.Context(), 7, nil); err != nil {
		t.Fatal(err)
	}
	if report := mustCheck(t, s); !report.OK() || report.Further != 5 {
		t.Errorf("%+v", report)
	}
}

// wantDropped expects what twoModels wrote, without the first model.
func wantDropped(t *testing.T, what string, s *Store, record []byte) {
	t.Helper()
	row := make([]int8, testModel.Dim)
	for n := 1; n <= 6; n++ {
		if _, err := s.Reference(testID(n), row); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("%s: %d by the model that is retired: %v", what, n, err)
		}
		if held := rawGet(t, s, appendTemplateKey(nil, testID(n), testModel.Factor)); !isBare(held) || bytes.Equal(held, record) {
			t.Errorf("%s: %d has a template", what, n)
		}
		_, err := templatesBy(t, s, laterModel).Reference(testID(n), row)
		if n != 5 && err != nil {
			t.Errorf("%s: %d by the other: %v", what, n, err)
		}
	}
	if _, err := s.Templates(testModel.ID); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("%s: %v", what, err)
	}
	if report := mustCheck(t, s); !report.OK() || report.Keys != 6 {
		t.Errorf("%s: %+v", what, report)
	}
}

// A model that is added again after it was retired is another number: what was left of the templates of the first is not opened
// as of the second.
func TestModelAddedAgain(t *testing.T) {
	opts := testOptions(t)
	s := twoModels(t, opts)
	mustApply(t, s, zhenni.RetireModel{ID: laterModel.ID}, zhenni.PutModel{Model: laterModel})
	row := make([]int8, laterModel.Dim)
	for range 2 {
		for n := 1; n <= 6; n++ {
			if _, err := templatesBy(t, s, laterModel).Reference(testID(n), row); !errors.Is(err, zhenni.ErrNotFound) {
				t.Errorf("%d: %v", n, err)
			}
		}
		if models := s.Models(); len(models) != 3 || !models[1].Retired || models[2].Number != 2 || models[2].Model != laterModel {
			t.Errorf("%+v", models)
		}
		s = reopened(t, s)
	}
	mustApply(t, s, putTemplate(laterModel, 1))
	if ref, err := templatesBy(t, s, laterModel).Reference(testID(1), row); err != nil || !slices.Equal(ref.Row, rowBy(laterModel, 1)) {
		t.Error(err)
	}
	mustApply(t, s, zhenni.RetireModel{ID: testModel.ID})
	if _, err := s.NewImport(t.Context(), ImportOptions{}); !errors.Is(err, zhenni.ErrBadValue) && !errors.Is(err, zhenni.ErrExists) {
		t.Errorf("an import of a model that is retired: %v", err)
	}
}

// The queue is read in pages, each behind the last, and ends.
func TestPendingInPages(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, zhenni.PutModel{Model: laterModel})
	var all []zhenni.CredentialID
	for n := 1; n <= 30; n++ {
		mustApply(t, s, testEnrol(n*37))
		if n%3 == 0 {
			mustApply(t, s, putTemplate(laterModel, n*37))
			continue
		}
		all = append(all, testID(n*37))
	}
	slices.SortFunc(all, func(a, b zhenni.CredentialID) int { return bytes.Compare(a[:], b[:]) })
	for _, limit := range []int{1, 7, 20, 100} {
		var listed []zhenni.CredentialID
		behind := zhenni.CredentialID{}
		for more := true; more; {
			var page []zhenni.CredentialID
			var err error
			if page, behind, more, err = s.Pending(laterModel.ID, 7, behind, limit); err != nil || len(page) > limit {
				t.Fatal(len(page), err)
			}
			listed = append(listed, page...)
		}
		if !slices.Equal(listed, all) {
			t.Errorf("by %d: %d of %d", limit, len(listed), len(all))
		}
	}
	if page, _, _, err := s.Pending(laterModel.ID, 8, zhenni.CredentialID{}, 5); err != nil || len(page) != 0 {
		t.Errorf("another tenant's: %d, %v", len(page), err)
	}
	if _, _, _, err := s.Pending("none", 7, zhenni.CredentialID{}, 5); !errors.Is(err, zhenni.ErrNotFound) {
		t.Error(err)
	}
}

// Whatever a record of a template is, it opens as what was sealed or not at all.
//
// FAULTS: S7
func FuzzOpenDerived(f *testing.F) {
	v := &vault{entropy: bytes.NewReader(bytes.Repeat([]byte{5}, 64))}
	model := &storedModel{StoredModel: zhenni.StoredModel{Model: laterModel, Number: 1}}
	key, credentialKey := model.templateKey(nil, testID(1)), bytes.Repeat([]byte{9}, keySize)
	body := appendTemplate(nil, rowBy(laterModel, 1), 1)
	sealed, err := v.sealDerived(model, header{tenant: 7, generation: 1, place: 3}, credentialKey, key, body, new(scratch))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(sealed[:derivedOverhead])
	f.Add([]byte{derivedVersion})
	f.Fuzz(func(t *testing.T, value []byte) {
		opened, err := openDerived(model, credentialKey, key, value, new(scratch))
		if (err == nil) != bytes.Equal(value, sealed) || err == nil && !bytes.Equal(opened, body) {
			t.Errorf("%x: %v", value, err)
		}
		if _, _, number, ok := parseFurtherKey(value); ok && number == 0 {
			t.Error("a further template of number 0")
		}
	})
}

// A template that the holder was proved for is taken by the credential as it was then: not once it was reported lost, or moved.
//
// FAULTS: C6
func TestProofOfATemplateEndsWithAChange(t *testing.T) {
	s := twoModels(t, testOptions(t))
	proved := func(by zhenni.Generation) error {
		c := putTemplate(laterModel, 5)
		c.Proved = by
		return apply(t, s, c).Err
	}
	if err := proved(2); !errors.Is(err, zhenni.ErrIllegalChange) {
		t.Errorf("of another generation: %v", err)
	}
	mustApply(t, s, changed(5, zhenni.StatusSuspended))
	suspended, err := s.Credential(testID(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := proved(suspended.Generation); !errors.Is(err, zhenni.ErrIllegalChange) {
		t.Errorf("suspended: %v", err)
	}
	mustApply(t, s, changed(5, zhenni.StatusActive))
	active, err := s.Credential(testID(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := proved(active.Generation); err != nil {
		t.Errorf("as it was proved: %v", err)
	}
}
