package storage

import (
	"errors"
	"sync"
	"sync/atomic"
)

// The log is cut behind a snapshot once its entries are about half the size of the view, between these bounds: small
// stores write no more than they must, large ones start within seconds.
const (
	minLogBytes = 64 << 20
	maxLogBytes = 1 << 30
	// baseShare is the part of a base, one in so many, from which on what lies over it is reported.
	baseShare = 4
)

// truncation decides when a snapshot is due. Its fields belong to the committer but for running.
type truncation struct {
	logged, due int64
	running     sync.WaitGroup
	busy        chan struct{} // holds one token while a snapshot is written
	// missed says that what was written outside of the log has no snapshot: the next change tries again.
	missed atomic.Bool
}

// beginTruncation counts from what the log already holds.
func (s *Store) beginTruncation() {
	s.truncation.busy = make(chan struct{}, 1)
	s.truncation.logged = s.log.Bytes()
	s.setDue()
}

func (s *Store) setDue() {
	s.truncation.due = min(max(minLogBytes, diskBytes(s.path(viewDir))/2), maxLogBytes)
}

// truncateWhenDue counts an entry of n bytes and starts a snapshot when one is due and none is under way.
func (s *Store) truncateWhenDue(n int) {
	t := &s.truncation
	if t.logged += int64(n); t.logged < t.due && !t.missed.Swap(false) {
		return
	}
	select {
	case t.busy <- struct{}{}:
	default:
		return
	}
	t.logged = 0
	s.setDue()
	s.startSnapshot("no snapshot was taken; the command log grows", func() {})
}

// startSnapshot takes a snapshot beside what goes on. The caller has put the token into busy.
func (s *Store) startSnapshot(failure string, failed func()) {
	t := &s.truncation
	t.running.Go(func() {
		defer func() { <-t.busy }()
		if err := s.snapshot(); err != nil {
			s.opts.Logger.Warn(failure, "cause", err)
			failed()
		}
	})
}

// snapshotImport takes the snapshot that holds what was written outside of the log. Where it can not, the next change
// tries again. The committer rests, and no snapshot is under way.
func (s *Store) snapshotImport() {
	t := &s.truncation
	t.busy <- struct{}{}
	t.logged = 0
	s.setDue()
	s.startSnapshot("no snapshot was taken; until there is one, the import is lost with the view", func() { t.missed.Store(true) })
}

// renewSnapshot takes a snapshot in place of one that is damaged, so that the view is not the only copy of what that one
// holds. The view is held against its tallies while it is written.
func (s *Store) renewSnapshot() {
	if s.enter() != nil {
		return // an import ends with a snapshot
	}
	defer s.gate.RUnlock()
	select {
	case s.truncation.busy <- struct{}{}:
	default:
		return // one is under way
	}
	s.machine.stale.Store(true)
	s.startSnapshot("no snapshot was taken; the one that is damaged stays, and the view is the only copy of what it holds", func() {})
}

// snapshot writes a snapshot and cuts the log behind it, where the disk has room for one more copy of the view, which a base
// is no part of.
func (s *Store) snapshot() error {
	if err := errors.Join(s.roomForCopy(), s.walkBase()); err != nil {
		return err
	}
	if over, under := diskBytes(s.path(viewDir)), diskBytes(s.path(baseDir)); s.base != nil && over > under/baseShare {
		s.opts.Logger.Warn("what has changed since the import is a large part of it, and each snapshot holds all of it", "bytes", over, "base", under)
	}
	return s.log.Snapshot()
}
