package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"zhenni"
)

// occasion is one thing of a session that is told once: an event, of the seat or the reminder of a number.
type occasion struct {
	event  Event
	number int
}

// owed are the occasions that an endpoint is to hear of, of a session as it is. They follow from the session alone, so they are the
// same after a crash; of one that was opened or has ended they stay, and nobody is waited for any more.
func owed(e *Endpoint, s *zhenni.Session) (all []occasion) {
	if s.Tenant != e.Tenant || s.ChangedAt.Before(e.Since) {
		return nil
	}
	rings := slices.Contains(e.Events, EventWaiting)
	if s.Party != e.Party && !rings {
		return nil
	}
	add := func(event Event, number int) {
		if slices.Contains(e.Events, event) {
			all = append(all, occasion{event, number})
		}
	}
	if s.Party == e.Party {
		if slices.ContainsFunc(s.Seats, func(seat zhenni.Seat) bool { return seat.State != zhenni.SeatWaiting }) {
			add(EventOpened, 0)
		}
		for n := range int(s.Reminded) {
			add(EventReminder, n)
		}
		if s.End != zhenni.SessionLive {
			add(EventEnded, 0)
		}
	}
	for n := range s.Seats {
		if rings && waitedFor(s, n) {
			add(EventWaiting, n)
		}
	}
	return all
}

// waitedFor reports whether a credential that is named is waited for in a seat.
func waitedFor(s *zhenni.Session, seat int) bool {
	return s.End == zhenni.SessionLive && s.Seats[seat].State == zhenni.SeatWaiting && s.Seats[seat].Credential != zhenni.CredentialID{}
}

// notice is one message until it is told.
type notice struct {
	id      string
	session zhenni.SessionID
	occasion
	at    time.Time
	tries int
	next  time.Time
	// until is when it is given up, whatever was tried.
	until time.Time
	body  []byte
}

// messageID is the id of a message: the same for the same party, session and occasion.
func messageID(party string, session zhenni.SessionID, o occasion) string {
	sum := sha256.Sum256([]byte("zhenni webhook 1\n" + party + "\n" + session.String() + "\n" + string(o.event) + "\n" + strconv.Itoa(o.number)))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// envelope is the body of a message.
type envelope struct {
	Type      Event     `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// waitingData is what an issuer hears: not who asks, and not what for.
type waitingData struct {
	Session    string `json:"session"`
	Seat       int    `json:"seat"`
	Credential string `json:"credential"`
	Deadline   string `json:"deadline"`
}

func writeBody(event Event, at time.Time, data any) []byte {
	body, err := json.Marshal(envelope{event, at.UTC().Truncate(time.Millisecond), data})
	if err != nil {
		panic(err) // views are of texts and numbers
	}
	return body
}

// newNotice makes the message of an occasion, with the session as it is.
func newNotice(e *Endpoint, s *zhenni.Session, o occasion, view func(zhenni.Session) any) *notice {
	var data any
	if o.event == EventWaiting {
		credential := s.Seats[o.number].Credential
		data = waitingData{s.ID.String(), o.number, credential.String(), s.Deadline.UTC().Format("2006-01-02T15:04:05.000Z")}
	} else {
		data = view(*s)
	}
	return &notice{
		id: messageID(e.Party, s.ID, o), session: s.ID, occasion: o, at: s.ChangedAt, next: s.ChangedAt, until: s.ChangedAt.Add(messageLife),
		body: writeBody(o.event, s.ChangedAt, data),
	}
}

// What became of a message, as it is kept under its id.
const (
	stateTold   = "told"
	stateFailed = "failed" // and will be tried again
	stateDead   = "dead"
)

// outcome is how that is kept. Of a message that was told only the session is, so that it can be forgotten with it.
type outcome struct {
	State   string          `json:"state"`
	Session string          `json:"session"`
	Party   string          `json:"party,omitempty"`
	Event   Event           `json:"event,omitempty"`
	Number  int             `json:"number,omitempty"`
	At      time.Time       `json:"at,omitzero"`
	Tries   int             `json:"tries,omitempty"`
	Next    time.Time       `json:"next,omitzero"` // of a dead one, when it died
	Status  int             `json:"status,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`
}

func (o outcome) record() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // a record is of texts, times and a body that was written here
	}
	return b
}

// outcomeOf is what is kept of a message in a state.
func outcomeOf(party string, n *notice, state string, status int) outcome {
	if state == stateTold {
		return outcome{State: state, Session: n.session.String()}
	}
	return outcome{state, n.session.String(), party, n.event, n.number, n.at, n.tries, n.next, status, n.body}
}

// readOutcome reads what is kept under an id: [zhenni.ErrCorrupt].
func readOutcome(id string, b []byte) (o outcome, n *notice, err error) {
	var session zhenni.SessionID
	if err = json.Unmarshal(b, &o); err == nil {
		session, err = zhenni.ParseSessionID(o.Session)
	}
	if err != nil {
		return o, nil, fmt.Errorf("%w: webhook: what became of a message is not as it was written", zhenni.ErrCorrupt)
	}
	return o, &notice{
		id: id, session: session, occasion: occasion{o.Event, o.Number}, at: o.At, tries: o.Tries, next: o.Next, until: o.At.Add(messageLife), body: o.Body,
	}, nil
}
