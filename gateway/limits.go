package gateway

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"unsafe"

	"zhenni"
)

// Meters keep what relying parties have used, so that it outlives the process. Its methods may be called from several
// goroutines, for one name from one at a time.
type Meters interface {
	// Keep has numbers outlive the process, in place of those under the name before: [zhenni.ErrUnavailable]. It waits for no disk.
	Keep(name string, numbers []int64) error
	// Kept returns the numbers under a name, or none.
	Kept(name string) []int64
}

// noMeters keep nothing.
type noMeters struct{}

func (noMeters) Keep(string, []int64) error { return nil }
func (noMeters) Kept(string) []int64        { return nil }

// The names under which meters keep something; those of a party have its id behind them.
const (
	meterQuota  = "quota/"
	meterWindow = "window/"
	meterMinute = "minute"
)

// limits stop relying parties that search for somebody who matches, and all of them where they do so together. A stop lies in
// the record of the party; what leads to one is kept in the meters, so that a restart forgets neither. Only the probes that
// were tried are forgotten: each may be tried once more. The counts of a credential are in the ledger. Parties of evaluation
// are exempt.
type limits struct {
	rules  zhenni.PartyRules
	seed   maphash.Seed
	meters Meters
	// parties has an entry for each party that verified something: as many as there are.
	parties sync.Map // of string to *partyLimit

	mu sync.Mutex
	// minute is the minute that noMatches are of. It never goes back. kept is room for both. All are guarded by mu.
	minute    int64
	noMatches uint64
	kept      [2]int64
	capped    atomic.Int64 // the minute up to which nothing is verified any more

	alarms, stops, caps, shares, refused, lifts, captures, reuses atomic.Uint64
}

// partyLimit is what is known of one party.
type partyLimit struct {
	// stopped mirrors the stop in its record from before that is durable, or where it could not be made so.
	stopped atomic.Bool

	mu   sync.Mutex
	name string // of the window in the meters
	// deciding makes a stop durable before a lift, or not at all behind it.
	deciding sync.Mutex
	window   zhenni.PartyWindow
	share    share
	kept     [zhenni.PartyWindowNumbers]int64 // room for it

	// tried are probes that matched nobody, in a place that follows from their hash. It is made with the first of them, and
	// guarded by looking.
	looking sync.Mutex
	tried   *[triedProbes]triedProbe
}

// triedProbe is a probe with the credential it was last tried on, both as keyed hashes.
type triedProbe struct{ probe, who uint64 }

const (
	// triedProbes is how many probes of a party are remembered: whoever takes turns with more is left to the share of
	// non-matches.
	triedProbes = 256
	// triedStrip is how many are hashed before they are looked up.
	triedStrip = 64
)

func (l *limits) start(rules zhenni.PartyRules, meters Meters) {
	l.rules, l.seed, l.meters = rules.WithDefaults(), maphash.MakeSeed(), meters
	l.capped.Store(-1)
	if kept := meters.Kept(meterMinute); len(kept) == len(l.kept) {
		l.minute, l.noMatches = kept[0], uint64(kept[1])
		if l.noMatches > l.rules.PerMinute {
			l.capped.Store(l.minute)
		}
	}
}

const millisPerMinute = 60_000

// isStopped reports whether the party is stopped: by its record, or not durably yet.
func (l *limits) isStopped(rq *request) bool {
	known, ok := l.parties.Load(rq.party.ID)
	return !rq.party.Stopped.IsZero() || ok && known.(*partyLimit).stopped.Load()
}

// admit refuses the request of a party that is stopped, or any once the minute has had its non-matches.
func (l *limits) admit(rq *request, now int64) error {
	if rq.evaluation() {
		return nil
	}
	known, ok := l.parties.Load(rq.party.ID)
	switch {
	case l.isStopped(rq):
		l.refused.Add(1)
		return refuse(kindStopped, "")
	case ok && known.(*partyLimit).share.usedUp(now):
		l.refused.Add(1)
		return refuse(kindShare, "")
	}
	if l.isCapped(now) {
		l.refused.Add(1)
		return refuse(kindCapped, "")
	}
	return nil
}

// isCapped reports whether nothing is verified at a time. A clock that goes back ends no cap.
func (l *limits) isCapped(now int64) bool { return now/millisPerMinute <= l.capped.Load() }

// of returns what is known of a party, with the window it had before a restart.
func (l *limits) of(party string) *partyLimit {
	if known, ok := l.parties.Load(party); ok {
		return known.(*partyLimit)
	}
	l.mu.Lock() // a window is read before anybody keeps it
	defer l.mu.Unlock()
	if known, ok := l.parties.Load(party); ok {
		return known.(*partyLimit)
	}
	p := &partyLimit{name: meterWindow + party}
	p.window = zhenni.ReadPartyWindow(l.meters.Kept(p.name), &l.rules)
	l.parties.Store(party, p)
	return p
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
	p := l.of(rq.party.ID)
	step, err := p.note(l, b, more, now)
	if err != nil {
		return err
	}
	switch step {
	case zhenni.PartyAlarmed:
		l.alarms.Add(1)
		s.config.Logger.Warn("a relying party has too many non-matches, or tries one face on several people", "party", rq.party.ID)
	case zhenni.PartyStopped:
		s.stop(rq.party.ID, p, now)
		return refuse(kindStopped, "")
	}
	if err := s.takeShare(rq, p, more.NoMatches, now); err != nil {
		return err
	}
	// What stops its party is not of the cap, or one party could use up all of it with one request.
	capped, err := l.spend(more.NoMatches, now)
	if err != nil {
		return err
	}
	if capped {
		s.config.Logger.Error("non-matches of all relying parties exceed the cap: nothing is verified until the minute has passed", "cap", l.rules.PerMinute)
	}
	if l.isCapped(now) {
		return refuse(kindCapped, "")
	}
	return nil
}

// spend adds non-matches to those of the minute, and reports whether they come to exceed the cap now.
func (l *limits) spend(noMatches uint64, now int64) (capped bool, err error) {
	if noMatches == 0 {
		return false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now / millisPerMinute; minute > l.minute {
		l.minute, l.noMatches = minute, 0
	}
	l.noMatches += noMatches
	l.kept = [2]int64{l.minute, int64(l.noMatches)}
	if err := l.meters.Keep(meterMinute, l.kept[:]); err != nil {
		return false, err
	}
	if l.noMatches <= l.rules.PerMinute || l.capped.Load() == l.minute {
		return false, nil
	}
	l.capped.Store(l.minute)
	l.caps.Add(1)
	return true, nil
}

// note takes in what was decided on a batch of the party. Where nothing was a non-match the window is kept by the next one
// only: what a restart forgets then speaks for the party.
func (p *partyLimit) note(l *limits, b *zhenni.Batch, more zhenni.PartyItems, now int64) (zhenni.PartyStep, error) {
	if more.NoMatches > 0 && b.Dim > 0 {
		more.Shared = max(uint64(b.Shared), p.triedBefore(l, b))
		if b.Also != nil {
			more.Shared = max(more.Shared, p.triedBefore(l, alsoOf(b)))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped.Load() {
		return zhenni.PartyStopped, refuse(kindStopped, "") // by another request meanwhile, which sees to it
	}
	step := p.window.Note(&l.rules, more, now)
	if step == zhenni.PartyStopped {
		p.stopped.Store(true)
		return step, nil // the meters keep what led to it until the stop is durable
	}
	if more.NoMatches == 0 {
		return step, nil
	}
	return step, p.keep(l)
}

// keep has the window outlive the process. The caller holds mu.
func (p *partyLimit) keep(l *limits) error {
	return l.meters.Keep(p.name, p.window.AppendNumbers(p.kept[:0], &l.rules))
}

// triedBefore counts the non-matches whose probe was tried on another credential, in this request or one before.
func (p *partyLimit) triedBefore(l *limits, b *zhenni.Batch) (shared uint64) {
	var strip [triedStrip]triedProbe
	n := 0
	for i, o := range b.Outcomes {
		if o != zhenni.NoMatch {
			continue
		}
		strip[n] = triedProbe{maphash.Bytes(l.seed, probeBytes(b, i)), maphash.Bytes(l.seed, b.IDs[i][:])}
		if n++; n == len(strip) {
			shared, n = shared+p.lookUp(strip[:]), 0
		}
	}
	return shared + p.lookUp(strip[:n])
}

// lookUp counts those of some probes that were tried on another credential, and remembers all of them.
func (p *partyLimit) lookUp(probes []triedProbe) (shared uint64) {
	p.looking.Lock()
	defer p.looking.Unlock()
	if p.tried == nil {
		p.tried = new([triedProbes]triedProbe)
	}
	for _, t := range probes {
		place := &p.tried[t.probe%triedProbes]
		if place.probe == t.probe && place.who != t.who {
			shared++
		}
		*place = t
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
