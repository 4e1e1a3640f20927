package main

import (
	"context"

	sdk "zhenni/holder"
)

type sessionCode struct {
	Code string `arg:"" help:"Two digits."`
	askedFlags
}

// Help is shown by zhenni session code --help.
func (sessionCode) Help() string {
	return `There is one attempt: wrong digits end the session, and exit code 1 says so.

Example:

    zhenni session code 42 --session counter.json --api-key-file desk.key`
}

// Run types the digits.
func (c *sessionCode) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	err = a.insist(ctx, func(ctx context.Context) (sdk.SessionView, error) { return a.client.TypeCode(ctx, a.id, c.Code) })
	if err != nil {
		return err
	}
	if err := a.print(out); err != nil {
		return err
	}
	return rightCode(a.view.Outcome)
}
