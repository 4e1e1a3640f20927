package zhenni

import (
	"fmt"
	"strconv"
	"time"
)

// SessionID names one session. It is 16 random bytes issued by the server.
type SessionID [16]byte

// ParseSessionID reads the 32 lower-case hexadecimal digits written by [SessionID.String]: [ErrBadValue] for any other
// spelling.
func ParseSessionID(s string) (SessionID, error) {
	id, err := ParseCredentialID(s)
	if err != nil {
		return SessionID{}, fmt.Errorf("%w: session id: want 32 lower-case hexadecimal digits", ErrBadValue)
	}
	return SessionID(id), nil
}

// String returns the id as 32 lower-case hexadecimal digits.
func (id SessionID) String() string { return CredentialID(id).String() }

// SessionKind is what brings the parties of a session together.
type SessionKind uint8

// The kinds. At a counter a clerk asks and a citizen answers by phone; a hotel is named by a printed code, and captures with
// its own device; a person asks another one; of a group several answer, each where they are; a payment is bound to one
// transaction; a proof of life is due on a day; a kiosk is a terminal that asks and captures; who asks remotely has the person
// elsewhere, and knows the credential.
const (
	SessionCounter SessionKind = iota + 1
	SessionHotel
	SessionPerson
	SessionGroup
	SessionPayment
	SessionLife
	SessionKiosk
	SessionRemote
)

var sessionKindNames = names[SessionKind]{
	SessionCounter: "counter", SessionHotel: "hotel", SessionPerson: "person", SessionGroup: "group",
	SessionPayment: "payment", SessionLife: "life", SessionKiosk: "kiosk", SessionRemote: "remote",
}

// String returns the lower-case word for k.
func (k SessionKind) String() string { return sessionKindNames.name(k, "session kind") }

// MarshalText implements encoding.TextMarshaler.
func (k SessionKind) MarshalText() ([]byte, error) {
	return sessionKindNames.marshal(k, "session kind")
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *SessionKind) UnmarshalText(text []byte) error {
	return sessionKindNames.unmarshal(k, text, "session kind")
}

// SessionEnd is the one outcome of a session. Its zero value is none yet.
type SessionEnd uint8

// The ends. Completed says that an answer was reached, and [Session.Confirmed] which; no other end confirms anybody.
const (
	SessionLive SessionEnd = iota
	SessionCompleted
	// SessionRefused: the person asked did not want to answer.
	SessionRefused
	// SessionTimeout: the deadline passed first.
	SessionTimeout
	// SessionWrongCode: the two digits that one side read to the other were not those of the session.
	SessionWrongCode
	// SessionCredentialUnusable: the credential shown is of no use here. Its holder is told; whoever asks sees a session
	// that was completed and did not confirm.
	SessionCredentialUnusable
	// SessionCancelled: who asked asks no more.
	SessionCancelled
	// SessionQuorumFailed: so many of a group have answered otherwise that there are not enough left.
	SessionQuorumFailed
)

var sessionEndNames = names[SessionEnd]{
	SessionLive: "live", SessionCompleted: "completed", SessionRefused: "refused", SessionTimeout: "timeout",
	SessionWrongCode: "wrong_code", SessionCredentialUnusable: "credential_unusable", SessionCancelled: "cancelled",
	SessionQuorumFailed: "quorum_failed",
}

// String returns the lower-case word for e.
func (e SessionEnd) String() string { return sessionEndNames.name(e, "session end") }

// MarshalText implements encoding.TextMarshaler.
func (e SessionEnd) MarshalText() ([]byte, error) { return sessionEndNames.marshal(e, "session end") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *SessionEnd) UnmarshalText(text []byte) error {
	return sessionEndNames.unmarshal(e, text, "session end")
}

// SeatState is how far one of those who are asked has come.
type SeatState uint8

// The states of a seat. Those from SeatConfirmed on are settled and stay as they are.
const (
	// SeatWaiting: nobody has opened the session for it.
	SeatWaiting SeatState = iota + 1
	// SeatOpened: a phone has, and no other one may.
	SeatOpened
	SeatConfirmed
	SeatNotConfirmed
	SeatDeclined
	SeatUnusable
)

var seatStateNames = names[SeatState]{
	SeatWaiting: "waiting", SeatOpened: "opened", SeatConfirmed: "confirmed", SeatNotConfirmed: "not_confirmed",
	SeatDeclined: "declined", SeatUnusable: "credential_unusable",
}

// String returns the lower-case word for s.
func (s SeatState) String() string { return seatStateNames.name(s, "seat state") }

// MarshalText implements encoding.TextMarshaler.
func (s SeatState) MarshalText() ([]byte, error) { return seatStateNames.marshal(s, "seat state") }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *SeatState) UnmarshalText(text []byte) error {
	return seatStateNames.unmarshal(s, text, "seat state")
}

// settled reports whether the seat has its answer.
func (s SeatState) settled() bool { return s >= SeatConfirmed }

// Seat is the place of one person who is asked.
type Seat struct {
	State SeatState
	// Credential is whose place it is: named when the session was made, or by the phone that opened it. Zero is nobody yet.
	Credential CredentialID
	// Phone is the SHA-256 of what the phone that opened the session is known by from then on.
	Phone [32]byte
	// Tried are the comparisons that were no match.
	Tried uint8
	// CodeRight says that the two digits were read out and typed in, where the kind asks for it.
	CodeRight bool
}

// Bounds of a [Session].
const (
	MaxSeats = 64
	MaxTries = 3
	// SessionCodes is the number of two-digit codes.
	SessionCodes = 100
	// MaxSessionEvents bounds the changes of one session: each seat is opened, tries, reads a code and is settled.
	MaxSessionEvents = MaxSeats*(MaxTries+4) + 16
)

// Session is one conversation between who asks and those who are asked. It is changed by [Session.Next] and [Session.Passed]
// alone, which share nothing with it: a Session is a value, safe to read from several goroutines.
type Session struct {
	ID   SessionID
	Kind SessionKind
	// Tenant is whose credentials are asked about, Party the relying party that asks, or that asks for a person.
	Tenant TenantID
	Party  string
	// Service and Purpose are what it asks for, both a [ValidName].
	Service, Purpose string
	// Asker is the credential of the person who asks, of [SessionPerson] alone.
	Asker CredentialID
	// Seats are those asked, 1 to [MaxSeats]; one but for a group.
	Seats []Seat
	// Quorum is how many of them have to be confirmed, in [1, len(Seats)].
	Quorum uint8
	// Tries is how many comparisons a seat may take, in [1, MaxTries]. The false match rate of the session grows with it.
	Tries uint8
	// Code is the two digits, below [SessionCodes].
	Code uint8
	// Secret is what the session's tokens are made of.
	Secret [32]byte
	// Payment is what a [SessionPayment] is bound to, and no other kind.
	Payment *Payment
	// Introduction is of a [SessionPerson] alone. Nobody changes it.
	Introduction *Introduction
	// Remote is of a [SessionRemote], and no other kind. Collected says that its yes was handed out, which happens once.
	Remote    *Remote
	Collected bool
	// Due is when a [SessionLife] is due, zero of any other kind; every reminder of [Reminders] before it is sent once.
	Due      time.Time
	Reminded uint8
	// Every is after how many months a [SessionLife] that was confirmed is due again, 1–[MaxEvery], or 0 for once; DueDay is the
	// day of the month that the first of them was due on, in UTC.
	Every, DueDay uint8
	// Keyed says that the phone of a [SessionHotel] brings the rotation key of its credential: nothing is compared without.
	Keyed bool

	CreatedAt, ChangedAt time.Time
	// Deadline is the first moment at which the session is over.
	Deadline time.Time
	// Version counts the changes.
	Version uint32
	End     SessionEnd
	// Reported and Blocked say that a person who was asked complained of who asked, or will not be asked again.
	Reported, Blocked bool
}

// codeEntry is who types the two digits that the other side reads out.
type codeEntry uint8

const (
	noCode codeEntry = iota
	codeByAsker
	codeByHolder
)

const longestGroup = 30 * 24 * time.Hour

// SessionKept is how long a session that has ended is kept, for parties that come back to ask how. SessionRecordKept is how long
// what was recorded of its comparisons is: of a group the first yes may come as long before its end as a group lasts, and is asked
// for by who knows the session; an hour more, for those that have ended are looked for now and then.
const (
	SessionKept       = 24 * time.Hour
	SessionRecordKept = longestGroup + SessionKept + time.Hour
)

// sessionRule is what a kind asks for.
type sessionRule struct {
	// longest bounds how long a session waits to be opened, answer how long it goes on after that; 0 does not change it.
	longest, answer time.Duration
	code            codeEntry
}

// sessionRules are of every kind. A code that the asker types shows that the phone is the one of the person in front of them: a
// code that was photographed at the counter and sent away opens elsewhere, and nobody there reads the digits out. Between two
// persons the one who is asked types what the other says, on another way than the link's.
var sessionRules = map[SessionKind]sessionRule{
	SessionCounter: {longest: 2 * time.Minute, answer: 3 * time.Minute, code: codeByAsker},
	SessionHotel:   {longest: 2 * time.Minute, answer: 5 * time.Minute, code: codeByAsker},
	SessionPerson:  {longest: 24 * time.Hour, answer: 5 * time.Minute, code: codeByHolder},
	SessionGroup:   {longest: longestGroup},
	SessionPayment: {longest: 15 * time.Minute, answer: 5 * time.Minute},
	SessionLife:    {longest: 400 * 24 * time.Hour},
	SessionKiosk:   {longest: 2 * time.Minute, answer: 3 * time.Minute},
	SessionRemote:  {longest: 10 * time.Minute},
}

// Reminders are how long before its due day a proof of life is recalled, the longest first.
var Reminders = [...]time.Duration{7 * 24 * time.Hour, 24 * time.Hour, 0}

// Longest is how long a session of the kind may wait to be opened; where it may not go on after that, how long it may last.
func (k SessionKind) Longest() time.Duration { return sessionRules[k].longest }

// NewSession makes a session from what is said of it, at the given time: its seats waiting, Quorum and Tries 1 where they are 0.
// What does not fit its kind is [ErrBadValue] and names the field.
func NewSession(s Session, now time.Time) (Session, error) {
	s.Seats = append([]Seat(nil), s.Seats...)
	for i := range s.Seats {
		s.Seats[i] = Seat{State: SeatWaiting, Credential: s.Seats[i].Credential}
	}
	s.Quorum, s.Tries = max(s.Quorum, 1), max(s.Tries, 1)
	s.CreatedAt, s.ChangedAt, s.Version, s.End = now, now, 1, SessionLive
	s.Reminded, s.Reported, s.Blocked, s.Collected = 0, false, false, false
	s.recur()
	return s, s.validate()
}

func (s *Session) validate() error {
	rule, known := sessionRules[s.Kind]
	if !known {
		return fmt.Errorf("%w: kind: session kind %d is unknown", ErrBadValue, s.Kind)
	}
	for _, check := range []error{s.checkAsker(), s.checkSeats(), s.checkBound(), s.checkIntroduction(), s.checkTimes(rule), s.checkEvery()} {
		if check != nil {
			return check
		}
	}
	return nil
}

func (s *Session) checkAsker() error {
	switch {
	case s.ID == SessionID{}, s.Tenant == 0, s.Secret == [32]byte{}:
		return fmt.Errorf("%w: session without id, tenant or secret", ErrBadValue)
	case !ValidName(s.Party), !ValidName(s.Service), !ValidName(s.Purpose):
		return fmt.Errorf("%w: party, service and purpose: want 1–64 of the characters a–z, 0–9, dot, dash and underscore", ErrBadValue)
	case (s.Kind == SessionPerson) != (s.Asker != CredentialID{}):
		return fmt.Errorf("%w: asker: a credential asks between persons, and nowhere else", ErrBadValue)
	case s.Code >= SessionCodes:
		return fmt.Errorf("%w: code %d: want two digits", ErrBadValue, s.Code)
	}
	return nil
}

func (s *Session) checkSeats() error {
	most := 1
	if s.Kind == SessionGroup {
		most = MaxSeats
	}
	switch {
	case len(s.Seats) < 1 || len(s.Seats) > most:
		return fmt.Errorf("%w: seats: %d of a session of kind %s, want 1–%d", ErrBadValue, len(s.Seats), s.Kind, most)
	case int(s.Quorum) > len(s.Seats):
		return fmt.Errorf("%w: quorum: %d of %d", ErrBadValue, s.Quorum, len(s.Seats))
	case s.Tries > MaxTries:
		return fmt.Errorf("%w: tries: %d, want 1–%d", ErrBadValue, s.Tries, MaxTries)
	}
	for i, seat := range s.Seats {
		if seat.Credential != (CredentialID{}) && s.seated(seat.Credential, i) {
			return fmt.Errorf("%w: seats[%d]: the credential has another seat", ErrBadValue, i)
		}
		if s.Kind == SessionPerson && seat.Credential == s.Asker {
			return fmt.Errorf("%w: seats[%d]: who asks is not asked", ErrBadValue, i)
		}
		if s.Named() && seat.Credential == (CredentialID{}) {
			return fmt.Errorf("%w: seats[%d]: a session of kind %s names who is asked", ErrBadValue, i, s.Kind)
		}
	}
	return nil
}

// Named reports whether it is said beforehand who is asked: then who asks knows the credentials.
func (s *Session) Named() bool {
	return s.Kind == SessionGroup || s.Kind == SessionLife || s.Kind == SessionKiosk || s.Kind == SessionRemote
}

// seated reports whether a credential has a seat beside the one at index but.
func (s *Session) seated(id CredentialID, but int) bool {
	for i := range s.Seats {
		if i != but && s.Seats[i].Credential == id {
			return true
		}
	}
	return false
}

func (s *Session) checkBound() error {
	if (s.Kind == SessionPayment) != (s.Payment != nil) {
		return fmt.Errorf("%w: payment: a session of kind payment has one, and no other", ErrBadValue)
	}
	if s.Keyed && s.Kind != SessionHotel {
		return fmt.Errorf("%w: a rotation key is brought to a hotel", ErrBadValue)
	}
	if (s.Kind == SessionRemote) != (s.Remote != nil) {
		return fmt.Errorf("%w: remote: a session of kind remote has it, and no other", ErrBadValue)
	}
	if s.Remote != nil {
		return s.Remote.Validate()
	}
	if s.Payment != nil {
		return s.Payment.Validate()
	}
	return nil
}

func (s *Session) checkTimes(rule sessionRule) error {
	last := s.CreatedAt.Add(rule.longest)
	if s.Every > 0 {
		last = last.AddDate(0, int(s.Every)+1, 0) // that after one that was confirmed as soon as it opened
	}
	if !s.Deadline.After(s.CreatedAt) || s.Deadline.After(last) {
		return fmt.Errorf("%w: deadline: want within %s of now for a session of kind %s", ErrBadValue, last.Sub(s.CreatedAt), s.Kind)
	}
	if (s.Kind == SessionLife) != !s.Due.IsZero() {
		return fmt.Errorf("%w: due: a proof of life is due on a day, and nothing else", ErrBadValue)
	}
	if !s.Due.IsZero() && !s.Deadline.After(s.Due) {
		return fmt.Errorf("%w: due: want before the deadline; what lies between is the time of grace", ErrBadValue)
	}
	return nil
}

// SessionTransactions is what the ids begin with under which comparisons of sessions are recorded. Nobody else uses them: else
// a party could have something decided before it is asked.
const SessionTransactions = "session."

// Transaction is the id under which the next comparison of a seat is recorded, a [ValidName]: sent again it is answered with
// what was decided.
func (s *Session) Transaction(seat int) string {
	return SessionTransactions + s.ID.String() + "." + strconv.Itoa(seat) + "." + strconv.Itoa(int(s.Seats[seat].Tried))
}

// OpeningTransaction is what a phone's evidence is signed for when it takes a seat of the session, a [ValidName].
func (id SessionID) OpeningTransaction(seat int) string {
	return SessionTransactions + id.String() + "." + strconv.Itoa(seat) + ".open"
}

// Confirmed reports whether the session ended with a yes.
func (s *Session) Confirmed() bool {
	return s.End == SessionCompleted && s.count(SeatConfirmed) >= int(s.Quorum)
}

// count is the number of seats in a state.
func (s *Session) count(state SeatState) (n int) {
	for i := range s.Seats {
		if s.Seats[i].State == state {
			n++
		}
	}
	return n
}
