package storage

import (
	"errors"
	"slices"
	"testing"
	"time"

	"zhenni"
)

// changeList keeps what it is told.
type changeList struct {
	commit  uint64
	changes []zhenni.Change
}

func (r *changeList) Ready() error     { return nil }
func (r *changeList) Recorded() uint64 { return r.commit }
func (r *changeList) Record(commit uint64, changes []zhenni.Change) error {
	r.commit, r.changes = commit, append(r.changes, changes...)
	return nil
}

// A re-proof is durable, is of its credential's tenant only, changes nothing of the credential, and is recorded.
func TestReproofs(t *testing.T) {
	opts := testOptions(t)
	told := &changeList{}
	opts.Recorder = told
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3))
	mustApply(t, s, zhenni.ChangeStatus{ID: testID(2), Tenant: 7, To: zhenni.StatusSuspended, At: testTime})
	at := testTime.Add(time.Hour)
	before, err := s.Credential(testID(2))
	if err != nil {
		t.Fatal(err)
	}
	results := mustApply(t, s,
		zhenni.ResetAttempts{ID: testID(1), Tenant: 7, At: at, Version: 10}, zhenni.ResetAttempts{ID: testID(2), Tenant: 7, At: at, Version: 11})
	mustApply(t, s, zhenni.ResetAttempts{ID: testID(1), Tenant: 7, At: at, Version: 20})
	if results[1].Credential != before {
		t.Errorf("the credential became %+v", results[1].Credential)
	}
	for _, c := range []struct {
		command zhenni.ResetAttempts
		want    error
	}{
		{zhenni.ResetAttempts{ID: testID(3), Tenant: 8, Version: 1}, zhenni.ErrNotFound},
		{zhenni.ResetAttempts{ID: testID(9), Tenant: 7, Version: 1}, zhenni.ErrNotFound},
		{zhenni.ResetAttempts{ID: testID(3), Tenant: 7}, zhenni.ErrBadValue},
	} {
		if r := apply(t, s, c.command); !errors.Is(r.Err, c.want) {
			t.Errorf("%+v: %v, want %v", c.command, r.Err, c.want)
		}
	}
	clear := func(id int, lane zhenni.Lane, version uint64) zhenni.AttemptCount {
		return zhenni.AttemptCount{Credential: testID(id), Lane: lane, Attempts: zhenni.Attempts{Version: version}}
	}
	want := []zhenni.AttemptCount{clear(1, 0, 20), clear(1, 1, 20), clear(2, 0, 11), clear(2, 1, 11)}
	for range 2 {
		if got, err := s.Reproofs(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
		report, err := s.Check(t.Context(), nil)
		if err != nil || len(report.Problems) != 0 {
			t.Errorf("%+v, %v", report.Problems, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	last := told.changes[len(told.changes)-1]
	if last != (zhenni.Change{At: at, Tenant: 7, Credential: testID(1), Status: zhenni.StatusActive, Generation: 1}) {
		t.Errorf("recorded %+v", last)
	}
}
