package gateway

import (
	"zhenni"
)

// stands refuses a request whose party has lost what it came in with while the request was in hand: the party itself, the
// role of the route, or the key or certificate that it proved itself with, or that was suspended: [kindKey], [kindRole],
// [kindSuspended].
func (s *Server) stands(rq *request) error {
	if rq.role == 0 {
		return nil
	}
	now, known := s.node.RelyingParty(rq.party.ID)
	if !known || now.Tenant != rq.party.Tenant || now.Evaluation != rq.party.Evaluation || !rq.proven(s, now) {
		return refuse(kindKey, "")
	}
	if now.Roles&rq.role == 0 {
		return refuse(kindRole, "")
	}
	if now.Suspended {
		return refuse(kindSuspended, "")
	}
	rq.party = now
	return nil
}

// proven reports whether a party still has what the request was admitted for.
func (rq *request) proven(s *Server, now zhenni.RelyingParty) bool {
	if rq.rests == (root{}) {
		return now.KeyHash == rq.party.KeyHash
	}
	return rq.rests.open(now, s.config.Now())
}

// mayBeTold is stands for a verification that was decided and not yet answered: neither was its party stopped meanwhile, nor
// was the service taken from it that it asked for.
func (s *Server) mayBeTold(rq *request) error {
	if err := s.stands(rq); err != nil {
		return err
	}
	if err := s.limits.admit(rq, s.config.Now().UnixMilli()); err != nil {
		return err
	}
	return s.grant(rq)
}
