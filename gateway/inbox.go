package gateway

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhenni"
	"zhenni/evidence"
)

// A holder's phone asks for itself: it signs for an audience that is no relying party's, under a transaction of a nonce that it
// drew, and once a minute anew.
const (
	holderAudience = "holder"
	inboxPrefix    = "inbox."
	inboxLength    = 100
)

const (
	holderCredential = iota
	holderEvidence
	holderNonce
	holderCursor
	holderFields
)

// askingHolder reads who asks for themself: the credential whose device signed, whatever its status.
func (s *Server) askingHolder(rq *request, fields []field) (c zhenni.Credential, err error) {
	if err := s.readFields(rq, fields); err != nil {
		return c, err
	}
	var id zhenni.CredentialID
	if fields[holderCredential].number || id.UnmarshalText(fields[holderCredential].value) != nil {
		return c, refuse(kindID, "credential is not 32 lower-case hexadecimal digits")
	}
	transaction := inboxPrefix + string(fields[holderNonce].value)
	if fields[holderNonce].number || len(fields[holderNonce].value) == 0 || !zhenni.ValidName(transaction) {
		return c, refuse(kindItem, "nonce is not 1–58 of a–z 0–9 - _ .")
	}
	return s.holderOf(id, fields[holderEvidence].value, evidence.Expected{
		Subject: id, Capture: sha256.Sum256(fields[holderNonce].value), Transaction: transaction, Party: holderAudience, MaxAge: time.Minute,
	})
}

// inboxItem is a session that waits for a holder.
type inboxItem struct {
	askedDocument
	Deadline string `json:"deadline"`
	// Link is what the seat is opened by: session, seat and token.
	Link string `json:"link"`
}

// inboxPlace is where a session is in an inbox: by when it ends, in nanoseconds, and of several that end together by its id. The zero
// value is before all.
type inboxPlace struct {
	deadline int64
	session  zhenni.SessionID
}

func placeOf(s *zhenni.Session) inboxPlace { return inboxPlace{s.Deadline.UnixNano(), s.ID} }

func (p inboxPlace) compare(q inboxPlace) int {
	return cmp.Or(cmp.Compare(p.deadline, q.deadline), bytes.Compare(p.session[:], q.session[:]))
}

func (p inboxPlace) String() string {
	return strconv.FormatInt(p.deadline, 10) + "-" + p.session.String()
}

// takePlace reads the place that a page begins behind, in the one form that String writes.
func takePlace(cursor *field) (p inboxPlace, err error) {
	if cursor.value == nil {
		return p, nil
	}
	deadline, session, _ := strings.Cut(string(cursor.value), "-")
	p.deadline, err = strconv.ParseInt(deadline, 10, 64)
	if err == nil {
		p.session, err = zhenni.ParseSessionID(session)
	}
	if err != nil || cursor.number || p.deadline <= 0 || p.String() != string(cursor.value) {
		return p, refuse(kindItem, "cursor is not what next of a page was")
	}
	return p, nil
}

// inbox is POST /v1/holder/sessions: the live sessions that name a credential and wait for it, those that end first at the front, a page
// from a cursor on. What comes or goes between two pages changes nothing of what else is on them.
func (s *Server) inbox(rq *request) error {
	if s.config.Sessions == nil {
		return noSessions()
	}
	fields := [holderFields]field{{name: "credential"}, {name: "evidence"}, {name: "nonce"}, {name: "cursor"}}
	holder, err := s.askingHolder(rq, fields[:])
	if err != nil {
		return err
	}
	from, err := takePlace(&fields[holderCursor])
	if err != nil {
		return err
	}
	rq.writeSession(200, s.newInboxPage(holder, from))
	return nil
}

// inboxPage is at most [inboxLength] sessions, and where the next page begins, "" behind the last.
type inboxPage struct {
	Credential string      `json:"credential"`
	Sessions   []inboxItem `json:"sessions"`
	Next       string      `json:"next,omitempty"`
}

func (s *Server) newInboxPage(holder zhenni.Credential, from inboxPlace) inboxPage {
	now := s.config.Now()
	waiting := slices.DeleteFunc(s.config.Sessions.Of(holder.ID), func(one zhenni.Session) bool {
		return one.Passed(now).End != zhenni.SessionLive || one.Tenant != holder.Tenant || waitingSeat(one, holder.ID) < 0 ||
			placeOf(&one).compare(from) <= 0
	})
	slices.SortFunc(waiting, func(a, b zhenni.Session) int { return placeOf(&a).compare(placeOf(&b)) })
	page := inboxPage{Credential: holder.ID.String(), Sessions: []inboxItem{}}
	if len(waiting) > inboxLength {
		waiting = waiting[:inboxLength]
		page.Next = placeOf(&waiting[inboxLength-1]).String()
	}
	for _, one := range waiting {
		page.Sessions = append(page.Sessions, s.newInboxItem(one, waitingSeat(one, holder.ID)))
	}
	return page
}

// waitingSeat is the seat of a session that waits for a credential, or -1.
func waitingSeat(session zhenni.Session, id zhenni.CredentialID) int {
	return slices.IndexFunc(session.Seats, func(seat zhenni.Seat) bool {
		return seat.Credential == id && seat.State == zhenni.SeatWaiting
	})
}

func (s *Server) newInboxItem(session zhenni.Session, seat int) inboxItem {
	return inboxItem{s.newAskedDocument(session, seat), writtenTime(session.Deadline), seatLink(session.ID, seat, session.SeatToken(seat))}
}

// ownHistory is POST /v1/holder/history: who asked about a credential, for its holder, a page from a cursor on.
func (s *Server) ownHistory(rq *request) error {
	if s.config.History == nil {
		return refuse(kindNotFound, "")
	}
	fields := [holderFields]field{{name: "credential"}, {name: "evidence"}, {name: "nonce"}, {name: "cursor"}}
	holder, err := s.askingHolder(rq, fields[:])
	if err != nil {
		return err
	}
	var from zhenni.AskedCursor
	if cursor := &fields[holderCursor]; cursor.value != nil {
		if from, err = zhenni.ParseAskedCursor(string(cursor.value)); err != nil || cursor.number {
			return refuse(kindItem, "cursor is not what next of a page was")
		}
	}
	ctx, cancel := s.batchTime()
	defer cancel()
	page, err := s.config.History.Asked(ctx, holder.Tenant, holder.ID, from, historyPage)
	if err != nil {
		return err
	}
	s.writeHistory(rq, holder.ID, page)
	return nil
}
