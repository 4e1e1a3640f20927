package main

import (
	"context"

	sdk "zhenni/holder"
)

type sessionCancel struct{ askedFlags }

// Help is shown by zhenni session cancel --help.
func (sessionCancel) Help() string {
	return `A session that has its outcome keeps it: exit code 1 says so.

Example:

    zhenni session cancel --session counter.json --api-key-file desk.key`
}

// Run cancels the session.
func (c *sessionCancel) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	err = a.insist(ctx, func(ctx context.Context) (sdk.SessionView, error) { return a.client.Cancel(ctx, a.id) })
	if err != nil {
		return err
	}
	return a.print(out)
}
