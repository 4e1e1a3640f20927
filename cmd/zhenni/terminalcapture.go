package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

type terminalCapture struct {
	askedFlags
	Probe      string              `type:"path" placeholder:"FILE" help:"The capture as it is sent: float32, the least significant byte first."`
	Credential zhenni.CredentialID `placeholder:"ID" help:"The credential that is claimed, to sign for. A hotel is not told whose it is, and signs for the session."`
	Asker      string              `placeholder:"ID" help:"The relying party of the session, to sign for. Default: the terminal's."`
	Liveness   string              `enum:"none,passive,active" default:"none" help:"Sign that the capture is of a living person, by this means: none, passive or active (default ${default})."`
	Card       bool                `help:"Sign that the chip of the identity card answered."`
	Document   bool                `help:"Sign that somebody looked at the document."`
	Tried      int                 `placeholder:"N" help:"Captures in this session that did not match, and were told to go on, where the server does not say the transaction."`
}

// Help is shown by zhenni terminal capture --help.
func (terminalCapture) Help() string {
	return `In a session at a kiosk it is the terminal that captures, as the relying party that asks. What it signs is for this try and this request, and a request whose answer was lost is sent again for the same try. Exit code 1 says that the person was not confirmed, or that the server refused, and why.

Example:

    zhenni terminal capture --session kiosk.json --terminal-keys kiosk.keys --credential ID --probe guest.f32 --liveness passive`
}

// Run shows the person.
func (c *terminalCapture) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	terminal, err := c.terminal()
	if err != nil {
		return err
	}
	answer := sdk.Answer{CapturedAt: time.Now()}
	if c.Probe != "" {
		if answer.Probe, err = readProbe("--probe", c.Probe); err != nil {
			return err
		}
	}
	if err := a.see(ctx); err != nil {
		return err
	}
	if a.view.Kind == zhenni.SessionHotel {
		c.Credential = zhenni.CredentialID(a.id)
	}
	try := cmp.Or(a.view.Transaction, sdk.CaptureTransaction(a.id, c.Tried))
	if err := a.insist(ctx, func(ctx context.Context) (sdk.SessionView, error) { return c.show(ctx, a, terminal, try, answer) }); err != nil {
		return err
	}
	if err := a.print(out); err != nil {
		return err
	}
	if a.view.Outcome == zhenni.SessionLive {
		return notSo("not confirmed, and the session goes on")
	}
	return yes(a.view.Outcome, a.view.Confirmed)
}

// show sends the capture for one try, with evidence that is signed for this request.
func (c *terminalCapture) show(ctx context.Context, a *asking, terminal *sdk.Terminal, try string, answer sdk.Answer) (v sdk.SessionView, err error) {
	nonce := ""
	if terminal != nil {
		nonce = rand.Text()
		q := answer.Question(sdk.SeatView{Transaction: try, Party: cmp.Or(c.Asker, terminal.ID())}, c.Credential)
		q.Nonce = nonce
		if answer.Evidence, err = c.sign(terminal, q); err != nil {
			return v, err
		}
	}
	v, err = a.client.Capture(ctx, a.id, try, answer, nonce)
	if a.begun.Kind != zhenni.SessionHotel || !sdk.IsRefused(err, sdk.CodeSessionStep) {
		return v, err
	}
	seen, failed := a.client.Session(ctx, a.id)
	switch {
	case failed != nil:
		return seen, failed
	case seen.Outcome == zhenni.SessionLive && seen.Transaction == "":
		return v, err // nobody has claimed the guest
	}
	// It is not for this side to mend, and mended soon: the refusal is none that ends it.
	return v, fmt.Errorf("%w: the guest's phone has to bring its rotation key again: %v", zhenni.ErrUnavailable, err)
}

// sign is the evidence of what the terminal saw.
func (c *terminalCapture) sign(terminal *sdk.Terminal, q sdk.Question) (evidence []string, err error) {
	now := time.Now()
	for _, kind := range []struct {
		asked bool
		token func() ([]byte, error)
	}{
		{c.Liveness != "none", func() ([]byte, error) { return terminal.Liveness(q, livenessLevel(c.Liveness), now) }},
		{c.Card, func() ([]byte, error) { return terminal.Card(q, now) }},
		{c.Document, func() ([]byte, error) { return terminal.Document(q, now) }},
	} {
		if !kind.asked {
			continue
		}
		token, err := kind.token()
		if err != nil {
			return nil, err
		}
		evidence = append(evidence, string(token))
	}
	return evidence, nil
}
