package commandlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"

	"zhenni"
)

// MaxEntry bounds an entry, in bytes; the log's segments hold at least one.
const MaxEntry = 32 << 20

const (
	self             = "self"
	keptSnapshots    = 2                     // until the newer is verified
	heartbeat        = 20 * time.Millisecond // of a group of one: how soon it elects itself
	leaderDeadline   = 30 * time.Second
	shutdownDeadline = 30 * time.Second
)

// Machine is what the log's entries change. Inspect and VerifySnapshot are called by [Open] and by snapshots; Apply,
// Snapshot and Restore by one goroutine, one at a time.
type Machine interface {
	// Inspect checks an entry before any is applied. Its error refuses the log.
	Inspect(index uint64, entry []byte) error
	// Check is Inspect for an entry that is read again while the log is in use. It is called from any goroutine.
	Check(entry []byte) error
	// Apply makes the entry's change. It is called again with entries that it has, and passes over them.
	Apply(index uint64, entry []byte) error
	// Snapshot captures the state after the last Apply: [ErrNothingNew] when the last snapshot holds it.
	Snapshot() (Snapshot, error)
	// VerifySnapshot reads a snapshot to its end and reports what is wrong with it.
	VerifySnapshot(r io.Reader) error
	// Restore replaces the whole state by a snapshot's.
	Restore(r io.Reader) error
}

// Snapshot is a state captured. Write may run beside later calls of Apply; Release ends it.
type Snapshot interface {
	Write(w io.Writer) error
	Release()
}

// ErrNothingNew is the answer of [Machine.Snapshot] when there is nothing that the last snapshot lacks.
var ErrNothingNew = errors.New("commandlog: nothing new")

// Log is an open log. Its methods may be called from several goroutines.
type Log struct {
	dir     string
	machine *applier
	logger  hclog.Logger
	wal     *wal.WAL
	store   *verifiedSnapshots
	disk    *guard
	raft    *raft.Raft

	stopping sync.Once
	stopped  raft.Future
	ended    chan struct{} // closed once nothing of Raft runs any more

	first, last uint64
	snapshot    uint64 // index of the newest snapshot, 0 without one
	bytes       int64
}

// Open opens or makes the log in dir and shows every entry behind the newest snapshot to the machine. Nothing is
// applied until [Log.Start]. [zhenni.ErrCorrupt]: an entry does not read, or some are missing.
func Open(dir string, machine Machine, logger *slog.Logger) (*Log, error) {
	return OpenFaulty(dir, machine, logger, nil)
}

// OpenFaulty is [Open] with a disk that may be made to fail, for tests: fault is asked before every create, write, read
// and sync of the log and every replacement of its catalog, and its error is the disk's.
func OpenFaulty(dir string, machine Machine, logger *slog.Logger, fault func(operation string) error) (_ *Log, err error) {
	l := &Log{dir: dir, machine: &applier{Machine: machine}, logger: newLogger(logger), ended: make(chan struct{})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("commandlog: %w", err)
	}
	if l.store, err = openSnapshots(dir, machine, l.logger); err != nil {
		return nil, err
	}
	files := faulty{fs.New(), fault}
	if err := l.openSegments(files, &catalog{fault: files.check}); err != nil {
		return nil, err
	}
	snapshots, err := l.store.List()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: snapshots: %w", zhenni.ErrCorrupt, err), l.wal.Close())
	}
	if len(snapshots) > 0 {
		l.snapshot = snapshots[0].Index
	}
	if err := l.inspect(); err != nil {
		return nil, errors.Join(err, l.wal.Close())
	}
	return l, nil
}

// openSegments opens the entries of the log.
func (l *Log) openSegments(files types.VFS, list *catalog) (err error) {
	l.wal, err = wal.Open(l.dir, wal.WithLogger(l.logger), wal.WithMetaStore(list),
		wal.WithSegmentFiler(segment.NewFiler(l.dir, files)))
	if err != nil {
		return fmt.Errorf("%w: the command log in %s: %w", zhenni.ErrCorrupt, l.dir, err)
	}
	l.disk = newGuard(l.wal)
	list.failed = func(err error) { _ = l.disk.fail(err) }
	return nil
}

// ends finds the ends of the log.
func (l *Log) ends() (err error) {
	l.first, err = l.wal.FirstIndex()
	if err == nil {
		l.last, err = l.wal.LastIndex()
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: the command log: %w", zhenni.ErrCorrupt, err)
	case l.last != 0 && l.first > l.snapshot+1 && l.store != nil && l.store.unsound() != "":
		return fmt.Errorf("%w: meta.json of snapshot %s in the command log is missing or damaged", zhenni.ErrCorrupt, l.store.unsound())
	case l.last != 0 && l.first > l.snapshot+1:
		return fmt.Errorf("%w: the command log begins at entry %d and its snapshot ends at %d", zhenni.ErrCorrupt, l.first, l.snapshot)
	}
	return nil
}

// inspect shows the log's entries to the machine.
func (l *Log) inspect() error {
	if err := l.ends(); err != nil {
		return err
	}
	var entry raft.Log
	for index := max(l.first, l.snapshot+1); index <= l.last; index++ {
		if err := l.wal.GetLog(index, &entry); err != nil {
			return fmt.Errorf("%w: entry %d of the command log: %w", zhenni.ErrCorrupt, index, err)
		}
		if !KnownKind(uint8(entry.Type)) {
			return fmt.Errorf("%w: entry %d of the command log is of kind %d", zhenni.ErrFormat, index, entry.Type)
		}
		if entry.Type != raft.LogCommand {
			continue
		}
		l.bytes += int64(len(entry.Data))
		if err := l.machine.Inspect(index, entry.Data); err != nil {
			return fmt.Errorf("entry %d of the command log: %w", index, err)
		}
	}
	return nil
}

// Last returns the index that the log reached when it was opened, 0 for an empty one.
func (l *Log) Last() uint64 { return max(l.last, l.snapshot) }

// SnapshotIndex returns the index that the newest snapshot reached when the log was opened, 0 without one.
func (l *Log) SnapshotIndex() uint64 { return l.snapshot }

// Complete reports why the log could not bring an empty machine to its end: [zhenni.ErrCorrupt]. It reads the newest
// snapshot. It is for before the start.
func (l *Log) Complete() error {
	snapshots, err := l.store.List()
	switch {
	case err != nil:
		return fmt.Errorf("%w: snapshots: %w", zhenni.ErrCorrupt, err)
	case len(snapshots) > 0:
		return l.store.verify(snapshots[0].ID)
	case l.last == 0 || l.first != 1:
		return fmt.Errorf("%w: the command log does not begin at its first entry, and there is no snapshot", zhenni.ErrCorrupt)
	}
	return nil
}

// Bytes returns the size of the entries that were behind the newest snapshot when the log was opened.
func (l *Log) Bytes() int64 { return l.bytes }

// Start brings the machine up to the end of the log and takes proposals from then on. The machine holds what the
// entries up to has did. Close ends it, also after an error.
func (l *Log) Start(has uint64) error {
	config := raft.DefaultConfig()
	config.LocalID = self
	config.Logger = l.logger
	config.HeartbeatTimeout, config.ElectionTimeout, config.LeaderLeaseTimeout = heartbeat, heartbeat, heartbeat
	config.SnapshotThreshold, config.SnapshotInterval = math.MaxUint64, 24*time.Hour // the machine's owner takes them
	config.TrailingLogs = 0
	config.NoSnapshotRestoreOnStart = has >= l.snapshot
	config.NoLegacyTelemetry = true
	address, transport := raft.NewInmemTransport(self)
	if err := l.bootstrap(config, address, transport); err != nil {
		return err
	}
	var err error
	if l.raft, err = newRaft(config, l.machine, l.disk, l.store, transport); err != nil {
		return fmt.Errorf("%w: the command log does not start: %w", zhenni.ErrCorrupt, err)
	}
	go l.watch()
	return l.lead()
}

// bootstrap makes the group of one where there is none: the first term, then the first entry, which names the group. A
// crash between the two leaves a term and no entry, and nobody to elect.
func (l *Log) bootstrap(config *raft.Config, address raft.ServerAddress, transport raft.Transport) error {
	group := raft.Configuration{Servers: []raft.Server{{ID: self, Address: address}}}
	made, err := raft.HasExistingState(l.wal, l.wal, l.store)
	switch {
	case err != nil:
		return fmt.Errorf("%w: the command log: %w", zhenni.ErrCorrupt, err)
	case !made:
		err = raft.BootstrapCluster(config, l.wal, l.wal, l.store, transport, group)
	case l.last == 0 && l.snapshot == 0:
		first := raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(group)}
		err = l.wal.StoreLog(&first)
	}
	if err != nil {
		return fmt.Errorf("%w: the command log does not begin: %w", zhenni.ErrUnavailable, err)
	}
	return nil
}

// lead waits until this node leads and every entry is applied.
func (l *Log) lead() error {
	deadline := time.NewTimer(leaderDeadline)
	defer deadline.Stop()
	for leads := false; !leads; {
		select {
		case leads = <-l.raft.LeaderCh():
		case <-l.disk.failed:
			return l.disk.err()
		case <-deadline.C:
			return fmt.Errorf("%w: the command log has no leader after %v: start again; if it stays so, zhenni restore makes a store of a backup and the folder log",
				zhenni.ErrUnavailable, leaderDeadline)
		}
	}
	if err := l.wait(context.Background(), l.raft.Barrier(0)); err != nil {
		return fmt.Errorf("%w: the command log: %w", zhenni.ErrUnavailable, cmp.Or(l.disk.err(), err))
	}
	return l.machine.broken()
}

// Propose appends the entry and returns its index with what [Machine.Apply] answered, once it is durable and applied.
// When ctx ends first ([zhenni.ErrDeadline]), or on [zhenni.ErrUnavailable], the entry may be applied all the same.
// The entry is the log's from then on.
func (l *Log) Propose(ctx context.Context, entry []byte) (index uint64, err error) {
	if len(entry) > MaxEntry {
		return 0, fmt.Errorf("%w: entry of %d bytes, at most %d", zhenni.ErrBadValue, len(entry), MaxEntry)
	}
	if err := l.disk.err(); err != nil {
		return 0, err
	}
	future := l.raft.Apply(entry, 0)
	switch err := l.wait(ctx, future); {
	case err != nil && ctx.Err() != nil:
		return 0, fmt.Errorf("%w: %w", zhenni.ErrDeadline, err)
	case err != nil:
		return 0, fmt.Errorf("%w: the command log: %w", zhenni.ErrUnavailable, cmp.Or(l.disk.err(), err))
	}
	err, _ = future.Response().(error)
	return future.Index(), err
}

// Snapshot writes a snapshot, verifies it and cuts the log behind it. With nothing new it does nothing.
func (l *Log) Snapshot() error {
	err := l.wait(context.Background(), l.raft.Snapshot())
	switch {
	case err == nil, errors.Is(err, raft.ErrNothingNewToSnapshot), errors.Is(l.machine.refused(), ErrNothingNew):
		return nil
	}
	return fmt.Errorf("commandlog: snapshot: %w", err)
}

// Close ends the log; no call may be under way. After a failure of the disk it ends what is left.
func (l *Log) Close() error {
	if l.raft == nil {
		return l.wal.Close()
	}
	done := make(chan error, 1)
	go func() { done <- l.stopRaft().Error() }()
	select {
	case err := <-done:
		return errors.Join(err, l.wal.Close())
	case <-time.After(shutdownDeadline):
		// The log stays open: an applier that hangs may still read it.
		return fmt.Errorf("%w: the command log did not stop within %v", zhenni.ErrUnavailable, shutdownDeadline)
	}
}

// Reread reads every entry and the newest snapshot from the disk, while the log is in use, and reports the first that is
// not as it was written: [zhenni.ErrCorrupt]. pace is called with the bytes read each time and ends it by an error, which
// is returned.
func (l *Log) Reread(pace func(n int) error) error {
	first, err := l.wal.FirstIndex()
	if err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	last, err := l.wal.LastIndex()
	if err != nil {
		return fmt.Errorf("commandlog: %w", err)
	}
	for index := max(first, 1); index <= last; index++ {
		n, err := l.reread(index)
		if err != nil {
			return err
		}
		if err := pace(n); err != nil {
			return err
		}
	}
	return l.store.reread(pace)
}

// RereadSnapshot is [Log.Reread] of the newest snapshot alone.
func (l *Log) RereadSnapshot(pace func(n int) error) error { return l.store.reread(pace) }

// reread reads one entry; one that was cut meanwhile is none.
func (l *Log) reread(index uint64) (n int, err error) {
	var entry raft.Log
	if err := l.wal.GetLog(index, &entry); err != nil {
		if first, _ := l.wal.FirstIndex(); index < first {
			return 0, nil
		}
		return 0, fmt.Errorf("%w: entry %d of the command log: %w", zhenni.ErrCorrupt, index, err)
	}
	if entry.Type != raft.LogCommand {
		return len(entry.Data), nil
	}
	return len(entry.Data), l.machine.Check(entry.Data)
}
