package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/big"
	"strconv"
	"time"

	"zhenni"
)

const (
	beginKind = iota
	beginService
	beginPurpose
	beginCredential
	beginCredentials
	beginQuorum
	beginSeconds
	beginPayee
	beginAmount
	beginCurrency
	beginReference
	beginDue
	beginEvery
	beginTransaction
	beginFields
)

// beginSession is POST /v1/sessions, by a relying party. Sent again under its transaction it is answered with the session that
// it made.
func (s *Server) beginSession(rq *request) error {
	body, err := s.readDocument(rq)
	if err != nil {
		return err
	}
	if s.config.Sessions == nil {
		return noSessions()
	}
	fields := [beginFields]field{
		{name: "kind"}, {name: "service"}, {name: "purpose"}, {name: "credential"}, {name: "credentials", list: true}, {name: "quorum"},
		{name: "expires_in_s"}, {name: "payee"}, {name: "amount"}, {name: "currency"}, {name: "reference"}, {name: "due"}, {name: "every"},
		{name: "transaction"},
	}
	if err := parseDocument(body, fields[:]); err != nil {
		return err
	}
	if err := s.takeNames(rq, &fields[beginTransaction], &field{}); err != nil {
		return err
	}
	session, err := s.readSession(rq, &fields)
	if err != nil {
		return err
	}
	return s.beginAs(rq, session)
}

// begunByOthers are the kinds that are not a relying party's to begin: a guest's phone arrives, a person asks another, and
// OpenID has its own way.
var begunByOthers = map[zhenni.SessionKind]bool{zhenni.SessionHotel: true, zhenni.SessionPerson: true, zhenni.SessionRemote: true}

// begunAt is when the session under an id began, and now where it is to begin: a request that is sent again is read as it was, so that
// what was to come by then is good still.
func (s *Server) begunAt(id zhenni.SessionID) (time.Time, error) {
	there, err := s.config.Sessions.Session(id)
	if errors.Is(err, zhenni.ErrNotFound) {
		return s.config.Now(), nil
	}
	return there.CreatedAt, err
}

// readSession reads what a session is to be.
func (s *Server) readSession(rq *request, f *[beginFields]field) (session zhenni.Session, err error) {
	if f[beginKind].number || session.Kind.UnmarshalText(f[beginKind].value) != nil || begunByOthers[session.Kind] {
		return session, refuse(kindItem, "kind is none of counter, group, payment, life and kiosk")
	}
	session.ID, session.Tenant, session.Party = s.config.Sessions.ID(rq.party.ID, rq.transaction), rq.party.Tenant, rq.party.ID
	now, err := s.begunAt(session.ID)
	if err != nil {
		return session, err
	}
	session.CreatedAt = now
	session.Service, session.Purpose = string(f[beginService].value), string(f[beginPurpose].value)
	if session.Seats, err = readSeats(&f[beginCredential], &f[beginCredentials]); err != nil {
		return session, err
	}
	quorum, err := readNumber(&f[beginQuorum], 1, zhenni.MaxSeats, 1)
	if err != nil {
		return session, err
	}
	session.Quorum = uint8(quorum)
	longest := int64(session.Kind.Longest() / time.Second)
	seconds, err := readNumber(&f[beginSeconds], 10, longest, longest)
	if err != nil {
		return session, err
	}
	session.Deadline = now.Add(time.Duration(seconds) * time.Second)
	if session.Payment, err = readPayment(f[beginPayee : beginReference+1]); err != nil {
		return session, err
	}
	return session, readDue(&session, f, now)
}

// readDue reads when a proof of life is due, and whether it is again. One that recurs ends after its [graceOfEvery], unless it says when.
func readDue(session *zhenni.Session, f *[beginFields]field, now time.Time) (err error) {
	if due := &f[beginDue]; due.value != nil {
		if session.Due, err = readUntil(due, now); err != nil {
			return err
		}
	}
	every, err := readNumber(&f[beginEvery], 1, zhenni.MaxEvery, 0)
	if err != nil {
		return err
	}
	if session.Every = uint8(every); every > 0 && f[beginSeconds].value == nil {
		session.Deadline = session.Due.Add(graceOfEvery)
	}
	return nil
}

// graceOfEvery is the time of grace of a proof of life that recurs.
const graceOfEvery = 14 * 24 * time.Hour

func readSeats(one, many *field) ([]zhenni.Seat, error) {
	written := many.items
	switch {
	case one.value != nil && many.value != nil:
		return nil, refuse(kindItem, "credential and credentials do not go together")
	case one.value != nil:
		written = [][]byte{one.value}
	case many.value == nil:
		return make([]zhenni.Seat, 1), nil
	}
	if len(written) > zhenni.MaxSeats || one.number {
		return nil, refuse(kindItem, "credentials are more than "+strconv.Itoa(zhenni.MaxSeats)+", or credential is no text")
	}
	seats := make([]zhenni.Seat, len(written))
	for i := range seats {
		if seats[i].Credential.UnmarshalText(written[i]) != nil {
			return nil, refuse(kindID, "credentials["+strconv.Itoa(i)+"] is not 32 lower-case hexadecimal digits")
		}
	}
	return seats, nil
}

// readNumber reads an integer of a range, and otherwise where it is absent.
func readNumber(f *field, least, most, otherwise int64) (int64, error) {
	if f.value == nil {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(string(f.value), 10, 64)
	if err != nil || !f.number || n < least || n > most {
		return 0, refuse(kindItem, f.name+" is not an integer of "+strconv.FormatInt(least, 10)+"–"+strconv.FormatInt(most, 10))
	}
	return n, nil
}

// readPayment reads payee, amount, currency and reference, which come together or not at all.
func readPayment(f []field) (*zhenni.Payment, error) {
	there := 0
	for i := range f {
		if f[i].value != nil {
			there++
		}
	}
	if there == 0 {
		return nil, nil
	}
	amount, err := readNumber(&f[1], 1, 1<<53, 0)
	if err != nil {
		return nil, err
	}
	p := &zhenni.Payment{Payee: string(f[0].value), Amount: amount, Currency: string(f[2].value), Reference: string(f[3].value)}
	if f[0].number || f[2].number || f[3].number {
		return nil, refuse(kindItem, "payee, currency or reference is no text")
	}
	return p, nil
}

// beginAs begins a session for a party and answers with it.
func (s *Server) beginAs(rq *request, session zhenni.Session) error {
	there, begun, err := s.beginFor(rq, session)
	if err != nil {
		return err
	}
	return s.answerBegun(rq, there, begun)
}

// beginFor draws what a session needs of chance and begins it for a party that may ask for its service. What does not fit is told.
// It returns the session that is there under the transaction, and the one that was asked for, as of when it was made or else of now.
func (s *Server) beginFor(rq *request, session zhenni.Session) (there, begun zhenni.Session, err error) {
	for i := range session.Seats {
		if err := s.rehearse(rq, session.Seats[i].Credential); err != nil {
			return there, begun, err
		}
	}
	rq.terms.service, rq.terms.purpose = session.Service, session.Purpose
	if err := s.grant(rq); err != nil {
		return there, begun, err
	}
	if rq.terms.granted == nil {
		return there, begun, refuse(kindService, "a session is for a service that was granted")
	}
	session.Tries = s.tries(rq.terms.granted)
	if err := s.drawSession(&session); err != nil {
		return there, begun, err
	}
	if session.CreatedAt.IsZero() {
		session.CreatedAt = s.config.Now()
	}
	if begun, err = zhenni.NewSession(session, session.CreatedAt); err != nil {
		return there, begun, refuse(kindItem, err.Error())
	}
	there, err = s.config.Sessions.Session(begun.ID)
	if errors.Is(err, zhenni.ErrNotFound) {
		ctx, cancel := context.WithTimeout(context.Background(), s.config.VerifyTimeout)
		defer cancel()
		if there, err = begun, s.config.Sessions.Begin(ctx, begun); err != nil {
			there, err = s.begunMeanwhile(begun.ID, err)
		}
	}
	if err == nil && there.Kind == zhenni.SessionKiosk && there.Seats[0].State == zhenni.SeatWaiting && there.End == zhenni.SessionLive {
		// Nobody's phone opens it: the terminal that asks is before the person.
		e := zhenni.SessionEvent{Kind: zhenni.EventOpened, Credential: there.Seats[0].Credential, Phone: sha256.Sum256(there.Secret[:])}
		there, err = s.tell(there.ID, e)
	}
	return there, begun, err
}

// begunMeanwhile is the session that could not be begun, where it is there all the same: begun by the same request that was sent twice
// at once, or too slowly; else the error.
func (s *Server) begunMeanwhile(id zhenni.SessionID, failed error) (zhenni.Session, error) {
	there, err := s.config.Sessions.Session(id)
	if err != nil {
		return there, failed
	}
	return there, nil
}

// tries is how many comparisons a seat may take: by the union bound the false match rate of the session is that of one times
// their number, and may not exceed what the service takes, whatever model is used.
func (s *Server) tries(service *zhenni.Service) uint8 {
	rate := zhenni.Rate(0)
	for i := range s.served {
		v := &s.served[i]
		rate = max(rate, v.policy.Rates[zhenni.Means(v.profile.Model.Factor)])
	}
	return uint8(max(1, min(zhenni.MaxTries, float64(service.FMR/rate))))
}

// drawSession draws the secret and the code of a session.
func (s *Server) drawSession(session *zhenni.Session) error {
	if _, err := io.ReadFull(s.config.Entropy, session.Secret[:]); err != nil {
		return refuse(kindUnavailable, "no secret could be drawn")
	}
	var code [16]byte
	if _, err := io.ReadFull(s.config.Entropy, code[:]); err != nil {
		return refuse(kindUnavailable, "no code could be drawn")
	}
	// Of 2¹²⁸ numbers every code has as many as any other, but for one in 10³⁶.
	session.Code = uint8(new(big.Int).Mod(new(big.Int).SetBytes(code[:]), big.NewInt(zhenni.SessionCodes)).Int64())
	return nil
}

// answerBegun answers with the session that is there, where it is the one that was asked for.
func (s *Server) answerBegun(rq *request, there, asked zhenni.Session) error {
	same := there.Kind == asked.Kind && there.Service == asked.Service && there.Purpose == asked.Purpose &&
		there.Asker == asked.Asker && there.Quorum == asked.Quorum && len(there.Seats) == len(asked.Seats) && there.Due.Equal(asked.Due) &&
		there.Every == asked.Every
	if same && asked.Payment != nil {
		same = there.Payment != nil && *there.Payment == *asked.Payment
	}
	same = same && sameIntroduction(there.Introduction, asked.Introduction)
	for i := range asked.Seats {
		named := asked.Seats[i].Credential
		same = same && (named == zhenni.CredentialID{} || named == there.Seats[i].Credential)
	}
	if !same {
		return refuse(kindReused, "")
	}
	rq.writeSession(201, s.newBegunDocument(there))
	return nil
}
