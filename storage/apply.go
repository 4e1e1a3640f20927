package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"zhenni"
)

// Apply is the one way the state changes. It applies the commands in order and returns one result for each, once all
// of them are durable: written, and synced to disk. What goes wrong with one command is in its Result.Err and stops
// no other. Commands of one call are applied together, in one commit with those of calls made at the same time.
//
// An error of Apply itself means that no result is known. Nothing was started on [zhenni.ErrBadValue] (more than
// [MaxCommands]), [zhenni.ErrOverloaded] (the queue is full), [zhenni.ErrDeadline] (ctx ended while the commands waited
// their turn) and [zhenni.ErrUnavailable] (read-only, closed, importing, disk space below the reserve, or an earlier
// commit failed, after which the store takes no change until it is opened again). Any other error leaves open whether
// the commands will be found applied; sending them again is safe: enrolments answer [zhenni.ErrExists], those of a subject
// and changes answer as before.
//
// A commit under way is waited for even when ctx ends: no change becomes visible after Apply has returned, so whoever
// re-reads the records then has what will stay, and the rows of the commands are the caller's again.
func (s *Store) Apply(ctx context.Context, cmds []zhenni.Command) ([]zhenni.Result, error) {
	if len(cmds) == 0 {
		return nil, nil
	}
	if len(cmds) > MaxCommands {
		return nil, fmt.Errorf("%w: %d commands, want at most %d", zhenni.ErrBadValue, len(cmds), MaxCommands)
	}
	if s.opts.ReadOnly {
		return nil, fmt.Errorf("%w: the store is open read-only", zhenni.ErrUnavailable)
	}
	req := &request{ctx: ctx, cmds: cmds, done: make(chan error, 1)}
	if err := s.enqueue(req); err != nil {
		return nil, err
	}
	select {
	case err := <-req.done:
		return req.results, err
	case <-ctx.Done():
	}
	if req.taken.CompareAndSwap(false, true) {
		return nil, fmt.Errorf("%w: %w", zhenni.ErrDeadline, context.Cause(ctx))
	}
	err := <-req.done
	return req.results, err
}

func (s *Store) enqueue(req *request) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	if err := s.committer.stalled(); err != nil {
		return err
	}
	select {
	case s.committer.queue <- req:
		return nil
	default:
		return fmt.Errorf("%w: %d changes wait for the disk", zhenni.ErrOverloaded, cap(s.committer.queue))
	}
}

// request is one call of Apply. The committer owns results until it has sent to done.
type request struct {
	ctx  context.Context
	cmds []zhenni.Command
	// taken is set by whoever is first: the committer, which then applies cmds, or the caller, who gives up.
	taken   atomic.Bool
	results []zhenni.Result
	done    chan error
}

// committer is the one writer of the view. Its goroutine owns every field but queue.
type committer struct {
	store *Store
	queue chan *request
	ended chan struct{}

	mark    *mark
	marked  water // what the mark said at Open
	reached water // the last commit
	keys    keyState
	// failed is the first commit that did not succeed. Whether it is on disk is not known, so no later one is tried.
	failed error
	// refused is why the last commit was refused or failed, for others to read, and began when the commit under way did,
	// as the time since the store was opened; 0 between two.
	refused atomic.Pointer[error]
	began   atomic.Int64
}

func (c *committer) start(s *Store) {
	c.store, c.queue, c.ended = s, make(chan *request, s.opts.Queue), make(chan struct{})
	go c.run()
}

// stop ends the committer after what is queued. No call may be enqueuing.
func (c *committer) stop() {
	close(c.queue)
	<-c.ended
}

func (c *committer) run() {
	defer close(c.ended)
	for first := range c.queue {
		c.commit(c.gather(first))
	}
}

// gather takes along what waits, up to groupCommands: the commands of many calls share one sync of the disk.
func (c *committer) gather(first *request) []*request {
	group, size := []*request{first}, len(first.cmds)
	for size < groupCommands-MaxCommands {
		select {
		case next, ok := <-c.queue:
			if !ok {
				return group
			}
			group, size = append(group, next), size+len(next.cmds)
		default:
			return group
		}
	}
	return group
}

func (c *committer) commit(group []*request) {
	c.began.Store(c.store.sinceOpen())
	defer c.began.Store(0)
	err := c.ready()
	if err == nil {
		err = c.apply(group)
	}
	c.note()
	for _, req := range group {
		if err != nil {
			req.results = nil
		}
		switch {
		case err == nil && req.results == nil:
			req.done <- fmt.Errorf("%w: not started", zhenni.ErrDeadline)
		default:
			req.done <- err
		}
	}
}

// ready reports why no change can be made now.
func (c *committer) ready() error {
	if c.failed != nil {
		return fmt.Errorf("%w: an earlier change failed, and whether the disk has it is not known; "+
			"verification goes on, changes need a restart on a sound disk: %w", errHalted, c.failed)
	}
	return errors.Join(c.store.roomLeft(), c.store.recordable())
}

var errHalted = fmt.Errorf("%w: %w", zhenni.ErrUnavailable, zhenni.ErrHalted)

// roomLeft gates every write on free space: a full disk is a bus error in a mapped file, which kills the process.
func (s *Store) roomLeft() error {
	for _, dir := range []string{s.opts.Dir, filepath.Dir(s.opts.KeysPath())} {
		free, err := s.opts.free(dir)
		if err != nil {
			return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
		}
		if free < s.opts.Reserve {
			return fmt.Errorf("%w: %w: %d bytes of disk are free, the reserve is %d", zhenni.ErrUnavailable, zhenni.ErrNoRoom, free, s.opts.Reserve)
		}
	}
	return nil
}

// apply runs the group through one batch and publishes what it changed.
func (c *committer) apply(group []*request) error {
	b := newBatch(c.store, c.reached, c.keys)
	defer b.discard()
	for _, req := range group {
		if req.ctx.Err() == nil && req.taken.CompareAndSwap(false, true) {
			req.results = b.run(req.cmds)
		}
	}
	if !b.dirty {
		return b.err
	}
	if err := b.seal(); err != nil {
		return err
	}
	e := entry{kind: entryChange, sequence: b.water.sequence, records: b.records, turned: b.turns()}
	// Whoever meets a record of this entry in the view finds the key of its tenant: the ring is swapped in before.
	c.store.ring.Store(&b.ring)
	err := b.putKeys()
	if err == nil {
		err = c.store.propose(e)
	}
	if err != nil {
		c.failed = err
		return err
	}
	c.store.truncateWhenDue(e.size())
	c.reached, c.keys = b.water, b.keys
	c.store.publish(b)
	if err := b.shred(); err != nil {
		c.failed = err
		return err
	}
	if err := c.mark.write(b.water); err != nil {
		c.failed = err
		return err
	}
	return nil
}

// propose makes an entry durable and then part of the view. It waits for as long as that takes: the fate of an entry
// that was not waited for is not known.
func (s *Store) propose(e entry) error {
	_, err := s.log.Propose(context.Background(), e.append(make([]byte, 0, e.size()), s.keys.log))
	return err
}

// publish swaps in what a committed batch changed, but for the ring, which has to be there before.
func (s *Store) publish(b *batch) {
	s.parties.Store(&b.parties)
	s.partyIndex.Store(&b.partyIndex)
	s.models.Store(&b.models)
	s.credentials.Store(b.water.credentials)
	s.due.lower(b.due)
}
