package gateway

import (
	"errors"

	"zhenni"
)

// answerSeat decides the next comparison of a seat as a verification by the party of the session, and brings what was decided to
// the session, which it returns as it is then. Where that was cut off, whatever is sent next for the same comparison is answered by
// the decision that is recorded: a seat has one decision a try.
func (s *Server) answerSeat(rq *request, session zhenni.Session, seat int, body []byte) (zhenni.Session, error) {
	if session = session.Passed(s.config.Now()); session.End != zhenni.SessionLive {
		return session, refuse(kindSessionEnded, "")
	}
	if session.Seats[seat].State != zhenni.SeatOpened {
		return session, refuse(kindSessionStep, "")
	}
	// An answer that was lost and is sent again says of which try it is, so that it does not begin another one.
	if try := rq.ctx.Request.Header.Peek("Transaction-Id"); try != nil && string(try) != session.Transaction(seat) {
		return session, refuse(kindSessionStep, "the answer of another try")
	}
	if session.ForSeat(seat).CodeWanted {
		return session, refuse(kindSessionStep, "the code comes first")
	}
	if session.Kind == zhenni.SessionPerson {
		rq.consent = &consent{}
		defer func() { rq.consent.name.Forget() }()
	}
	outcome, err := s.compareSeat(rq, session, seat, body)
	if err == nil {
		outcome, err = s.asExpected(session, seat, outcome)
	}
	if err != nil {
		return session, err
	}
	e := zhenni.SessionEvent{Kind: zhenni.EventAnswered, Seat: seat, Outcome: outcome, Transaction: session.Transaction(seat)}
	if outcome == zhenni.NoMatch {
		unusable, err := s.unusable(rq, session, seat)
		if err != nil {
			return session, err
		}
		// The device of who asks would see that a card which can not match ends at once: it takes the tries that a face takes.
		if unusable && (!capturedByAsker[session.Kind] || session.ForSeat(seat).TriesLeft == 1) {
			e = zhenni.SessionEvent{Kind: zhenni.EventUnusable, Seat: seat}
		}
	}
	if outcome == zhenni.Match && rq.consent != nil {
		if e.Shares, err = s.pass(session, seat, rq.consent); err != nil {
			return session, err
		}
	}
	return s.tell(session.ID, e)
}

// compareSeat is a verification of the credential in a seat, for the service of the session.
func (s *Server) compareSeat(rq *request, session zhenni.Session, seat int, body []byte) (zhenni.Outcome, error) {
	if err := s.askFor(rq, session); err != nil {
		return zhenni.Pending, err
	}
	rq.transaction, rq.named = session.Transaction(seat), true
	batch, err := s.decodeCapture(rq, session.Seats[seat].Credential, int(session.Seats[seat].Tried), body)
	if err != nil {
		return zhenni.Pending, err
	}
	if session.Kind == zhenni.SessionHotel {
		if err := s.atHotel(rq, &session, batch); err != nil {
			return zhenni.Pending, err
		}
	}
	rq.terms.bound = session.Binding(seat)
	stored, err := s.begin(rq, 1)
	if err != nil {
		return zhenni.Pending, err
	}
	if stored != nil {
		if len(stored.Outcomes) != 1 {
			return zhenni.Pending, zhenni.ErrCorrupt
		}
		return stored.Outcomes[0], nil
	}
	defer s.drop(rq)
	if rq.terms.unprobed {
		err = s.decideUnprobed(rq, batch)
	} else {
		err = s.decideOne(rq, batch)
	}
	if err != nil {
		return zhenni.Pending, err
	}
	switch o := batch.Outcomes[0]; o {
	case zhenni.Match, zhenni.NoMatch:
		return o, nil
	}
	return zhenni.Pending, refuse(kindUnavailable, "nothing was decided")
}

// askFor has the request ask as the party of the session, which may have gone or lost the service since it began.
func (s *Server) askFor(rq *request, session zhenni.Session) error {
	party, known := s.node.RelyingParty(session.Party)
	if !known || party.Suspended || party.Tenant != session.Tenant || !party.Roles.Has(zhenni.RoleVerifier) {
		return refuse(kindSessionEnded, "who asked is not there any more")
	}
	rq.party = party
	rq.terms.service, rq.terms.purpose = session.Service, session.Purpose
	return nil
}

const (
	captureInt8 = iota
	captureFloat32
	captureEvidence
	captureTime
	capturePIN
	captureAlsoModel
	captureAlsoInt8
	captureAlsoFloat32
	captureShare  // with what is shared behind it
	captureFields = captureShare + 3
)

// decodeCapture reads what is shown for a credential after so many tries.
func (s *Server) decodeCapture(rq *request, credential zhenni.CredentialID, tries int, body []byte) (*zhenni.Batch, error) {
	capture := [captureFields]field{
		{name: "probe_int8"}, {name: "probe_float32"}, {name: "evidence", list: true}, {name: "captured_at"}, {name: "pin"},
		{name: "also_model"}, {name: "also_probe_int8"}, {name: "also_probe_float32"},
		{name: "share", list: true}, {name: "name"}, {name: "selfie"},
	}
	if err := parseDocument(body, capture[:]); err != nil {
		return nil, err
	}
	if err := rq.consent.take(capture[captureShare:]); err != nil {
		return nil, err
	}
	var fields [verificationFields]field
	fields[fieldInt8], fields[fieldFloat32] = capture[captureInt8], capture[captureFloat32]
	fields[fieldEvidence], fields[fieldCapturedAt], fields[fieldPIN] = capture[captureEvidence], capture[captureTime], capture[capturePIN]
	fields[fieldBodyService].value, fields[fieldBodyPurpose].value = []byte(rq.terms.service), []byte(rq.terms.purpose)
	if err := rq.takeTerms(fields[:]); err != nil {
		return nil, err
	}
	if err := s.nameAlso(rq, &capture[captureAlsoModel], &capture[captureAlsoInt8], &capture[captureAlsoFloat32]); err != nil {
		return nil, err
	}
	batch := s.newBatch(rq, 1)
	batch.IDs[0] = credential
	rq.terms.tries = tries
	if err := rq.takePIN(&fields[fieldPIN]); err != nil {
		return nil, err
	}
	if fields[fieldInt8].value == nil && fields[fieldFloat32].value == nil {
		if rq.consent != nil {
			return nil, refuse(kindProbe, "a person shows the face")
		}
		rq.terms.unprobed, batch.Dim = true, 0
		return batch, s.decodeAlso(rq, batch, &capture[captureAlsoInt8], &capture[captureAlsoFloat32])
	}
	// A probe that can not be compared is told before anything is recorded: what is recorded is the one decision of the try.
	_, _, err := s.readRow(rq, &fields[fieldInt8], &fields[fieldFloat32])
	if err != nil || !s.decodeVector(batch, rq, &fields[fieldInt8], &fields[fieldFloat32]) {
		return nil, refuse(kindProbe, "want probe_int8 or probe_float32, base64 of the model's dimension")
	}
	if err := s.checkAlso(rq, &capture[captureAlsoInt8], &capture[captureAlsoFloat32]); err != nil {
		return nil, err
	}
	return batch, s.decodeAlso(rq, batch, &capture[captureAlsoInt8], &capture[captureAlsoFloat32])
}

// unusable reports whether the credential in a seat could not have matched, whatever was captured. It is asked after a no that is
// recorded like any other, and its holder alone is told.
func (s *Server) unusable(rq *request, session zhenni.Session, seat int) (bool, error) {
	c, err := s.node.Credential(session.Seats[seat].Credential)
	if errors.Is(err, zhenni.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	service, known := s.served[0].policy.Catalogue.Service(session.Service)
	return c.Tenant != session.Tenant || c.Status != zhenni.StatusActive || c.Overdue(s.config.Now()) ||
		!known || c.Level < service.Level || s.isLocked(rq, c), nil
}
