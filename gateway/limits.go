package gateway

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"unsafe"

	"zhenni"
)

// limits stop relying parties that search for somebody who matches, and all of them where they do so together. They are
// kept in memory only, so a restart forgets a stop; the counts of a credential are not forgotten. Parties of evaluation
// are exempt.
type limits struct {
	rules zhenni.PartyRules
	seed  maphash.Seed
	// parties has an entry for each party that verified something: as many as there are.
	parties sync.Map // of string to *partyLimit

	mu sync.Mutex
	// minute is the minute that noMatches are of. Both are guarded by mu.
	minute    int64
	noMatches uint64
	capped    atomic.Int64 // the minute in which nothing is verified any more

	alarms, stops, caps, refused, lifts atomic.Uint64
}

// partyLimit is what is known of one party.
type partyLimit struct {
	mu     sync.Mutex
	window zhenni.PartyWindow
	// tried are probes that matched nobody, in a place that follows from their hash, each with the credential it was last
	// tried on. Both are kept as keyed hashes. It is made with the first of them.
	tried *[triedProbes][2]uint64
	// until mirrors when a stop of window ends, so that most requests take no lock.
	until atomic.Int64
}

// triedProbes is how many probes of a party are remembered: whoever takes turns with more is left to the share of
// non-matches.
const triedProbes = 256

func (l *limits) start(rules zhenni.PartyRules) {
	l.rules, l.seed = rules.WithDefaults(), maphash.MakeSeed()
	l.capped.Store(-1)
}

const millisPerMinute = 60_000

// admit refuses the request of a party that is stopped, or any once the minute has had its non-matches.
func (l *limits) admit(rq *request, now int64) error {
	if rq.evaluation() {
		return nil
	}
	if p, known := l.parties.Load(rq.party.ID); known && now < p.(*partyLimit).until.Load() {
		l.refused.Add(1)
		return refuse(kindStopped, "")
	}
	if l.capped.Load() == now/millisPerMinute {
		l.refused.Add(1)
		return refuse(kindCapped, "")
	}
	return nil
}

// reckon takes in what was decided on a batch. With an error it is not answered: so a spray learns nothing by the request
// that gives it away, however many items that has.
func (s *Server) reckon(rq *request, b *zhenni.Batch, now int64) error {
	l := &s.limits
	if rq.evaluation() {
		return nil
	}
	more := zhenni.PartyItems{Items: uint64(b.Len())}
	for _, o := range b.Outcomes {
		if o == zhenni.NoMatch {
			more.NoMatches++
		}
	}
	known, _ := l.parties.LoadOrStore(rq.party.ID, &partyLimit{})
	switch known.(*partyLimit).note(l, b, more, now) {
	case zhenni.PartyAlarmed:
		l.alarms.Add(1)
		s.config.Logger.Warn("a relying party has too many non-matches, or tries one face on several people", "party", rq.party.ID)
	case zhenni.PartyStopped:
		l.stops.Add(1)
		s.config.Logger.Error("a relying party is stopped: too many non-matches, or one face tried on many people", "party", rq.party.ID, "for", l.rules.Window)
		return refuse(kindStopped, "")
	}
	// What stops its party is not of the cap, or one party could use up all of it with one request.
	if l.spend(more.NoMatches, now) {
		s.config.Logger.Error("non-matches of all relying parties exceed the cap: nothing is verified until the minute has passed", "cap", l.rules.PerMinute)
	}
	if l.capped.Load() == now/millisPerMinute {
		return refuse(kindCapped, "")
	}
	return nil
}

// spend adds non-matches to those of the minute, and reports whether they come to exceed the cap now.
func (l *limits) spend(noMatches uint64, now int64) (capped bool) {
	if noMatches == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now / millisPerMinute; minute != l.minute {
		l.minute, l.noMatches = minute, 0
	}
	l.noMatches += noMatches
	if l.noMatches <= l.rules.PerMinute || l.capped.Load() == l.minute {
		return false
	}
	l.capped.Store(l.minute)
	l.caps.Add(1)
	return true
}

func (p *partyLimit) note(l *limits, b *zhenni.Batch, more zhenni.PartyItems, now int64) zhenni.PartyStep {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.window.Stopped(now) {
		return zhenni.PartyStopped // by another request meanwhile
	}
	if more.NoMatches > 0 && b.Dim > 0 {
		more.Shared = max(uint64(b.Shared), p.triedBefore(l, b))
	}
	step := p.window.Note(&l.rules, more, now)
	if step == zhenni.PartyStopped {
		p.until.Store(now + l.rules.Window.Milliseconds())
	}
	return step
}

// triedBefore counts the non-matches whose probe was tried on another credential, in this request or one before.
func (p *partyLimit) triedBefore(l *limits, b *zhenni.Batch) (shared uint64) {
	if p.tried == nil {
		p.tried = new([triedProbes][2]uint64)
	}
	for i, o := range b.Outcomes {
		if o != zhenni.NoMatch {
			continue
		}
		probe, who := maphash.Bytes(l.seed, probeBytes(b, i)), maphash.Bytes(l.seed, b.IDs[i][:])
		place := &p.tried[probe%triedProbes]
		if place[0] == probe && place[1] != who {
			shared++
		}
		*place = [2]uint64{probe, who}
	}
	return shared
}

// probeBytes are the elements of the probe of an item, where they lie.
func probeBytes(b *zhenni.Batch, i int) []byte {
	if b.Int8 != nil {
		return unsafe.Slice((*byte)(unsafe.Pointer(&b.Int8[i*b.Dim])), b.Dim)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&b.Float32[i*b.Dim])), 4*b.Dim)
}

// Lift lets a relying party that was stopped verify again, and reports whether it was.
func (s *Server) Lift(party string) bool {
	known, ok := s.limits.parties.Load(party)
	if !ok {
		return false
	}
	p := known.(*partyLimit)
	p.mu.Lock()
	defer p.mu.Unlock()
	stopped := p.window.Stopped(s.config.Now().UnixMilli())
	p.window.Lift()
	p.until.Store(0)
	if stopped {
		s.limits.lifts.Add(1)
		s.config.Logger.Warn("an operator lets a stopped relying party verify again", "party", party)
	}
	return stopped
}

// LimitStats are the counts of limits since the server started.
type LimitStats struct {
	// Alarms and Stops count relying parties alarmed about and stopped, Lifts those an operator let go on, Caps the minutes
	// cut short for all, Refused the requests turned away by either.
	Alarms  uint64 `json:"alarms"`
	Stops   uint64 `json:"stops"`
	Lifts   uint64 `json:"lifts"`
	Caps    uint64 `json:"caps"`
	Refused uint64 `json:"refused"`
	// Stopped are the relying parties that are stopped now.
	Stopped []string `json:"stopped"`
}

// LimitStats returns the counts of the limits on relying parties, and who is stopped now.
func (s *Server) LimitStats() LimitStats {
	l := &s.limits
	stats := LimitStats{
		Alarms: l.alarms.Load(), Stops: l.stops.Load(), Lifts: l.lifts.Load(), Caps: l.caps.Load(), Refused: l.refused.Load(), Stopped: []string{},
	}
	now := s.config.Now().UnixMilli()
	l.parties.Range(func(id, p any) bool {
		if now < p.(*partyLimit).until.Load() {
			stats.Stopped = append(stats.Stopped, id.(string))
		}
		return true
	})
	return stats
}

// longestSpare is the most counts that memory is kept for.
const longestSpare = zhenni.MaxBatchItems

// lendCounts gives a batch memory for the counts that come back with it, behind those of the request so far.
func (s *Server) lendCounts(rq *request, b *zhenni.Batch) {
	if b.Evaluation {
		return
	}
	if rq.counts == nil {
		rq.counts, _ = s.spareCounts.Get().(*[]zhenni.AttemptCount)
		if rq.counts == nil {
			rq.counts = new([]zhenni.AttemptCount)
		}
	}
	b.Attempts = *rq.counts
}

// takeCounts takes the counts of a batch that was decided.
func (rq *request) takeCounts(b *zhenni.Batch) {
	if rq.counts != nil {
		*rq.counts = b.Attempts
	}
}

// endCounts gives the memory back. Where the node still has it, the request has none.
func (s *Server) endCounts(rq *request) {
	if rq.counts != nil && !rq.lease.lent && cap(*rq.counts) <= longestSpare {
		*rq.counts = (*rq.counts)[:0]
		s.spareCounts.Put(rq.counts)
	}
	rq.counts = nil
}

// attempts are the counts that go into the record of the answer.
func (rq *request) attempts() []zhenni.AttemptCount {
	if rq.counts == nil {
		return nil
	}
	return *rq.counts
}
