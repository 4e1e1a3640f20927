package gateway

import (
	"zhenni"
)

// askerPerson is what who asks another person sees beside what everybody who asks sees.
type askerPerson struct {
	// Shared is what who was asked let them see; it can be fetched while SharedWaiting is set, and is gone otherwise.
	Shared        []string `json:"shared,omitempty"`
	SharedWaiting bool     `json:"shared_waiting,omitempty"`
	// Back is the link by which who asks answers, where they are asked back.
	Back string `json:"back,omitempty"`
}

// holderPerson is what who is asked by another person sees beside what everybody who is asked sees. Of who asks there is the
// masked name at most.
type holderPerson struct {
	Asker  string   `json:"asker,omitempty"`
	Shared []string `json:"shared,omitempty"`
	// Back is the session in which they ask back.
	Back *backDocument `json:"back,omitempty"`
}

type backDocument struct {
	Session    string `json:"session"`
	AskerToken string `json:"asker_token"`
}

// askerDocument is a session as who asks sees it now.
func (s *Server) askerDocument(session zhenni.Session) askerDocument {
	d := newAskerDocument(session)
	d.serviceNames = s.namesOf(session.Service)
	if session.Introduction == nil {
		return d
	}
	d.Shared = session.Introduction.Shared.Names()
	d.SharedWaiting = d.Shared != nil && s.persons.relay.waits(session.ID, s.config.Now())
	if back, there := s.back(session); there && back.End == zhenni.SessionLive {
		d.Back = seatLink(back.ID, 0, back.SeatToken(0))
	}
	return d
}

// heldByPerson is what the person in the seat of a session between persons sees.
func (s *Server) heldByPerson(session zhenni.Session) (p holderPerson) {
	if session.Introduction == nil {
		return p
	}
	p.Asker, p.Shared = session.Introduction.Asker, session.Introduction.Shared.Names()
	if back, there := s.back(session); there {
		p.Back = &backDocument{back.ID.String(), back.AskerToken().String()}
	}
	return p
}

// back returns the session in which who was asked asks back.
func (s *Server) back(session zhenni.Session) (zhenni.Session, bool) {
	if session.Introduction.Answers != (zhenni.SessionID{}) {
		return zhenni.Session{}, false
	}
	back, err := s.config.Sessions.Session(s.backID(session))
	return back, err == nil
}
