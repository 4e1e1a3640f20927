package main

import (
	"context"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// seeingFlags say how long to look at a session.
type seeingFlags struct {
	Follow bool          `help:"Print the session each time that it changes, up to its end; a connection that is lost is made anew. Exit code 1 says that it did not end with a yes."`
	For    time.Duration `default:"1h" placeholder:"TIME" help:"With --follow: how long, at most (default ${default})."`
}

type holderSessionSee struct {
	seatFlags
	seeingFlags
}

// Help is shown by zhenni holder session see --help.
func (holderSessionSee) Help() string {
	return `Prints the session as the phone may see it: how the own answer went, and how the session ended.

Example:

    zhenni holder session see --seat seat.json --follow`
}

// Run reads the session.
func (c *holderSessionSee) Run(ctx context.Context, out *output) error {
	v, err := c.seated()
	if err != nil {
		return err
	}
	if !c.Follow {
		if err := v.insist(ctx, func(ctx context.Context) (sdk.SeatView, error) { return v.seats.See(ctx, v.seat) }); err != nil {
			return err
		}
		return v.print(out)
	}
	ctx, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	for view, err := range v.seats.Follow(ctx, v.seat) {
		if err != nil {
			return answered(err)
		}
		v.view = view
		if err := v.print(out); err != nil {
			return err
		}
	}
	return yes(v.view.Outcome, v.view.Confirmed)
}

// yes is the exit code of a session that has ended.
func yes(outcome zhenni.SessionEnd, confirmed bool) error {
	if outcome == zhenni.SessionCompleted && confirmed {
		return nil
	}
	return notSo("the session ended: %s", ended(outcome, confirmed))
}
