package storage

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/cold"
)

// coldStore is a store with a cold tier of the credentials 1 … n, synced, and the options to open it by.
func coldStore(t *testing.T, n int) (*Store, Options) {
	t.Helper()
	opts := testOptions(t)
	opts.MemTable = minMemTable
	s := openStore(t, opts)
	for i := 1; i <= n; i++ {
		mustApply(t, s, testEnrol(i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opts.Cold = ColdMade
	s = openStore(t, opts)
	if stats, ok := s.ColdStats(); !ok || stats.Records != n {
		t.Fatalf("cold tier: %v, %+v", ok, stats)
	}
	return s, opts
}

func revoke(n int) zhenni.Command {
	return zhenni.ChangeStatus{ID: testID(n), Tenant: 7, To: zhenni.StatusRevoked, At: testTime.Add(time.Hour)}
}

func erase(n int) zhenni.Command {
	return zhenni.Erase{ID: testID(n), Tenant: 7, At: testTime.Add(time.Hour)}
}

// wantReference reads a credential, alone and together with another. Status 0 is for one that is not to be found.
func wantReference(t *testing.T, s *Store, n int, status zhenni.Status) {
	t.Helper()
	ids, refs, errs := []zhenni.CredentialID{testID(n), testID(999)}, make([]zhenni.Reference, 2), make([]error, 2)
	for i := range refs {
		refs[i].Row = make([]int8, testModel.Dim)
	}
	s.ReferenceMany(ids, refs, errs)
	row := make([]int8, testModel.Dim)
	one, err := s.Reference(testID(n), row)
	if status == 0 {
		if !errors.Is(errs[0], zhenni.ErrNotFound) || !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("credential %d: %v, %v; want ErrNotFound", n, errs[0], err)
		}
	} else if err := errors.Join(err, errs[0]); err != nil || one.Status != status || refs[0].Status != status ||
		!slices.Equal(refs[0].Row, testEnrol(n).Row) || !slices.Equal(row, testEnrol(n).Row) {
		t.Errorf("credential %d: %+v, %+v, %v; want status %s", n, one, refs[0], err, status)
	}
	if !errors.Is(errs[1], zhenni.ErrNotFound) {
		t.Errorf("an unknown id: %v", errs[1])
	}
}

// What the tier answers is read from it, and every change is in it before it is acknowledged.
//
// FAULTS: C2
func TestColdTierFollowsChanges(t *testing.T) {
	s, opts := coldStore(t, 5)
	mustApply(t, s, revoke(2), erase(3), testEnrol(6))
	for range 2 {
		before, _ := s.ColdStats()
		wantReference(t, s, 1, zhenni.StatusActive)
		wantReference(t, s, 2, zhenni.StatusRevoked)
		wantReference(t, s, 3, 0)
		wantReference(t, s, 6, zhenni.StatusActive)
		if after, _ := s.ColdStats(); after.Pages < before.Pages+6 || after.Records != 5 {
			t.Errorf("%+v after %+v: the tier was not asked, or has what it should not", after, before)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}

// An erased template is overwritten in the tier, where it lay.
func TestErasureReachesTheColdTier(t *testing.T) {
	s, _ := coldStore(t, 5)
	rows := s.path(filepath.Join(coldDir, "rows"))
	before, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, erase(3))
	after, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	overwritten := 0
	for i := range before {
		if before[i] != after[i] {
			overwritten++
			if after[i] != 0 {
				t.Fatalf("byte %d is not overwritten", i)
			}
		}
	}
	if overwritten < testModel.Dim {
		t.Errorf("%d bytes overwritten", overwritten)
	}
}

// Between the view and the tier a change is in the one alone. Whoever was shown it there is not answered from before it: a
// credential that somebody saw revoked, or locked, is not active for whoever asks after.
//
// FAULTS: C1 C2 C5
func TestColdTierIsNotBelievedBehindTheView(t *testing.T) {
	for name, c := range map[string]struct {
		change zhenni.Command
		status zhenni.Status
	}{
		"revoked": {revoke(2), zhenni.StatusRevoked},
		"erased":  {erase(2), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, opts := coldStore(t, 3)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			reached, release := make(chan struct{}), make(chan struct{})
			opts.fault = func(operation string) error {
				if operation == "cold" {
					reached <- struct{}{}
					<-release
				}
				return nil
			}
			s = openStore(t, opts)
			if _, ok := s.ColdStats(); !ok {
				t.Fatal("there is no tier")
			}
			applied := make(chan error, 1)
			go func() {
				_, err := s.Apply(context.Background(), []zhenni.Command{c.change})
				applied <- err
			}()
			<-reached
			wantReference(t, s, 2, c.status)
			wantReference(t, s, 3, zhenni.StatusActive)
			close(release)
			if err := <-applied; err != nil {
				t.Fatal(err)
			}
			wantReference(t, s, 2, c.status)
		})
	}
}

// copyCold copies the files of the tier.
func copyCold(t *testing.T, s *Store, to string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(s.path(coldDir)))); err != nil {
		t.Fatal(err)
	}
}

// What a crash leaves of the tier, nothing of the changes since its mark or all of them, the log makes true again.
//
// FAULTS: S1 S2 C14
func TestColdTierAfterACrash(t *testing.T) {
	for _, lost := range []bool{true, false} {
		s, opts := coldStore(t, 5)
		synced := filepath.Join(t.TempDir(), "synced")
		copyCold(t, s, synced)
		mustApply(t, s, revoke(2), erase(3), testEnrol(6))
		mustApply(t, s, erase(6))
		crashed := opts
		crashed.Dir = filepath.Join(t.TempDir(), "crashed")
		if err := os.CopyFS(crashed.Dir, os.DirFS(opts.Dir)); err != nil {
			t.Fatal(err)
		}
		if lost {
			tier := filepath.Join(crashed.Dir, coldDir)
			if err := errors.Join(os.RemoveAll(tier), os.CopyFS(tier, os.DirFS(synced))); err != nil {
				t.Fatal(err)
			}
		}
		manifest, err := os.ReadFile(filepath.Join(crashed.Dir, coldDir, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		s = openStore(t, crashed)
		if now, err := os.ReadFile(s.path(filepath.Join(coldDir, "manifest.json"))); err != nil || !bytes.Equal(now, manifest) {
			t.Errorf("lost %v: the tier was made anew, %v", lost, err)
		}
		wantReference(t, s, 2, zhenni.StatusRevoked)
		wantReference(t, s, 3, 0)
		wantReference(t, s, 6, 0)
		if stats, ok := s.ColdStats(); !ok || stats.Records != 4 {
			t.Errorf("lost %v: %+v", lost, stats)
		}
	}
}

// A tier from before what the view was synced with is made anew: a revoked credential does not come back.
//
// FAULTS: S6 C14
func TestOlderColdTierIsMadeAnew(t *testing.T) {
	s, opts := coldStore(t, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old")
	copyCold(t, s, old)
	s = openStore(t, opts)
	mustApply(t, s, revoke(2), erase(3))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(s.path(coldDir)), os.CopyFS(s.path(coldDir), os.DirFS(old))); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	wantReference(t, s, 2, zhenni.StatusRevoked)
	wantReference(t, s, 3, 0)
	if stats, ok := s.ColdStats(); !ok || stats.Records != 4 {
		t.Errorf("%v, %+v", ok, stats)
	}
}

// A tier that takes no change is destroyed before the change is acknowledged, and the view answers.
//
// FAULTS: S9
func TestColdTierThatFailsIsDropped(t *testing.T) {
	s, _ := coldStore(t, 5)
	if err := os.Truncate(s.path(filepath.Join(coldDir, "ids")), 0); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, revoke(2), erase(3))
	if _, ok := s.ColdStats(); ok {
		t.Error("the tier is still in use")
	}
	if _, err := os.Stat(s.path(coldDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tier is still there: %v", err)
	}
	wantReference(t, s, 1, zhenni.StatusActive)
	wantReference(t, s, 2, zhenni.StatusRevoked)
	wantReference(t, s, 3, 0)
}

// A damaged tier costs time, never an answer.
//
// FAULTS: S3
func TestDamagedColdTier(t *testing.T) {
	s, _ := coldStore(t, 5)
	rows := s.path(filepath.Join(coldDir, "rows"))
	text, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	for i := 60; i < len(text); i += 40 {
		text[i] ^= 1
	}
	if err := os.WriteFile(rows, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 5; n++ {
		wantReference(t, s, n, zhenni.StatusActive)
	}
	if stats, _ := s.ColdStats(); stats.Damaged == 0 {
		t.Errorf("%+v: nothing was found damaged", stats)
	}
}

// A tier is kept true by whoever opens the store to change it, left alone by whoever reads, and destroyed when it is not
// wanted: nobody would erase from it.
func TestColdTierGoesWithItsOption(t *testing.T) {
	s, opts := coldStore(t, 5)
	for _, step := range []struct {
		readOnly bool
		cold     Cold
		used     bool
		there    bool
	}{{true, ColdNone, false, true}, {false, ColdKept, true, true}, {false, ColdNone, false, false}, {false, ColdKept, false, false}} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		opts.ReadOnly, opts.Cold = step.readOnly, step.cold
		s = openStore(t, opts)
		_, used := s.ColdStats()
		if _, err := os.Stat(s.path(coldDir)); used != step.used || (err == nil) != step.there {
			t.Errorf("%+v: used %v, %v", step, used, err)
		}
		wantReference(t, s, 1, zhenni.StatusActive)
	}
}

// An import leaves the tier behind; the next start makes it of what was imported.
func TestImportPastAColdTier(t *testing.T) {
	opts := testOptions(t)
	opts.Cold = ColdMade
	s := openStore(t, opts)
	if stats, ok := s.ColdStats(); !ok || stats.Records != 0 {
		t.Fatalf("%v, %+v", ok, stats)
	}
	const n = 300
	im := beginImport(t, s)
	addAscending(t, im, n, n)
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.ColdStats(); ok {
		t.Error("the tier from before the import is in use")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	row := make([]int8, testModel.Dim)
	for i := range n {
		want := ascending(i, n)
		if r, err := s.Reference(want.ID, row); err != nil || r.Tenant != want.Tenant || !slices.Equal(row, want.Row) {
			t.Fatalf("credential %d: %+v, %v", i, r, err)
		}
	}
	if stats, ok := s.ColdStats(); !ok || stats.Records != n || stats.Pages != n {
		t.Errorf("%v, %+v", ok, stats)
	}
}

// A disk without room for a tier has none, and the store opens.
func TestNoRoomForAColdTier(t *testing.T) {
	s, opts := coldStore(t, 5)
	if err := errors.Join(s.Close(), cold.Destroy(s.path(coldDir))); err != nil {
		t.Fatal(err)
	}
	opts.free = func(string) (int64, error) { return opts.Reserve, nil }
	s = openStore(t, opts)
	if _, ok := s.ColdStats(); ok {
		t.Error("a tier was made")
	}
	wantReference(t, s, 1, zhenni.StatusActive)
}
