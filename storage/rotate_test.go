package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

func nextRoot(t testing.TB) RootKey {
	t.Helper()
	root, err := NewRootKey([32]byte{4, 5, 6}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// twoTenants fills a store with templates of tenants 7 and 8, one of them erased.
func twoTenants(t *testing.T, s *Store) {
	t.Helper()
	for n := range 6 {
		e := testEnrol(n)
		e.Tenant = zhenni.TenantID(7 + n%2)
		mustApply(t, s, e)
	}
	mustApply(t, s, erasure(2))
	mustApply(t, s, changed(4, zhenni.StatusRevoked))
}

// holdsTwoTenants expects what twoTenants wrote.
func holdsTwoTenants(t *testing.T, what string, s *Store) {
	t.Helper()
	row := make([]int8, testModel.Dim)
	for n := range 6 {
		ref, err := s.Reference(testID(n), row)
		if n == 2 && errors.Is(err, zhenni.ErrNotFound) {
			continue
		}
		if err != nil || !equalRows(ref.Row, testEnrol(n).Row) {
			t.Errorf("%s: credential %d: %v", what, n, err)
		}
	}
	if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() {
		t.Errorf("%s: %+v, %v", what, report.Problems, err)
	}
}

// imagesOf returns a crash image for each step that the work takes, and one after it.
func imagesOf(t *testing.T, s *Store, work func() error) (images []string) {
	t.Helper()
	s.hook = func() { images = append(images, crashClone(t, s.opts.Dir)) }
	if err := work(); err != nil {
		t.Fatal(err)
	}
	s.hook()
	s.hook = nil
	return images
}

// After a crash at any step every template opens, and a second run ends with one version.
//
// FAULTS: A15 S1
func TestRotateTenant(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	twoTenants(t, s)
	images := imagesOf(t, s, func() error { return s.RotateTenant(t.Context(), 7, nil) })
	holdsTwoTenants(t, "rotated", s)
	for i, image := range images {
		opts.Dir = image
		crashed := openStore(t, opts)
		holdsTwoTenants(t, fmt.Sprintf("crashed at step %d", i), crashed)
		before := (*crashed.ring.Load())[7].version
		if err := crashed.RotateTenant(t.Context(), 7, nil); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		holdsTwoTenants(t, fmt.Sprintf("step %d, rotated again", i), crashed)
		ring := *crashed.ring.Load()
		if ring[7].previous != nil || ring[7].version < max(2, before) || ring[8].version != 1 {
			t.Errorf("step %d: versions %d after %d, and %d", i, ring[7].version, before, ring[8].version)
		}
		if err := crashed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(images) < 5 {
		t.Errorf("%d steps", len(images))
	}
}

// The old version of a tenant's key opens nothing after the rotation.
func TestRotatedKeyOpensNothing(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	twoTenants(t, s)
	old := *s.ring.Load()
	wrapped := rawGet(t, s, appendTenantKey(nil, 7, 1))
	if err := s.RotateTenant(t.Context(), 7, nil); err != nil {
		t.Fatal(err)
	}
	if first, _, err := s.log.Extent(); err != nil || strings.Contains(everyFile(t, filepath.Join(opts.Dir, logDir)), string(wrapped)) {
		t.Errorf("the log, which begins at entry %d, still has the old version: %v", first, err)
	}
	for n := 0; n < 6; n += 2 {
		for _, key := range [][]byte{appendStatusKey(nil, testID(n)), appendTemplateKey(nil, testID(n), testModel.Factor)} {
			if _, _, err := s.vault.open(old, key, rawGet(t, s, key), new(scratch)); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Errorf("%x: %v, want ErrCorrupt", key, err)
			}
		}
	}
	if value := rawGet(t, s, appendTenantKey(nil, 7, 1)); !isRetired(value) {
		t.Errorf("the old version is still there: %x", value)
	}
	mustApply(t, s, testEnrol(10))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	holdsTwoTenants(t, "opened again", s)
}

func TestRotateTenantRefuses(t *testing.T) {
	s := openStore(t, testOptions(t))
	twoTenants(t, s)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx    context.Context
		tenant zhenni.TenantID
		want   error
	}{
		"unknown tenant":   {t.Context(), 9, zhenni.ErrNotFound},
		"the store itself": {t.Context(), 0, zhenni.ErrNotFound},
		"out of time":      {ended, 7, zhenni.ErrDeadline},
	} {
		if err := s.RotateTenant(tt.ctx, tt.tenant, nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	holdsTwoTenants(t, "refused", s)
	mustApply(t, s, testEnrol(10))
}

// A record that does not open keeps the version before.
//
// FAULTS: S14
func TestDamageKeepsTheOldVersion(t *testing.T) {
	s := openStore(t, testOptions(t))
	twoTenants(t, s)
	key := appendTemplateKey(nil, testID(0), testModel.Factor)
	value := rawGet(t, s, key)
	rawSet(t, s, key, set(value, len(value)-1, value[len(value)-1]^1))
	if err := s.RotateTenant(t.Context(), 7, nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
	rawSet(t, s, key, value)
	holdsTwoTenants(t, "after the damage", s)
	if err := s.RotateTenant(t.Context(), 7, nil); err != nil {
		t.Error(err)
	}
}

// After a crash at any step one of the two roots opens everything, and a second run leaves it to the next one.
//
// FAULTS: A15 S1
func TestRotateRoot(t *testing.T) {
	t.Parallel()
	opts, next := testOptions(t), nextRoot(t)
	s := openStore(t, opts)
	twoTenants(t, s)
	images := imagesOf(t, s, func() error { return s.rotateRoot(opts.Root, next) })
	for i, image := range images {
		opts.Dir = image
		with := opts
		opened, err := Open(with)
		if errors.Is(err, zhenni.ErrWrongKey) {
			with.Root = next
			opened, err = Open(with)
		}
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		holdsTwoTenants(t, fmt.Sprintf("crashed at step %d", i), opened)
		if err := errors.Join(opened.Close(), RotateRoot(opts, next)); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if _, err := Open(opts); !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("step %d: the old root: %v, want ErrWrongKey", i, err)
		}
		with.Root = next
		opened = openStore(t, with)
		holdsTwoTenants(t, fmt.Sprintf("step %d, rotated again", i), opened)
		if err := opened.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(images) != 4 {
		t.Errorf("%d steps", len(images))
	}
}

func TestRotateRootRefuses(t *testing.T) {
	t.Parallel()
	opts := closedStore(t)
	wrong := opts
	wrong.Root = otherRoot(t)
	readOnly := opts
	readOnly.ReadOnly = true
	for name, tt := range map[string]struct {
		opts Options
		next RootKey
		want error
	}{
		"neither root": {wrong, nextRoot(t), zhenni.ErrWrongKey},
		"no next root": {opts, nil, zhenni.ErrBadValue},
		"read-only":    {readOnly, nextRoot(t), zhenni.ErrBadValue},
	} {
		if err := RotateRoot(tt.opts, tt.next); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if c := mustCredential(t, openStore(t, opts), 1); c.Status != zhenni.StatusActive {
		t.Errorf("%+v", c)
	}
}
