package commandlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"zhenni"
)

// guard is the log on the disk as Raft sees it. The first write or read that fails stops Raft, and the process goes on
// without it: nothing is written, applied or truncated after it. Left to itself Raft
//
//   - steps down after a failed append and stands for election 20 ms later, whose term it can not save either, and it
//     ends the process over a term that is not saved (raft.setCurrentTerm) and over an entry that does not read
//     (raft.processLogs, raft.NewRaft);
//   - only reports a failed truncation, after which raft-wal may append to a segment that its catalog no longer names:
//     acknowledged entries that the next start would remove.
//
// A disk that failed a sync may have dropped what it had been given, and a second sync would not tell. So nothing is
// tried again: the log is opened anew, which reads what is really there.
type guard struct {
	*wal.WAL
	mu     sync.Mutex
	cause  error
	failed chan struct{} // closed by the first failure
	over   chan struct{} // closed once Raft was told to end
	// standing says that Raft runs: it saves a new term before it does anything else.
	standing atomic.Bool
}

func newGuard(log *wal.WAL) *guard {
	return &guard{WAL: log, failed: make(chan struct{}), over: make(chan struct{})}
}

// fail keeps the first failure and returns it.
func (g *guard) fail(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause == nil {
		g.cause = fmt.Errorf("%w: the command log failed and takes nothing until the store is opened again: %w",
			zhenni.ErrUnavailable, err)
		close(g.failed)
	}
	return g.cause
}

// err is the first failure.
func (g *guard) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cause
}

// try makes one change to the disk, unless one has failed.
func (g *guard) try(change func() error) error {
	if err := g.err(); err != nil {
		return err
	}
	if err := change(); err != nil {
		return g.fail(err)
	}
	return nil
}

// StoreLog appends one entry.
func (g *guard) StoreLog(entry *raft.Log) error { return g.StoreLogs([]*raft.Log{entry}) }

// StoreLogs appends entries.
func (g *guard) StoreLogs(entries []*raft.Log) error {
	return g.try(func() error { return g.WAL.StoreLogs(entries) })
}

// DeleteRange truncates the log.
func (g *guard) DeleteRange(first, last uint64) error {
	return g.try(func() error { return g.WAL.DeleteRange(first, last) })
}

// Set stores a value of Raft's, which takes its error for an answer.
func (g *guard) Set(key, value []byte) error {
	return g.try(func() error { return g.WAL.Set(key, value) })
}

// SetUint64 stores a number of Raft's, a term above all. Raft ends the process over an error, so none is returned: the
// call waits until Raft was told to end, and the term that was not saved is of no consequence to anybody. The number
// that is there already is not written again.
func (g *guard) SetUint64(key []byte, value uint64) error {
	if held, err := g.WAL.GetUint64(key); err == nil && held == value {
		return nil
	}
	g.standing.Store(true)
	if g.try(func() error { return g.WAL.SetUint64(key, value) }) != nil {
		<-g.over
	}
	return nil
}

// GetLog reads an entry. Where Raft would end the process over an error, it waits until Raft was told to end and is
// given an entry that does nothing.
func (g *guard) GetLog(index uint64, entry *raft.Log) error {
	err := g.WAL.GetLog(index, entry)
	if err == nil || errors.Is(err, raft.ErrLogNotFound) || !g.standing.Load() {
		return err
	}
	_ = g.fail(err)
	<-g.over
	*entry = raft.Log{Index: index, Type: raft.LogNoop}
	return nil
}

// newRaft starts Raft. What it panics over before it runs is an error.
func newRaft(config *raft.Config, machine raft.FSM, disk *guard, store raft.SnapshotStore, to raft.Transport) (_ *raft.Raft, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("commandlog: %v", cause)
		}
	}()
	return raft.NewRaft(config, machine, disk, disk, store, to)
}

// watch ends Raft with the first failure of the disk.
func (l *Log) watch() {
	select {
	case <-l.disk.failed:
		l.logger.Error("the command log failed; no change is taken until the store is opened again", "error", l.disk.err())
		l.machine.stop(l.disk.err())
		l.stopRaft()
	case <-l.disk.over:
	}
}

// stopRaft tells Raft to end, once, and returns what tells that it has.
func (l *Log) stopRaft() raft.Future {
	l.stopping.Do(func() {
		l.stopped = l.raft.Shutdown()
		close(l.disk.over)
		go func() {
			_ = l.stopped.Error()
			close(l.ended)
		}()
	})
	return l.stopped
}

// wait returns what became of something asked of Raft. What Raft took in and had not begun when it was told to end is
// answered by nobody.
func (l *Log) wait(ctx context.Context, asked raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- asked.Error() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.ended:
		return raft.ErrRaftShutdown
	}
}

// Err returns why the log takes nothing more, nil while it does.
func (l *Log) Err() error { return l.disk.err() }

// Failed returns a channel that is closed when the disk under the log has failed: nothing is taken from then on.
func (l *Log) Failed() <-chan struct{} { return l.disk.failed }
