package main

import (
	"context"
)

type sessionSee struct {
	askedFlags
	seeingFlags
}

// Help is shown by zhenni session see --help.
func (sessionSee) Help() string {
	return `Prints the session as who asks may see it. Of a group nothing is told of how one answered before its end.

Example:

    zhenni session see --session counter.json --api-key-file desk.key --follow && open-the-door`
}

// Run reads the session.
func (c *sessionSee) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	return a.look(ctx, c.seeingFlags, out)
}

// look prints the session, once or each time that it changes.
func (a *asking) look(ctx context.Context, c seeingFlags, out *output) error {
	if !c.Follow {
		if err := a.see(ctx); err != nil {
			return err
		}
		return a.print(out)
	}
	ctx, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	for view, err := range a.client.FollowSession(ctx, a.id) {
		if err != nil {
			return answered(err)
		}
		a.view = view
		if err := a.print(out); err != nil {
			return err
		}
	}
	return yes(a.view.Outcome, a.view.Confirmed)
}
