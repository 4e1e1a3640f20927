package gateway

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/identity"
)

// Persons says on whose behalf persons ask each other. Without a Party nobody does.
type Persons struct {
	// Party is the relying party, a verifier that was granted Service: its ledger, quota and limits are those of every check.
	Party string
	// Service and Purpose are what is asked for: person.check and check.
	Service, Purpose string
	// Names opens and compares names. Without it no name is expected, shown or shared.
	Names Names
	// Circle remembers who does not want to be asked by whom. Required with Party.
	Circle Circle
}

// Names opens names and tells whose they are. Its methods may be called from several goroutines.
type Names interface {
	// OpenName opens a name that was sealed for a transaction of a party; the caller forgets it. What is wrong with it is an
	// [identity.Fault]; any other error says that none can be opened now.
	OpenName(sealed, party, transaction string) (identity.Name, error)
	// NameTag returns the tag that a name has for a subject.
	NameTag(subject zhenni.SubjectHandle, name identity.Name) (zhenni.NameTag, error)
}

// Circle remembers what persons want of each other. What a method was told is durable when it returns without an error. Its
// methods may be called from several goroutines.
type Circle interface {
	// Block has by not be asked by of any more; Blocked reports whether that is so.
	Block(ctx context.Context, by, of zhenni.SubjectHandle) error
	Blocked(by, of zhenni.SubjectHandle) bool
	// Report notes that by complains of of, and says whether of may therefore ask no more; Barred reports whether that is so.
	Report(ctx context.Context, by, of zhenni.SubjectHandle, at time.Time) (barred bool, err error)
	Barred(of zhenni.SubjectHandle) bool
}

// What a person may do within 24 hours: begin so many sessions, so many of them towards one expected name, and open so many.
const (
	personDay         = 24 * time.Hour
	asksPerDay        = 20
	asksPerNamePerDay = 5
	opensPerDay       = 50
)

// The kinds of refusal between persons.
var (
	kindPersonLimit = &kind{429, "person_limit", "The person has asked, or was asked, as often as one may in 24 hours.", "Try again tomorrow.", false, false}
	kindBarred      = &kind{403, "person_barred", "The person was reported by several others and may not ask until an operator has looked at that.", "Turn to the operator.", false, false}
	kindSharedGone  = &kind{410, "shared_gone", "What was shared was shown already, or is not kept any more.", "Ask again in another session.", false, false}
)

// personDesk is what sessions between persons need beside what is durable.
type personDesk struct {
	// stripes are those of the credential that asks, or is asked.
	stripes
	relay                                 relay
	begun, limited, reports, bars, blocks atomic.Uint64
}

// stripes make counting what was done about a credential and doing it one step; a credential has one of them.
type stripes [64]sync.Mutex

// lock has one at a time count what was done about a credential.
func (s *stripes) lock(id zhenni.CredentialID) (unlock func()) {
	mu := &s[int(id[len(id)-1])%len(s)]
	mu.Lock()
	return mu.Unlock
}

// forPersons has the request ask as the party on whose behalf persons ask each other.
func (s *Server) forPersons(rq *request) error {
	party, known := s.node.RelyingParty(s.config.Persons.Party)
	if !known || !party.Roles.Has(zhenni.RoleVerifier) || party.Suspended {
		return refuse(kindNotFound, "nobody asks for persons here now")
	}
	rq.party = party
	return s.refuseStopped(rq)
}

// personOf is who holds a credential, by whatever credential: the subject, or the credential itself where no subject is known.
func (s *Server) personOf(id zhenni.CredentialID) (zhenni.SubjectHandle, error) {
	c, err := s.node.Credential(id)
	return holderHandle(c), err
}

func holderHandle(c zhenni.Credential) (of zhenni.SubjectHandle) {
	if of = c.Subject; of.IsZero() {
		copy(of[:], c.ID[:])
	}
	return of
}

// mayAsk refuses to let a person begin another session, towards a name where that is not zero. The caller has the lock of the
// credential until the session is begun.
func (s *Server) mayAsk(asker zhenni.Credential, towards zhenni.NameTag) error {
	if s.config.Persons.Circle.Barred(holderHandle(asker)) {
		return refuse(kindBarred, "")
	}
	since, asks, same := s.config.Now().Add(-personDay), 0, 0
	for _, one := range s.config.Sessions.Of(asker.ID) {
		if one.Kind != zhenni.SessionPerson || one.Asker != asker.ID || !one.CreatedAt.After(since) {
			continue
		}
		asks++
		if i := one.Introduction; i != nil && !towards.IsZero() && i.Towards == towards {
			same++
		}
	}
	if asks >= asksPerDay || same >= asksPerNamePerDay {
		s.persons.limited.Add(1)
		return refuse(kindPersonLimit, "")
	}
	return nil
}

// openPerson lets a phone take its seat in a session between persons: not of who does not want to be asked by this one, for whom
// it is declined at once and like by anybody else, nor of who was asked too often; nor where the credential of who asks does
// not stand any more, as after its phone was lost. Of one who was asked, sessions are kept for longer than a day after they were
// opened.
func (s *Server) openPerson(rq *request, session zhenni.Session, e zhenni.SessionEvent) error {
	if s.config.Persons.Circle == nil { // it was begun when persons could ask here
		return refuse(kindSessionEnded, "who asked is not there any more")
	}
	defer s.persons.lock(e.Credential)()
	if session.Seats[e.Seat].State != zhenni.SeatWaiting {
		return s.seatEvent(rq, session, e)
	}
	asker, err := s.node.Credential(session.Asker)
	if err != nil && !errors.Is(err, zhenni.ErrNotFound) {
		return err
	}
	if err != nil || asker.Status != zhenni.StatusActive {
		return refuse(kindSessionEnded, "who asked is not there any more")
	}
	by, err := s.personOf(e.Credential)
	if err != nil {
		return err
	}
	if of := holderHandle(asker); s.config.Persons.Circle.Blocked(by, of) {
		e.Kind = zhenni.EventDeclined
		return s.seatEvent(rq, session, e)
	}
	since, opens := s.config.Now().Add(-personDay), 0
	for _, one := range s.config.Sessions.Of(e.Credential) {
		asked := one.Kind == zhenni.SessionPerson && one.Asker != e.Credential && one.Seats[0].State != zhenni.SeatWaiting
		if asked && one.ChangedAt.After(since) {
			opens++
		}
	}
	if opens >= opensPerDay {
		s.persons.limited.Add(1)
		return refuse(kindPersonLimit, "")
	}
	return s.seatEvent(rq, session, e)
}

// between are the persons who hold two credentials.
func (s *Server) between(one, other zhenni.CredentialID) (a, b zhenni.SubjectHandle, err error) {
	if a, err = s.personOf(one); err != nil {
		return a, b, err
	}
	b, err = s.personOf(other)
	return a, b, err
}

// complain takes a report, and the wish not to be asked again, of the person whose phone is in a seat, and declines where there is
// no answer yet. An outcome that was reached stays.
func (s *Server) complain(rq *request, session zhenni.Session, e zhenni.SessionEvent) error {
	if session.Kind != zhenni.SessionPerson || s.config.Persons.Circle == nil {
		return refuse(kindSessionStep, "it is persons who are reported and blocked")
	}
	if token, _ := rq.token(); !session.IsPhone(e.Seat, token) {
		return refuse(kindSessionStep, "who reports or blocks has opened the session")
	}
	by, of, err := s.between(session.Seats[e.Seat].Credential, session.Asker)
	if err != nil {
		return err
	}
	if err := s.remember(by, of, e); err != nil {
		return err
	}
	if session.End != zhenni.SessionLive {
		rq.writeSession(200, s.newHolderDocument(session, e.Seat))
		return nil
	}
	return s.seatEvent(rq, session, e)
}

// remember makes a complaint durable.
func (s *Server) remember(by, of zhenni.SubjectHandle, e zhenni.SessionEvent) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.VerifyTimeout)
	defer cancel()
	if e.Block {
		if err := s.config.Persons.Circle.Block(ctx, by, of); err != nil {
			return err
		}
		s.persons.blocks.Add(1)
	}
	if !e.Report {
		return nil
	}
	before := s.config.Persons.Circle.Barred(of)
	barred, err := s.config.Persons.Circle.Report(ctx, by, of, s.config.Now())
	if err != nil {
		return err
	}
	s.persons.reports.Add(1)
	if barred && !before {
		s.persons.bars.Add(1)
		s.config.Logger.Warn("a person was reported by so many others that they ask no more until an operator lifts that")
	}
	return nil
}

// asExpected makes a match a no where the person has not the name that is expected, as if the face had not matched: neither side
// can tell the one from the other. Where that can not be found out there is no outcome.
func (s *Server) asExpected(session zhenni.Session, seat int, o zhenni.Outcome) (zhenni.Outcome, error) {
	i := session.Introduction
	if i == nil || i.Expected == "" {
		return o, nil
	}
	if s.config.Persons.Names == nil {
		return zhenni.Pending, refuse(kindUnavailable, "")
	}
	name, err := s.config.Persons.Names.OpenName(i.Expected, session.Party, i.Transaction)
	if err != nil {
		return zhenni.Pending, refuse(kindUnavailable, "")
	}
	defer name.Forget()
	named, err := s.isNamed(session.Seats[seat].Credential, name)
	if err != nil {
		return zhenni.Pending, err
	}
	if !named {
		return zhenni.NoMatch, nil
	}
	return o, nil
}

// isNamed reports whether a name is that of the person who holds a credential. Of a credential without a name none is.
func (s *Server) isNamed(id zhenni.CredentialID, name identity.Name) (bool, error) {
	c, err := s.node.Credential(id)
	if err != nil {
		return false, err
	}
	if s.config.Persons.Names == nil || c.Subject.IsZero() || c.NameTag.IsZero() {
		return false, nil
	}
	tag, err := s.config.Persons.Names.NameTag(c.Subject, name)
	return err == nil && subtle.ConstantTimeCompare(tag[:], c.NameTag[:]) == 1, err
}
