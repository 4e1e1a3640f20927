package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"zhenni"
	"zhenni/holder"
	"zhenni/holder/capture"
)

// problem is an answer that is none of what was asked.
type problem struct {
	status int
	code   string
}

func (p *problem) Error() string { return p.code }

// problemOf is what the page is told of an error: the code that the server gave, or one of this package.
func problemOf(err error) *problem {
	var own *problem
	if errors.As(err, &own) {
		return own
	}
	var refusal *holder.Refusal
	if errors.As(err, &refusal) {
		return &problem{refusal.Status, refusal.Code}
	}
	for _, c := range []struct {
		is   error
		code string
	}{{capture.ErrNoFace, "no_face"}, {capture.ErrTooLarge, "picture_too_large"}, {capture.ErrUnreadable, "picture_unreadable"}, {zhenni.ErrBadProbe, "no_face"}} {
		if errors.Is(err, c.is) {
			return &problem{http.StatusUnprocessableEntity, c.code}
		}
	}
	if errors.Is(err, zhenni.ErrBadValue) {
		return &problem{http.StatusBadRequest, "invalid_document"}
	}
	return &problem{http.StatusServiceUnavailable, "unavailable"}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code})
}

// errNoSeat: there is no session to go on with.
var errNoSeat = &problem{http.StatusNotFound, holder.CodeNoSession}

// look draws a seat for an invitation, and returns who asks.
func (a *App) look(r *http.Request) (any, error) {
	var asked struct {
		Invitation string `json:"invitation"`
	}
	if err := read(r, &asked, maxDocument); err != nil {
		return nil, err
	}
	invitation, err := holder.ParseInvitation(asked.Invitation)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, "invitation"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	seat := a.seat
	if seat == nil || seat.Session != invitation.Session || seat.Seat != invitation.Seat {
		seat = holder.NewSeat(invitation)
	}
	seat.Invitation = invitation
	view, err := a.config.Seats.Look(r.Context(), seat)
	if holder.IsRefused(err, holder.CodeNoSession, holder.CodeSessionTaken) {
		view, err = a.config.Seats.See(r.Context(), seat) // it may be this phone that has it
	}
	if err != nil {
		return nil, err
	}
	a.seat, a.consent = seat, consent{}
	return view, a.config.Keep(seat)
}

// seated does something in the seat.
func (a *App) seated(do func(*holder.Seat) (holder.SeatView, error)) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seat == nil {
		return nil, errNoSeat
	}
	view, err := do(a.seat)
	if err != nil {
		return nil, err
	}
	return view, nil
}

// open takes the seat: the page has shown who asks, and the person goes on.
func (a *App) open(r *http.Request) (any, error) {
	var asked struct {
		Party string `json:"party"`
	}
	if err := read(r, &asked, maxDocument); err != nil {
		return nil, err
	}
	return a.seated(func(seat *holder.Seat) (holder.SeatView, error) {
		return a.config.Seats.Open(r.Context(), seat, a.config.Phone, asked.Party, a.config.Now())
	})
}

func (a *App) code(r *http.Request) (any, error) {
	var typed struct {
		Code string `json:"code"`
	}
	if err := read(r, &typed, maxDocument); err != nil {
		return nil, err
	}
	return a.seated(func(seat *holder.Seat) (holder.SeatView, error) {
		return a.config.Seats.Code(r.Context(), seat, typed.Code)
	})
}

func (a *App) decline(r *http.Request) (any, error) {
	var said struct {
		Report bool `json:"report"`
		Block  bool `json:"block"`
	}
	if err := read(r, &said, maxDocument); err != nil {
		return nil, err
	}
	return a.seated(func(seat *holder.Seat) (holder.SeatView, error) {
		return a.config.Seats.Decline(r.Context(), seat, said.Report, said.Block)
	})
}

func (a *App) see(r *http.Request) (any, error) {
	return a.seated(func(seat *holder.Seat) (holder.SeatView, error) { return a.config.Seats.See(r.Context(), seat) })
}

// consent is what a person lets see who asks: the name, or the picture, or both.
type consent struct {
	Name   string `json:"name"`
	Selfie []byte `json:"selfie"`
}

// share takes what the next answer lets see, each field by a consent of its own.
func (a *App) share(r *http.Request) (any, error) {
	var given consent
	if err := read(r, &given, maxConsent); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seat == nil {
		return nil, errNoSeat
	}
	a.consent = given
	return struct{}{}, nil
}

// answer takes a picture, and shows the person for the try that the session waits for.
func (a *App) answer(r *http.Request) (any, error) {
	if kind := r.Header.Get("Content-Type"); kind != "image/png" && kind != "image/jpeg" && kind != "image/webp" {
		return nil, &problem{http.StatusUnsupportedMediaType, "media_type"}
	}
	picture, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, capture.ErrTooLarge
	}
	defer clear(picture)
	return a.seated(func(seat *holder.Seat) (holder.SeatView, error) {
		defer func() { a.consent = consent{} }()
		try, err := a.config.Seats.See(r.Context(), seat)
		if err != nil {
			return try, err
		}
		if try.Transaction == "" {
			return try, &problem{http.StatusConflict, holder.CodeSessionStep}
		}
		shown, err := a.show(try, picture)
		if err != nil {
			return try, err
		}
		defer clear(shown.Probe)
		shown.Name, shown.Selfie = a.consent.Name, a.consent.Selfie
		return a.config.Seats.Answer(r.Context(), seat, try, shown)
	})
}

// show makes of a picture what the phone shows, with the evidence that it signs.
func (a *App) show(try holder.SeatView, picture []byte) (shown holder.Answer, err error) {
	if shown.Probe, err = a.probe(picture); err != nil {
		return shown, err
	}
	now, phone := a.config.Now(), a.config.Phone
	shown.CapturedAt = now
	question := shown.Question(try, phone.Credential)
	possession, err := phone.Possession(question, now)
	if err != nil {
		return shown, err
	}
	shown.Evidence = []string{string(possession)}
	if a.config.Liveness != zhenni.LivenessNone {
		liveness, err := phone.Liveness(question, a.config.Liveness, now)
		if err != nil {
			return shown, err
		}
		shown.Evidence = append(shown.Evidence, string(liveness))
	}
	return shown, nil
}

// probe is the rotated embedding of a picture.
func (a *App) probe(picture []byte) (holder.Probe, error) {
	embedding, err := a.config.Extractor.Extract(capture.Capture{File: picture})
	if err != nil {
		return nil, err
	}
	defer clear(embedding)
	rotated, err := a.config.Phone.Rotate(embedding, a.config.Extractor.Model())
	if err != nil {
		return nil, err
	}
	defer clear(rotated)
	return holder.NewProbe(rotated)
}

// events is the session each time that it changes, up to its end (HTML, Server-sent events).
func (a *App) events(w http.ResponseWriter, r *http.Request) {
	if !a.admits(r) {
		fail(w, http.StatusForbidden, "app_key")
		return
	}
	a.mu.Lock()
	if a.seat == nil {
		a.mu.Unlock()
		fail(w, errNoSeat.status, errNoSeat.code)
		return
	}
	seat := *a.seat
	a.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	for view, err := range a.config.Seats.Follow(r.Context(), &seat) {
		if err != nil {
			return // the page asks again, and is told why
		}
		text, err := json.Marshal(view)
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil || stream.Flush() != nil {
			return
		}
	}
}
