package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhenni"
	"zhenni/holder"
)

// Phones plays the phones of a town, each as its subject would. It is safe for concurrent use.
type Phones struct {
	*Town
	url   string
	seats *holder.Seats
	now   func() time.Time
}

// Refusal is why a phone does not play, told by a problem of the API.
type Refusal struct{ code, detail string }

// Error implements error.
func (r *Refusal) Error() string { return r.code + ": " + r.detail }

// Problem implements gateway.Rehearsed.
func (r *Refusal) Problem() (code, detail string) { return r.code, r.detail }

// NewPhones has the phones of a town ask the server at an address.
func NewPhones(t *Town, address string) (*Phones, error) {
	seats, err := holder.NewSeats(address, http.DefaultTransport)
	if err != nil {
		return nil, err
	}
	return &Phones{Town: t, url: address, seats: seats, now: time.Now}, nil
}

// asked is what a phone is asked to do: to open the session of a link, and type the code that who asks reads out, where the phone types
// one; or to arrive at a hotel.
type asked struct {
	Link  string `json:"link"`
	Code  string `json:"code"`
	Hotel string `json:"hotel"`
}

// Play implements gateway.Sandbox.
func (p *Phones) Play(ctx context.Context, subject string, document []byte) ([]byte, error) {
	s := p.byName[subject]
	if s == nil || !s.HasPhone() {
		return nil, &Refusal{"not_found", "no such subject, or one that has no phone: GET /sandbox/subjects lists them"}
	}
	var a asked
	decoder := json.NewDecoder(strings.NewReader(string(document)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil || (a.Link == "") == (a.Hotel == "") || a.Hotel != "" && a.Code != "" {
		return nil, &Refusal{"bad_item", "want an object with link, and code where the phone types it; or with hotel alone"}
	}
	v, err := p.do(ctx, s, a)
	if err != nil {
		return nil, told(err)
	}
	return json.Marshal(v)
}

func (p *Phones) do(ctx context.Context, s *Subject, a asked) (v holder.SeatView, err error) {
	if a.Hotel != "" {
		return p.arrive(ctx, s, a.Hotel)
	}
	invitation, err := holder.ParseInvitation(a.Link)
	if err != nil {
		return v, &Refusal{"bad_item", "link is neither the link of a seat nor what a code says"}
	}
	return p.play(ctx, s, invitation, a.Code)
}

// Asked is a session that somebody who is elsewhere was asked in: their phone plays by itself. A link is told to nobody else.
func (p *Phones) Asked(ctx context.Context, credential zhenni.CredentialID, link string) error {
	s := p.byID[credential]
	if s == nil || !s.HasPhone() {
		return nil
	}
	_, err := p.do(ctx, s, asked{Link: link})
	return err
}

// told passes on what the server refused the phone.
func told(err error) error {
	var refusal *holder.Refusal
	if errors.As(err, &refusal) && refusal.Code != "" {
		return &Refusal{refusal.Code, refusal.Detail}
	}
	return err
}

// play opens the session and does what the subject does.
func (p *Phones) play(ctx context.Context, s *Subject, i holder.Invitation, code string) (v holder.SeatView, err error) {
	phone, err := holder.OpenPhone(p.path(s, "phone"), nil)
	if err != nil {
		return v, err
	}
	defer phone.Forget()
	seat, err := p.seat(s, i)
	if err != nil {
		return v, err
	}
	v, err = p.seats.Look(ctx, seat)
	if holder.IsRefused(err, holder.CodeSessionTaken) {
		if seen, failed := p.seats.See(ctx, seat); failed == nil { // the phone was asked before
			v, err = seen, nil
		}
	}
	if err != nil || s.conduct == ignores || v.Outcome != zhenni.SessionLive {
		return v, err
	}
	if v, err = p.seats.Open(ctx, seat, phone, v.Party, p.now()); err != nil || v.Outcome != zhenni.SessionLive {
		return v, err
	}
	return p.act(ctx, s, phone, seat, v, code)
}

// seat is the place of a subject's phone in a session. Its token follows from the two, so that a phone which is asked again, or after a
// restart, is the same.
func (p *Phones) seat(s *Subject, i holder.Invitation) (*holder.Seat, error) {
	keys, err := os.ReadFile(p.path(s, "phone"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	mac := hmac.New(sha256.New, keys)
	fmt.Fprintf(mac, "zhenni sandbox seat %s %d", i.Session, i.Seat)
	return seatOf(i, zhenni.SessionToken(mac.Sum(nil)))
}

// seatOf is the place of a phone that is known by a token.
func seatOf(i holder.Invitation, token zhenni.SessionToken) (*holder.Seat, error) {
	text, err := json.Marshal(map[string]string{"invitation": i.String(), "phone": token.String()})
	if err != nil {
		return nil, err
	}
	seat := &holder.Seat{}
	return seat, seat.UnmarshalJSON(text)
}

// act does what the subject does once the session is open.
func (p *Phones) act(
	ctx context.Context, s *Subject, phone *holder.Phone, seat *holder.Seat, v holder.SeatView, code string,
) (holder.SeatView, error) {
	switch s.conduct {
	case declines:
		return p.seats.Decline(ctx, seat, false, false)
	case misreads:
		return p.misread(ctx, seat, v, code)
	case calledBack:
		if err := p.callBack(ctx, v); err != nil {
			return v, err
		}
		return p.seats.See(ctx, seat)
	}
	if v.CodeWanted {
		var err error
		if v, err = p.seats.Code(ctx, seat, code); err != nil {
			return v, err
		}
	}
	return p.answer(ctx, s, phone, seat, v)
}

// answer shows what the subject shows, until nothing more is asked.
func (p *Phones) answer(ctx context.Context, s *Subject, phone *holder.Phone, seat *holder.Seat, v holder.SeatView) (holder.SeatView, error) {
	probe, err := p.capture(s)
	if err != nil {
		return v, err
	}
	for v.Outcome == zhenni.SessionLive && v.State == zhenni.SeatOpened && v.Transaction != "" {
		now := p.now()
		a := holder.Answer{Probe: probe, CapturedAt: now}
		if a.Evidence, err = evidenceOf(phone, a.Question(v, phone.Credential), now); err != nil {
			return v, err
		}
		if v, err = p.seats.Answer(ctx, seat, v, a); err != nil {
			return v, err
		}
	}
	return v, nil
}

// evidenceOf is what a phone signs of a capture: that somebody living is before it, and that it is there.
func evidenceOf(phone *holder.Phone, q holder.Question, at time.Time) ([]string, error) {
	living, err := phone.Liveness(q, zhenni.LivenessActive, at)
	if err != nil {
		return nil, err
	}
	possession, err := phone.Possession(q, at)
	return []string{string(living), string(possession)}, err
}

// misread shows two digits that are not those of the session, to be typed by who asks, or types them.
func (p *Phones) misread(ctx context.Context, seat *holder.Seat, v holder.SeatView, code string) (holder.SeatView, error) {
	switch {
	case v.CodeWanted:
		return p.seats.Code(ctx, seat, otherThan(code))
	case v.Code == "":
		return v, &Refusal{"session_step", "a session of kind " + v.Kind.String() + " has no code to be wrong"}
	}
	v.Code = otherThan(v.Code)
	return v, nil
}

// otherThan is another code of two digits.
func otherThan(code string) string {
	var n int
	_, _ = fmt.Sscanf(code, "%d", &n)
	return fmt.Sprintf("%02d", (n+1)%zhenni.SessionCodes)
}

// callBack has the party that asks take the session back.
func (p *Phones) callBack(ctx context.Context, v holder.SeatView) error {
	key, err := p.apiKey(v.Party)
	if err != nil {
		return err
	}
	client, err := holder.NewClient(holder.ClientConfig{URL: p.url, APIKey: key, Transport: http.DefaultTransport, Now: p.now})
	if err != nil {
		return err
	}
	id, err := zhenni.ParseSessionID(v.Session)
	if err != nil {
		return err
	}
	_, err = client.Cancel(ctx, id)
	return err
}

// apiKey is that of a party of the town.
func (p *Phones) apiKey(party string) (zhenni.APIKey, error) {
	for i := range p.parties {
		if p.parties[i].ID != party {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(p.parties[i].APIKey)))
		if err != nil {
			return zhenni.APIKey{}, fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
		}
		return zhenni.ParseAPIKey(strings.TrimSpace(string(text)))
	}
	return zhenni.APIKey{}, &Refusal{"session_step", "who asks is no party of the sandbox: it takes the session back itself"}
}
