package holder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"zhenni"
	"zhenni/identity"
)

// Arrival is what a guest's phone brings to a hotel.
type Arrival struct {
	// Engine is the key to which the phone seals its rotation key, with which the hotel's capture is rotated; nil brings none, for a
	// credential that is not rotated. It is the key that the credential was enrolled under ([Issue]), or the arrival is refused.
	Engine *identity.PublicKey
	// Service and Purpose are empty where the hotel has one of lodging.
	Service, Purpose string
}

// NewArrival draws the token of a phone at the printed code of a hotel, which is its id as a relying party, with the address of a page
// before it, which ends in #, or without: zhenni.ErrBadValue. The seat names its session once [Seats.Arrive] is answered; it is kept before
// that, so that an arrival that was lost is sent again by the same phone.
func NewArrival(printed string) (*Seat, error) {
	hotel := printed[strings.LastIndexByte(printed, '#')+1:]
	if !zhenni.ValidName(hotel) {
		return nil, fmt.Errorf("%w: the printed code: want the id of a relying party", zhenni.ErrBadValue)
	}
	s := NewSeat(Invitation{})
	s.hotel = hotel
	return s, nil
}

// Hotel is where the phone of the seat arrives, "" for a seat that is taken by an invitation.
func (s *Seat) Hotel() string { return s.hotel }

// arrivalName is what an arrival is called after the token of its phone.
func (s *Seat) arrivalName() string {
	sum := sha256.Sum256(s.token[:])
	return "arrival." + hex.EncodeToString(sum[:16])
}

// Arrive has the phone arrive, and names the session in the seat. The two digits of the view are read out at the desk. Sent again it is
// answered with the session as it is; where RotationWanted is set, as after a restart of the server, it has to be.
func (s *Seats) Arrive(ctx context.Context, seat *Seat, phone *Phone, a Arrival, at time.Time) (v SeatView, err error) {
	name := seat.arrivalName()
	q := Question{Credential: phone.Credential, Capture: sha256.Sum256(seat.token[:]), Transaction: name, Party: seat.hotel}
	evidence, err := phone.Possession(q, at)
	if err != nil {
		return v, err
	}
	body := map[string]any{"party": seat.hotel, "credential": phone.Credential, "phone": seat.token.String(), "evidence": string(evidence)}
	for member, value := range map[string]string{"service": a.Service, "purpose": a.Purpose} {
		if value != "" {
			body[member] = value
		}
	}
	if a.Engine != nil {
		if body["rotation_key"], err = phone.SealRotation(*a.Engine, seat.hotel+"/"+name); err != nil {
			return v, err
		}
	}
	if err := s.post(ctx, "/v1/arrivals", "", body, &v); err != nil {
		return v, err
	}
	return v, seat.arrived(&v)
}

// arrived takes the session of an arrival into its seat. It is the only one of the token.
func (s *Seat) arrived(v *SeatView) error {
	id, err := zhenni.ParseSessionID(v.Session)
	if err != nil || v.Party != s.hotel || s.Session != (zhenni.SessionID{}) && s.Session != id {
		return fmt.Errorf("%w: the answer is of another arrival", zhenni.ErrUnavailable)
	}
	s.Invitation = Invitation{Session: id, Shown: s.token.String()}
	return v.check(s)
}

// Guests returns how many guests wait at the desk of the client's hotel: nobody's digits, and nobody.
func (c *Client) Guests(ctx context.Context) (waiting int, err error) {
	var answer struct {
		Waiting int `json:"waiting"`
	}
	err = c.ask(ctx, http.MethodGet, "/v1/arrivals", "", nil, &answer)
	return answer.Waiting, err
}

// Claim returns the session of the guest who reads out two digits, at the device of a hotel, which captures from then on. Sent again it is
// answered with the session as it is. Digits that nobody shows end nothing.
func (c *Client) Claim(ctx context.Context, code string) (v SessionView, err error) {
	err = c.ask(ctx, http.MethodPost, "/v1/arrivals/claim", "", map[string]any{"code": code}, &v)
	return v, err
}
