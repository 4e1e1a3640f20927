package gateway

import (
	"context"
	"errors"
	"strconv"

	"zhenni"
)

// Sessions hosts the conversations between who asks and those who are asked. Its methods may be called from several goroutines. A
// session that it returns is shared: nobody changes its seats.
type Sessions interface {
	// ID returns the id of the session that a party begins by a transaction: the same for the same arguments.
	ID(party, transaction string) zhenni.SessionID
	// Begin makes a session durable and takes it up. One that is there already is an error.
	Begin(ctx context.Context, s zhenni.Session) error
	// Tell brings an event to a session and returns it as it is once that is durable. Beside the errors of
	// [zhenni.Session.Next] there are [zhenni.ErrNotFound], [zhenni.ErrOverloaded], [zhenni.ErrUnavailable] and
	// [zhenni.ErrDeadline].
	Tell(ctx context.Context, id zhenni.SessionID, e zhenni.SessionEvent) (zhenni.Session, error)
	// Session returns a session as it is, for as long as it is kept: [zhenni.ErrNotFound].
	Session(id zhenni.SessionID) (zhenni.Session, error)
	// Of returns the sessions that a credential asks in or is asked in, in no order.
	Of(credential zhenni.CredentialID) []zhenni.Session
	// Watch returns a channel on which something lies whenever a session has changed since it was last received from:
	// [zhenni.ErrOverloaded], of each side by itself: that of who asks is -1, that of a seat its index. stop is called when nobody waits any
	// more.
	Watch(id zhenni.SessionID, side int) (changed <-chan struct{}, stop func(), err error)
}

// The kinds of refusal in a session.
var (
	kindNoSession    = &kind{404, "session_not_found", "There is no such session, or not for you.", "Check the address and the token; begin another session.", false, false}
	kindSessionEnded = &kind{409, "session_ended", "The session has its outcome.", "Read the session; begin another.", false, false}
	kindSessionTaken = &kind{409, "session_taken", "Another phone has opened the session.", "Have another session begun.", false, false}
	kindSessionStep  = &kind{409, "session_step", "It is not the time for this.", "Read the session, and do what it waits for.", false, false}
	kindHolder       = &kind{403, "holder_refused", "What the phone shows does not open this session.", "Sign with the device of an active credential, for this session, and not later than a minute after.", false, false}
)

func noSessions() error { return refuse(kindNotFound, "this server has no sessions") }

// tokenField carries what lets somebody without an account into a session: a [zhenni.SessionToken], or the proof of a code that was
// scanned.
const tokenField = "Session-Token"

// refuseSession says what became of an event, for whoever brought it.
func refuseSession(err error) error {
	for _, told := range []struct {
		err  error
		kind *kind
	}{
		{zhenni.ErrNotFound, kindNoSession}, {zhenni.ErrSessionEnded, kindSessionEnded},
		{zhenni.ErrSessionTaken, kindSessionTaken}, {zhenni.ErrSessionStep, kindSessionStep},
	} {
		if errors.Is(err, told.err) {
			return refuse(told.kind, "")
		}
	}
	return err
}

// session returns the session that the address names: [kindNoSession].
func (s *Server) session(rq *request) (zhenni.Session, error) {
	if s.config.Sessions == nil {
		return zhenni.Session{}, noSessions()
	}
	written, _ := rq.ctx.UserValue("id").(string)
	id, err := zhenni.ParseSessionID(written)
	if err != nil {
		return zhenni.Session{}, refuse(kindNoSession, "")
	}
	session, err := s.currentSession(id)
	return session, refuseSession(err)
}

// currentSession returns a session as it is now. Its alarm may come a moment after its deadline: nobody is shown a live session by then, so
// that the end is made durable before it is told.
func (s *Server) currentSession(id zhenni.SessionID) (zhenni.Session, error) {
	session, err := s.config.Sessions.Session(id)
	if err != nil || session.End != zhenni.SessionLive || session.Passed(s.config.Now()).End == zhenni.SessionLive {
		return session, err
	}
	session, err = s.tell(id, zhenni.SessionEvent{Kind: zhenni.EventReminded})
	if session.End != zhenni.SessionLive {
		return session, nil
	}
	return session, err
}

// asking returns the session for whoever asks in it: its party, or a page that has the token. To anybody else it is not there.
func (s *Server) asking(rq *request) (zhenni.Session, error) {
	session, err := s.session(rq)
	if err != nil {
		return session, err
	}
	if rq.role != 0 && rq.proof == nil && rq.party.ID == session.Party && rq.party.Tenant == session.Tenant {
		return session, nil
	}
	if token, ok := rq.token(); rq.role == 0 && ok && session.IsAsker(token) {
		return session, nil
	}
	return zhenni.Session{}, refuse(kindNoSession, "")
}

// tokened reports whether the request shows a token in place of an account.
func (rq *request) tokened() bool { return rq.ctx.Request.Header.Peek(tokenField) != nil }

func (rq *request) token() (zhenni.SessionToken, bool) {
	return zhenni.ParseSessionToken(rq.ctx.Request.Header.Peek(tokenField))
}

// seat returns the session and the seat that the address names, whoever asks.
func (s *Server) seat(rq *request) (zhenni.Session, int, error) {
	session, err := s.session(rq)
	if err != nil {
		return session, 0, err
	}
	written, _ := rq.ctx.UserValue("seat").(string)
	seat, err := strconv.Atoi(written)
	if err != nil || strconv.Itoa(seat) != written || seat < 0 || seat >= len(session.Seats) {
		return zhenni.Session{}, 0, refuse(kindNoSession, "")
	}
	return session, seat, nil
}

// seated returns the session for the phone in a seat, and as long as nobody has opened it for whoever is invited.
func (s *Server) seated(rq *request) (zhenni.Session, int, error) {
	session, seat, err := s.seat(rq)
	if err != nil {
		return session, seat, err
	}
	token, ok := rq.token()
	invited := session.Seats[seat].State == zhenni.SeatWaiting && session.IsInvited(seat, token)
	if !ok || !invited && !session.IsPhone(seat, token) {
		return zhenni.Session{}, 0, refuse(kindNoSession, "")
	}
	return session, seat, nil
}

// tell brings an event to a session, for as long as the client may have to wait.
func (s *Server) tell(id zhenni.SessionID, e zhenni.SessionEvent) (zhenni.Session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.VerifyTimeout)
	defer cancel()
	session, err := s.config.Sessions.Tell(ctx, id, e)
	if session.End != zhenni.SessionLive {
		s.rotations.forget(id)
	}
	return session, refuseSession(err)
}
