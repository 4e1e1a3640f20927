package main

import (
	"context"

	sdk "zhenni/holder"
)

type sessionClaim struct {
	Code string `arg:"" help:"Two digits, as the guest reads them out."`
	askedFlags
}

// Help is shown by zhenni session claim --help.
func (sessionClaim) Help() string {
	return `The guest's phone has begun the session, at the printed code: zhenni holder arrive. It is kept in the file, for zhenni terminal capture. Digits that nobody shows end no session, and after five in a minute there is a pause: exit code 1 says so.

Example:

    zhenni session claim 42 --session guest.json --terminal-keys desk.keys`
}

// Run claims the guest.
func (c *sessionClaim) Run(ctx context.Context, out *output) error {
	client, err := c.ask()
	if err != nil {
		return err
	}
	a := &asking{keptFlags: c.keptFlags, client: client}
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		a.view, err = client.Claim(ctx, c.Code)
		return err
	}, nil)
	if err != nil {
		return answered(err)
	}
	if err := keepSecret("--session", c.Session, sdk.Begun{SessionView: a.view}); err != nil {
		return err
	}
	return a.print(out)
}
