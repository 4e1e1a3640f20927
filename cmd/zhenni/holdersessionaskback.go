package main

import (
	"context"

	sdk "zhenni/holder"
)

type holderSessionAskBack struct {
	Seat string `required:"" type:"path" env:"ZHENNI_SEAT" placeholder:"FILE" help:"The seat in which one is asked, as zhenni holder session open keeps it."`
	personFlags
	OwnName string `type:"path" placeholder:"FILE" help:"File with the own name, which the other person sees masked. Default: none."`
}

// Help is shown by zhenni holder session ask-back --help.
func (holderSessionAskBack) Help() string {
	return `Begins a session in which who asks is asked, and keeps it in the file of --session, for zhenni holder person see. Its link is shown to them alone, beside the first session; the two digits are to be read out. Once a session.

Example:

    zhenni holder session ask-back --seat seat.json --session back.json`
}

// Run asks back.
func (c *holderSessionAskBack) Run(ctx context.Context, out *output) error {
	name, err := readName("--own-name", c.OwnName)
	if err != nil {
		return err
	}
	v, err := seatFlags{Seat: c.Seat, URL: c.URL, CA: c.CA}.seated()
	if err != nil {
		return err
	}
	var begun sdk.Begun
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		begun, err = v.seats.AskBack(ctx, v.seat, name)
		return err
	}, nil)
	if err != nil {
		return answered(err)
	}
	return c.keep(begun, out)
}
