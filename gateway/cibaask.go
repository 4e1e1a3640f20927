package gateway

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"zhenni"
)

const (
	scopeOpenID  = "openid"
	scopeService = "service:"
	scopePurpose = "purpose:"
	// How long a request may wait, in seconds.
	leastExpiry, mostExpiry, usualExpiry = 30, 600, 300
	// maxRequests bounds the requests of one client that wait for one person.
	maxRequests = 3
)

// askRemotely is POST /bc-authorize: a client asks for a person whose credential it knows. A credential that is not there, or not
// this client's to ask about, is answered like one whose holder does not answer.
func (s *Server) askRemotely(rq *request) error {
	f, err := s.readForm(rq)
	if err != nil {
		return err
	}
	session, err := s.readRemote(rq, f)
	if err != nil {
		return err
	}
	defer s.remoteBegun.lock(session.Seats[0].Credential)() // what waits is counted, and one more begun, in one step
	if s.waitingBeside(session) >= maxRequests {
		return &oauthError{403, "access_denied", "as many requests of this client wait for the person already"}
	}
	there, asked, err := s.beginFor(rq, session)
	if err != nil {
		return refuseScope(err)
	}
	if there.Kind != asked.Kind || there.Service != asked.Service || there.Purpose != asked.Purpose ||
		there.Seats[0].Credential != asked.Seats[0].Credential || *there.Remote != *asked.Remote {
		return oauth("invalid_request", "the transaction id was used for another request")
	}
	rq.writeSession(200, struct {
		Request  string `json:"auth_req_id"`
		Expires  int    `json:"expires_in"`
		Interval int    `json:"interval"`
	}{requestID(&there), int((requestLife(&there) + time.Second - 1) / time.Second), int(pollInterval / time.Second)})
	return nil
}

// refuseScope tells a client in its own words what it may not ask for.
func refuseScope(err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	switch r.kind {
	case kindService, kindPurpose, kindModality, kindRate:
		return oauth("invalid_scope", r.kind.title)
	case kindItem:
		return oauth("invalid_request", r.detail)
	}
	return err
}

// waitingBeside is how many requests of a party wait for the person that a request is for, whether there is one or not. The request
// itself is none of them: sent again, it is answered as it was.
func (s *Server) waitingBeside(request zhenni.Session) (n int) {
	now := s.config.Now()
	for _, session := range s.config.Sessions.Of(request.Seats[0].Credential) {
		if session.Kind == zhenni.SessionRemote && session.Party == request.Party && session.ID != request.ID && session.Passed(now).End == zhenni.SessionLive {
			n++
		}
	}
	return n
}

// readRemote reads what is asked for.
func (s *Server) readRemote(rq *request, f parameters) (session zhenni.Session, err error) {
	for _, name := range []string{"request", "request_uri"} {
		if f[name] != "" {
			return session, oauth("invalid_request", name+" is not supported")
		}
	}
	session.Kind, session.Tenant, session.Party = zhenni.SessionRemote, rq.party.Tenant, rq.party.ID
	session.ID = s.config.Sessions.ID(rq.party.ID, rq.transaction)
	if session.Service, session.Purpose, err = readScope(f["scope"]); err != nil {
		return session, err
	}
	credential, err := readHint(f)
	if err != nil {
		return session, err
	}
	session.Seats = []zhenni.Seat{{Credential: credential}}
	if session.Remote, err = s.remote(rq.party.ID, f); err != nil {
		return session, err
	}
	seconds := uint64(usualExpiry)
	if wanted := f["requested_expiry"]; wanted != "" {
		if seconds, err = strconv.ParseUint(wanted, 10, 31); err != nil || seconds == 0 {
			return session, oauth("invalid_request", "requested_expiry is no positive number of seconds")
		}
	}
	seconds = min(max(seconds, leastExpiry), mostExpiry)
	session.Deadline = s.config.Now().Add(time.Duration(seconds)*time.Second - pickupTime)
	return session, nil
}

// readScope reads openid, and the one service and purpose that are asked for.
func readScope(scope string) (service, purpose string, err error) {
	openid := false
	for word := range strings.FieldsSeq(scope) {
		of, isService := strings.CutPrefix(word, scopeService)
		to, isPurpose := strings.CutPrefix(word, scopePurpose)
		switch {
		case word == scopeOpenID && !openid:
			openid = true
		case isService && service == "" && zhenni.ValidName(of):
			service = of
		case isPurpose && purpose == "" && zhenni.ValidName(to):
			purpose = to
		default:
			return "", "", oauth("invalid_scope", "scope has something other than openid, service:ID and purpose:CODE, or one of them twice")
		}
	}
	if !openid || service == "" || purpose == "" {
		return "", "", oauth("invalid_scope", "scope is not openid, service:ID and purpose:CODE")
	}
	return service, purpose, nil
}

// readHint reads the credential of the person who is asked.
func readHint(f parameters) (id zhenni.CredentialID, err error) {
	if f["login_hint_token"] != "" || f["id_token_hint"] != "" {
		return id, oauth("invalid_request", "the person is named by login_hint, and by nothing else")
	}
	if id, err = zhenni.ParseCredentialID(f["login_hint"]); err != nil {
		return id, oauth("invalid_request", "login_hint is not a credential of 32 lower-case hexadecimal digits")
	}
	return id, nil
}

// remote reads what is shown to the person, and how a party with an endpoint is told.
func (s *Server) remote(party string, f parameters) (*zhenni.Remote, error) {
	remote := &zhenni.Remote{Message: f["binding_message"]}
	if remote.Validate() != nil {
		return nil, oauth("invalid_binding_message", "want at most 64 characters of printable text")
	}
	if s.config.CIBA.Ping[party] == "" {
		return remote, nil
	}
	if remote.Notify = f["client_notification_token"]; remote.Notify == "" || remote.Validate() != nil {
		return nil, oauth("invalid_request", "client_notification_token is missing, or not up to 1024 visible ASCII characters")
	}
	return remote, nil
}
