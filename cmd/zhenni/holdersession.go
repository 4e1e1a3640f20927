package main

import (
	"context"
	"fmt"
	"strings"

	"zhenni"
	sdk "zhenni/holder"
)

// holderSession is holder session: what a phone does in a session.
type holderSession struct {
	Open    holderSessionOpen    `cmd:"" help:"Take a seat by a link, or a code that was scanned."`
	See     holderSessionSee     `cmd:"" help:"Read the session, once, when it changes or up to its end."`
	Code    holderSessionCode    `cmd:"" help:"Type the two digits that who asks reads out."`
	Answer  holderSessionAnswer  `cmd:"" help:"Show the person."`
	AskBack holderSessionAskBack `cmd:"" help:"Between persons: ask who asks."`
	Decline holderSessionDecline `cmd:"" help:"Say that the person does not want to."`
}

// seatFlags name a phone's seat and the server.
type seatFlags struct {
	Seat string `required:"" type:"path" env:"ZHENNI_SEAT" placeholder:"FILE" help:"The seat, as zhenni holder session open or zhenni holder arrive keeps it. Whoever has the file is this phone to the session."`
	URL  string `name:"url" default:"http://127.0.0.1:8080" env:"ZHENNI_URL" help:"Server to ask (default ${default})."`
	CA   string `name:"ca" type:"path" env:"ZHENNI_CA" placeholder:"FILE" help:"Certificates in PEM to trust instead of the system's."`
	patienceFlag
	JSON bool `help:"Print one JSON object."`
}

// visit is a phone in its seat.
type visit struct {
	seatFlags
	seats *sdk.Seats
	seat  *sdk.Seat
	view  sdk.SeatView
}

func (f seatFlags) visit() (v *visit, err error) {
	v = &visit{seatFlags: f}
	v.seats, err = f.server()
	return v, err
}

// server is the server as a phone asks it.
func (f seatFlags) server() (*sdk.Seats, error) {
	transport, err := transportTrusting(f.CA)
	if err != nil {
		return nil, err
	}
	seats, err := sdk.NewSeats(f.URL, transport)
	if err != nil {
		return nil, usage("--url: %w", err)
	}
	return seats, nil
}

// seated is the visit of the seat in the file.
func (f seatFlags) seated() (*visit, error) {
	v, err := f.visit()
	if err != nil {
		return nil, err
	}
	v.seat = new(sdk.Seat)
	return v, readKept("--seat", f.Seat, v.seat)
}

// see reads the session.
func (v *visit) see(ctx context.Context) (err error) {
	v.view, err = v.seats.See(ctx, v.seat)
	return err
}

// insist does what the phone does, and reads the session where it went on by that.
func (v *visit) insist(ctx context.Context, ask func(context.Context) (sdk.SeatView, error)) error {
	err := v.seatFlags.insist(ctx, func(ctx context.Context) (err error) {
		v.view, err = ask(ctx)
		return err
	}, v.see)
	if err != nil {
		return answered(err)
	}
	return nil
}

// print shows the session to the person.
func (v *visit) print(out *output) error {
	if v.JSON {
		return out.JSON(v.view)
	}
	return out.Print("%s", seatText(v.view))
}

// seatText is a session in words.
func seatText(v sdk.SeatView) string {
	asks := v.Party
	if v.PartyName != "" {
		asks = v.PartyName + " (" + v.Party + ")"
	}
	if v.Asker != "" {
		asks = v.Asker + ", by " + asks + ","
	}
	said := []string{fmt.Sprintf("%s asks: %s, to %s.", asks, v.Service, v.Purpose)}
	if p := v.Payment; p != nil {
		said = append(said, fmt.Sprintf("Pay %s %d.%02d to %s for %s.", p.Currency, p.Amount/100, p.Amount%100, p.Payee, p.Reference))
	}
	if !v.Due.IsZero() {
		said = append(said, fmt.Sprintf("Due %s.", v.Due.Format("2006-01-02")))
	}
	if v.Code != "" {
		said = append(said, fmt.Sprintf("Read out %s.", v.Code))
	}
	if v.CodeWanted {
		said = append(said, "Type the two digits that you are told.")
	}
	if v.RotationWanted {
		said = append(said, "Arrive again: the rotation key is wanted.")
	}
	if len(v.Shared) > 0 {
		said = append(said, fmt.Sprintf("You let them see: %s.", strings.Join(v.Shared, ", ")))
	}
	return strings.Join(append(said, fmt.Sprintf("You: %s. The session: %s.", v.State, ended(v.Outcome, v.Confirmed))), " ")
}

// ended is the outcome of a session in words.
func ended(outcome zhenni.SessionEnd, confirmed bool) string {
	switch {
	case outcome != zhenni.SessionCompleted:
		return outcome.String()
	case confirmed:
		return "completed, confirmed"
	}
	return "completed, not confirmed"
}
