package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// Arrivals are the guests who wait at hotels: the live [Sessions] of that kind. Its methods may be called from several goroutines.
type Arrivals interface {
	// Arrivals returns those of a party, in no order. Nobody changes their seats.
	Arrivals(party string) []zhenni.Session
	// WatchArrivals is Watch of all those of a party.
	WatchArrivals(party string) (changed <-chan struct{}, stop func(), err error)
}

// The kinds of refusal of an arrival.
var (
	kindNoArrival    = &kind{404, "arrival_not_found", "No guest who waits shows this code.", "Read the code from the guest's phone again.", false, false}
	kindClaimsPaused = &kind{429, "claims_paused", "Too many codes were wrong.", "Retry after the time in Retry-After.", true, false}
	kindArrivals     = &kind{429, "too_many_arrivals", "There are too many arrivals, of the hotel or of the credential.", "Retry after the time in Retry-After.", true, false}
	kindServed       = &kind{409, "arrival_in_hand", "Another arrival of the credential is being served here.", "Finish that one, or have the hotel cancel it.", false, false}
)

// lodging is the category of the services that an arrival is for where it names none.
const lodging = "hotel"

const (
	arrivalParty = iota
	arrivalService
	arrivalPurpose
	arrivalCredential
	arrivalPhone
	arrivalEvidence
	arrivalKey
	arrivalFields
)

// arrival is a guest's phone at the printed code of a hotel.
type arrival struct {
	credential zhenni.CredentialID
	// phone is the SHA-256 of what the phone is known by, and name what the arrival is called after it: the same phone's is the same.
	phone [sha256.Size]byte
	name  string
	key   *rotationKey // nil where the phone brings none
}

// arrive is POST /v1/arrivals, by the phone of a guest: a session of kind hotel, which the phone has opened. The printed code
// names the relying party and nothing else, so the phone makes itself known: by a token that it draws, for which its
// credential's device signs. Sent again it is answered with the session as it is.
func (s *Server) arrive(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	if s.config.Sessions == nil || s.config.Arrivals == nil {
		return noSessions()
	}
	fields := [arrivalFields]field{
		{name: "party"}, {name: "service"}, {name: "purpose"}, {name: "credential"}, {name: "phone"}, {name: "evidence"}, {name: "rotation_key"},
	}
	if err := parseDocument(body, fields[:]); err != nil {
		return err
	}
	a, err := s.readArrival(rq, &fields)
	if err != nil {
		return err
	}
	defer a.key.forget()
	session, err := s.receive(rq, a)
	if err != nil {
		return err
	}
	rq.writeSession(201, s.newHolderDocument(session, 0))
	return nil
}

// readArrival reads who arrives, and where: the request asks for the party from then on. That there is no such party is not to be
// told from evidence that does not hold.
func (s *Server) readArrival(rq *request, f *[arrivalFields]field) (a arrival, err error) {
	if f[arrivalCredential].number || a.credential.UnmarshalText(f[arrivalCredential].value) != nil {
		return a, refuse(kindID, "credential is not 32 lower-case hexadecimal digits")
	}
	token, ok := zhenni.ParseSessionToken(f[arrivalPhone].value)
	if !ok {
		return a, refuse(kindItem, "phone is not a token of 43 characters")
	}
	a.phone = sha256.Sum256(token[:])
	a.name = "arrival." + hex.EncodeToString(a.phone[:16])
	named := string(f[arrivalParty].value)
	party, known := s.node.RelyingParty(named)
	if !known || !party.Roles.Has(zhenni.RoleVerifier) {
		party = zhenni.RelyingParty{}
	}
	credential, err := s.holds(party.Tenant, a.credential, f[arrivalEvidence].value, evidence.Expected{
		Subject: a.credential, Capture: a.phone, Transaction: a.name, Party: named, MaxAge: time.Minute,
	})
	if err != nil {
		return a, err
	}
	if rq.party = party; party.Suspended || s.limits.isStopped(rq) {
		return a, refuse(kindUnavailable, "")
	}
	if !s.desks.arrives(party.ID, a.credential, s.config.Now()) {
		return a, rq.refuseFor(time.Minute, kindArrivals)
	}
	if err := s.takeLodging(rq, &f[arrivalService], &f[arrivalPurpose]); err != nil {
		return a, err
	}
	if a.key, err = s.takeRotationKey(rq, &f[arrivalKey], party.ID+"/"+a.name); err != nil {
		return a, err
	}
	if err := a.key.compares(credential); err != nil {
		a.key.forget()
		return a, err
	}
	return a, nil
}

// refuseFor is a refusal for a while.
func (rq *request) refuseFor(pause time.Duration, k *kind) error {
	rq.ctx.Response.Header.Set("Retry-After", retrySeconds(pause))
	return refuse(k, "")
}

// takeLodging takes the service of an arrival, which the party was granted: absent it is the only one of [lodging], for its only purpose.
func (s *Server) takeLodging(rq *request, service, purpose *field) error {
	if service.number || purpose.number {
		return refuse(kindItem, "service or purpose is not a string")
	}
	rq.terms.service, rq.terms.purpose = string(service.value), string(purpose.value)
	catalogue := s.served[0].policy.Catalogue
	if catalogue == nil {
		return refuse(kindService, "")
	}
	if service.value == nil {
		found := 0
		for _, grant := range rq.party.Services {
			id, _, _ := zhenni.CutGrant(grant)
			if granted, known := catalogue.Service(id); known && granted.Category == lodging && id != rq.terms.service {
				rq.terms.service, found = id, found+1
			}
		}
		if found != 1 {
			return refuse(kindService, "the relying party has no service of lodging, or several: name one")
		}
	}
	if named, known := catalogue.Service(rq.terms.service); known && purpose.value == nil {
		may := slices.DeleteFunc(slices.Clone(named.Purposes), func(purpose string) bool {
			_, under := rq.party.MayAsk(named.ID, purpose)
			return !under
		})
		if len(may) != 1 {
			return refuse(kindPurpose, "the service has several purposes, or none that was granted: name one")
		}
		rq.terms.purpose = may[0]
	}
	if err := s.grant(rq); err != nil {
		return err
	}
	if rq.terms.granted == nil {
		return refuse(kindService, "an arrival is for a service that was granted")
	}
	return nil
}

// receive returns the session of an arrival, which it begins where it is not there.
func (s *Server) receive(rq *request, a arrival) (zhenni.Session, error) {
	id := s.config.Sessions.ID(rq.party.ID, a.name)
	session, err := s.config.Sessions.Session(id)
	if errors.Is(err, zhenni.ErrNotFound) {
		session, err = s.beginArrival(rq, a, id)
	}
	if err != nil {
		return session, err
	}
	if seat := session.Seats[0]; session.Kind != zhenni.SessionHotel || seat.Credential != a.credential || session.Service != rq.terms.service ||
		session.Purpose != rq.terms.purpose || a.key != nil && !session.Keyed {
		return session, refuse(kindReused, "")
	}
	if session.End != zhenni.SessionLive {
		return session, nil
	}
	session, err = s.tell(id, zhenni.SessionEvent{Kind: zhenni.EventOpened, Credential: a.credential, Phone: a.phone})
	if err != nil && session.End != zhenni.SessionLive {
		return session, nil // it ended meanwhile, as its guest is to read
	}
	if err != nil {
		return session, err
	}
	if a.key != nil && session.End == zhenni.SessionLive {
		if !s.rotations.keep(id, a.key, session.Deadline.Sub(s.config.Now())) {
			return session, zhenni.ErrOverloaded
		}
		if session, err = s.config.Sessions.Session(id); err != nil || session.End != zhenni.SessionLive {
			s.rotations.forget(id) // it ended meanwhile
		}
	}
	return session, err
}

// beginArrival begins a session under a code that no other guest of the hotel has. One in which the credential waits here already
// makes room: its phone has forgotten it.
func (s *Server) beginArrival(rq *request, a arrival, id zhenni.SessionID) (zhenni.Session, error) {
	if err := s.leaveBefore(rq.party.ID, a.credential, id); err != nil {
		return zhenni.Session{}, err
	}
	now := s.config.Now()
	session := zhenni.Session{
		ID: id, Kind: zhenni.SessionHotel, Tenant: rq.party.Tenant, Party: rq.party.ID, Service: rq.terms.service, Purpose: rq.terms.purpose,
		Seats: []zhenni.Seat{{Credential: a.credential}}, Tries: s.tries(rq.terms.granted), Keyed: a.key != nil,
		Deadline: now.Add(zhenni.SessionHotel.Longest()),
	}
	if err := s.drawSession(&session); err != nil {
		return session, err
	}
	place, taken := s.desks.reserve(session.Party, a.credential, session.Code, s.config.Arrivals.Arrivals)
	switch {
	case taken:
		return session, refuse(kindInProgress, "")
	case place == nil:
		return session, rq.refuseFor(time.Minute, kindArrivals)
	}
	session.Code = place.code
	begun, err := zhenni.NewSession(session, now)
	if err != nil {
		place.release()
		return begun, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.config.VerifyTimeout)
	defer cancel()
	err = s.config.Sessions.Begin(ctx, begun)
	place.releaseAfter(err)
	return begun, err
}

// leaveBefore ends the other arrivals at which a credential waits at a party. One that is being served stays: [kindServed].
func (s *Server) leaveBefore(party string, credential zhenni.CredentialID, id zhenni.SessionID) error {
	for _, before := range s.config.Arrivals.Arrivals(party) {
		if before.Seats[0].Credential != credential || before.ID == id {
			continue
		}
		if before.Seats[0].CodeRight {
			return refuse(kindServed, "")
		}
		_, err := s.tell(before.ID, zhenni.SessionEvent{Kind: zhenni.EventCancelled})
		if r := (*refusal)(nil); err != nil && !(errors.As(err, &r) && r.kind == kindSessionEnded) {
			return err
		}
	}
	return nil
}
