package main

import (
	"context"
	"strings"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

type sessionBegin struct {
	Kind string `arg:"" enum:"counter,group,payment,life,kiosk" help:"counter, group, payment, life or kiosk."`
	askedFlags
	Transaction string                `required:"" placeholder:"ID" help:"Transaction: sent again under it, the session that it made is answered."`
	Service     string                `required:"" placeholder:"ID" help:"Service that is asked for."`
	Purpose     string                `required:"" placeholder:"ID" help:"Purpose of it."`
	Credential  []zhenni.CredentialID `placeholder:"ID" help:"Who is asked; of a group each. Without it whoever opens the session."`
	Quorum      int                   `placeholder:"N" help:"Of a group: how many have to be confirmed."`
	Longest     time.Duration         `placeholder:"TIME" help:"How long the session waits. Default: as long as its kind may."`
	Payee       string                `placeholder:"TEXT" help:"Of a payment: who is paid."`
	Amount      int64                 `placeholder:"N" help:"Of a payment: how much, in the smallest unit."`
	Currency    string                `default:"CNY" placeholder:"CODE" help:"Of a payment: three letters of ISO 4217 (default ${default})."`
	Reference   string                `placeholder:"TEXT" help:"Of a payment: what for."`
	DueIn       time.Duration         `placeholder:"TIME" help:"Of a proof of life: when it is due, from now; what is left up to --longest is the time of grace."`
}

// Help is shown by zhenni session begin --help.
func (sessionBegin) Help() string {
	return `Keeps the session in the file, and prints the link of each seat, for a phone: zhenni holder session open. At a counter the phone scans what zhenni session qr prints.

Examples:

    zhenni session begin counter --session counter.json --api-key-file desk.key --transaction visit-1 --service visitor --purpose enter
    zhenni session begin group --session vote.json --api-key-file registry.key --transaction vote-7 --service vote --purpose resolve --credential ID --credential ID --quorum 2`
}

// Run begins the session.
func (c *sessionBegin) Run(ctx context.Context, out *output) error {
	what, err := c.what(time.Now())
	if err != nil {
		return err
	}
	client, err := c.ask()
	if err != nil {
		return err
	}
	var begun sdk.Begun
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		begun, err = client.Begin(ctx, c.Transaction, what)
		return err
	}, nil)
	if err != nil {
		return answered(err)
	}
	if err := keepSecret("--session", c.Session, &begun); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(begun)
	}
	return out.Print("%s", strings.Join(begun.Links, "\n"))
}

// what is the session that the flags ask for.
func (c *sessionBegin) what(now time.Time) (a sdk.Asking, err error) {
	a = sdk.Asking{Service: c.Service, Purpose: c.Purpose, Credentials: c.Credential, Quorum: c.Quorum, Longest: c.Longest}
	if err := a.Kind.UnmarshalText([]byte(c.Kind)); err != nil {
		return a, usage("%w", err)
	}
	if len(c.Credential) > 1 && a.Kind != zhenni.SessionGroup {
		return a, usage("--credential: a session of kind %s has one", a.Kind)
	}
	if a.Kind == zhenni.SessionPayment {
		a.Payment = &zhenni.Payment{Payee: c.Payee, Amount: c.Amount, Currency: c.Currency, Reference: c.Reference}
		if err := a.Payment.Validate(); err != nil {
			return a, usage("%w", err)
		}
	}
	if c.DueIn != 0 {
		a.Due = now.Add(c.DueIn).Truncate(time.Second)
	}
	return a, nil
}
