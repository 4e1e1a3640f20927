package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// apply applies one command and returns its result.
func apply(t *testing.T, s *Store, cmd zhenni.Command) zhenni.Result {
	t.Helper()
	results, err := s.Apply(t.Context(), []zhenni.Command{cmd})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func changed(n int, to zhenni.Status) zhenni.ChangeStatus {
	return zhenni.ChangeStatus{ID: testID(n), Tenant: 7, To: to, At: testTime.Add(time.Minute)}
}

func TestCommandsRefused(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), testEnrol(2), changed(2, zhenni.StatusRevoked))
	enrol := func(change func(*zhenni.Enrol)) zhenni.Enrol {
		e := testEnrol(3)
		change(&e)
		return e
	}
	party := goldenParty.RelyingParty
	put := func(change func(*zhenni.RelyingParty)) zhenni.PutRelyingParty {
		p := party
		change(&p)
		return zhenni.PutRelyingParty{Party: p}
	}
	foreign := changed(1, zhenni.StatusRevoked)
	foreign.Tenant = 8
	tests := []struct {
		name string
		cmd  zhenni.Command
		want error
	}{
		{"id taken", testEnrol(1), zhenni.ErrExists},
		{"id taken by a revoked one", testEnrol(2), zhenni.ErrExists},
		{"no tenant", enrol(func(e *zhenni.Enrol) { e.Tenant = 0 }), zhenni.ErrBadValue},
		{"no level", enrol(func(e *zhenni.Enrol) { e.Level = 0 }), zhenni.ErrBadValue},
		{"another model", enrol(func(e *zhenni.Enrol) { e.Model = "x" }), zhenni.ErrBadValue},
		{"short row", enrol(func(e *zhenni.Enrol) { e.Row = e.Row[1:] }), zhenni.ErrBadProbe},
		{"zero row", enrol(func(e *zhenni.Enrol) { clear(e.Row) }), zhenni.ErrBadProbe},
		{"row with -128", enrol(func(e *zhenni.Enrol) { e.Row[3] = -128 }), zhenni.ErrBadProbe},
		{"unknown id", changed(4, zhenni.StatusRevoked), zhenni.ErrNotFound},
		{"another tenant's", foreign, zhenni.ErrNotFound},
		{"unknown status", changed(1, 9), zhenni.ErrBadValue},
		{"out of a final status", changed(2, zhenni.StatusActive), zhenni.ErrIllegalChange},
		{"party without id", put(func(p *zhenni.RelyingParty) { p.ID = "" }), zhenni.ErrBadValue},
		{"party with a long name", put(func(p *zhenni.RelyingParty) { p.Name = strings.Repeat("x", 201) }), zhenni.ErrBadValue},
		{"party without tenant", put(func(p *zhenni.RelyingParty) { p.Tenant = 0 }), zhenni.ErrBadValue},
		{"party without role", put(func(p *zhenni.RelyingParty) { p.Roles = 0 }), zhenni.ErrBadValue},
		{"party with an unknown role", put(func(p *zhenni.RelyingParty) { p.Roles = 1 << 5 }), zhenni.ErrBadValue},
		{"unknown party", zhenni.RemoveRelyingParty{ID: "x"}, zhenni.ErrNotFound},
		{"no command", nil, zhenni.ErrBadValue},
	}
	for _, tt := range tests {
		if r := apply(t, s, tt.cmd); !errors.Is(r.Err, tt.want) || r.Credential != (zhenni.Credential{}) {
			t.Errorf("%s: %+v, want %v", tt.name, r, tt.want)
		}
	}
	if s.Count() != 2 || len(s.RelyingParties()) != 0 {
		t.Errorf("%d credentials, %d parties after refusals", s.Count(), len(s.RelyingParties()))
	}
}

func TestOneBadCommandStopsNoOther(t *testing.T) {
	s := openStore(t, testOptions(t))
	results, err := s.Apply(t.Context(), []zhenni.Command{
		testEnrol(1), testEnrol(1), changed(1, zhenni.StatusSuspended), changed(9, zhenni.StatusRevoked),
		changed(1, zhenni.StatusActive), testEnrol(2),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []error{nil, zhenni.ErrExists, nil, zhenni.ErrNotFound, nil, nil}
	for i, r := range results {
		if !errors.Is(r.Err, want[i]) {
			t.Errorf("command %d: %v, want %v", i, r.Err, want[i])
		}
	}
	if c, err := s.Credential(testID(1)); err != nil || c != results[4].Credential || c.Generation != 3 {
		t.Errorf("credential %+v, %v; the answer was %+v", c, err, results[4].Credential)
	}
}

// FAULTS: C9
func TestChangeStatusRetried(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	first := apply(t, s, changed(1, zhenni.StatusRevoked))
	retry := changed(1, zhenni.StatusRevoked)
	retry.At = retry.At.Add(time.Hour)
	if second := apply(t, s, retry); first.Err != nil || second != first {
		t.Errorf("first %+v, retry %+v", first, second)
	}
}

func TestRelyingParties(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	first := goldenParty.RelyingParty
	second := first
	second.ID, second.Evaluation = "a-bank", false
	mustApply(t, s, zhenni.PutRelyingParty{Party: first}, zhenni.PutRelyingParty{Party: second})
	first.Name = "renamed"
	mustApply(t, s, zhenni.PutRelyingParty{Party: first})
	mustApply(t, s, zhenni.RemoveRelyingParty{ID: second.ID})
	for range 2 {
		if got := s.RelyingParties(); len(got) != 1 || !reflect.DeepEqual(got[0], first) {
			t.Fatalf("relying parties %+v", got)
		}
		if _, ok := s.RelyingParty(second.ID); ok {
			t.Fatal("a removed relying party is still there")
		}
		if r := apply(t, s, zhenni.RemoveRelyingParty{ID: second.ID}); !errors.Is(r.Err, zhenni.ErrNotFound) {
			t.Fatalf("removed twice: %v", r.Err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
	moved, again := first, second
	moved.Tenant++
	for what, p := range map[string]zhenni.RelyingParty{"a removed id": again, "an id of another tenant": moved} {
		if r := apply(t, s, zhenni.PutRelyingParty{Party: p}); !errors.Is(r.Err, zhenni.ErrExists) || !strings.Contains(r.Err.Error(), "choose another id") {
			t.Errorf("%s is given again: %v", what, r.Err)
		}
	}
}

// FAULTS: S8
func TestFullDiskRefuses(t *testing.T) {
	opts := testOptions(t)
	var free atomic.Int64
	free.Store(1 << 40)
	opts.Reserve, opts.free = 1<<20, func(string) (int64, error) { return free.Load(), nil }
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	free.Store(1<<20 - 1)
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(2)}); !errors.Is(err, zhenni.ErrUnavailable) || !errors.Is(err, zhenni.ErrNoRoom) {
		t.Errorf("full: %v, want ErrNoRoom", err)
	}
	if _, err := s.Credential(testID(1)); err != nil {
		t.Errorf("a full disk stops reading: %v", err)
	}
	free.Store(1 << 20)
	mustApply(t, s, testEnrol(2))
}

// tap is an entropy source that can be shut.
type tap struct{ shut atomic.Bool }

func (e *tap) Read(p []byte) (int, error) {
	if e.shut.Load() {
		return 0, io.ErrNoProgress
	}
	return rand.Read(p)
}

// FAULTS: R12
func TestNoEntropyWritesNothing(t *testing.T) {
	opts := testOptions(t)
	source := new(tap)
	opts.Entropy = source
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	source.shut.Store(true)
	for _, cmd := range []zhenni.Command{
		testEnrol(2), changed(1, zhenni.StatusRevoked), zhenni.PutRelyingParty{Party: goldenParty.RelyingParty},
	} {
		if r := apply(t, s, cmd); !errors.Is(r.Err, zhenni.ErrUnavailable) {
			t.Errorf("%T: %v, want ErrUnavailable", cmd, r.Err)
		}
	}
	source.shut.Store(false)
	c, err := s.Credential(testID(1))
	if err != nil || c.Status != zhenni.StatusActive || s.Count() != 1 || len(s.RelyingParties()) != 0 {
		t.Errorf("%+v, %v; %d credentials, %d parties", c, err, s.Count(), len(s.RelyingParties()))
	}
	mustApply(t, s, testEnrol(2))
}

func TestApplyBounds(t *testing.T) {
	s := openStore(t, testOptions(t))
	if results, err := s.Apply(t.Context(), nil); len(results) != 0 || err != nil {
		t.Errorf("nothing: %v, %v", results, err)
	}
	if _, err := s.Apply(t.Context(), make([]zhenni.Command, MaxCommands+1)); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("too many: %v, want ErrBadValue", err)
	}
	if _, err := s.Apply(ended(t), []zhenni.Command{testEnrol(1)}); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("ended: %v, want ErrDeadline", err)
	}
}

// held is a root key whose Wrap waits: it stalls the committer at a tenant's first enrolment.
type held struct {
	RootKey
	entered, let chan struct{}
}

func (h held) Wrap(key, context []byte) ([]byte, error) {
	if strings.Contains(string(context), "tenant key 99 ") {
		h.entered <- struct{}{}
		<-h.let
	}
	return h.RootKey.Wrap(key, context)
}

// FAULTS: S11
func TestSlowDiskShedsAndLosesNothing(t *testing.T) {
	opts := testOptions(t)
	root := held{opts.Root, make(chan struct{}), make(chan struct{})}
	opts.Root, opts.Queue = root, 2
	s := openStore(t, opts)
	slow := testEnrol(1)
	slow.Tenant = 99
	var acknowledged sync.WaitGroup
	send := func(cmd zhenni.Command) {
		acknowledged.Go(func() {
			if r, err := s.Apply(context.Background(), []zhenni.Command{cmd}); err != nil || r[0].Err != nil {
				t.Errorf("Apply: %v, %v", r, err)
			}
		})
	}
	send(slow)
	<-root.entered
	for n := 2; len(s.committer.queue) < cap(s.committer.queue); n++ {
		req := &request{ctx: t.Context(), cmds: []zhenni.Command{testEnrol(n)}, done: make(chan error, 1)}
		if err := s.enqueue(req); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(9)}); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("queue full: %v, want ErrOverloaded", err)
	}
	close(root.let)
	acknowledged.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s := openStore(t, opts); s.Count() != 3 {
		t.Errorf("%d credentials, want 3", s.Count())
	}
}

// A caller who gives up learns what became of the commands: they were not started and never will be, or their commit is
// waited for. Nothing becomes visible behind a caller's back.
func TestGivingUpLeavesNothingOpen(t *testing.T) {
	opts := testOptions(t)
	root := held{opts.Root, make(chan struct{}), make(chan struct{})}
	opts.Root = root
	s := openStore(t, opts)
	slow := testEnrol(1)
	slow.Tenant = 99
	ctx, giveUp := context.WithCancel(t.Context())
	committed := make(chan error)
	go func() {
		results, err := s.Apply(ctx, []zhenni.Command{slow})
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		committed <- err
	}()
	<-root.entered
	if _, err := s.Apply(ended(t), []zhenni.Command{testEnrol(2)}); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("given up while waiting: %v, want ErrDeadline", err)
	}
	giveUp()
	close(root.let)
	if err := <-committed; err != nil {
		t.Errorf("given up during the commit: %v, want its results", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	if _, err := s.Credential(slow.ID); err != nil || s.Count() != 1 {
		t.Errorf("%d credentials, %v; want the first", s.Count(), err)
	}
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestConcurrentCallsShareCommits(t *testing.T) {
	const callers, each = 16, 8
	s := openStore(t, testOptions(t))
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			row := make([]int8, testModel.Dim)
			for i := range each {
				e := testEnrol(caller*each + i)
				if r, err := s.Apply(t.Context(), []zhenni.Command{e}); err != nil || r[0].Err != nil {
					t.Errorf("Apply: %v, %v", r, err)
				}
				if _, err := s.Reference(e.ID, row); err != nil {
					t.Errorf("acknowledged and not there: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if s.Count() != callers*each {
		t.Errorf("%d credentials, want %d", s.Count(), callers*each)
	}
}

// The largest group of the largest records fits one transaction of the smallest memtable.
func TestLargestGroupFits(t *testing.T) {
	opts := testOptions(t)
	opts.MemTable, opts.Model.Dim = minMemTable, zhenni.MaxDim
	s := openStore(t, opts)
	b := newBatch(s, water{}, keyState{})
	defer b.discard()
	for n := range groupCommands {
		e := testEnrol(n)
		e.Row, e.Tenant = make([]int8, zhenni.MaxDim), zhenni.TenantID(n+1)
		e.Row[0] = 1
		if _, err := b.apply(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(b.seal(), b.txn.over.Commit()); err != nil {
		t.Fatal(err)
	}
}

// A commit whose fate is not known stops every later one until the store is opened again.
func TestFailedCommitLatches(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	if err := s.committer.mark.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(2)}); err == nil {
		t.Fatal("a failed mark is acknowledged")
	}
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(3)}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("after a failed commit: %v, want ErrUnavailable", err)
	}
	_ = s.Close() // the mark is closed already
	s = openStore(t, opts)
	if s.Count() != 2 {
		t.Errorf("%d credentials, want 2: the second was not acknowledged and is there", s.Count())
	}
	mustApply(t, s, testEnrol(3))
}
