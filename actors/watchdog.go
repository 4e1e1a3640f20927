package actors

import "time"

// sighting is what the watchdog last saw of a shard.
type sighting struct {
	beats  uint64
	since  time.Time // when beats was first seen, or the shard was idle
	failed time.Time // when the shard was first seen failed, zero while it is not
}

// watch looks at every shard a few times in each Stall or Cooldown, until the node is taken down: it marks those that
// hold work and make no progress, and has failed ones rebuilt.
func (n *Node) watch() {
	defer close(n.halted)
	ticker := time.NewTicker(min(n.config.Stall, n.config.Cooldown) / 4)
	defer ticker.Stop()
	seen := map[*shard]*sighting{}
	for {
		select {
		case <-n.halt:
			return
		case now := <-ticker.C:
			n.inspect(seen, now)
		}
	}
}

// inspect looks at the shards of the current placement and forgets the others.
func (n *Node) inspect(seen map[*shard]*sighting, now time.Time) {
	n.route.RLock()
	defer n.route.RUnlock()
	current := make(map[*shard]bool, len(n.place.shards))
	for _, s := range n.place.shards {
		current[s] = true
		last := seen[s]
		if last == nil {
			last = &sighting{since: now}
			seen[s] = last
		}
		n.judgeProgress(s, last, now)
		n.judgeFailure(s, last, now)
	}
	for s := range seen {
		if !current[s] {
			delete(seen, s)
		}
	}
}

func (n *Node) judgeProgress(s *shard, last *sighting, now time.Time) {
	beats := s.beats.Load()
	if beats != last.beats || s.inFlight.Load() == 0 {
		last.beats, last.since = beats, now
	}
	stalled := now.Sub(last.since) >= n.config.Stall
	if s.stalled.Swap(stalled) != stalled {
		n.log.Warn("shard progress changed", "shard", s.name, "stalled", stalled)
	}
}

func (n *Node) judgeFailure(s *shard, last *sighting, now time.Time) {
	switch {
	case !s.failed.Load():
		last.failed = time.Time{}
	case last.failed.IsZero():
		last.failed = now
	case now.Sub(last.failed) >= n.config.Cooldown && n.phase == phaseServing:
		last.failed = now
		n.tree.root.Send(s.pid, &rebuild{})
	}
}
