package commandlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/raft"

	"zhenni"
)

// applier is a [Machine] as Raft sees it. Raft's own goroutine ends the process with a panic of the machine's, so one
// is caught here; nothing is applied after it, since what it left behind is not known.
type applier struct {
	Machine
	mu      sync.Mutex
	failed  error
	refusal error // what the last Snapshot of the machine answered
}

// Apply answers the error of the machine, or nil.
func (a *applier) Apply(entry *raft.Log) any {
	if err := a.broken(); err != nil {
		return err
	}
	if err := a.guarded(func() error { return a.Machine.Apply(entry.Index, entry.Data) }); err != nil {
		return err
	}
	return nil
}

// guarded calls the machine and turns its panic into an error, which stays.
func (a *applier) guarded(call func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: applying the command log panicked", zhenni.ErrUnavailable)
			a.stop(err)
		}
	}()
	return call()
}

// stop has nothing applied from now on.
func (a *applier) stop(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = err
}

// broken reports what stopped the applier.
func (a *applier) broken() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

// refused is what the machine answered when it was last asked for a snapshot.
func (a *applier) refused() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refusal
}

func (a *applier) Snapshot() (raft.FSMSnapshot, error) {
	var snapshot Snapshot
	err := a.guarded(func() (err error) {
		snapshot, err = a.Machine.Snapshot()
		return err
	})
	a.mu.Lock()
	a.refusal = err
	a.mu.Unlock()
	return captured{snapshot}, err
}

func (a *applier) Restore(r io.ReadCloser) error {
	return a.guarded(func() error { return a.Machine.Restore(r) })
}

// captured is a [Snapshot] as Raft sees it.
type captured struct{ Snapshot }

func (c captured) Persist(sink raft.SnapshotSink) error { return c.Write(sink) }

// verifiedSnapshots is a file store whose snapshots count only once they were read back.
type verifiedSnapshots struct {
	raft.SnapshotStore
	dir     string
	machine Machine
}

func openSnapshots(dir string, machine Machine, logger raftLogger) (*verifiedSnapshots, error) {
	files, err := raft.NewFileSnapshotStoreWithLogger(dir, keptSnapshots, logger)
	if err != nil {
		return nil, fmt.Errorf("commandlog: snapshots: %w", err)
	}
	return &verifiedSnapshots{files, filepath.Join(dir, "snapshots"), machine}, nil
}

func (s *verifiedSnapshots) Create(
	version raft.SnapshotVersion, index, term uint64, group raft.Configuration, groupIndex uint64, trans raft.Transport,
) (raft.SnapshotSink, error) {
	sink, err := s.SnapshotStore.Create(version, index, term, group, groupIndex, trans)
	return &verifiedSink{sink, s}, err
}

// List lists the snapshots whose description is what this package writes, the newest first. Raft takes its word for the
// entry reached and for the group, and with another group nobody is ever elected.
func (s *verifiedSnapshots) List() ([]*raft.SnapshotMeta, error) {
	all, err := s.SnapshotStore.List()
	return slices.DeleteFunc(all, func(meta *raft.SnapshotMeta) bool { return !sound(meta) }), err
}

// sound holds a description against the name of its folder, which is of the term, the entry and the time.
func sound(meta *raft.SnapshotMeta) bool {
	servers := meta.Configuration.Servers
	return meta.Version == 1 && strings.HasPrefix(meta.ID, fmt.Sprintf("%d-%d-", meta.Term, meta.Index)) &&
		meta.ConfigurationIndex <= meta.Index && len(servers) == 1 && servers[0] == raft.Server{ID: self, Address: self}
}

// unsound names the newest folder of a snapshot that List leaves out, "" where there is none.
func (s *verifiedSnapshots) unsound() (name string) {
	folders, _ := os.ReadDir(s.dir)
	listed, _ := s.List()
	for _, f := range folders {
		isListed := slices.ContainsFunc(listed, func(meta *raft.SnapshotMeta) bool { return meta.ID == f.Name() })
		if f.IsDir() && !isListed && !strings.HasSuffix(f.Name(), ".tmp") {
			name = f.Name()
		}
	}
	return name
}

// verifiedSink fails to close when what it wrote does not read back. Raft then keeps the log.
type verifiedSink struct {
	raft.SnapshotSink
	store *verifiedSnapshots
}

func (s *verifiedSink) Close() error {
	if err := s.SnapshotSink.Close(); err != nil {
		return err
	}
	if err := s.store.verify(s.ID()); err != nil {
		return errors.Join(err, os.RemoveAll(filepath.Join(s.store.dir, s.ID())))
	}
	return s.store.keepOnly(s.ID())
}

// keepOnly removes every snapshot but one, those that are not sound with them.
func (s *verifiedSnapshots) keepOnly(id string) error {
	all, err := os.ReadDir(s.dir)
	for _, snapshot := range all {
		if snapshot.IsDir() && snapshot.Name() != id {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, snapshot.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("commandlog: older snapshots: %w", err)
	}
	return nil
}

// verify reads a snapshot from the disk.
func (s *verifiedSnapshots) verify(id string) error {
	_, r, err := s.Open(id)
	if err != nil {
		return fmt.Errorf("%w: a snapshot does not read back: %w", zhenni.ErrCorrupt, err)
	}
	defer r.Close()
	return s.machine.VerifySnapshot(r)
}

// reread reads the newest snapshot again. One that was replaced meanwhile is none.
func (s *verifiedSnapshots) reread(pace func(n int) error) error {
	all, err := s.List()
	if err != nil || len(all) == 0 {
		return err
	}
	_, r, err := s.Open(all[0].ID)
	if err == nil {
		defer r.Close()
		err = s.machine.VerifySnapshot(&pacedReader{r, pace})
	}
	if err == nil {
		return nil
	}
	if now, _ := s.List(); len(now) > 0 && now[0].ID != all[0].ID {
		return nil
	}
	return fmt.Errorf("%w: the snapshot: %w", zhenni.ErrCorrupt, err)
}

// pacedReader tells pace what was read, whose error ends it.
type pacedReader struct {
	io.Reader
	pace func(n int) error
}

func (r *pacedReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if paced := r.pace(n); paced != nil {
		return n, paced
	}
	return n, err
}
