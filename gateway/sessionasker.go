package gateway

import (
	"errors"
	"strconv"

	"zhenni"
)

// askersSide is the side of who asks, for [Sessions.Watch].
const askersSide = -1

// seeSession is GET /v1/sessions/{id}: the session as who asks sees it, at once or when it changes.
func (s *Server) seeSession(rq *request) error {
	session, err := s.asking(rq)
	if err != nil {
		return err
	}
	return s.awaitView(rq, session.ID, askersSide, s.askerView)
}

// followSession is GET /v1/sessions/{id}/events: the same as a stream of events.
func (s *Server) followSession(rq *request) error {
	session, err := s.asking(rq)
	if err != nil {
		return err
	}
	return s.streamView(rq, session.ID, askersSide, s.askerView)
}

func (s *Server) askerView(session zhenni.Session) (any, error) { return s.askerDocument(session), nil }

// askerEvent brings what who asks does to the session, and answers with the session as they see it.
func (s *Server) askerEvent(rq *request, session zhenni.Session, e zhenni.SessionEvent) error {
	after, err := s.tell(session.ID, e)
	if err != nil {
		return err
	}
	rq.writeSession(200, s.askerDocument(after))
	return nil
}

// cancelSession is POST /v1/sessions/{id}/cancel. Cancelling once more changes nothing.
func (s *Server) cancelSession(rq *request) error {
	session, err := s.asking(rq)
	if err != nil {
		return err
	}
	if !rq.bodyRead {
		return refuse(kindSyntax, "this request takes no body")
	}
	if session.End == zhenni.SessionCancelled {
		rq.writeSession(200, s.askerDocument(session))
		return nil
	}
	return s.askerEvent(rq, session, zhenni.SessionEvent{Kind: zhenni.EventCancelled})
}

// typeCode is POST /v1/sessions/{id}/code: who asks types what the phone shows. A wrong one ends the session.
func (s *Server) typeCode(rq *request) error {
	code, err := s.readCode(rq)
	if err != nil {
		return err
	}
	session, err := s.asking(rq)
	if err != nil {
		return err
	}
	if !session.AskerTypesCode() && session.End == zhenni.SessionLive {
		return refuse(kindSessionStep, "the code is typed by the other side")
	}
	return s.askerEvent(rq, session, zhenni.SessionEvent{Kind: zhenni.EventCode, Code: code})
}

// readCode reads the two digits of a document.
func (s *Server) readCode(rq *request) (uint8, error) {
	fields := [1]field{{name: "code"}}
	if err := s.readFields(rq, fields[:]); err != nil {
		return 0, err
	}
	code, err := strconv.ParseUint(string(fields[0].value), 10, 8)
	if err != nil || fields[0].number || len(fields[0].value) != 2 {
		return 0, refuse(kindItem, "code is not a text of two digits")
	}
	return uint8(code), nil
}

// capture is POST /v1/sessions/{id}/capture: at a hotel and at a kiosk it is the device of who asks that captures. It may name its try
// as a phone does.
func (s *Server) capture(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	session, err := s.asking(rq)
	if err != nil {
		return err
	}
	if !capturedByAsker[session.Kind] {
		return refuse(kindSessionStep, "the phone captures")
	}
	if err := s.mayCapture(&session); err != nil {
		return err
	}
	if session, err = s.answerSeat(rq, session, 0, body); err != nil {
		return err
	}
	rq.writeSession(200, s.askerDocument(session))
	return nil
}

// capturedByAsker are the kinds in which it is not the phone that captures.
var capturedByAsker = map[zhenni.SessionKind]bool{zhenni.SessionHotel: true, zhenni.SessionKiosk: true}

// sessionResults is GET /v1/sessions/{id}/results: the signed results of those who were confirmed in a session that has ended, as far as
// [zhenni.Session.Vouches] goes, and of a group the summary.
func (s *Server) sessionResults(rq *request) error {
	session, err := s.asking(rq)
	if err != nil {
		return err
	}
	if session.End == zhenni.SessionLive {
		return refuse(kindSessionStep, "the session has not ended")
	}
	document := struct {
		askerDocument
		Results []string `json:"results"`
		Gone    []int    `json:"gone,omitempty"`
		Summary string   `json:"summary,omitempty"`
	}{askerDocument: s.askerDocument(session), Results: []string{}}
	for seat := range session.Seats {
		result, err := s.resultOf(rq, session, seat)
		switch {
		case errors.Is(err, zhenni.ErrEvicted):
			document.Gone = append(document.Gone, seat)
		case err != nil:
			return err
		case result != "":
			document.Results = append(document.Results, result)
		}
	}
	if group, ended := session.GroupOutcome(); ended && s.signs(rq) {
		summary, err := s.config.Receipts.Summarise(rq.party, group)
		if err != nil {
			return err
		}
		document.Summary = string(summary)
	}
	rq.writeSession(200, document)
	return nil
}

// resultOf is the signed result of the comparison that confirmed a seat, "" where there is none or results are not signed;
// [zhenni.ErrEvicted] where it is not kept any more.
func (s *Server) resultOf(rq *request, session zhenni.Session, seat int) (string, error) {
	if s.config.Ledger == nil || !session.Vouches(seat) {
		return "", nil
	}
	last := &request{ctx: rq.ctx, server: s, party: rq.party, named: true, transaction: session.Transaction(seat)}
	stored, err := s.config.Ledger.Begin(last.identity())
	switch {
	case errors.Is(err, zhenni.ErrInProgress):
		return "", nil
	case err != nil:
		return "", err
	case stored == nil:
		s.config.Ledger.Drop(last.identity())
		return "", zhenni.ErrEvicted
	}
	err = s.recall(last, stored)
	return string(last.result), err
}
