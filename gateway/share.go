package gateway

import (
	"sync/atomic"

	"zhenni"
)

// partyShare is what part of the cap on the non-matches of all parties one of them may use up in a minute: a fourth. Else one
// alone, a request at a time and never with enough non-matches to be stopped, could have nothing verified for anybody. Whoever
// goes beyond it waits for the next minute alone; it takes four together to make all the others wait.
const partyShare = 4

// kindShare is told to a party that has used up its share.
var kindShare = &kind{429, "non_match_share_used", "Your verifications find more non-matches in a minute than the share of one party.", "Retry after the time in Retry-After.", true, false}

// share counts the non-matches of a party in a minute. Its fields but over are guarded by the mutex of the party.
type share struct {
	minute    int64
	noMatches uint64
	// over is the minute in which there are more of them than the share, behind 1; 0 for none.
	over atomic.Int64
}

// add adds non-matches, and reports whether the share does not have them: then they are not answered, and not of the cap.
func (s *share) add(rules *zhenni.PartyRules, noMatches uint64, now int64) (over bool) {
	if minute := now / millisPerMinute; minute != s.minute {
		s.minute, s.noMatches = minute, 0
	}
	s.noMatches += noMatches
	if noMatches == 0 || s.noMatches <= max(1, rules.PerMinute/partyShare) {
		return false
	}
	s.over.Store(s.minute + 1)
	return true
}

// usedUp reports whether the minute of a time is one in which the share was used up.
func (s *share) usedUp(now int64) bool { return s.over.Load() == now/millisPerMinute+1 }

// takeShare counts non-matches of a party against its share: [kindShare].
func (s *Server) takeShare(rq *request, p *partyLimit, noMatches uint64, now int64) error {
	p.mu.Lock()
	before := p.share.usedUp(now)
	over := p.share.add(&s.limits.rules, noMatches, now)
	p.mu.Unlock()
	if !over {
		return nil
	}
	if !before {
		s.limits.shares.Add(1)
		s.config.Logger.Warn("a relying party has used up its share of all non-matches: it waits until the minute has passed", "party", rq.party.ID)
	}
	return refuse(kindShare, "")
}

// mayBeToldAgain is mayBeTold for an answer that is stored: the party is not stopped, and was not told to name a service, or that
// one, any more. The cap and the share are not looked at, for nothing is verified.
func (s *Server) mayBeToldAgain(rq *request) error {
	if err := s.stands(rq); err != nil {
		return err
	}
	if !rq.evaluation() {
		if err := s.refuseStopped(rq); err != nil {
			return err
		}
	}
	if rq.references != 0 || rq.migrates {
		return nil // an issue names no service, nor does a template
	}
	return s.grant(rq)
}
