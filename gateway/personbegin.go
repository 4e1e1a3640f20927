package gateway

import (
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"zhenni"
	"zhenni/evidence"
	"zhenni/identity"
)

// personPrefix begins the transactions under which persons ask, so that what a phone signs for one is good for nothing else.
const personPrefix = "person."

// backTime is how long who is asked back has to open the session.
const backTime = time.Hour

const (
	personCredential = iota
	personPhone
	personEvidence
	personTransaction
	personExpected
	personName
	personSeconds
	personFields
)

// beginPerson is POST /v1/person-sessions, by the phone of a holder: a session in which they ask another person. Sent again under
// its transaction it is answered with the session that it made.
func (s *Server) beginPerson(rq *request) error {
	if s.config.Sessions == nil || s.config.Persons.Party == "" {
		return refuse(kindNotFound, "this server has no sessions between persons")
	}
	fields := [personFields]field{
		{name: "credential"}, {name: "phone"}, {name: "evidence"}, {name: "transaction"}, {name: "expected"}, {name: "name"}, {name: "expires_in_s"},
	}
	if err := s.readFields(rq, fields[:]); err != nil {
		return err
	}
	if err := s.takeNames(rq, &fields[personTransaction], &field{}); err != nil {
		return err
	}
	if !rq.named || !strings.HasPrefix(rq.transaction, personPrefix) {
		return refuse(kindSyntax, "a person asks under a transaction that begins with "+personPrefix)
	}
	defer rq.hidePartys()
	if err := s.forPersons(rq); err != nil {
		return refusePhone(err)
	}
	asker, err := s.askingPerson(rq, &fields)
	if err != nil {
		return err
	}
	session, err := s.readPersonSession(rq, asker, &fields)
	if err != nil {
		return err
	}
	return refusePhone(s.askPerson(rq, asker, session))
}

// askingPerson returns the credential whose device signed that it asks: an active one.
func (s *Server) askingPerson(rq *request, f *[personFields]field) (c zhenni.Credential, err error) {
	var id zhenni.CredentialID
	if f[personCredential].number || id.UnmarshalText(f[personCredential].value) != nil {
		return c, refuse(kindID, "credential is not 32 lower-case hexadecimal digits")
	}
	token, ok := zhenni.ParseSessionToken(f[personPhone].value)
	if !ok {
		return c, refuse(kindItem, "phone is not a token of 43 characters")
	}
	c, err = s.holderOf(id, f[personEvidence].value, evidence.Expected{
		Subject: id, Capture: sha256.Sum256(token[:]), Transaction: rq.transaction, Party: rq.party.ID, MaxAge: time.Minute,
	})
	if err == nil && (c.Tenant != rq.party.Tenant || c.Status != zhenni.StatusActive || c.Overdue(s.config.Now())) {
		return c, refuse(kindHolder, "")
	}
	return c, err
}

// readPersonSession reads what a person asks.
func (s *Server) readPersonSession(rq *request, asker zhenni.Credential, f *[personFields]field) (session zhenni.Session, err error) {
	day := int64(zhenni.SessionPerson.Longest() / time.Second)
	seconds, err := readNumber(&f[personSeconds], 60, day, day)
	if err != nil {
		return session, err
	}
	session = s.newPersonSession(asker.ID, rq)
	session.ID = s.config.Sessions.ID(rq.party.ID, "person/"+asker.ID.String()+"/"+rq.transaction)
	session.Deadline = s.config.Now().Add(time.Duration(seconds) * time.Second)
	if session.Introduction.Asker, err = s.maskedOwn(asker.ID, &f[personName]); err != nil {
		return session, err
	}
	return session, s.takeExpected(rq, asker, &f[personExpected], session.Introduction)
}

// newPersonSession is a session in which a credential asks on behalf of the party of the request.
func (s *Server) newPersonSession(asker zhenni.CredentialID, rq *request) zhenni.Session {
	return zhenni.Session{
		Kind: zhenni.SessionPerson, Tenant: rq.party.Tenant, Party: rq.party.ID, Asker: asker, Seats: make([]zhenni.Seat, 1),
		Service: s.config.Persons.Service, Purpose: s.config.Persons.Purpose, Introduction: &zhenni.Introduction{Transaction: rq.transaction},
	}
}

// maskedOwn reads the name that a person says is their own, and masks it. It is empty where none is said, and where it is another.
func (s *Server) maskedOwn(id zhenni.CredentialID, f *field) (string, error) {
	if f.value == nil {
		return "", nil
	}
	name, err := identity.ParseName(f.value)
	if err != nil || f.number {
		return "", refuse(kindItem, "name is not a name")
	}
	defer name.Forget()
	named, err := s.isNamed(id, name)
	if err != nil || !named {
		return "", err
	}
	return zhenni.MaskName(name.Reveal()), nil
}

// takeExpected takes the name that who is asked has to have. It is opened to see that it is one, and kept as it was sealed.
func (s *Server) takeExpected(rq *request, asker zhenni.Credential, f *field, i *zhenni.Introduction) error {
	if f.value == nil {
		return nil
	}
	if f.number || len(f.value) > zhenni.MaxSealedName || s.config.Persons.Names == nil || asker.Subject.IsZero() {
		return refuse(kindItem, "expected is not a sealed name, or none can be expected here")
	}
	i.Expected = string(f.value)
	name, err := s.config.Persons.Names.OpenName(i.Expected, rq.party.ID, rq.transaction)
	var fault identity.Fault
	if errors.As(err, &fault) {
		return refuse(kindIdentity, fault.Error())
	}
	if err != nil {
		return refuse(kindUnavailable, "no name can be opened")
	}
	defer name.Forget()
	i.Towards, err = s.config.Persons.Names.NameTag(asker.Subject, name)
	return err
}

// askPerson begins a session between persons that may be begun. One that is there is answered with, whatever was begun since.
func (s *Server) askPerson(rq *request, asker zhenni.Credential, session zhenni.Session) error {
	defer s.persons.lock(asker.ID)()
	_, err := s.config.Sessions.Session(session.ID)
	if errors.Is(err, zhenni.ErrNotFound) {
		if err := s.mayAsk(asker, session.Introduction.Towards); err != nil {
			return err
		}
		s.persons.begun.Add(1)
	}
	return s.beginAs(rq, session)
}

// sameIntroduction reports whether two sessions say the same of their persons. Each sealing of a name is another text.
func sameIntroduction(there, asked *zhenni.Introduction) bool {
	if there == nil || asked == nil {
		return there == asked
	}
	return there.Transaction == asked.Transaction && there.Towards == asked.Towards && there.Asker == asked.Asker && there.Answers == asked.Answers
}

// backID is the id of the session in which who was asked in another one asks back.
func (s *Server) backID(session zhenni.Session) zhenni.SessionID {
	return s.config.Sessions.ID(session.Party, "back/"+session.ID.String())
}

// askBack is POST /v1/sessions/{id}/seats/{seat}/ask-back: who was asked asks who asked, in a session of its own, which both pages
// show beside the first. Its seat is the asker's: the link on their page is good for no other credential.
func (s *Server) askBack(rq *request) error {
	session, seat, err := s.seated(rq)
	if err != nil {
		return err
	}
	at, fields := &session.Seats[seat], [1]field{{name: "name"}}
	if session.Kind != zhenni.SessionPerson || session.Introduction == nil || session.Introduction.Answers != (zhenni.SessionID{}) ||
		at.State != zhenni.SeatOpened && at.State != zhenni.SeatConfirmed {
		return refuse(kindSessionStep, "who was asked, and has not declined, asks back, and once")
	}
	if !rq.bodyRead {
		if err := s.readFields(rq, fields[:]); err != nil {
			return err
		}
	}
	defer rq.hidePartys()
	if err := s.forPersons(rq); err != nil {
		return refusePhone(err)
	}
	asker, err := s.node.Credential(at.Credential)
	if err != nil || asker.Status != zhenni.StatusActive || asker.Overdue(s.config.Now()) {
		return refuse(kindHolder, "")
	}
	back := s.newPersonSession(asker.ID, rq)
	back.ID, back.Deadline = s.backID(session), s.config.Now().Add(backTime)
	back.Seats[0].Credential = session.Asker
	back.Introduction.Transaction, back.Introduction.Answers = "back."+session.ID.String(), session.ID
	if back.Introduction.Asker, err = s.maskedOwn(asker.ID, &fields[0]); err != nil {
		return err
	}
	return refusePhone(s.askPerson(rq, asker, back))
}
