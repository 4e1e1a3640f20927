package holder

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"zhenni"
)

// Seats is a server as a phone in a session asks it, without an account: by the token of its seat. It is safe for concurrent use, a
// [Seat] for one call at a time. Errors are those of [Client]. Every request may be sent once more where [Again] says so: it does
// nothing twice.
type Seats struct{ wire }

// The refusals that say where a session is, and why there is none.
const (
	CodeNoSession    = "session_not_found"
	CodeSessionEnded = "session_ended"
	CodeSessionTaken = "session_taken"
	CodeSessionStep  = "session_step"
	CodeHolder       = "holder_refused"
	CodeNoArrival    = "arrival_not_found"
	CodePersonLimit  = "person_limit"
	CodePersonBarred = "person_barred"
	CodeSharedGone   = "shared_gone"
)

// IsRefused reports whether an error is a server's refusal of one of the codes.
func IsRefused(err error, codes ...string) bool {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return false
	}
	for _, code := range codes {
		if refusal.Code == code {
			return true
		}
	}
	return false
}

// NewSeats checks the address of a server: zhenni.ErrBadValue.
func NewSeats(address string, transport http.RoundTripper) (*Seats, error) {
	w, err := newWire(address, transport)
	if err != nil {
		return nil, err
	}
	return &Seats{w}, nil
}

// ask does one request under what the phone shows.
func (s *Seats) ask(ctx context.Context, seat *Seat, shown, method, what string, body any, header ...string) (v SeatView, err error) {
	request, _, err := s.request(ctx, method, seat.path()+what, body)
	if err != nil {
		return v, err
	}
	request.Header.Set("Session-Token", shown)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	if v.Tag, err = s.read(request, &v); err != nil || v.Session == "" {
		return v, err // it stayed the same
	}
	return v, v.check(seat)
}

// Look returns who asks, and what for, before the phone takes the seat.
func (s *Seats) Look(ctx context.Context, seat *Seat) (SeatView, error) {
	return s.ask(ctx, seat, seat.Shown, http.MethodGet, "", nil)
}

// Open takes the seat for a phone's credential, which signs for the party that [Seats.Look] showed. Where an answer was lost and the
// code on the screen has passed meanwhile, the phone is known by its token.
func (s *Seats) Open(ctx context.Context, seat *Seat, phone *Phone, party string, at time.Time) (SeatView, error) {
	evidence, err := phone.Possession(seat.question(phone.Credential, party), at)
	if err != nil {
		return SeatView{}, err
	}
	body := map[string]any{"credential": phone.Credential, "phone": seat.token.String(), "evidence": string(evidence)}
	v, err := s.ask(ctx, seat, seat.Shown, http.MethodPost, "/open", body)
	if IsRefused(err, CodeNoSession) {
		return s.ask(ctx, seat, seat.token.String(), http.MethodPost, "/open", body)
	}
	return v, err
}

// See returns the session as the phone in the seat sees it.
func (s *Seats) See(ctx context.Context, seat *Seat) (SeatView, error) {
	return s.ask(ctx, seat, seat.token.String(), http.MethodGet, "", nil)
}

// Wait returns the session once it shows something else than before, or as it was after so long, of which a server takes 30 s.
func (s *Seats) Wait(ctx context.Context, seat *Seat, before SeatView, longest time.Duration) (SeatView, error) {
	v, err := s.ask(ctx, seat, seat.token.String(), http.MethodGet, "", nil, waiting(before.Tag, longest)...)
	if err == nil && v.Session == "" {
		return before, nil
	}
	return v, err
}

// waiting are the fields of a request that waits for another state than the one of a tag.
func waiting(tag string, longest time.Duration) []string {
	return []string{"If-None-Match", tag, "Prefer", "wait=" + strconv.Itoa(int(longest/time.Second))}
}

// Follow yields the session as it is and each time that it shows something else, up to its end. A connection that is lost is made
// anew, and what was missed meanwhile is in what is shown then; an error is the last. It waits between two connections.
func (s *Seats) Follow(ctx context.Context, seat *Seat) iter.Seq2[SeatView, error] {
	open := func() (*http.Request, error) {
		request, _, err := s.request(ctx, http.MethodGet, seat.path()+"/events", nil)
		if err == nil {
			request.Header.Set("Session-Token", seat.token.String())
		}
		return request, err
	}
	return func(yield func(SeatView, error) bool) {
		follow(ctx, &s.wire, open, func(v SeatView, err error) (more bool) {
			if err == nil {
				err = v.check(seat)
			}
			return yield(v, err) && err == nil && v.Outcome == zhenni.SessionLive
		})
	}
}

// Code types the two digits that who asks reads out. Wrong ones end the session.
func (s *Seats) Code(ctx context.Context, seat *Seat, code string) (SeatView, error) {
	return s.ask(ctx, seat, seat.token.String(), http.MethodPost, "/code", map[string]any{"code": code})
}

// Answer is what a phone shows of a person: a capture as it is sent, a sealed PIN, and the tokens of evidence about them.
type Answer struct {
	// Probe is the rotated capture; empty where the session is answered without one.
	Probe Probe
	// PIN is sealed to the engine; empty is none.
	PIN      string
	Evidence []string
	// CapturedAt is zero where the service does not ask for it.
	CapturedAt time.Time
	// Name and Selfie are let see the person who asks, once, where the person is confirmed: their own name, which is shown masked, and a
	// JPEG of at most 64 KiB and 640 by 640. Each goes with its own consent; empty is none.
	Name   string
	Selfie []byte
}

func (a Answer) body() map[string]any {
	body := map[string]any{}
	if len(a.Probe) > 0 {
		body["probe_float32"] = a.Probe.Text()
	}
	if a.PIN != "" {
		body["pin"] = a.PIN
	}
	if len(a.Evidence) > 0 {
		body["evidence"] = a.Evidence
	}
	if !a.CapturedAt.IsZero() {
		body["captured_at"] = a.CapturedAt.UTC().Format(time.RFC3339)
	}
	a.addShared(body)
	return body
}

// addShared adds what is consented to, and nothing else.
func (a Answer) addShared(body map[string]any) {
	share := []string{}
	if a.Name != "" {
		share, body["name"] = append(share, "name"), a.Name
	}
	if len(a.Selfie) > 0 {
		share, body["selfie"] = append(share, "selfie"), a.Selfie
	}
	if len(share) > 0 {
		body["share"] = share
	}
}

// Question is what evidence of an answer is about, as a view of the session says.
func (a Answer) Question(v SeatView, credential zhenni.CredentialID) Question {
	q := Question{Credential: credential, Transaction: v.Transaction, Party: v.Party}
	q.Capture = Probe(a.PIN).Digest()
	if len(a.Probe) > 0 {
		q.Capture = a.Probe.Digest()
	}
	return q
}

// Answer shows the person for the try that a view is of. Sent again after an answer that was lost, it is answered with what was decided,
// where that ended the try: another one is begun by nobody but who calls with a view of it.
func (s *Seats) Answer(ctx context.Context, seat *Seat, v SeatView, a Answer) (SeatView, error) {
	if v.Transaction == "" {
		return v, fmt.Errorf("%w: the session waits for no answer", zhenni.ErrBadValue)
	}
	after, err := s.ask(ctx, seat, seat.token.String(), http.MethodPost, "/answer", a.body(), "Transaction-Id", v.Transaction)
	if IsRefused(err, CodeSessionStep, CodeSessionEnded) {
		if seen, failed := s.See(ctx, seat); failed == nil && seen.Transaction != v.Transaction {
			return seen, nil
		}
	}
	return after, err
}

// Decline says that the person does not want to, before [Seats.Open] by the link that the seat is of, or after it. Between persons it
// may report who asks, and ask not to be asked again by them, after it.
func (s *Seats) Decline(ctx context.Context, seat *Seat, report, block bool) (SeatView, error) {
	also := []string{}
	if report {
		also = append(also, "report")
	}
	if block {
		also = append(also, "block")
	}
	var body any
	if len(also) > 0 {
		body = map[string]any{"also": also}
	}
	v, err := s.ask(ctx, seat, seat.token.String(), http.MethodPost, "/decline", body)
	if IsRefused(err, CodeNoSession) && seat.Shown != seat.token.String() {
		return s.ask(ctx, seat, seat.Shown, http.MethodPost, "/decline", body)
	}
	return v, err
}
