package main

import (
	"context"
)

type sessionGuests struct {
	deskFlags
	patienceFlag
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni session guests --help.
func (sessionGuests) Help() string {
	return `Prints a number: those whose digits nobody has typed. Who they are is not told.

Example:

    zhenni session guests --terminal-keys desk.keys`
}

// Run asks how many there are.
func (c *sessionGuests) Run(ctx context.Context, out *output) error {
	client, err := c.ask()
	if err != nil {
		return err
	}
	waiting := 0
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		waiting, err = client.Guests(ctx)
		return err
	}, nil)
	if err != nil {
		return answered(err)
	}
	if c.JSON {
		return out.JSON(struct {
			Waiting int `json:"waiting"`
		}{waiting})
	}
	return out.Print("%d", waiting)
}
