package main

import (
	"context"
)

type sessionResults struct{ askedFlags }

// Help is shown by zhenni session results --help.
func (sessionResults) Help() string {
	return `Prints the signed result of each seat that was confirmed, a line each, and behind them the summary of a group, each for zhenni verify-result. Exit code 1 says that the session did not end with a yes, or has not ended.

Example:

    zhenni session results --session counter.json --api-key-file desk.key`
}

// Run reads the results.
func (c *sessionResults) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	if err := c.patienceFlag.insist(ctx, func(ctx context.Context) (err error) {
		a.view, err = a.client.Results(ctx, a.id)
		return err
	}, nil); err != nil {
		return answered(err)
	}
	if c.JSON {
		err = a.print(out)
	}
	signed := a.view.Results
	if a.view.Summary != "" {
		signed = append(signed, a.view.Summary)
	}
	for _, text := range signed {
		if !c.JSON && err == nil {
			err = out.Print("%s", text)
		}
	}
	if err != nil {
		return err
	}
	return yes(a.view.Outcome, a.view.Confirmed)
}
