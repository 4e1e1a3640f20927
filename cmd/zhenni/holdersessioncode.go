package main

import (
	"context"

	"zhenni"
	sdk "zhenni/holder"
)

type holderSessionCode struct {
	Code string `arg:"" help:"Two digits."`
	seatFlags
}

// Help is shown by zhenni holder session code --help.
func (holderSessionCode) Help() string {
	return `There is one attempt: wrong digits end the session, and exit code 1 says so.

Example:

    zhenni holder session code 42 --seat seat.json`
}

// Run types the digits.
func (c *holderSessionCode) Run(ctx context.Context, out *output) error {
	v, err := c.seated()
	if err != nil {
		return err
	}
	err = v.insist(ctx, func(ctx context.Context) (sdk.SeatView, error) { return v.seats.Code(ctx, v.seat, c.Code) })
	if err != nil {
		return err
	}
	if err := v.print(out); err != nil {
		return err
	}
	return rightCode(v.view.Outcome)
}

// rightCode is the exit code of two digits.
func rightCode(outcome zhenni.SessionEnd) error {
	if outcome == zhenni.SessionWrongCode {
		return notSo("these are not the digits of the session, which has ended")
	}
	return nil
}
