package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

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

// errNoSeat: there is no session to go on with. errOtherSeat: there is another one than the page shows.
var (
	errNoSeat    = &problem{http.StatusNotFound, holder.CodeNoSession}
	errOtherSeat = &problem{http.StatusConflict, holder.CodeSessionStep}
)

// longestAnswer is how long a server may take to answer, beyond what it was asked to wait: one that is silent holds the phone no longer.
const longestAnswer = 30 * time.Second

func within(r *http.Request, wait time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), wait+longestAnswer)
}

// name is a seat as the page names it.
func name(seat *holder.Seat) string { return fmt.Sprintf("%s.%d", seat.Session, seat.Seat) }

// named is the one of some seats that a request is about: what a page shows is what is done, whatever another one of this browser has
// opened meanwhile.
func named(r *http.Request, seats ...*holder.Seat) (*holder.Seat, error) {
	err := errNoSeat
	for _, seat := range seats {
		if seat == nil {
			continue
		}
		if name(seat) == r.PathValue("seat") {
			return seat, nil
		}
		err = errOtherSeat
	}
	return nil, err
}

// look draws a seat for an invitation, and returns who asks. Nothing is kept: whoever writes a link can have it looked at.
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
	ctx, cancel := within(r, 0)
	defer cancel()
	seat := a.drawn(invitation)
	view, err := a.config.Seats.Look(ctx, seat)
	if holder.IsRefused(err, holder.CodeNoSession, holder.CodeSessionTaken) {
		view, err = a.config.Seats.See(ctx, seat) // it may be this phone that has it
	}
	if err != nil {
		return nil, err
	}
	a.looked = seat
	return view, nil
}

// drawn is a seat for an invitation: by the token of the phone where it has the place already.
func (a *App) drawn(i holder.Invitation) *holder.Seat {
	for _, has := range []*holder.Seat{a.seat, a.looked} {
		if has != nil && has.Session == i.Session && has.Seat == i.Seat {
			seat := *has
			seat.Invitation = i
			return &seat
		}
	}
	return holder.NewSeat(i)
}

// seated does something in the seat that was opened, where the request names it.
func (a *App) seated(r *http.Request, do func(context.Context, *holder.Seat) (holder.SeatView, error)) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seat, err := named(r, a.seat)
	if err != nil {
		return nil, err
	}
	return asked(r, seat, do)
}

// asked does something in a seat.
func asked(r *http.Request, seat *holder.Seat, do func(context.Context, *holder.Seat) (holder.SeatView, error)) (any, error) {
	ctx, cancel := within(r, 0)
	defer cancel()
	view, err := do(ctx, seat)
	if err != nil {
		return nil, err
	}
	return view, nil
}

// open takes the seat: the page has shown who asks, and the person goes on.
func (a *App) open(r *http.Request) (any, error) {
	var shown struct {
		Party string `json:"party"`
	}
	if err := read(r, &shown, maxDocument); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	seat, err := named(r, a.looked, a.seat)
	if err != nil {
		return nil, err
	}
	if seat != a.seat {
		if err := a.config.Keep(seat); err != nil {
			return nil, err
		}
		a.seat, a.looked, a.consent = seat, nil, consent{}
	}
	return asked(r, seat, func(ctx context.Context, seat *holder.Seat) (holder.SeatView, error) {
		return a.config.Seats.Open(ctx, seat, a.config.Phone, shown.Party, a.config.Now())
	})
}

func (a *App) code(r *http.Request) (any, error) {
	var typed struct {
		Code string `json:"code"`
	}
	if err := read(r, &typed, maxDocument); err != nil {
		return nil, err
	}
	return a.seated(r, func(ctx context.Context, seat *holder.Seat) (holder.SeatView, error) {
		return a.config.Seats.Code(ctx, seat, typed.Code)
	})
}

// decline says no, before the seat is taken or after.
func (a *App) decline(r *http.Request) (any, error) {
	var said struct {
		Report bool `json:"report"`
		Block  bool `json:"block"`
	}
	if err := read(r, &said, maxDocument); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	seat, err := named(r, a.seat, a.looked)
	if err != nil {
		return nil, err
	}
	return asked(r, seat, func(ctx context.Context, seat *holder.Seat) (holder.SeatView, error) {
		return a.config.Seats.Decline(ctx, seat, said.Report, said.Block)
	})
}

// followed is a copy of the seat that a request names, by which it is seen while the phone does other things.
func (a *App) followed(r *http.Request) (seat holder.Seat, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, err := named(r, a.seat, a.looked)
	if err != nil {
		return seat, err
	}
	return *found, nil
}

// see is the session as it is, or once it is another than the page has, where that prefers to wait.
func (a *App) see(r *http.Request) (any, error) {
	seat, err := a.followed(r)
	if err != nil {
		return nil, err
	}
	wait := preferred(r)
	ctx, cancel := within(r, wait)
	defer cancel()
	if has := r.Header.Get("If-None-Match"); has != "" {
		return a.config.Seats.Wait(ctx, &seat, holder.SeatView{Tag: has}, wait)
	}
	return a.config.Seats.See(ctx, &seat)
}

// longestWait is how long a page may wait for another view, as of a server.
const longestWait = 30 * time.Second

// preferred is how long the page prefers to wait (RFC 7240), in whole seconds; absent it is not at all.
func preferred(r *http.Request) time.Duration {
	value, is := strings.CutPrefix(r.Header.Get("Prefer"), "wait=")
	seconds, err := strconv.ParseUint(value, 10, 16)
	if !is || err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestWait)
}

// consent is what a person lets see who asks: the name, or the picture, or both.
type consent struct {
	Name   string `json:"name"`
	Selfie []byte `json:"selfie"`
}

// share takes what the next answer lets see, each field by a consent of its own, in place of what was shared before.
func (a *App) share(r *http.Request) (any, error) {
	var given consent
	if err := read(r, &given, maxConsent); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := named(r, a.seat); err != nil {
		return nil, err
	}
	a.consent = given
	return struct{}{}, nil
}

// consented is what was shared, which is then shared no more.
func (a *App) consented() (given consent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	given, a.consent = a.consent, consent{}
	return given
}

// sourceField says where a picture is from. The phone signs that a capture is of a living person of one of its camera alone.
const (
	sourceField = "Capture-Source"
	ofCamera    = "camera"
)

// answer takes a picture, and shows the person for the try that the session waits for. Whatever becomes of it, it takes the consent.
func (a *App) answer(r *http.Request) (any, error) {
	given := a.consented()
	if kind := r.Header.Get("Content-Type"); kind != "image/png" && kind != "image/jpeg" && kind != "image/webp" {
		return nil, &problem{http.StatusUnsupportedMediaType, "media_type"}
	}
	picture, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, capture.ErrTooLarge
	}
	defer clear(picture)
	level := zhenni.LivenessNone
	if r.Header.Get(sourceField) == ofCamera {
		level = a.config.Liveness
	}
	return a.seated(r, func(ctx context.Context, seat *holder.Seat) (holder.SeatView, error) {
		try, err := a.config.Seats.See(ctx, seat)
		if err != nil {
			return try, err
		}
		if try.Transaction == "" {
			return try, &problem{http.StatusConflict, holder.CodeSessionStep}
		}
		shown, err := a.show(try, picture, level)
		if err != nil {
			return try, err
		}
		defer clear(shown.Probe)
		shown.Name, shown.Selfie = given.Name, given.Selfie
		ctx, cancel := within(r, 0) // a model may take longer than a server
		defer cancel()
		return a.config.Seats.Answer(ctx, seat, try, shown)
	})
}

// show makes of a picture what the phone shows, with the evidence that it signs.
func (a *App) show(try holder.SeatView, picture []byte, level zhenni.Liveness) (shown holder.Answer, err error) {
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
	if level != zhenni.LivenessNone {
		liveness, err := phone.Liveness(question, level, now)
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

// pulse is how often a stream of events says that it is there: a page that hears nothing for 45 s takes it for lost.
const pulse = 15 * time.Second

// events is the session each time that it changes, up to its end (HTML, Server-sent events).
func (a *App) events(w http.ResponseWriter, r *http.Request) {
	if !a.admits(r) {
		fail(w, http.StatusForbidden, "app_key")
		return
	}
	seat, err := a.followed(r)
	if err != nil {
		p := problemOf(err)
		fail(w, p.status, p.code)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	views := a.views(ctx, &seat)
	defer func() {
		cancel()
		for range views { // until nobody asks any more
		}
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	stream, beat := http.NewResponseController(w), time.NewTicker(pulse)
	defer beat.Stop()
	for {
		event := ": \n\n"
		select {
		case view, more := <-views:
			if !more {
				return // the page asks again where the session goes on, and is told why
			}
			event = "data: " + view + "\n\n"
		case <-beat.C:
		}
		if _, err := io.WriteString(w, event); err != nil || stream.Flush() != nil {
			return
		}
	}
}

// views are those of a seat as the page reads them, up to the end of the session or of the context, or an error.
func (a *App) views(ctx context.Context, seat *holder.Seat) <-chan string {
	views := make(chan string)
	go func() {
		defer close(views)
		for view, err := range a.config.Seats.Follow(ctx, seat) {
			if err != nil {
				return
			}
			text, err := json.Marshal(view)
			if err != nil {
				return
			}
			select {
			case views <- string(text):
			case <-ctx.Done():
				return
			}
		}
	}()
	return views
}
