package storage

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/ristretto/v2/z"

	"zhenni"
)

// ascending is the n-th of ids that ascend and spread over the slots.
func ascending(n, of int) zhenni.Enrol {
	e := testEnrol(n)
	at := uint32(n) * (^uint32(0) / uint32(of))
	e.ID = zhenni.CredentialID{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at), 15: byte(n)}
	e.Tenant = zhenni.TenantID(7 + n%3)
	return e
}

func beginImport(t *testing.T, s *Store) *Import {
	t.Helper()
	im, err := s.NewImport(context.Background(), ImportOptions{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func addAscending(t *testing.T, im *Import, n, of int) {
	t.Helper()
	for i := range n {
		if err := im.Add(ascending(i, of)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginImport(t, s)
	if _, err := s.Credential(testID(1)); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("read during an import: %v, want ErrUnavailable", err)
	}
	if err := s.Close(); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("Close during an import: %v, want ErrUnavailable", err)
	}
	addAscending(t, im, importTest, importTest)
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := im.Abort(); err != nil {
		t.Errorf("Abort after Commit: %v", err)
	}
	if err := im.Commit(); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("second Commit: %v, want ErrUnavailable", err)
	}
	for range 2 {
		imported(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	e := ascending(5, importTest)
	mustApply(t, s, zhenni.ChangeStatus{ID: e.ID, Tenant: e.Tenant, To: zhenni.StatusRevoked, At: testTime})
	if c, err := s.Credential(e.ID); err != nil || c.Status != zhenni.StatusRevoked {
		t.Errorf("after a revocation: %+v, %v", c, err)
	}
	if _, err := s.NewImport(t.Context(), ImportOptions{}); !errors.Is(err, zhenni.ErrExists) {
		t.Errorf("import into a full store: %v, want ErrExists", err)
	}
}

// imported checks a store of importTest credentials and one relying party.
func imported(t *testing.T, s *Store) {
	t.Helper()
	var reported atomic.Int64
	report, err := s.Check(t.Context(), func(done, _ int64) { reported.Store(done) })
	if err != nil || !report.OK() || report.Credentials != importTest || report.RelyingParties != 1 || report.TenantKeys != 3 {
		t.Fatalf("Check: %+v, %v", report, err)
	}
	if reported.Load() != importTest || report.Slots < 1000 {
		t.Errorf("progress ended at %d, %d slots", reported.Load(), report.Slots)
	}
	n := 0
	err = s.References(0, zhenni.Slots-1, func(ref zhenni.Reference) error {
		want := ascending(n, importTest)
		if ref.ID != want.ID || ref.Tenant != want.Tenant || ref.Status != zhenni.StatusActive || !equalRows(ref.Row, want.Row) {
			t.Fatalf("reference %d: %+v", n, ref)
		}
		n++
		return nil
	})
	if err != nil || n != importTest {
		t.Fatalf("References: %d of %d, %v", n, importTest, err)
	}
}

func TestReferencesKeepsToItsSlots(t *testing.T) {
	s := openStore(t, testOptions(t))
	im := beginImport(t, s)
	addAscending(t, im, 2000, 2000)
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, slots := range [][2]zhenni.Slot{{0, 99}, {100, 100}, {101, 9000}, {9001, zhenni.Slots - 1}} {
		err := s.References(slots[0], slots[1], func(ref zhenni.Reference) error {
			if slot := ref.ID.Slot(); slot < slots[0] || slot > slots[1] {
				t.Errorf("slot %d while walking %v", slot, slots)
			}
			seen++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen != 2000 {
		t.Errorf("%d references in all, want 2000", seen)
	}
	stop := errors.New("stop")
	if err := s.References(0, zhenni.Slots-1, func(zhenni.Reference) error { return stop }); err != stop {
		t.Errorf("stopped walk: %v", err)
	}
}

func TestImportRefuses(t *testing.T) {
	s := openStore(t, testOptions(t))
	im := beginImport(t, s)
	addAscending(t, im, 3, 100)
	bad := ascending(3, 100)
	bad.Row = bad.Row[1:]
	for name, tt := range map[string]struct {
		enrol zhenni.Enrol
		want  error
	}{
		"same id":   {ascending(2, 100), zhenni.ErrBadValue},
		"lower id":  {ascending(1, 100), zhenni.ErrBadValue},
		"short row": {bad, zhenni.ErrBadProbe},
	} {
		if err := im.Add(tt.enrol); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if err := im.Commit(); err != nil || s.Count() != 3 {
		t.Errorf("Commit after refusals: %v, %d credentials", err, s.Count())
	}
}

// backAsBefore checks that an import has left nothing but the relying party that was there.
func backAsBefore(t *testing.T, s *Store) {
	t.Helper()
	report, err := s.Check(t.Context(), nil)
	if err != nil || !report.OK() || report.Credentials != 0 || report.RelyingParties != 1 || s.Count() != 0 {
		t.Fatalf("Check: %+v, %v", report, err)
	}
	if _, err := os.Stat(s.path(importFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the import's file is still there: %v", err)
	}
	mustApply(t, s, testEnrol(1))
}

func TestImportAborted(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginImport(t, s)
	addAscending(t, im, 3000, 3000)
	if err := im.Abort(); err != nil {
		t.Fatal(err)
	}
	backAsBefore(t, s)
}

// An import that fails to begin may leave the file that marks it. What was acknowledged from then on would be lost when
// the store is opened again, so nothing is.
func TestImportThatFailsToBeginLatches(t *testing.T) {
	s := openStore(t, testOptions(t))
	if err := os.Mkdir(s.path(importFile), 0o700); err != nil { // in the way of the file
		t.Fatal(err)
	}
	if _, err := s.NewImport(t.Context(), ImportOptions{}); err == nil {
		t.Fatal("the import began")
	}
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(1)}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("Apply: %v, want ErrUnavailable", err)
	}
}

// FAULTS: S8
func TestImportStopsAtAFullDisk(t *testing.T) {
	opts := testOptions(t)
	var free atomic.Int64
	free.Store(1 << 40)
	opts.Reserve, opts.free = 1<<20, func(string) (int64, error) { return free.Load(), nil }
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginImport(t, s)
	addAscending(t, im, importBlock-1, 3000)
	free.Store(0)
	if err := im.Add(ascending(importBlock, 3000)); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("Add: %v, want ErrUnavailable", err)
	}
	if err := im.Commit(); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("Commit: %v, want ErrUnavailable", err)
	}
	free.Store(1 << 40)
	backAsBefore(t, s)
}

func TestImportCancelled(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	ctx, cancel := context.WithCancel(t.Context())
	im, err := s.NewImport(ctx, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	addAscending(t, im, 10, 100)
	cancel()
	if err := im.Add(ascending(11, 100)); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("Add: %v, want ErrDeadline", err)
	}
	if err := im.Commit(); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("Commit: %v, want ErrDeadline", err)
	}
	backAsBefore(t, s)
}

// FAULTS: R12
func TestImportWithoutEntropy(t *testing.T) {
	opts := testOptions(t)
	source := new(tap)
	opts.Entropy = source
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginImport(t, s)
	addAscending(t, im, 3, 100)
	source.shut.Store(true)
	if err := im.Commit(); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("Commit: %v, want ErrUnavailable", err)
	}
	source.shut.Store(false)
	backAsBefore(t, s)
}

// A process killed in the middle of an import leaves the crash image of its folder.
func TestImportHalfDone(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginImport(t, s)
	addAscending(t, im, 5000, 5000)
	images := []string{crashClone(t, opts.Dir)}
	if err := errors.Join(im.end(), im.writer.Flush()); err != nil {
		t.Fatal(err)
	}
	images = append(images, crashClone(t, opts.Dir))
	if err := im.undo(); err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		opts.Dir = image
		readOnly := opts
		readOnly.ReadOnly = true
		if _, err := Open(readOnly); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("Open, read-only: %v, want ErrUnavailable", err)
		}
		backAsBefore(t, openStore(t, opts))
	}
}

// What stage writes is what Badger's own encoder makes of the record.
func TestStagedAsBadgerDoes(t *testing.T) {
	for _, size := range []int{0, 1, 127, 128, 700, 1 << 14, 70000} {
		r := record{appendStatusKey(nil, testID(size)), make([]byte, size)}
		got, want := z.NewBuffer(1<<10, "test"), z.NewBuffer(1<<10, "test")
		stage(got, streamRest, r)
		badger.KVToBuffer(&pb.KV{Key: r.key, Value: r.value, Version: importVersion, StreamId: streamRest}, want)
		if size > 0 && !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("a value of %d bytes: %x, want %x", size, got.Bytes(), want.Bytes())
		}
		if err := errors.Join(got.Release(), want.Release()); err != nil {
			t.Error(err)
		}
	}
}
