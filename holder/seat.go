package holder

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhenni"
)

// Invitation lets a phone take a seat of a session: a link that names the seat, or a code that was on a screen a moment ago.
type Invitation struct {
	Session zhenni.SessionID
	Seat    int
	// Shown is what lets in: the token of the link, or the proof of the code.
	Shown string
}

// ParseInvitation reads a link, session.seat.token, or what a code says, session.proof, which is of the only seat. An address of a
// page before it, which ends in #, is not of it. Anything else is zhenni.ErrBadValue.
func ParseInvitation(text string) (i Invitation, err error) {
	if at := strings.LastIndexByte(text, '#'); at >= 0 {
		text = text[at+1:]
	}
	parts := strings.Split(text, ".")
	if len(parts) == 2 {
		parts = []string{parts[0], "0", parts[1]}
	}
	if len(parts) != 3 {
		return i, fmt.Errorf("%w: neither a link nor a code of a session", zhenni.ErrBadValue)
	}
	if i.Session, err = zhenni.ParseSessionID(parts[0]); err != nil {
		return i, err
	}
	if i.Seat, err = strconv.Atoi(parts[1]); err != nil || i.Seat < 0 || i.Seat >= zhenni.MaxSeats || strconv.Itoa(i.Seat) != parts[1] {
		return i, fmt.Errorf("%w: seat of a session", zhenni.ErrBadValue)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != zhenni.SessionQRSize && len(raw) != len(zhenni.SessionToken{}) {
		return i, fmt.Errorf("%w: token of a session", zhenni.ErrBadValue)
	}
	i.Shown = parts[2]
	return i, nil
}

// String writes the form that [ParseInvitation] reads.
func (i Invitation) String() string { return fmt.Sprintf("%s.%d.%s", i.Session, i.Seat, i.Shown) }

// Seat is the place of a phone in a session: by what it is let in, or the hotel at which it arrives, and the token that it draws, by which it is known from then on.
// Whoever has the token is this phone to the session. It is kept before [Seats.Open], so that an answer that was lost is asked for
// again by the same phone. It is for one goroutine at a time.
type Seat struct {
	Invitation
	token zhenni.SessionToken
	hotel string // of an arrival
}

// NewSeat draws the token of a phone.
func NewSeat(i Invitation) *Seat {
	s := &Seat{Invitation: i}
	_, _ = rand.Read(s.token[:]) // never fails
	return s
}

// seatFile is a seat as it is kept.
type seatFile struct {
	Invitation string `json:"invitation,omitempty"`
	Hotel      string `json:"hotel,omitempty"`
	Phone      string `json:"phone"`
}

// MarshalJSON implements json.Marshaler. What it writes is a secret.
func (s *Seat) MarshalJSON() ([]byte, error) {
	file := seatFile{Hotel: s.hotel, Phone: s.token.String()}
	if s.Session != (zhenni.SessionID{}) {
		file.Invitation = s.Invitation.String()
	}
	return json.Marshal(file)
}

// UnmarshalJSON implements json.Unmarshaler: zhenni.ErrBadValue.
func (s *Seat) UnmarshalJSON(text []byte) error {
	var file seatFile
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("%w: a seat: %w", zhenni.ErrBadValue, err)
	}
	token, ok := zhenni.ParseSessionToken([]byte(file.Phone))
	if !ok {
		return fmt.Errorf("%w: the token of a phone", zhenni.ErrBadValue)
	}
	if file.Hotel != "" && !zhenni.ValidName(file.Hotel) {
		return fmt.Errorf("%w: the hotel of a seat", zhenni.ErrBadValue)
	}
	var invitation Invitation
	if file.Invitation != "" || file.Hotel == "" {
		var err error
		if invitation, err = ParseInvitation(file.Invitation); err != nil {
			return err
		}
	}
	s.Invitation, s.token, s.hotel = invitation, token, file.Hotel
	return nil
}

// path is that of the seat on a server.
func (s *Seat) path() string { return fmt.Sprintf("/v1/sessions/%s/seats/%d", s.Session, s.Seat) }

// question is what the phone signs for to take the seat.
func (s *Seat) question(credential zhenni.CredentialID, party string) Question {
	return Question{
		Credential: credential, Capture: sha256.Sum256(s.token[:]), Party: party,
		Transaction: s.Session.OpeningTransaction(s.Seat),
	}
}

// SeatView is a session as the person in a seat sees it.
type SeatView struct {
	Session string             `json:"session"`
	Seat    int                `json:"seat"`
	Kind    zhenni.SessionKind `json:"kind"`
	// Party asks for Service and Purpose; the names are for people, and empty where there are none.
	Party     string       `json:"party"`
	PartyName string       `json:"party_name,omitempty"`
	Service   string       `json:"service"`
	ServiceZH string       `json:"service_zh,omitempty"`
	ServiceEN string       `json:"service_en,omitempty"`
	Purpose   string       `json:"purpose"`
	Payment   *PaymentView `json:"payment,omitempty"`
	// Due is when a proof of life is due, zero of any other kind.
	Due   time.Time        `json:"due,omitzero"`
	State zhenni.SeatState `json:"state"`
	// Transaction is what evidence of the next answer is signed for.
	Transaction string `json:"transaction,omitempty"`
	TriesLeft   int    `json:"tries_left"`
	// Code is read out to who asks; where CodeWanted is set it is typed in.
	Code       string `json:"code,omitempty"`
	CodeWanted bool   `json:"code_wanted,omitempty"`
	// Asker is the masked name of a person who asks, empty where it is not shown; Shared what they were let see.
	Asker  string   `json:"asker,omitempty"`
	Shared []string `json:"shared,omitempty"`
	// RotationWanted asks for the arrival at a hotel once more: [Seats.Arrive].
	RotationWanted bool `json:"rotation_wanted,omitempty"`
	// Outcome is live until the session has ended. Confirmed is of one that was completed.
	Outcome   zhenni.SessionEnd `json:"outcome"`
	Confirmed bool              `json:"confirmed"`
	Deadline  time.Time         `json:"deadline"`
	// Tag names what is shown: two views of one tag are alike.
	Tag string `json:"-"`
}

// PaymentView is what a payment is bound to, as the phone shows it.
type PaymentView struct {
	Payee     string `json:"payee"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"`
	// Hash is what the signed result is bound to.
	Hash string `json:"hash"`
}

// check reports a view of another seat, or of a payment whose hash is not its own: what a phone shows is what is signed.
func (v *SeatView) check(s *Seat) error {
	if v.Session != s.Session.String() || v.Seat != s.Seat {
		return fmt.Errorf("%w: the answer is of another seat", zhenni.ErrUnavailable)
	}
	if v.Payment == nil {
		return nil
	}
	p := zhenni.Payment{Payee: v.Payment.Payee, Amount: v.Payment.Amount, Currency: v.Payment.Currency, Reference: v.Payment.Reference}
	hash := p.Hash()
	if v.Payment.Hash != base64.RawURLEncoding.EncodeToString(hash[:]) {
		return fmt.Errorf("%w: the hash is of another payment than the one that is shown", zhenni.ErrUnavailable)
	}
	return nil
}
