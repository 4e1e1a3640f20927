package main

import (
	"context"

	sdk "zhenni/holder"
)

type holderSessionDecline struct {
	seatFlags
	Report bool `help:"Between persons: report who asks."`
	Block  bool `help:"Between persons: do not be asked again by them."`
}

// Help is shown by zhenni holder session decline --help.
func (holderSessionDecline) Help() string {
	return `Example:

    zhenni holder session decline --seat seat.json --report --block`
}

// Run declines.
func (c *holderSessionDecline) Run(ctx context.Context, out *output) error {
	v, err := c.seated()
	if err != nil {
		return err
	}
	err = v.insist(ctx, func(ctx context.Context) (sdk.SeatView, error) {
		return v.seats.Decline(ctx, v.seat, c.Report, c.Block)
	})
	if err != nil {
		return err
	}
	return v.print(out)
}
