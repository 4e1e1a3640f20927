package storage

import (
	"context"
	"errors"
	"testing"
	"time"

	"zhenni"
)

var testModel = zhenni.Model{ID: "test-face.1", Dim: 32, Factor: zhenni.FactorFace}

func testOptions(t testing.TB) Options {
	t.Helper()
	root, err := NewRootKey([32]byte{1, 2, 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Dir: t.TempDir(), Model: testModel, Root: root, Reserve: 1}
}

func openStore(t testing.TB, opts Options) *Store {
	t.Helper()
	s, err := Open(opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

func testID(n int) (id zhenni.CredentialID) {
	id[0], id[1], id[15] = byte(n), byte(n>>8), byte(n>>16)
	return id
}

func testEnrol(n int) zhenni.Enrol {
	row := make([]int8, testModel.Dim)
	for i := range row {
		row[i] = int8((i*7+n)%255 - 127)
	}
	return zhenni.Enrol{ID: testID(n), Tenant: 7, Level: zhenni.LevelFull, Model: testModel.ID, Row: row, At: testTime}
}

// mustApply applies commands that all succeed.
func mustApply(t testing.TB, s *Store, cmds ...zhenni.Command) []zhenni.Result {
	t.Helper()
	results, err := s.Apply(context.Background(), cmds)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	for i, r := range results {
		if r.Err != nil {
			t.Fatalf("command %d: %v", i, r.Err)
		}
	}
	return results
}

func TestEnrolReadReopen(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), testEnrol(2))
	mustApply(t, s, zhenni.ChangeStatus{ID: testID(1), Tenant: 7, To: zhenni.StatusRevoked, At: testTime.Add(time.Hour)})
	for range 2 {
		row := make([]int8, testModel.Dim)
		ref, err := s.Reference(testID(1), row)
		if err != nil {
			t.Fatal(err)
		}
		if ref.Status != zhenni.StatusRevoked || ref.Generation != 2 || ref.Tenant != 7 || ref.ID != testID(1) {
			t.Fatalf("reference %+v", ref)
		}
		c, err := s.Credential(testID(1))
		if err != nil || c.ChangedAt != testTime.Add(time.Hour) || c.EnrolledAt != testTime || c.Level != zhenni.LevelFull {
			t.Fatalf("credential %+v, %v", c, err)
		}
		if s.Count() != 2 {
			t.Fatalf("count %d", s.Count())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}

// Whoever reads while the first credential of a tenant is enrolled finds it or does not; that its tenant has no key is never
// the answer.
func TestFirstCredentialOfATenantIsWholeOrAbsent(t *testing.T) {
	s := openStore(t, testOptions(t))
	for n := range 600 {
		enrol := testEnrol(n)
		enrol.Tenant = zhenni.TenantID(n + 1)
		read := make(chan error)
		go func() {
			for {
				if _, err := s.Credential(enrol.ID); !errors.Is(err, zhenni.ErrNotFound) {
					read <- err
					return
				}
			}
		}()
		mustApply(t, s, enrol)
		if err := <-read; err != nil {
			t.Fatalf("tenant %d, read while it is enrolled: %v", enrol.Tenant, err)
		}
	}
}
