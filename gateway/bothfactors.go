package gateway

import (
	"time"

	"zhenni"
)

// bothOf are a factor that is compared and a PIN.
func bothOf(compared zhenni.Factor) zhenni.MeansSet {
	return zhenni.NewMeansSet(zhenni.Means(compared), zhenni.MeansPIN)
}

// decideBoth decides by a probe and a PIN, each under its own counter, of a request that the policy takes both of. The PIN is
// looked at, and an attempt at it counted, only of a credential that the probe matched; what did not is compared with no PIN, by
// the same work. Whatever it is that does not agree, the answer is the same no, after a whole number of [Config.UnprobedTime].
func (s *Server) decideBoth(rq *request, batch *zhenni.Batch, begun, deadline time.Time) error {
	digits, err := s.enteredPIN(rq)
	if err != nil {
		return err
	}
	defer digits.Forget()
	defer s.level(begun)
	turn, err := s.config.PINs.Admit() // before an attempt of either kind
	if err != nil {
		return err
	}
	defer turn.End()
	now := s.config.Now().UnixMilli()
	if err := s.askNode(rq, batch, now, deadline); err != nil {
		return err
	}
	rq.screen(batch)
	outcome := &batch.Outcomes[0]
	if *outcome == zhenni.Match || *outcome == zhenni.NoMatch {
		right, err := s.comparePIN(rq, turn, batch.IDs[0], *outcome == zhenni.Match, digits, deadline)
		if err != nil {
			return err
		}
		if !right {
			*outcome = zhenni.NoMatch
		}
	}
	if err := s.reckon(rq, batch, now); err != nil {
		return err
	}
	if *outcome == zhenni.NoMatch && s.pinsShut.Load() {
		return refusePINs()
	}
	if err := s.mayBeTold(rq); err != nil {
		return err
	}
	return s.answerOne(rq, batch, begun, deadline)
}
