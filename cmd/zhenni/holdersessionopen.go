package main

import (
	"context"
	"errors"
	"os"
	"time"

	sdk "zhenni/holder"
)

type holderSessionOpen struct {
	Invitation string `arg:"" help:"The link, session.seat.token, or what a code on a screen says."`
	phoneFlags
	seatFlags
}

// Help is shown by zhenni holder session open --help.
func (holderSessionOpen) Help() string {
	return `Shows who asks and what for, and takes the seat: the phone draws a token, keeps it in the file, and signs that it is the device of its credential. Another phone can not open the seat any more. Sent again, the same file opens it again. Exit code 1 says that the server refused, and why.

Example:

    zhenni holder session open "$SCANNED" --keys phone.keys --seat seat.json --url https://id.example:8443`
}

// Run takes the seat.
func (c *holderSessionOpen) Run(ctx context.Context, out *output) error {
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
	var asked sdk.SeatView
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		if asked.Party == "" {
			if asked, err = c.look(ctx, v); err != nil {
				return err
			}
		}
		v.view, err = v.seats.Open(ctx, v.seat, phone, asked.Party, time.Now())
		return err
	}, v.see)
	if err != nil {
		return answered(err)
	}
	return v.print(out)
}

// look is who asks: of a seat that this phone has already, too.
func (c *holderSessionOpen) look(ctx context.Context, v *visit) (sdk.SeatView, error) {
	asked, err := v.seats.Look(ctx, v.seat)
	if !sdk.IsRefused(err, sdk.CodeNoSession, sdk.CodeSessionTaken) {
		return asked, err
	}
	seen, failed := v.seats.See(ctx, v.seat)
	if sdk.IsRefused(failed, sdk.CodeNoSession) {
		return seen, err // it is not this phone that has it
	}
	return seen, failed
}

// keep draws the phone's token, and keeps it before anything is sent; a seat of this invitation that is kept already stays.
func (c *holderSessionOpen) keep() (*sdk.Seat, error) {
	invitation, err := sdk.ParseInvitation(c.Invitation)
	if err != nil {
		return nil, usage("%w", err)
	}
	if _, err := os.Stat(c.seatFlags.Seat); !errors.Is(err, os.ErrNotExist) {
		seat := new(sdk.Seat)
		if err := readKept("--seat", c.seatFlags.Seat, seat); err != nil {
			return nil, err
		}
		if seat.Session != invitation.Session || seat.Seat != invitation.Seat {
			return nil, usage("--seat: %s is of another session", c.seatFlags.Seat)
		}
		seat.Invitation = invitation
		return seat, keepSecret("--seat", c.seatFlags.Seat, seat)
	}
	seat := sdk.NewSeat(invitation)
	return seat, keepSecret("--seat", c.seatFlags.Seat, seat)
}
