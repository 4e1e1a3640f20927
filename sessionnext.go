package zhenni

import (
	"errors"
	"fmt"
	"time"
)

// Errors of an event that a session does not take. The session is as it was.
var (
	// ErrSessionEnded: it has its outcome, which stays.
	ErrSessionEnded = errors.New("zhenni: session has ended")
	// ErrSessionTaken: another phone has opened it.
	ErrSessionTaken = errors.New("zhenni: session was opened by another phone")
	// ErrSessionStep: it is not the time for this.
	ErrSessionStep = errors.New("zhenni: not the next step of the session")
)

// SessionEventKind is what befalls a session.
type SessionEventKind uint8

// The events. Whether who brings one may do so, whoever brings it finds out.
const (
	// EventOpened: the phone of a credential takes a seat.
	EventOpened SessionEventKind = iota + 1
	// EventCode: the two digits were typed in, by the side that the kind says.
	EventCode
	// EventAnswered: a comparison was decided, and the decision is recorded.
	EventAnswered
	// EventDeclined: the person in a seat does not want to.
	EventDeclined
	// EventUnusable: the credential in a seat is of no use for what is asked. It takes the place of an answer.
	EventUnusable
	// EventCancelled: who asks takes it back.
	EventCancelled
	// EventReminded: a reminder of what is due was sent.
	EventReminded
	// EventCollected: the yes of a [SessionRemote] is handed to who asked. It comes after the end, once.
	EventCollected
	sessionEventKinds
)

var sessionEventNames = names[SessionEventKind]{
	EventOpened: "opened", EventCode: "code", EventAnswered: "answered", EventDeclined: "declined",
	EventUnusable: "unusable", EventCancelled: "cancelled", EventReminded: "reminded",
	EventCollected: "collected",
}

// String returns the lower-case word for k.
func (k SessionEventKind) String() string { return sessionEventNames.name(k, "session event") }

// MarshalText implements encoding.TextMarshaler.
func (k SessionEventKind) MarshalText() ([]byte, error) {
	return sessionEventNames.marshal(k, "session event")
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *SessionEventKind) UnmarshalText(text []byte) error {
	return sessionEventNames.unmarshal(k, text, "session event")
}

// SessionEvent is one thing that befalls a session. It says of its kind what it needs, and zero of the rest.
type SessionEvent struct {
	Kind SessionEventKind
	// Seat is the index of the seat it is about.
	Seat int
	// Credential and Phone are of [EventOpened]: who takes the seat, and the SHA-256 of what the phone is known by from then on. Of
	// [EventDeclined] they are where that comes of opening it, so that this phone is told of the end, too.
	Credential CredentialID
	Phone      [32]byte
	// Code is of [EventCode].
	Code uint8
	// Outcome is of [EventAnswered]: Match or NoMatch.
	Outcome Outcome
	// Transaction is the one that Outcome was recorded under: [Session.Transaction] of the seat.
	Transaction string
	// Shares is of [EventAnswered] with a Match, between persons: what is passed on.
	Shares Sharing
	// Report and Block are of [EventDeclined], between persons.
	Report, Block bool
}

// Next returns s after an event at a time. Where the deadline has passed the event comes too late: the session has timed out,
// which is no error. A clock that went back counts as standing still. An event that has been taken already changes nothing
// and is no error; anything else that the session does not take is [ErrSessionEnded], [ErrSessionTaken], [ErrSessionStep] or
// [ErrBadValue], with s as it was.
func (s Session) Next(e SessionEvent, now time.Time) (Session, error) {
	now = latest(now, s.ChangedAt)
	if s.collectable(e) {
		s.Collected = true
		return s.changed(now), nil
	}
	if s.End != SessionLive {
		return s, fmt.Errorf("%w: %s", ErrSessionEnded, s.End)
	}
	if passed := s.Passed(now); passed.End != SessionLive {
		return passed, nil
	}
	next := s
	next.Seats = append([]Seat(nil), s.Seats...)
	changed, err := next.take(e, now)
	if err != nil || !changed {
		return s, err
	}
	next.settle()
	return next.changed(now), nil
}

// Passed returns s at a time: timed out where its deadline has come, else as it was.
func (s Session) Passed(now time.Time) Session {
	if s.End != SessionLive || latest(now, s.ChangedAt).Before(s.Deadline) {
		return s
	}
	s.End = SessionTimeout
	return s.changed(latest(now, s.ChangedAt))
}

func (s Session) changed(now time.Time) Session {
	s.ChangedAt = now
	s.Version++
	return s
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// take makes the change of one event and reports whether there was any.
func (s *Session) take(e SessionEvent, now time.Time) (changed bool, err error) {
	switch e.Kind {
	case EventCancelled:
		s.End = SessionCancelled
		return true, nil
	case EventReminded:
		return true, s.remind(now)
	case EventCollected:
		return false, fmt.Errorf("%w: there is no answer yet", ErrSessionStep)
	}
	if e.Seat < 0 || e.Seat >= len(s.Seats) {
		return false, fmt.Errorf("%w: seat %d of %d", ErrBadValue, e.Seat, len(s.Seats))
	}
	seat := &s.Seats[e.Seat]
	switch e.Kind {
	case EventOpened:
		return s.open(seat, e, now)
	case EventCode:
		return s.enter(seat, e.Code)
	case EventAnswered:
		return s.answer(seat, e)
	case EventDeclined:
		s.Reported, s.Blocked = s.Reported || e.Report, s.Blocked || e.Block
		if seat.State == SeatWaiting && (seat.Credential == CredentialID{} || seat.Credential == e.Credential) && s.Asker != e.Credential {
			seat.Credential, seat.Phone = e.Credential, e.Phone
		}
		return true, seat.become(SeatDeclined)
	case EventUnusable:
		if seat.State == SeatWaiting {
			return false, fmt.Errorf("%w: nobody has opened the session", ErrSessionStep)
		}
		return true, seat.become(SeatUnusable)
	}
	return false, fmt.Errorf("%w: session event %d is unknown", ErrBadValue, e.Kind)
}

// open seats a phone. The first one stays: whoever scans the same code later is told that it is taken.
func (s *Session) open(seat *Seat, e SessionEvent, now time.Time) (bool, error) {
	switch {
	case e.Credential == CredentialID{} || e.Phone == [32]byte{}:
		return false, fmt.Errorf("%w: opened by nobody", ErrBadValue)
	case seat.State != SeatWaiting && (seat.Phone != e.Phone || seat.Credential != e.Credential):
		return false, ErrSessionTaken
	case seat.State != SeatWaiting:
		return false, nil
	case seat.Credential != CredentialID{} && seat.Credential != e.Credential:
		return false, fmt.Errorf("%w: the seat is another's", ErrSessionStep)
	case now.Before(s.Opens()):
		return false, fmt.Errorf("%w: a proof of life is not yet due", ErrSessionStep)
	case s.seated(e.Credential, e.Seat), s.Asker == e.Credential:
		return false, fmt.Errorf("%w: the credential is in the session already", ErrSessionStep)
	}
	seat.State, seat.Credential, seat.Phone = SeatOpened, e.Credential, e.Phone
	if answer := sessionRules[s.Kind].answer; answer > 0 {
		s.Deadline = now.Add(answer)
	}
	return true, nil
}

// enter takes the two digits. There is one try: a second would double what a stranger guesses.
func (s *Session) enter(seat *Seat, code uint8) (bool, error) {
	switch {
	case sessionRules[s.Kind].code == noCode:
		return false, fmt.Errorf("%w: a session of kind %s has no code", ErrSessionStep, s.Kind)
	case seat.CodeRight && code == s.Code:
		return false, nil
	case seat.CodeRight || seat.State == SeatWaiting:
		return false, fmt.Errorf("%w: no code is waited for", ErrSessionStep)
	case code != s.Code:
		s.End = SessionWrongCode
	}
	seat.CodeRight = code == s.Code
	return true, nil
}

// answer takes a decision. One of an earlier try was taken before.
func (s *Session) answer(seat *Seat, e SessionEvent) (bool, error) {
	switch {
	case e.Outcome != Match && e.Outcome != NoMatch:
		return false, fmt.Errorf("%w: outcome %s is no verdict", ErrBadValue, e.Outcome.Verdict())
	case sessionRules[s.Kind].code == codeByHolder && !seat.CodeRight:
		return false, fmt.Errorf("%w: the code comes first", ErrSessionStep)
	case seat.State != SeatOpened:
		return false, fmt.Errorf("%w: the seat is %s", ErrSessionStep, seat.State)
	case e.Transaction != s.Transaction(e.Seat):
		return false, fmt.Errorf("%w: the answer of another try", ErrSessionStep)
	}
	if e.Outcome == Match {
		seat.State = SeatConfirmed
		return true, s.share(e.Shares)
	}
	if seat.Tried++; seat.Tried >= s.Tries {
		seat.State = SeatNotConfirmed
	}
	return true, nil
}

// become settles a seat that a phone has opened, or that waits for one.
func (s *Seat) become(state SeatState) error {
	if s.State.settled() {
		return fmt.Errorf("%w: the seat is %s", ErrSessionStep, s.State)
	}
	s.State = state
	return nil
}

// remind counts a reminder that is due.
func (s *Session) remind(now time.Time) error {
	if at, more := s.NextReminder(); !more || now.Before(at) {
		return fmt.Errorf("%w: no reminder is due", ErrSessionStep)
	}
	s.Reminded++
	return nil
}

// NextReminder is when the next reminder of what is due is to be sent; there is none after the last.
func (s *Session) NextReminder() (at time.Time, more bool) {
	if s.Due.IsZero() || int(s.Reminded) >= len(Reminders) {
		return time.Time{}, false
	}
	return s.Due.Add(-Reminders[s.Reminded]), true
}

// settle ends the session where its seats have decided it.
func (s *Session) settle() {
	confirmed, open := s.count(SeatConfirmed), s.count(SeatWaiting)+s.count(SeatOpened)
	switch {
	case s.End != SessionLive:
	case confirmed >= int(s.Quorum):
		if s.codesRight() {
			s.End = SessionCompleted
		}
	case confirmed+open >= int(s.Quorum):
	case len(s.Seats) > 1:
		s.End = SessionQuorumFailed
	default:
		s.End = endOfSeat[s.Seats[0].State]
	}
}

// codesRight reports whether the code of every confirmed seat was right, where the kind asks for one.
func (s *Session) codesRight() bool {
	if sessionRules[s.Kind].code == noCode {
		return true
	}
	for i := range s.Seats {
		if s.Seats[i].State == SeatConfirmed && !s.Seats[i].CodeRight {
			return false
		}
	}
	return true
}

// endOfSeat is the end of a session whose only seat was settled without a yes.
var endOfSeat = map[SeatState]SessionEnd{
	SeatNotConfirmed: SessionCompleted, SeatDeclined: SessionRefused, SeatUnusable: SessionCredentialUnusable,
}
