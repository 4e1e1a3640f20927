package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// seeSeat is GET /v1/sessions/{id}/seats/{seat}: the session as the person in the seat sees it, at once or when it changes. A phone
// that scanned a code sees who asks before it signs for them, or that another one has the seat.
func (s *Server) seeSeat(rq *request) error {
	session, seat, err := s.seat(rq)
	if err != nil {
		return err
	}
	if !s.letIn(rq, session, seat) {
		return refuse(kindNoSession, "")
	}
	return s.awaitView(rq, session.ID, seat, s.seatView(rq, seat))
}

// followSeat is GET /v1/sessions/{id}/seats/{seat}/events.
func (s *Server) followSeat(rq *request) error {
	session, seat, err := s.seated(rq)
	if err != nil {
		return err
	}
	return s.streamView(rq, session.ID, seat, s.seatView(rq, seat))
}

// seatView shows a seat to its phone, and to whoever was let in for as long as nobody has taken it: [kindSessionTaken]. Who waits
// with a link does not see what the phone sees that was faster.
func (s *Server) seatView(rq *request, seat int) func(zhenni.Session) (any, error) {
	token, _ := rq.token()
	return func(session zhenni.Session) (any, error) {
		if session.Seats[seat].State != zhenni.SeatWaiting && !session.IsPhone(seat, token) {
			return nil, refuse(kindSessionTaken, "")
		}
		return s.newHolderDocument(session, seat), nil
	}
}

// seatEvent brings what the person in a seat does to the session, and answers with the session as they see it.
func (s *Server) seatEvent(rq *request, session zhenni.Session, e zhenni.SessionEvent) error {
	after, err := s.tell(session.ID, e)
	if err != nil {
		return err
	}
	rq.writeSession(200, s.newHolderDocument(after, e.Seat))
	return nil
}

// openSeat is POST /v1/sessions/{id}/seats/{seat}/open: a phone takes the seat. It shows the link's token or the proof of a code
// that it scanned, and draws a token of its own, by which it is known from then on; its credential's device signs for that.
func (s *Server) openSeat(rq *request) error {
	session, seat, err := s.seat(rq)
	if err != nil {
		return err
	}
	if !s.letIn(rq, session, seat) {
		return refuse(kindNoSession, "")
	}
	fields := [3]field{{name: "credential"}, {name: "phone"}, {name: "evidence"}}
	if err := s.readFields(rq, fields[:]); err != nil {
		return err
	}
	e := zhenni.SessionEvent{Kind: zhenni.EventOpened, Seat: seat}
	if fields[0].number || e.Credential.UnmarshalText(fields[0].value) != nil {
		return refuse(kindID, "credential is not 32 lower-case hexadecimal digits")
	}
	token, ok := zhenni.ParseSessionToken(fields[1].value)
	if !ok {
		return refuse(kindItem, "phone is not a token of 43 characters")
	}
	e.Phone = sha256.Sum256(token[:])
	if _, err := s.holds(session.Tenant, e.Credential, fields[2].value, evidence.Expected{
		Subject: e.Credential, Capture: e.Phone, Transaction: session.ID.OpeningTransaction(seat), Party: session.Party, MaxAge: time.Minute,
	}); err != nil {
		return err
	}
	if session.Kind == zhenni.SessionPerson {
		return s.openPerson(rq, session, e)
	}
	return s.seatEvent(rq, session, e)
}

// letIn reports whether the request shows the token of the link, or the proof of a code that was on the screen a moment ago. A
// phone that is in already shows what it drew.
func (s *Server) letIn(rq *request, session zhenni.Session, seat int) bool {
	shown := rq.ctx.Request.Header.Peek(tokenField)
	if token, ok := zhenni.ParseSessionToken(shown); ok {
		return session.IsInvited(seat, token) || session.IsPhone(seat, token)
	}
	var proof [zhenni.SessionQRSize]byte
	var decoded [zhenni.SessionQRSize + 2]byte
	if seat != 0 || len(shown) != base64.RawURLEncoding.EncodedLen(len(proof)) {
		return false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(decoded[:], shown)
	if err != nil || n != len(proof) {
		return false
	}
	copy(proof[:], decoded[:])
	return session.IsScanned(proof, s.config.Now())
}

// holds returns the credential of the tenant whose device signed a token of evidence: [kindHolder]. Which of it is wrong is not told:
// whoever has the device knows.
func (s *Server) holds(tenant zhenni.TenantID, id zhenni.CredentialID, written []byte, want evidence.Expected) (zhenni.Credential, error) {
	credential, err := s.holderOf(id, written, want)
	if err == nil && credential.Tenant != tenant {
		return zhenni.Credential{}, refuse(kindHolder, "")
	}
	return credential, err
}

// holderOf returns the credential whose device signed a token of evidence: [kindHolder].
func (s *Server) holderOf(id zhenni.CredentialID, written []byte, want evidence.Expected) (c zhenni.Credential, err error) {
	token, err := evidence.Parse(written)
	if err == nil {
		err = token.Check(want, s.config.Now())
	}
	if err != nil || token.Claims().Kind != evidence.Possession {
		return c, refuse(kindHolder, "")
	}
	ofDevice, found, err := s.ofDevice(id, []*evidence.Token{token})
	if err != nil {
		return c, err
	}
	c, err = s.node.Credential(id)
	if err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return c, err
	}
	if !ofDevice || err != nil || c.Device != found.record.Device {
		return zhenni.Credential{}, refuse(kindHolder, "")
	}
	return c, nil
}

// enterCode is POST /v1/sessions/{id}/seats/{seat}/code: the person in the seat types what the other one reads out. A wrong code
// ends the session.
func (s *Server) enterCode(rq *request) error {
	session, seat, err := s.seated(rq)
	if err != nil {
		return err
	}
	code, err := s.readCode(rq)
	if err != nil {
		return err
	}
	if session.AskerTypesCode() {
		return refuse(kindSessionStep, "the code is typed by the other side")
	}
	return s.seatEvent(rq, session, zhenni.SessionEvent{Kind: zhenni.EventCode, Seat: seat, Code: code})
}

// decline is POST /v1/sessions/{id}/seats/{seat}/decline. Between persons it may report who asks, and ask not to be asked again.
func (s *Server) decline(rq *request) error {
	session, seat, err := s.seated(rq)
	if err != nil {
		return err
	}
	e := zhenni.SessionEvent{Kind: zhenni.EventDeclined, Seat: seat}
	if !rq.bodyRead {
		if e.Report, e.Block, err = s.readAlso(rq, "report", "block"); err != nil {
			return err
		}
	}
	if e.Report || e.Block {
		return s.complain(rq, session, e)
	}
	return s.seatEvent(rq, session, e)
}

// answerAsked is POST /v1/sessions/{id}/seats/{seat}/answer: the phone shows the person.
func (s *Server) answerAsked(rq *request) error {
	session, seat, err := s.seated(rq)
	if err != nil {
		return err
	}
	if capturedByAsker[session.Kind] {
		return refuse(kindSessionStep, "the device of who asks captures")
	}
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	session, err = s.answerSeat(rq, session, seat, body)
	rq.hidePartys()
	if err != nil {
		return refusePhone(err)
	}
	rq.writeSession(200, s.newHolderDocument(session, seat))
	return nil
}

// hidePartys takes from an answer what is the party's alone: the quota it has left.
func (rq *request) hidePartys() {
	for _, name := range []string{"RateLimit", "RateLimit-Policy", "Retry-After"} {
		rq.ctx.Response.Header.Del(name)
	}
}

// refusePhone keeps from a phone why its party can not ask now.
func refusePhone(err error) error {
	var r *refusal
	if errors.As(err, &r) && (r.kind == kindStopped || r.kind == kindCapped || r.kind == kindShare || r.kind == kindQuota) {
		return refuse(kindUnavailable, "")
	}
	return err
}
