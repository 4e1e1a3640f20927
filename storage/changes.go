package storage

import (
	"fmt"
	"time"

	"zhenni"
)

// Accepting returns nil while the store takes changes, else why it does not and what to do: [zhenni.ErrUnavailable].
// Reads go on either way. It looks at the free space of the disk.
//
// A shortage of space ends by itself. A commit that failed does not: an entry that could not be synced may be found in
// the log all the same when it is opened again, after its change was answered with an error and the rows in memory were
// read again without it. Taking changes anew would need a log opened anew, and that entry applied under everybody who
// has read since; so the store is closed and opened, which rereads everything.
func (s *Store) Accepting() error {
	if s.opts.ReadOnly {
		return errReadOnly
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	if err := s.committer.stalled(); err != nil {
		return err
	}
	if refused := s.committer.refused.Load(); refused != nil {
		return *refused
	}
	if err := s.log.Err(); err != nil {
		return err
	}
	return s.roomLeft()
}

var errReadOnly = fmt.Errorf("%w: the store is open read-only", zhenni.ErrUnavailable)

// note tells others of a commit that failed for good.
func (c *committer) note() {
	if c.failed == nil || c.refused.Load() != nil {
		return
	}
	err := c.ready()
	c.refused.Store(&err)
	c.store.opts.Logger.Error("changes are refused, verification goes on; restart on a sound disk", "cause", c.failed)
}

// stalled reports a commit that has been under way for too long: the disk hangs. More changes would only wait for it.
func (c *committer) stalled() error {
	began := c.began.Load()
	if began == 0 {
		return nil
	}
	if since := time.Duration(c.store.sinceOpen() - began); since >= c.store.opts.Stall {
		return fmt.Errorf("%w: the disk has not ended a change for %v; changes are refused until it does, verification goes on",
			zhenni.ErrUnavailable, since.Round(time.Second))
	}
	return nil
}

// sinceOpen is the time since the store was opened, never 0.
func (s *Store) sinceOpen() int64 { return 1 + int64(s.opts.now().Sub(s.opened)) }
