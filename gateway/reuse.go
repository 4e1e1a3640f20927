package gateway

import (
	"crypto/sha256"

	"zhenni"
	"zhenni/identity"
	"zhenni/identity/pin"
)

// The kinds of refusal of what is used for two.
var (
	kindCaptureReused = &kind{403, "capture_reused", "The capture was brought for another person before.", "Capture the face of the person anew.", false, false}
	kindSealingReused = &kind{403, "sealing_reused", "The identity is sealed under the key and nonce of another.", "Repair what seals: each sealing draws an ephemeral key and a nonce of its own.", false, false}
)

// claimCapture takes the capture that an issue is asked for by as one of its subject. As one of anybody else of the tenant it is
// refused for a while, whoever brings it: by sending one capture twice nobody is enrolled under two persons.
//
// It sees no more than that, because nothing ever looks for a face among credentials. Two captures of one face are two, and so
// are two of a morph, a picture between two people that resembles both. Those meet what is compared: a face has to match the
// reference of the person that it claims to be, which the issuer holds and whoever applies has no hand in. A stranger's does so at
// the rate of the profile; a morph does as far as it resembles that reference, of one person in each issue, and to be captured it
// has to pass for somebody alive. A morph that the issuer took in as a reference matches both people it is of: that is for the
// issuer to see, where the photograph is taken.
func (s *Server) claimCapture(rq *request, i *issuance) error {
	row := i.probe
	if row == nil {
		row = i.command.Row
	}
	switch s.captures.see(rq.party.Tenant, int8Bytes(row), i.command.Subject[:], s.config.Now()) {
	case sightFull:
		return zhenni.ErrOverloaded
	case sightOther:
		s.limits.captures.Add(1)
		s.config.Logger.Warn("one capture is brought for two persons", "party", rq.party.ID)
		return refuse(kindCaptureReused, "")
	}
	return nil
}

// claimSealing refuses a sealed text, of an identity or a PIN, whose ephemeral key and nonce came with another text of the party before: AES-GCM under
// one key and nonce twice gives away what it seals, and how to forge more. The key is blocked, and the operator alarmed; the party
// is not stopped, for where its customers seal one of them could stop all. The same text again is a request that is sent again.
func (s *Server) claimSealing(rq *request, sealed []byte, sealing [sha256.Size]byte) error {
	now := s.config.Now()
	switch s.sealings.see(rq.party.ID, sealing[:], sealed, now) {
	case sightFull:
		return zhenni.ErrOverloaded
	case sightOther:
		s.limits.reuses.Add(1)
		s.config.Logger.Error("two texts are sealed under one key and nonce: a client of the party draws none", "party", rq.party.ID)
		return refuse(kindSealingReused, "")
	}
	return nil
}

// unsealPIN opens a PIN that a party sealed for its transaction. What is wrong with it is told by [refusePIN].
func (s *Server) unsealPIN(rq *request, sealed []byte) (digits pin.Digits, err error) {
	if digits, err = s.config.PINs.OpenPIN(sealed, rq.party.ID, rq.transaction); err != nil {
		return pin.Digits{}, refusePIN(err)
	}
	sealing, err := identity.Sealing(string(sealed))
	if err == nil {
		err = s.claimSealing(rq, sealed, sealing)
	}
	if err != nil {
		digits.Forget()
		return pin.Digits{}, err
	}
	return digits, nil
}

// refuseStopped refuses a party that is stopped, of evaluation or not: [kindStopped].
func (s *Server) refuseStopped(rq *request) error {
	if !s.limits.isStopped(rq) {
		return nil
	}
	s.limits.refused.Add(1)
	return refuse(kindStopped, "")
}
