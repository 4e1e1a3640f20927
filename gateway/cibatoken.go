package gateway

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"zhenni"
)

// giveToken is POST /token: a client collects what became of its request, once.
func (s *Server) giveToken(rq *request) error {
	f, err := s.readForm(rq)
	if err != nil {
		return err
	}
	if f["grant_type"] != grantCIBA {
		return oauth("unsupported_grant_type", "want "+grantCIBA)
	}
	session, err := s.requested(rq, f["auth_req_id"])
	if err != nil {
		return err
	}
	if err := s.mayCollect(session); err != nil {
		return err
	}
	return s.collect(rq, session)
}

// errGrant is the answer about every request that is not there, or not this client's.
var errGrant = oauth("invalid_grant", "there is no such request of this client, or its token was collected")

// requested finds the request of an id, of the client that asks.
func (s *Server) requested(rq *request, written string) (zhenni.Session, error) {
	first, second, _ := strings.Cut(written, ".")
	id, err := zhenni.ParseSessionID(first)
	token, ok := zhenni.ParseSessionToken([]byte(second))
	if err != nil || !ok {
		return zhenni.Session{}, errGrant
	}
	session, err := s.currentSession(id)
	if errors.Is(err, zhenni.ErrNotFound) {
		return session, errGrant
	}
	if err != nil {
		return session, err
	}
	if session.Kind != zhenni.SessionRemote || session.Party != rq.party.ID || session.Tenant != rq.party.Tenant || !session.IsRequest(token) {
		return zhenni.Session{}, errGrant
	}
	return session, nil
}

// mayCollect refuses a request that has no yes to collect. Every no is the same: whether the person refused, was not confirmed or has
// a credential that is of no use here is not told.
func (s *Server) mayCollect(session zhenni.Session) error {
	now := s.config.Now()
	switch {
	case session.Collected:
		return errGrant
	case session.End == zhenni.SessionTimeout, !now.Before(requestOver(&session)):
		s.polls.forget(session.ID)
		return oauth("expired_token", "nobody answered in time, or the answer was not collected in time")
	case session.End != zhenni.SessionLive && !session.Confirmed():
		s.polls.forget(session.ID)
		return oauth("access_denied", "the person was not confirmed")
	case session.Confirmed():
		return nil
	case s.polls.early(session.ID, now):
		return oauth("slow_down", "ask at most every five seconds")
	}
	return oauth("authorization_pending", "the person has not answered yet")
}

// collect makes the tokens of a yes from its signed result, and hands them out once that they were is durable: of two that ask at
// once one gets them, and a server that is killed in between has given them to nobody.
func (s *Server) collect(rq *request, session zhenni.Session) error {
	result, err := s.resultOf(rq, session, 0)
	if err != nil {
		return err
	}
	var raw [32]byte
	if _, err := io.ReadFull(s.config.Entropy, raw[:]); err != nil {
		return refuse(kindUnavailable, "no token could be drawn")
	}
	access := base64.RawURLEncoding.EncodeToString(raw[:])
	id, err := s.config.CIBA.Tokens.IDToken([]byte(result), requestID(&session), access, s.config.Now())
	if errors.Is(err, zhenni.ErrBadResult) {
		return oauth("access_denied", "the person was not confirmed")
	}
	if err != nil {
		return err
	}
	_, err = s.tell(session.ID, zhenni.SessionEvent{Kind: zhenni.EventCollected})
	var refused *refusal
	if errors.As(err, &refused) && (refused.kind == kindSessionEnded || refused.kind == kindNoSession) {
		return errGrant
	}
	if err != nil {
		return err
	}
	s.polls.forget(session.ID)
	// The access token is there because OAuth wants one (RFC 6749 §5.1). It opens nothing, and nobody keeps it.
	rq.writeSession(200, struct {
		Access string `json:"access_token"`
		Type   string `json:"token_type"`
		ID     string `json:"id_token"`
		Scope  string `json:"scope"`
	}{access, "Bearer", string(id), strings.Join([]string{scopeOpenID, scopeService + session.Service, scopePurpose + session.Purpose}, " ")})
	return nil
}
