package actors

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/engine"
)

// attempts are the failed attempts at credentials. A segment's owner owns its counts, so that those of one credential are
// one after the other; they go with the segment, and outlive the incarnations of its shard.
type attempts struct {
	rules  zhenni.AttemptRules
	now    func() time.Time
	counts [engine.Segments]*zhenni.AttemptCounts
	// version is the highest that was given out: milliseconds since 1970 and, in the low versionBits, which of them. So a
	// version is higher than those of earlier runs even where their record is lost.
	version atomic.Uint64

	held                              atomic.Int64
	failed, barred, paused, disabled  atomic.Uint64
	resets, displaced, uncountedItems atomic.Uint64
}

const versionBits = 20

// restore takes in the counts of earlier runs.
func (a *attempts) restore(cfg *Config) error {
	a.rules, a.now = cfg.Attempts, cfg.Now
	for i := range a.counts {
		a.counts[i] = zhenni.NewAttemptCounts(a.rules, cfg.AttemptsHeld/engine.Segments)
	}
	now := a.now().UnixMilli()
	for count := range cfg.Counted {
		a.version.Store(max(a.version.Load(), count.Version))
		if !a.of(&count.Credential).Merge(count, now) {
			return fmt.Errorf("%w: AttemptsHeld %d: more credentials than that are barred", zhenni.ErrBadValue, cfg.AttemptsHeld)
		}
	}
	for _, counts := range a.counts {
		a.held.Add(int64(counts.Len()))
		a.displaced.Add(counts.Displaced())
	}
	return nil
}

// of are the counts of a credential's segment.
func (a *attempts) of(id *zhenni.CredentialID) *zhenni.AttemptCounts {
	return a.counts[engine.SegmentOf(*id)]
}

// reserve gives out n versions and returns the first.
func (a *attempts) reserve(n int, now int64) uint64 {
	for {
		last := a.version.Load()
		first := max(last+1, uint64(now)<<versionBits)
		if a.version.CompareAndSwap(last, first+uint64(n)-1) {
			return first
		}
	}
}

func (a *attempts) stats() zhenni.AttemptStats {
	return zhenni.AttemptStats{
		Failed: a.failed.Load(), Barred: a.barred.Load(), Paused: a.paused.Load(), Disabled: a.disabled.Load(),
		Reset: a.resets.Load(), Held: a.held.Load(), Displaced: a.displaced.Load(), Uncounted: a.uncountedItems.Load(),
	}
}

// limit holds the verdicts of a part against the attempts at their credentials, item by item, before anybody sees them. A
// credential that is barred is compared like any other, so that nothing tells it apart in time either, and its outcome is
// NoMatch: what the comparison says ends here. It returns the tally with that.
//
// Whatever fails in it leaves no verdict.
func (h *host) limit(p *part, t engine.Tally) (limited engine.Tally) {
	b := p.job.batch
	if b.Evaluation {
		return t
	}
	defer func() {
		if cause := recover(); cause != nil {
			h.node.log.Error("attempts not counted", "shard", h.name, "cause", h.caught(cause))
			refuseVerdicts(b, p.items)
			limited = engine.Tally{Replays: t.Replays}
		}
	}()
	c := counting{attempts: &h.node.attempts, part: p, tally: t}
	defer c.publish() // also after a panic: what was set is set
	for _, i := range p.items {
		switch b.Outcomes[i] {
		case zhenni.NoMatch:
			if h.matcher().Missed(i) || b.Also != nil && h.matchers[p.job.also].Missed(i) {
				c.attempt(i, false)
			}
		case zhenni.Match:
			if c.moves > 0 || c.held.Load() > 0 {
				c.attempt(i, true)
			}
		}
	}
	return c.tally
}

// refuseVerdicts leaves no verdict among the items.
func refuseVerdicts(b *zhenni.Batch, items []uint32) {
	for _, i := range items {
		if o := b.Outcomes[i]; o == zhenni.Match || o == zhenni.NoMatch {
			b.Outcomes[i] = zhenni.RefusedInternal
		}
	}
}

// counting is what is counted of one part. Its numbers are added to those of the node at the end.
type counting struct {
	*attempts
	part    *part
	tally   engine.Tally
	now     int64  // 0 until it is asked for
	version uint64 // the next to give to a count

	failures, bars, pauses, disables, moves, uncounted, displacements int
}

// attempt takes one verdict. Where nothing is held against the credential, a match changes nothing.
func (c *counting) attempt(item uint32, matched bool) {
	b := c.part.job.batch
	id, lane := &b.IDs[item], b.Lane(int(item))
	counts := c.of(id)
	was := counts.Find(id, lane)
	if matched && was.Clear() {
		return
	}
	if c.now == 0 {
		c.now = c.attempts.now().UnixMilli()
		c.version = c.reserve(len(c.part.items), c.now)
	}
	if c.rules.Barred(was, c.now) {
		c.bar(b, item, matched)
		return
	}
	next, _ := c.rules.Decide(was, lane, matched, c.now)
	if next == was {
		return
	}
	next.Version = c.version
	c.version++
	before, displaced := counts.Len(), counts.Displaced()
	if !counts.Set(id, lane, next, c.now) {
		b.Outcomes[item] = zhenni.RefusedUnavailable
		c.tally.NoMatch--
		c.uncounted++
		return
	}
	c.moves += counts.Len() - before
	c.displacements += int(counts.Displaced() - displaced)
	c.note(was, next, matched)
	c.part.counts = append(c.part.counts, zhenni.AttemptCount{Credential: *id, Lane: lane, Attempts: next})
}

// bar answers the item as a non-match.
func (c *counting) bar(b *zhenni.Batch, item uint32, matched bool) {
	c.bars++
	if matched {
		b.Outcomes[item] = zhenni.NoMatch
		c.tally.Match--
		c.tally.NoMatch++
	}
}

func (c *counting) note(was, next zhenni.Attempts, matched bool) {
	if matched {
		return
	}
	c.failures++
	switch {
	case c.rules.Disabled(next):
		c.disables++
	case c.rules.Barred(next, c.now):
		c.pauses++
	}
}

// publish adds the numbers of the part to those of the node.
func (c *counting) publish() {
	if c.now == 0 {
		return
	}
	for _, n := range []struct {
		total *atomic.Uint64
		more  int
	}{
		{&c.failed, c.failures}, {&c.barred, c.bars}, {&c.paused, c.pauses}, {&c.disabled, c.disables}, {&c.uncountedItems, c.uncounted},
		{&c.displaced, c.displacements},
	} {
		if n.more > 0 {
			n.total.Add(uint64(n.more))
		}
	}
	if c.moves != 0 {
		c.held.Add(int64(c.moves))
	}
}

// reset tells a shard that the holder of a credential of its segments was re-proved. It is confirmed on done, which has
// room.
type reset struct {
	zhenni.ResetAttempts
	done chan<- struct{}
}

// reset forgets what was counted before the re-proof. What was counted since stays: so says the record too.
func (h *host) reset(m *reset) {
	a := &h.node.attempts
	counts := a.of(&m.ID)
	before := counts.Len()
	counts.Reset(m.ID, m.Version)
	a.held.Add(int64(counts.Len() - before))
	a.resets.Add(1)
	m.done <- struct{}{}
}

// stamp gives every re-proof among the commands a version above all that was counted before. It returns where they are.
func (n *Node) stamp(commands []zhenni.Command) (stamped []zhenni.Command, resets []int) {
	for i, c := range commands {
		r, ok := c.(zhenni.ResetAttempts)
		if !ok {
			continue
		}
		if resets == nil {
			commands = slices.Clone(commands)
		}
		r.Version = n.attempts.reserve(1, n.attempts.now().UnixMilli())
		commands[i] = r
		resets = append(resets, i)
	}
	return commands, resets
}

// resetAttempts has the shards forget what the commands that took effect say, and waits for it as long as for a change. A
// shard that is later than that forgets it before whatever it is sent from then on.
func (n *Node) resetAttempts(ctx context.Context, stamped []zhenni.Command, resets []int, results []zhenni.Result) {
	done := make(chan struct{}, len(resets))
	sent := n.sendResets(stamped, resets, results, done)
	timer := time.NewTimer(n.config.Refresh)
	defer timer.Stop()
	for range sent {
		select {
		case <-done:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (n *Node) sendResets(stamped []zhenni.Command, resets []int, results []zhenni.Result, done chan<- struct{}) (sent int) {
	n.route.RLock()
	defer n.route.RUnlock()
	if n.phase == phaseDraining {
		return 0
	}
	for _, i := range resets {
		if results[i].Err != nil {
			continue
		}
		r := stamped[i].(zhenni.ResetAttempts)
		owner := n.place.shards[n.place.ownerOf(&r.ID)]
		n.tree.root.Send(owner.pid, &reset{ResetAttempts: r, done: done})
		sent++
	}
	return sent
}
