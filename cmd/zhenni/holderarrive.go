package main

import (
	"context"
	"errors"
	"os"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

type holderArrive struct {
	Printed string `arg:"" help:"What the printed code says: the hotel, an id of a relying party."`
	phoneFlags
	seatFlags
	EngineKey string        `type:"path" placeholder:"FILE" help:"The engine's public key, as zhenni keys identity prints it, to seal the rotation key to for this arrival, which the hotel's capture is rotated by. Without it none is brought: for a credential that is not rotated. A key with that, none with another, and a key that it was not enrolled under are refused, before the hotel hears of it."`
	Service   string        `placeholder:"ID" help:"Service. Default: the only one of lodging that the hotel has."`
	Purpose   string        `placeholder:"ID" help:"Purpose of it. Default: its only one."`
	Follow    bool          `help:"Print the session each time that it changes, up to its end, and bring the rotation key again where the server lost it. Exit code 1 says that it did not end with a yes."`
	For       time.Duration `default:"1h" placeholder:"TIME" help:"With --follow: how long, at most (default ${default})."`
}

// Help is shown by zhenni holder arrive --help.
func (holderArrive) Help() string {
	return `The phone draws a token, keeps it in the file of the seat, signs that it is the device of its credential, and shows two digits, to be read out at the desk: the hotel's device has the session then, captures, and learns yes or no. The hotel is not told whose credential it is. Sent again, the same file is the same arrival.

Example:

    zhenni holder arrive hotel --keys phone.keys --seat arrival.json --engine-key identity.jwk --follow`
}

// Run arrives.
func (c *holderArrive) Run(ctx context.Context, out *output) error {
	arrival := sdk.Arrival{Service: c.Service, Purpose: c.Purpose}
	if c.EngineKey != "" {
		engine, err := readEngineKey(c.EngineKey)
		if err != nil {
			return err
		}
		arrival.Engine = &engine
	}
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	v, err := c.visit()
	if err != nil {
		return err
	}
	if v.seat, err = c.keep(); err != nil {
		return err
	}
	arrive := func(ctx context.Context) (sdk.SeatView, error) {
		return v.seats.Arrive(ctx, v.seat, phone, arrival, time.Now())
	}
	if err := v.insist(ctx, arrive); err != nil {
		return err
	}
	if err := keepSecret("--seat", c.Seat, v.seat); err != nil {
		return err
	}
	if err := v.print(out); err != nil || !c.Follow {
		return err
	}
	return c.attend(ctx, v, arrive, out)
}

// attend follows the session up to its end, and arrives again where the rotation key is wanted.
func (c *holderArrive) attend(ctx context.Context, v *visit, arrive func(context.Context) (sdk.SeatView, error), out *output) error {
	ctx, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	for view, err := range v.seats.Follow(ctx, v.seat) {
		if err != nil {
			return answered(err)
		}
		if v.view = view; view.RotationWanted {
			if err := v.insist(ctx, arrive); err != nil {
				return err
			}
		}
		if err := v.print(out); err != nil {
			return err
		}
	}
	return yes(v.view.Outcome, v.view.Confirmed)
}

// keep draws the phone's token, and keeps it before anything is sent; an arrival here that is kept already stays.
func (c *holderArrive) keep() (*sdk.Seat, error) {
	seat, err := sdk.NewArrival(c.Printed)
	if err != nil {
		return nil, usage("%w", err)
	}
	if _, err := os.Stat(c.Seat); errors.Is(err, os.ErrNotExist) {
		return seat, keepSecret("--seat", c.Seat, seat)
	}
	kept := new(sdk.Seat)
	if err := readKept("--seat", c.Seat, kept); err != nil {
		return nil, err
	}
	if kept.Hotel() != seat.Hotel() {
		return nil, usage("--seat: %w: %s is of another arrival, or of none", zhenni.ErrBadValue, c.Seat)
	}
	return kept, nil
}
