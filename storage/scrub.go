package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"zhenni"
)

// scrubRest is what the scrub waits between two passes, and after one that could not go on.
const scrubRest = time.Minute

// scrub reads everything that is stored, again and again, at a set rate: the tables of the view, the log with its
// snapshot, and every record of every slot. Its goroutine is started by Open and ended by Close.
type scrub struct {
	cancel context.CancelFunc
	ended  chan struct{}

	passes, slots, bytes, damage atomic.Int64
	tablesRead                   atomic.Bool
}

// Scrubbed is what the walk in the background has done since Open. Damage is logged as it is met, and once for each slot.
type Scrubbed struct {
	// Passes is the number of times that everything was read, Slots how far the pass under way has come.
	Passes, Slots int64
	// Bytes is what was read, Damage the number of tables, log entries, snapshots and slots that were not as written.
	Bytes, Damage int64
	// Tables says that every table of the view was read against its checksums, by Open or since.
	Tables bool
}

// Scrubbed returns what the walk in the background has done.
func (s *Store) Scrubbed() Scrubbed {
	c := &s.scrub
	return Scrubbed{c.passes.Load(), c.slots.Load(), c.bytes.Load(), c.damage.Load(), c.tablesRead.Load()}
}

// verifyFirst reports whether the tables are read before the view is opened: where that takes no time, where a view is
// taken over from an older format, and where the process died while it read them, perhaps by a table that is damaged.
func (s *Store) verifyFirst() bool {
	_, missing := os.Stat(s.path(verifyingFile))
	first := missing == nil || s.label.Format < slotsFormat || s.label.Upgraded || diskBytes(s.path(viewDir))+diskBytes(s.path(baseDir)) <= s.opts.verifyAtOnce
	s.scrub.tablesRead.Store(first)
	return first
}

// startScrub starts the walk in the background, with the tables first where Open has not read them.
func (s *Store) startScrub() error {
	if s.opts.ReadOnly {
		return nil
	}
	if !s.scrub.tablesRead.Load() {
		if err := writeFile(s.path(verifyingFile), nil); err != nil {
			return err
		}
	} else if err := s.unmarkVerifying(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.scrub.cancel, s.scrub.ended = cancel, make(chan struct{})
	go s.runScrub(ctx)
	return nil
}

// end stops the walk and waits for it.
func (c *scrub) end() {
	if c.cancel != nil {
		c.cancel()
		<-c.ended
	}
}

// unmarkVerifying says that the tables were read, or that the process ends in order.
func (s *Store) unmarkVerifying() error {
	err := removeFile(s.path(verifyingFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (s *Store) runScrub(ctx context.Context) {
	defer close(s.scrub.ended)
	if !s.scrub.tablesRead.Load() {
		s.scrubTables(ctx, unpaced)
		s.scrub.tablesRead.Store(ctx.Err() == nil)
		if err := s.unmarkVerifying(); err != nil {
			s.opts.Logger.Warn("the tables were read; the next start reads them again", "cause", err)
		}
	}
	if s.opts.ScrubRate < 0 {
		return
	}
	s.scrubSnapshot(ctx, (&pacer{rate: s.scrubRate(), began: time.Now(), read: &s.scrub.bytes}).pace)
	for rest(ctx, scrubRest) {
		p := &pacer{rate: s.scrubRate(), began: time.Now(), read: &s.scrub.bytes}
		s.scrubTables(ctx, p.pace)
		s.scrubLog(ctx, p.pace)
		if s.scrubSlots(ctx, p.pace) {
			passes := s.scrub.passes.Add(1)
			s.opts.Logger.Info("everything stored was read", "passes", passes, "bytes", p.total,
				"damage", s.scrub.damage.Load(), "took", time.Since(p.began).Round(time.Second))
		}
	}
}

// scrubRate is the bytes a second to read.
func (s *Store) scrubRate() int64 {
	if s.opts.ScrubRate > 0 {
		return s.opts.ScrubRate
	}
	const day = 24 * 60 * 60
	return max(MinScrubRate, 2*s.Size()/day) // the view is read twice: as tables, and as records
}

// pacer holds a pass to a rate.
type pacer struct {
	rate, total int64
	began       time.Time
	read        *atomic.Int64
}

// pace counts n bytes and waits for as long as they are early; it reports whether the pass goes on.
func (p *pacer) pace(ctx context.Context, n int) bool {
	p.total += int64(n)
	p.read.Add(int64(n))
	due := time.Duration(float64(p.total) / float64(p.rate) * float64(time.Second))
	return rest(ctx, due-time.Since(p.began))
}

// unpaced is pace at full speed.
func unpaced(ctx context.Context, _ int) bool { return ctx.Err() == nil }

// rest waits and reports whether ctx goes on.
func rest(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// found counts and logs what the scrub has met.
func (s *Store) scrubFound(what string, err error) {
	s.scrub.damage.Add(1)
	s.opts.Logger.Error("damage was met in what is stored", "where", what, "cause", err)
}

// scrubFile is scrubFound for a file of the view or of its base: every slot is walked again before a read of it is believed,
// and the next Open makes the view anew, or says that the base is what is damaged.
func (s *Store) scrubFile(what string, err error) {
	s.scrubFound(what, err)
	s.doubt()
	s.markDamaged()
}

// scrubTables reads every table.
func (s *Store) scrubTables(ctx context.Context, pace func(context.Context, int) bool) {
	if s.enter() != nil {
		return
	}
	paths := s.tableFiles()
	s.gate.RUnlock()
	for _, path := range paths {
		size, err := verifyOpenTable(path)
		if err != nil {
			s.scrubFile("table", err)
		}
		if !pace(ctx, size) {
			return
		}
	}
	s.scrubBase(ctx, pace)
}

// scrubBase reads every file of the base.
func (s *Store) scrubBase(ctx context.Context, pace func(context.Context, int) bool) {
	if s.enter() != nil {
		return
	}
	b := s.base
	s.gate.RUnlock()
	if b == nil {
		return
	}
	aead, err := b.seal.aead(s.keys)
	for n := 0; n < len(b.seal.Files) && err == nil; n++ {
		if _, damage := b.seal.content(s.path(baseDir), n, aead); damage != nil {
			s.scrubFile("base", damage)
		}
		if !pace(ctx, int(b.seal.Files[n].Bytes)) {
			return
		}
	}
}

// scrubLog reads the log's entries and its snapshot. What the view has is not lost with them, and the next snapshot
// replaces them, so one is made due.
func (s *Store) scrubLog(ctx context.Context, pace func(context.Context, int) bool) {
	s.scrubRead(ctx, pace, "command log", s.log.Reread)
}

// scrubSnapshot reads the snapshot, which Open does not need where the view is whole.
func (s *Store) scrubSnapshot(ctx context.Context, pace func(context.Context, int) bool) {
	s.scrubRead(ctx, pace, "snapshot", s.log.RereadSnapshot)
}

// scrubRead has what reread reads taken anew by a snapshot where it is damaged.
func (s *Store) scrubRead(
	ctx context.Context, pace func(context.Context, int) bool, what string, reread func(func(n int) error) error,
) {
	err := reread(func(n int) error {
		if !pace(ctx, n) {
			return context.Cause(ctx)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.scrubFound(what, err)
		s.renewSnapshot()
	}
}

// scrubSlots walks every slot and reports whether it came to the end.
func (s *Store) scrubSlots(ctx context.Context, pace func(context.Context, int) bool) bool {
	share := int((diskBytes(s.path(viewDir)) + diskBytes(s.path(baseDir))) / zhenni.Slots)
	for slot := range zhenni.Slot(zhenni.Slots) {
		s.scrub.slots.Store(int64(slot))
		err := s.References(slot, slot, func(zhenni.Reference) error { return nil })
		switch {
		case errors.Is(err, zhenni.ErrCorrupt):
			s.scrubFound(fmt.Sprintf("slot %d", slot), err)
		case err != nil:
			return false // an import, or the end
		}
		if !pace(ctx, share) {
			return false
		}
	}
	return true
}
