package gateway

import (
	"context"
	"errors"
	"time"

	"zhenni"
	"zhenni/identity/pin"
)

// takePIN takes the PIN of a verification, which is for a service.
func (rq *request) takePIN(sealed *field) error {
	if sealed.value == nil {
		return nil
	}
	if sealed.number || rq.terms.service == "" {
		return refuse(kindItem, "pin is a sealed text for a service")
	}
	rq.terms.sealedPIN = sealed.value
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
	if !proved && rq.terms.sealedPIN != nil && s.pinsShut.Load() {
		return refusePINs()
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
	return s.unsealPIN(rq, sealed)
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
	return s.comparePIN(rq, turn, id, fit, digits, deadline)
}

// comparePIN counts an attempt at the PIN of a credential that fits, and reports whether it was right. The work is the same
// whether there is a PIN to compare with. It may end the turn.
func (s *Server) comparePIN(rq *request, turn *pin.Turn, id zhenni.CredentialID, fit bool, digits pin.Digits, deadline time.Time) (bool, error) {
	kept, err := s.countedPIN(rq, turn, id, fit, deadline)
	if err != nil {
		return false, err
	}
	right, err := turn.Check(digits, kept.binding, kept.verifier)
	if err != nil || !right {
		return false, err
	}
	err = s.countPIN(rq, id, true, deadline)
	if errors.Is(err, zhenni.ErrNotFound) {
		return false, nil // it was suspended meanwhile
	}
	if err != nil {
		return false, err
	}
	turn.End()
	s.renewPIN(rq.party.Tenant, kept, digits)
	return true, nil
}

// fit reports whether the policy admits the credential by its record. What is signed as by its device, and is not, does not fit.
func (s *Server) fit(rq *request, id zhenni.CredentialID) (bool, error) {
	var facts zhenni.CredentialFacts
	c, err := s.node.Credential(id)
	switch {
	case err == nil:
		facts = zhenni.CredentialFacts{Tenant: c.Tenant, Level: c.Level, Status: c.Status, NotAfter: c.ValidUntil, Locked: c.Locked.Means()}
	case !errors.Is(err, zhenni.ErrNotFound):
		return false, err
	}
	t := &rq.terms
	_, ruling := s.by(rq).policy.Decide(t.granted, rq.party.Tenant, facts, t.shown, s.config.Now())
	return ruling == zhenni.Admitted, nil
}

// openedPIN is a verifier and what it is bound to. The zero value is none.
type openedPIN struct {
	verifier pin.Verifier
	binding  pin.Binding
}

// countedPIN counts an attempt, durably, and returns the PIN to compare with. It is none where there is nothing to count: the
// credential does not fit, has no PIN, or has no attempts left for now. So whoever does not hold what belongs to the credential
// uses up no attempt of it; nor is one used up where the PIN could not be compared, which is found out before.
func (s *Server) countedPIN(rq *request, turn *pin.Turn, id zhenni.CredentialID, fit bool, deadline time.Time) (openedPIN, error) {
	if !fit {
		return openedPIN{}, nil
	}
	kept, err := s.openPIN(turn, id)
	if err == nil {
		if err = s.countPIN(rq, id, false, deadline); err == nil {
			kept, err = s.openPIN(turn, id) // the one that was counted on
		}
	}
	for _, none := range []error{zhenni.ErrNotFound, zhenni.ErrPINPaused, zhenni.ErrPINBlocked} {
		if errors.Is(err, none) {
			return openedPIN{}, nil
		}
	}
	return kept, err
}

// openPIN returns a credential's PIN once it is known to open: [zhenni.ErrNotFound], or [refusePINs].
func (s *Server) openPIN(turn *pin.Turn, id zhenni.CredentialID) (openedPIN, error) {
	kept, err := s.config.PINs.PIN(id)
	if err != nil && !errors.Is(err, zhenni.ErrCorrupt) {
		return openedPIN{}, err
	}
	opened := openedPIN{binding: pin.Binding{Credential: id, Generation: kept.Generation}}
	if err == nil {
		if opened.verifier, err = pin.ParseVerifier(kept.Verifier); err == nil {
			err = turn.Opens(opened.binding, opened.verifier)
		}
	}
	if err == nil {
		return opened, nil
	}
	if !s.pinsShut.Swap(true) {
		s.config.Logger.Error("a PIN does not open: until a restart nobody is told no by a PIN; name its pepper, or set it anew", "error", err)
	}
	return openedPIN{}, refusePINs()
}

// refusePINs is the one answer to a PIN that can not be compared, and to every one that would be told no once there is such
// a one: a no would tell that the credential is there, and the other that it is not.
func refusePINs() error { return refuse(kindUnavailable, "no PIN can be compared") }

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
