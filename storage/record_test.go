package storage

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"zhenni"
)

// fakeRecorder keeps what it is told. fail is the answer to every call from commit failFrom on, broken that of Ready.
type fakeRecorder struct {
	mu       sync.Mutex
	commits  map[uint64][]zhenni.Change
	recorded uint64
	failFrom uint64
	broken   error
	// telling, if set, runs inside of Record.
	telling func()
}

var errRecorder = errors.New("the recorder is full")

func (r *fakeRecorder) Ready() error { return r.broken }

func (r *fakeRecorder) Recorded() uint64 { return r.recorded }

func (r *fakeRecorder) Record(commit uint64, changes []zhenni.Change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.telling != nil {
		r.telling()
	}
	if r.failFrom != 0 && commit >= r.failFrom {
		return errRecorder
	}
	if r.commits == nil {
		r.commits = map[uint64][]zhenni.Change{}
	}
	r.commits[commit], r.recorded = changes, commit
	return nil
}

// Each commit is recorded with what it changed, once, before it is acknowledged and nowhere else.
//
// FAULTS: C10
func TestEveryCommitIsRecorded(t *testing.T) {
	opts := testOptions(t)
	rec := &fakeRecorder{}
	opts.Recorder = rec
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), testEnrol(2))
	mustApply(t, s, zhenni.ChangeStatus{ID: testID(1), Tenant: 7, To: zhenni.StatusRevoked, At: testTime})
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	mustApply(t, s, zhenni.RemoveRelyingParty{ID: goldenParty.ID})
	mustApply(t, s, zhenni.ChangeStatus{ID: testID(1), Tenant: 7, To: zhenni.StatusRevoked, At: testTime}) // changes nothing
	enrolled := func(n int) zhenni.Change {
		return zhenni.Change{At: testTime, Tenant: 7, Credential: testID(n), Status: zhenni.StatusActive, Generation: 1}
	}
	party := zhenni.Change{Tenant: goldenParty.Tenant, Party: goldenParty.ID}
	removed := party
	removed.Removed = true
	want := map[uint64][]zhenni.Change{
		1: {{Tenant: 7}, enrolled(1), enrolled(2)},
		2: {{At: testTime, Tenant: 7, Credential: testID(1), Status: zhenni.StatusRevoked, Generation: 2}},
		3: {party}, 4: {removed},
	}
	if !maps.EqualFunc(rec.commits, want, slices.Equal) {
		t.Errorf("recorded %+v", rec.commits)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rec.telling = func() { t.Error("a commit is recorded again") }
	openStore(t, opts)
}

// A commit that could not be recorded is not acknowledged, stops the store, and is recorded by the next Open.
//
// FAULTS: C10 O8
func TestUnrecordedCommitIsMadeGood(t *testing.T) {
	opts := testOptions(t)
	rec := &fakeRecorder{failFrom: 2}
	opts.Recorder = rec
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(2)}); !errors.Is(err, errRecorder) {
		t.Fatalf("an unrecorded change: %v", err)
	}
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(3)}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Fatalf("a change after it: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rec.failFrom = 0
	s = openStore(t, opts)
	if s.Count() != 2 || rec.recorded != 2 || len(rec.commits[2]) != 1 || rec.commits[2][0].Credential != testID(2) {
		t.Errorf("%d credentials, recorded %+v", s.Count(), rec.commits)
	}
	rec.broken = errRecorder
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(4)}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("a recorder that is not ready: %v", err)
	}
	rec.broken = nil
	mustApply(t, s, testEnrol(4))
}

// A store whose folder was put back as it was is behind its record, a record put back is behind the store: both are
// refused with what to do.
//
// FAULTS: S6
func TestStoreAndRecordMustAgree(t *testing.T) {
	opts := testOptions(t)
	rec := &fakeRecorder{}
	opts.Recorder = rec
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	earlier := t.TempDir()
	if err := os.CopyFS(earlier, os.DirFS(opts.Dir)); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	for n := 2; n < 5; n++ {
		mustApply(t, s, testEnrol(n))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rolledBack := opts
	rolledBack.Dir = earlier
	behind := opts
	behind.Recorder = &fakeRecorder{recorded: 2}
	served := rolledBack
	served.VerifyOnly = true
	for name, o := range map[string]Options{"store": rolledBack, "record": behind, "store, verify-only": served} {
		if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), "restore") {
			t.Errorf("an old %s: %v", name, err)
		}
	}
}

// A store that is older than its record, and one that is filled by an import, begin their records with a count.
func TestRecordsBegin(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), testEnrol(2))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rec := &fakeRecorder{}
	opts.Recorder = rec
	s = openStore(t, opts)
	if got := rec.commits[1]; len(got) != 1 || got[0] != (zhenni.Change{Imported: 2}) {
		t.Errorf("an older store: %+v", rec.commits)
	}
	mustApply(t, s, testEnrol(3))

	opts, rec = testOptions(t), &fakeRecorder{}
	opts.Recorder = rec
	s = openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im, err := s.NewImport(context.Background(), ImportOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if err := im.Add(testEnrol(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, testEnrol(20))
	if got := rec.commits[2]; len(got) != 1 || got[0].Imported != 10 {
		t.Errorf("an import: %+v", rec.commits)
	}
	if got := rec.commits[3]; len(got) != 1 || got[0].Credential != testID(20) {
		t.Errorf("a change behind it: %+v", rec.commits)
	}
}

// What recording costs a commit before the recorder: the records of its changes are opened.
func BenchmarkChangesOfACommit(b *testing.B) {
	s := openStore(b, testOptions(b))
	const size = 512
	batch := newBatch(s, s.committer.reached, s.committer.keys)
	defer batch.discard()
	for n := range size {
		if _, err := batch.apply(testEnrol(n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := batch.seal(); err != nil {
		b.Fatal(err)
	}
	e := entry{kind: entryChange, sequence: 1, records: batch.records}
	for b.Loop() {
		changes, err := s.machine.changes(e)
		if err != nil || len(changes) != size+1 {
			b.Fatal(len(changes), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/change")
}

// A crash has commits applied again from where the view was synced. A record that ends before that place has lost what
// lies between, although it could go on from there.
//
// FAULTS: S6
func TestRecordWithAGapIsRefused(t *testing.T) {
	opts := testOptions(t)
	opts.Recorder = &fakeRecorder{}
	s := openStore(t, opts)
	for n := 1; n < 4; n++ {
		mustApply(t, s, testEnrol(n))
	}
	if err := s.Close(); err != nil { // synced up to commit 3
		t.Fatal(err)
	}
	mustApply(t, openStore(t, opts), testEnrol(4))
	opts.Dir = crashClone(t, opts.Dir)
	rec := &fakeRecorder{recorded: 1}
	opts.Recorder = rec
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) || rec.recorded != 1 {
		t.Errorf("%v, want ErrCorrupt; recorded %d", err, rec.recorded)
	}
}
