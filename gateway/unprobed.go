package gateway

import (
	"context"
	"errors"
	"time"

	"zhenni"
	"zhenni/identity/pin"
)

// takePIN takes a verification without a probe, which is for a service.
func (rq *request) takePIN(batch *zhenni.Batch, fields []field) error {
	t, sealed := &rq.terms, &fields[fieldPIN]
	if sealed.number || t.service == "" || fields[fieldInt8].value != nil || fields[fieldFloat32].value != nil {
		return refuse(kindItem, "pin is a sealed text for a service, in the place of a probe")
	}
	t.unprobed, t.sealedPIN, batch.Dim = true, sealed.value, 0
	return nil
}

// decideUnprobed decides by what is held and known, and answers once that is recorded. What the party does wrong is refused at
// once; what the credential lacks is a no like any other. From where the credential is looked at, the answer comes after a whole
// number of [Config.UnprobedTime].
func (s *Server) decideUnprobed(rq *request, batch *zhenni.Batch) error {
	begun := time.Now()
	deadline := begun.Add(s.config.VerifyTimeout)
	if err := s.permit(rq, batch); err != nil {
		return err
	}
	now := s.config.Now().UnixMilli()
	if err := s.limits.admit(rq, now); err != nil {
		return err
	}
	digits, err := s.enteredPIN(rq)
	if err != nil {
		return err
	}
	defer digits.Forget()
	defer s.level(begun)
	proved, err := s.proves(rq, batch.IDs[0], digits, deadline)
	if err != nil {
		return err
	}
	batch.Outcomes[0] = zhenni.NoMatch
	if proved {
		batch.Outcomes[0] = zhenni.Match
	}
	if err := s.reckon(rq, batch, now); err != nil {
		return err
	}
	if err := s.mayBeTold(rq); err != nil {
		return err
	}
	return s.answerOne(rq, batch, begun, deadline)
}

// enteredPIN opens the PIN of a verification, or none where it has none.
func (s *Server) enteredPIN(rq *request) (pin.Digits, error) {
	sealed := rq.terms.sealedPIN
	if sealed == nil {
		return pin.Digits{}, nil
	}
	if s.config.PINs == nil {
		return pin.Digits{}, refuse(kindEvidence, "this server keeps no PINs")
	}
	digits, err := s.config.PINs.OpenPIN(sealed, rq.party.ID, rq.transaction)
	if err != nil {
		return pin.Digits{}, refusePIN(err)
	}
	return digits, nil
}

// level waits until a whole number of steps has passed, so that what was done since is not seen in when it is answered.
func (s *Server) level(begun time.Time) {
	step := s.config.UnprobedTime
	time.Sleep(step - time.Since(begun)%step)
}

// proves reports whether the credential is what the service asks for, and the PIN its own, where the way takes one.
func (s *Server) proves(rq *request, id zhenni.CredentialID, digits pin.Digits, deadline time.Time) (bool, error) {
	fit, err := s.fit(rq, id)
	if err != nil || !rq.terms.admission.Means.Has(zhenni.MeansPIN) {
		return fit, err
	}
	turn, err := s.config.PINs.Admit()
	if err != nil {
		return false, err
	}
	defer turn.End()
	kept, err := s.countedPIN(rq, id, fit, deadline)
	if err != nil {
		return false, err
	}
	var verifier pin.Verifier
	if len(kept.Verifier) > 0 {
		if verifier, err = pin.ParseVerifier(kept.Verifier); err != nil {
			return false, err
		}
	}
	right, err := turn.Check(digits, pin.Binding{Credential: id, Generation: kept.Generation}, verifier)
	if err != nil || !right {
		return false, err
	}
	err = s.countPIN(rq, id, true, deadline)
	if errors.Is(err, zhenni.ErrNotFound) {
		return false, nil // it was suspended meanwhile
	}
	return err == nil, err
}

// fit reports whether the policy admits the credential by its record. What is signed as by its device, and is not, does not fit.
func (s *Server) fit(rq *request, id zhenni.CredentialID) (bool, error) {
	var facts zhenni.CredentialFacts
	c, err := s.node.Credential(id)
	switch {
	case err == nil:
		facts = zhenni.CredentialFacts{Tenant: c.Tenant, Level: c.Level, Status: c.Status, NotAfter: c.ValidUntil}
		for _, factor := range c.Locked.List() {
			facts.Locked |= zhenni.NewMeansSet(zhenni.Means(factor))
		}
	case !errors.Is(err, zhenni.ErrNotFound):
		return false, err
	}
	t := &rq.terms
	_, ruling := s.policy.Decide(t.granted, rq.party.Tenant, facts, t.shown, s.config.Now())
	return ruling == zhenni.Admitted, nil
}

// countedPIN counts an attempt, durably, and returns the PIN to compare with. It is none where there is nothing to count: the
// credential does not fit, has no PIN, or has no attempts left for now. So whoever does not hold what belongs to the credential
// uses up no attempt of it.
func (s *Server) countedPIN(rq *request, id zhenni.CredentialID, fit bool, deadline time.Time) (zhenni.PIN, error) {
	if !fit {
		return zhenni.PIN{}, nil
	}
	err := s.countPIN(rq, id, false, deadline)
	if err == nil {
		var kept zhenni.PIN
		if kept, err = s.config.PINs.PIN(id); err == nil {
			return kept, nil
		}
	}
	for _, none := range []error{zhenni.ErrNotFound, zhenni.ErrPINPaused, zhenni.ErrPINBlocked} {
		if errors.Is(err, none) {
			return zhenni.PIN{}, nil
		}
	}
	return zhenni.PIN{}, err
}

// countPIN counts an attempt, or clears the count at a right one.
func (s *Server) countPIN(rq *request, id zhenni.CredentialID, right bool, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	results, err := s.node.Apply(ctx, []zhenni.Command{
		zhenni.CountPIN{ID: id, Tenant: rq.party.Tenant, Right: right, At: s.config.Now()},
	})
	if err != nil {
		return err
	}
	return results[0].Err
}
