package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"zhenni"
)

// askerDocument is a session as who asks sees it. It is the same for every credential that is not confirmed.
type askerDocument struct {
	Session string             `json:"session"`
	Kind    zhenni.SessionKind `json:"kind"`
	Service string             `json:"service"`
	serviceNames
	Purpose   string             `json:"purpose"`
	Outcome   zhenni.SessionEnd  `json:"outcome"`
	Confirmed *bool              `json:"confirmed,omitempty"`
	Opened    int                `json:"opened"`
	Answered  *int               `json:"answered,omitempty"`
	Seats     []zhenni.SeatState `json:"seats,omitempty"`
	// Code is what who asks reads out; CodeWanted says that they are to type the one that the phone shows.
	Code       string `json:"code,omitempty"`
	CodeWanted bool   `json:"code_wanted,omitempty"`
	CodeRight  bool   `json:"code_right,omitempty"`
	Deadline   string `json:"deadline"`
	askerPerson
	// Transaction is what evidence of the next capture is signed for, where the device of who asks captures.
	Transaction string `json:"transaction,omitempty"`
	// Next is the link of the proof of life that follows.
	Next string `json:"next,omitempty"`
}

func newAskerDocument(s zhenni.Session) askerDocument {
	v := s.ForAsker()
	d := askerDocument{
		Session: s.ID.String(), Kind: s.Kind, Service: s.Service, Purpose: s.Purpose, Outcome: v.End, Opened: v.Opened,
		Seats: v.Seats, CodeRight: v.CodeRight, CodeWanted: s.AskerTypesCode() && !v.CodeRight, Deadline: writtenTime(v.Deadline),
	}
	if v.End == zhenni.SessionCompleted {
		d.Confirmed = &v.Confirmed
	}
	if s.Kind == zhenni.SessionGroup {
		d.Answered = &v.Answered
	}
	if code, shown := s.CodeForAsker(); shown {
		d.Code = writtenCode(code)
	}
	claimed := s.Kind == zhenni.SessionKiosk || s.Seats[0].CodeRight
	if capturedByAsker[s.Kind] && claimed && s.Seats[0].State == zhenni.SeatOpened && s.End == zhenni.SessionLive {
		d.Transaction = s.Transaction(0)
	}
	d.Next = nextLink(&s)
	return d
}

// nextLink is the link of the session that follows one, "" where none does.
func nextLink(s *zhenni.Session) string {
	id, token, more := s.Following()
	if !more {
		return ""
	}
	return seatLink(id, 0, token)
}

// seatLink is what a seat is opened by: session, seat and token.
func seatLink(id zhenni.SessionID, seat int, token zhenni.SessionToken) string {
	return fmt.Sprintf("%s.%d.%s", id, seat, token)
}

func writtenCode(code uint8) string { return fmt.Sprintf("%02d", code) }

func writtenTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// begunDocument is what whoever began a session needs to go on: the token of a page that follows it, what its codes are made with,
// and the links by which phones take their seats.
type begunDocument struct {
	askerDocument
	AskerToken string   `json:"asker_token"`
	QRKey      string   `json:"qr_key,omitempty"`
	Links      []string `json:"links"`
	// Now is the time of the server, by which codes are made.
	Now string `json:"now"`
}

func (s *Server) newBegunDocument(session zhenni.Session) begunDocument {
	d := begunDocument{askerDocument: s.askerDocument(session), AskerToken: session.AskerToken().String(), Now: writtenTime(session.CreatedAt)}
	if session.Kind == zhenni.SessionCounter || session.Kind == zhenni.SessionPayment {
		d.QRKey = session.QRKey().String()
	}
	d.Links = []string{}
	if i := session.Introduction; i != nil && i.Answers != (zhenni.SessionID{}) {
		return d // who is asked back finds the link on their own page
	}
	for i := range session.Seats {
		d.Links = append(d.Links, seatLink(session.ID, i, session.SeatToken(i)))
	}
	return d
}

// askedDocument is what a person is asked: by whom, for what, until when it is due.
type askedDocument struct {
	Session   string             `json:"session"`
	Seat      int                `json:"seat"`
	Kind      zhenni.SessionKind `json:"kind"`
	Party     string             `json:"party"`
	PartyName string             `json:"party_name,omitempty"`
	Service   string             `json:"service"`
	serviceNames
	Purpose string           `json:"purpose"`
	Payment *paymentDocument `json:"payment,omitempty"`
	Due     string           `json:"due,omitempty"`
}

// serviceNames are what a service is called on pages, as the catalogue has it.
type serviceNames struct {
	ServiceZH string `json:"service_zh,omitempty"`
	ServiceEN string `json:"service_en,omitempty"`
}

func (s *Server) namesOf(service string) (n serviceNames) {
	if known, there := s.served[0].policy.Catalogue.Service(service); there {
		n.ServiceZH, n.ServiceEN = known.NameZH, known.NameEN
	}
	return n
}

// holderDocument is a session as the person in a seat sees it.
type holderDocument struct {
	askedDocument
	// Message is to be the one on the screen of who asks.
	Message string           `json:"message,omitempty"`
	State   zhenni.SeatState `json:"state"`
	// Transaction is what evidence of the next answer is signed for.
	Transaction string            `json:"transaction,omitempty"`
	TriesLeft   int               `json:"tries_left"`
	Code        string            `json:"code,omitempty"`
	CodeWanted  bool              `json:"code_wanted,omitempty"`
	Outcome     zhenni.SessionEnd `json:"outcome"`
	Confirmed   *bool             `json:"confirmed,omitempty"`
	Deadline    string            `json:"deadline"`
	holderPerson
	// RotationWanted asks for the arrival once more, with the rotation key that it was made with.
	RotationWanted bool   `json:"rotation_wanted,omitempty"`
	Next           string `json:"next,omitempty"`
}

type paymentDocument struct {
	Payee     string `json:"payee"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"`
	// Hash is what the signed result is bound to.
	Hash string `json:"hash"`
}

func (s *Server) newAskedDocument(session zhenni.Session, seat int) askedDocument {
	d := askedDocument{
		Session: session.ID.String(), Seat: seat, Kind: session.Kind, Party: session.Party, Service: session.Service, Purpose: session.Purpose,
	}
	if party, known := s.node.RelyingParty(d.Party); known {
		d.PartyName = party.Name
	}
	d.serviceNames = s.namesOf(d.Service)
	if p := session.Payment; p != nil {
		hash := p.Hash()
		d.Payment = &paymentDocument{p.Payee, p.Amount, p.Currency, p.Reference, base64.RawURLEncoding.EncodeToString(hash[:])}
	}
	if !session.Due.IsZero() {
		d.Due = writtenTime(session.Due)
	}
	return d
}

func (s *Server) newHolderDocument(session zhenni.Session, seat int) holderDocument {
	v := session.ForSeat(seat)
	d := holderDocument{
		askedDocument: s.newAskedDocument(session, seat), State: v.State,
		TriesLeft: v.TriesLeft, CodeWanted: v.CodeWanted, Message: v.Message, Outcome: v.End, Deadline: writtenTime(v.Deadline),
		holderPerson: s.heldByPerson(session),
	}
	if v.State == zhenni.SeatOpened && v.End == zhenni.SessionLive {
		d.Transaction = session.Transaction(seat)
	}
	d.RotationWanted, d.Next = s.rotationWanted(&session), nextLink(&session)
	if v.CodeShown {
		d.Code = writtenCode(v.Code)
	}
	if v.End == zhenni.SessionCompleted {
		d.Confirmed = &v.Confirmed
	}
	return d
}

// writeSession answers with a document.
func (rq *request) writeSession(status int, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // documents are of texts and numbers
	}
	rq.writeJSON(status, body)
}
