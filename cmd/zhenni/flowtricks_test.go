package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// refused has a party run a command that is refused, and holds what it is told to a word.
func (w *flowWorld) refused(name, says string, args ...string) {
	w.t.Helper()
	code, _, notes := w.command(args...)
	w.say("   %-9s %s -> %s", name, strings.Join(args[:3], " "), strings.TrimSpace(notes))
	if code != exitNotSo || !strings.Contains(notes, says) {
		w.t.Errorf("%s: exit code %d, want %d and %s: %s", name, code, exitNotSo, says, notes)
	}
}

// opening is the command by which a phone takes a seat that it keeps in a file of a name.
func (p *phoneParty) opening(shown, seat string) []string {
	return []string{"holder", "session", "open", shown, "--keys", p.in("phone.keys"), "--seat", p.in(seat)}
}

// FAULTS: A9 C11 Z3 Z11
func TestTricksOfOthers(t *testing.T) {
	t.Parallel()
	w := startFlows(t, 2)
	w.tricksAtACounter(t)
	w.tricksBetweenPersons(t)
}

// What others try on a counter, on a server by its own clock: each is refused and says why, and the citizen has the session all the
// same; only wrong digits end it.
func (w *flowWorld) tricksAtACounter(t *testing.T) {
	citizen, other := w.holders["citizen"], w.holders["payer"]
	clerk := w.begins("clerk", "counter", "--service", "visitor", "--purpose", "enter")
	photographed, err := clerk.begun.QR(time.Now().Add(-6 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	w.refused("payer", sdk.CodeNoSession, other.opening(photographed, "photographed.json")...)
	if seen := citizen.opens(clerk.scan); seen.State != zhenni.SeatOpened {
		t.Errorf("%+v", seen)
	}
	citizen.opens(clerk.scan) // once more, by the same phone
	w.refused("payer", sdk.CodeSessionTaken, other.opening(clerk.begun.Links[0], "second.json")...)
	w.refused("payer", sdk.CodeNoSession, "holder", "session", "see", "--seat", other.in("second.json"))
	w.refused("payer", sdk.CodeNoSession, "holder", "session", "decline", "--seat", other.in("second.json"))
	code := citizen.does(0, "see").Code
	clerk.runs(0, "session", "code", code)
	citizen.answers("--liveness", "passive")
	if got := w.told(clerk, []*phoneParty{citizen}); got != (outcome{zhenni.SessionCompleted, true}) {
		t.Errorf("%v", got)
	}

	clerk = w.begins("clerk", "counter", "--service", "visitor", "--purpose", "enter")
	code = citizen.opens(clerk.scan).Code
	wrong := "00"
	if code == wrong {
		wrong = "01"
	}
	clerk.runs(exitNotSo, "session", "code", wrong)
	w.refused("citizen", "waits for no answer", "holder", "session", "answer", "--keys", citizen.in("phone.keys"), "--seat", citizen.seat(), "--probe", citizen.in("live"))
	w.refused("clerk", sdk.CodeSessionEnded, append([]string{"session", "code", code}, clerk.as()...)...)
	if got := w.told(clerk, []*phoneParty{citizen}); got.End != zhenni.SessionWrongCode {
		t.Errorf("%v", got)
	}
}

// The last approval comes as the deadline passes, a little before it or behind, by the clock of a server: it counts or is too late,
// and both parties are told one of the two. What comes behind it is too late.
//
// FAULTS: C11 C12
func TestLastApprovalAsTheDeadlinePasses(t *testing.T) {
	t.Parallel()
	w := startFlows(t, 1)
	citizen := w.holders["citizen"]
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	seats, err := sdk.NewSeats(w.gate.url(), transport)
	if err != nil {
		t.Fatal(err)
	}
	phone, err := sdk.OpenPhone(citizen.in("phone.keys"), nil)
	if err != nil {
		t.Fatal(err)
	}
	type race struct {
		registry *askerParty
		seat     *sdk.Seat
		open     sdk.SeatView
		answer   sdk.Answer
		at       time.Duration // from the deadline
		ended    chan sdk.SeatView
	}
	probe, err := readProbe("--probe", citizen.in("live"))
	if err != nil {
		t.Fatal(err)
	}
	races := []*race{}
	for _, at := range []time.Duration{-40, -10, -3, 0, 3, 100} {
		r := &race{at: at * time.Millisecond, ended: make(chan sdk.SeatView, 1), answer: sdk.Answer{Probe: probe, CapturedAt: time.Now()}}
		r.registry = w.begins("registry", "group", "--service", "vote", "--purpose", "resolve", "--credential", citizen.id, "--longest", "10s")
		i, err := sdk.ParseInvitation(r.registry.begun.Links[0])
		if err != nil {
			t.Fatal(err)
		}
		r.seat = sdk.NewSeat(i)
		if r.open, err = seats.Open(t.Context(), r.seat, phone, "registry", time.Now()); err != nil {
			t.Fatal(err)
		}
		token, err := phone.Possession(r.answer.Question(r.open, phone.Credential), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		r.answer.Evidence = []string{string(token)}
		races = append(races, r)
	}
	for _, r := range races {
		go func() {
			<-time.After(time.Until(r.open.Deadline.Add(r.at)))
			_, _ = seats.Answer(t.Context(), r.seat, r.open, r.answer) // counts or is too late: what is told afterwards says which
			r.ended <- untilEnd(t.Context(), seats, r.seat)
		}()
	}
	for _, r := range races {
		own, asker := <-r.ended, r.registry.runs(0, "session", "see")
		w.say("%v from the deadline: %s, and %s", r.at, seatText(own), askedText(asker))
		counted := own.Outcome == zhenni.SessionCompleted && own.Confirmed && own.State == zhenni.SeatConfirmed
		late := own.Outcome == zhenni.SessionTimeout && !own.Confirmed
		if own.Outcome != asker.Outcome || own.Confirmed != asker.Confirmed || !counted && !late || counted && r.at > 50*time.Millisecond {
			t.Errorf("%v from the deadline: %s, and %s", r.at, seatText(own), askedText(asker))
		}
	}
}

// untilEnd waits for the end of a session by long poll, and returns what is shown of it, nothing where it does not end.
func untilEnd(ctx context.Context, seats *sdk.Seats, seat *sdk.Seat) sdk.SeatView {
	v, err := seats.See(ctx, seat)
	for err == nil && v.Outcome == zhenni.SessionLive {
		v, err = seats.Wait(ctx, seat, v, 20*time.Second)
	}
	if err != nil {
		v.PartyName = fmt.Sprint(err)
	}
	return v
}

// What others try on persons who ask each other, and more often than one may: each is refused and says why. The outcome is what it would
// have been.
func (w *flowWorld) tricksBetweenPersons(t *testing.T) {
	a, b := w.holders["citizen"], w.holders["payer"]
	asks := a.asks()
	w.refused("citizen", sdk.CodeSessionStep, a.opening(asks.begun.Links[0], "own.json")...)
	b.opens(asks.link(0))
	w.refused("citizen", sdk.CodeSessionTaken, a.opening(asks.begun.Links[0], "own.json")...)
	w.refused("payer", sdk.CodeSessionStep, "holder", "session", "answer", "--keys", b.in("phone.keys"), "--seat", b.seat(), "--probe", b.in("live"))
	w.refused("citizen", sdk.CodeNoSession, append([]string{"holder", "person", "shared"}, asks.as()...)...)
	b.does(0, "code", asks.begun.Code)
	b.answers()
	w.refused("citizen", sdk.CodeNoSession, append([]string{"holder", "person", "shared"}, asks.as()...)...)
	if got := w.told(asks, []*phoneParty{b}); got != (outcome{zhenni.SessionCompleted, true}) {
		t.Errorf("%v", got)
	}
	byName := []string{"--expect", b.in("name"), "--engine-key", w.beside("engine.jwk")}
	for range 5 {
		a.asks(byName...)
	}
	w.refused("citizen", sdk.CodePersonLimit, append([]string{"holder", "person", "ask", "--party", "square", "--transaction", "once-more",
		"--keys", a.in("phone.keys"), "--session", a.in("once-more.json")}, byName...)...)
	b.asks(byName...)
}

// A guest is served while the server is killed: the phone, which follows, brings its rotation key again, and the capture waits for it.
//
// FAULTS: C11
func TestAGuestOverAKill(t *testing.T) {
	t.Parallel()
	w := startFlows(t, 1)
	guest, hotel := w.holders["citizen"], w.desk("hotel")
	hotel.runs(0, "session", "claim", guest.arrives("hotel"))
	again, killed := w.gate.replace, make(chan struct{})
	w.gate.replace = func() string {
		defer close(killed)
		return again()
	}
	w.gate.arm(2, beforeAnswer) // the phone has arrived once more, and begins to follow
	left := w.follow(guest.name, guest.arriving("hotel")...)
	<-killed
	hotel.runs(0, "terminal", "capture", "--probe", w.beside("hotel/face"), "--liveness", "passive", "--patience", "1m")
	if told := <-left.ended; strings.TrimSpace(told) != "0 completed, confirmed" {
		t.Errorf("the guest is told %q", told)
	}
}
