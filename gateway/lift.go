package gateway

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"zhenni"
)

// stop makes the stop of a party durable, and then forgets what led to it. Where that fails the party is stopped for as long
// as the process lives, and the next one has its window as it was before the request that stopped it.
func (s *Server) stop(party string, p *partyLimit, now int64) {
	p.deciding.Lock()
	defer p.deciding.Unlock()
	if !p.stopped.Load() {
		return // an operator lifts it already
	}
	s.limits.stops.Add(1)
	s.config.Logger.Error("a relying party is stopped until an operator lifts that: too many non-matches, or one face tried on many people", "party", party)
	_, err := s.applyOne(zhenni.StopRelyingParty{ID: party, At: time.UnixMilli(now).UTC()})
	if err == nil {
		p.mu.Lock()
		err = p.keep(&s.limits)
		p.mu.Unlock()
	}
	if err != nil {
		s.config.Logger.Error("the stop of a relying party does not outlive this process", "party", party, "error", err)
	}
}

// Lift lets a relying party that was stopped verify again, durably: [zhenni.ErrNotFound] where it is not stopped, and the
// errors of [Node.Apply].
func (s *Server) Lift(party string) error {
	known, _ := s.limits.parties.Load(party)
	p, _ := known.(*partyLimit)
	if p != nil {
		p.deciding.Lock()
		defer p.deciding.Unlock()
	}
	here := p != nil && p.stopped.Load()
	if _, err := s.applyOne(zhenni.LiftRelyingParty{ID: party}); err != nil && (!here || !errors.Is(err, zhenni.ErrNotFound)) {
		return err
	}
	if here { // a stop since then is another one
		p.stopped.Store(false)
	}
	s.limits.lifts.Add(1)
	s.config.Logger.Warn("an operator lets a stopped relying party verify again", "party", party)
	return nil
}

// LimitStats are the counts of limits since the server started.
type LimitStats struct {
	// Alarms and Stops count relying parties alarmed about and stopped, Lifts those an operator let go on, Caps the minutes
	// cut short for all, Shares those cut short for one that used up its share, Refused the requests turned away by any of them.
	Alarms  uint64 `json:"alarms"`
	Stops   uint64 `json:"stops"`
	Lifts   uint64 `json:"lifts"`
	Caps    uint64 `json:"caps"`
	Shares  uint64 `json:"shares"`
	Refused uint64 `json:"refused"`
	// Captures count those brought for two persons, Reuses identities sealed under the key and nonce of another.
	Captures uint64 `json:"captures"`
	Reuses   uint64 `json:"reuses"`
	// Stopped are the relying parties that are stopped now.
	Stopped []string `json:"stopped"`
}

// LimitStats returns the counts of the limits on relying parties, and who is stopped now.
func (s *Server) LimitStats() LimitStats {
	l := &s.limits
	stats := LimitStats{
		Alarms: l.alarms.Load(), Stops: l.stops.Load(), Lifts: l.lifts.Load(), Caps: l.caps.Load(), Shares: l.shares.Load(), Refused: l.refused.Load(),
		Captures: l.captures.Load(), Reuses: l.reuses.Load(), Stopped: []string{},
	}
	if s.config.Stopped != nil {
		stats.Stopped = append(stats.Stopped, s.config.Stopped()...)
	}
	l.parties.Range(func(id, p any) bool {
		if p.(*partyLimit).stopped.Load() {
			stats.Stopped = append(stats.Stopped, id.(string))
		}
		return true
	})
	slices.Sort(stats.Stopped)
	stats.Stopped = slices.Compact(stats.Stopped)
	return stats
}

// Limiter is what the admin routes need of whoever stops relying parties; [*Server] is one.
type Limiter interface {
	// Lift lets a stopped relying party verify again: [zhenni.ErrNotFound] where it is not stopped.
	Lift(party string) error
	LimitStats() LimitStats
}

// Limit adds the routes GET /admin/limits and POST /admin/relying-parties/{id}/lift. It is for before Serve.
func (a *Admin) Limit(limiter Limiter) {
	a.limiter = limiter
	a.mux.Handle("GET /admin/limits", a.route(func(*http.Request) (any, error) { return limiter.LimitStats(), nil }))
	a.mux.Handle("POST /admin/relying-parties/{id}/lift", a.route(func(r *http.Request) (any, error) {
		if err := limiter.Lift(r.PathValue("id")); err != nil {
			return nil, err
		}
		return limiter.LimitStats(), nil
	}))
}
