package main

import (
	"context"
	"errors"
	"strings"
	"time"

	sdk "zhenni/holder"
)

type terminalIssue struct {
	terminalFlags
	partyFlags
	Offer     string        `required:"" type:"path" placeholder:"FILE" help:"The offer, as zhenni terminal offer keeps it."`
	Accepted  string        `required:"" type:"path" placeholder:"FILE" help:"What the phone answered, as zhenni holder accept prints it."`
	Probe     string        `required:"" type:"path" placeholder:"FILE" help:"The capture that the offer is of."`
	Reference string        `type:"path" placeholder:"FILE" help:"The template, where it is not the capture: as the phone has rotated it."`
	Unproved  bool          `help:"The capture is the template, and is held against no reference."`
	Liveness  string        `enum:"none,passive,active" default:"passive" help:"Sign that the capture is of a living person, by this means: none, passive or active (default ${default})."`
	Card      bool          `help:"Sign that the chip of the identity card answered."`
	Document  bool          `help:"Sign that somebody looked at the document."`
	Level     string        `enum:"lite,full" default:"full" help:"lite or full (default ${default})."`
	Kind      string        `enum:"ordinary,card,reenrolment" default:"ordinary" help:"How it is issued: ordinary, by card in the place of one that the person has, or reenrolment (default ${default})."`
	Model     string        `placeholder:"ID" help:"The model that made the vectors; a server of another refuses."`
	Region    string        `required:"" placeholder:"CODE" help:"Six digits of GB/T 2260."`
	ValidFor  time.Duration `placeholder:"TIME" help:"How long it holds. Default: without end."`
	PINFile   string        `name:"pin-file" type:"path" placeholder:"FILE" help:"File with the eight digits that the person has chosen, to set them as the credential's PIN. It wants --engine-key."`
	EngineKey string        `type:"path" placeholder:"FILE" help:"The engine's public key, to which a PIN is sealed."`
}

// Help is shown by zhenni terminal issue --help.
func (terminalIssue) Help() string {
	return `Issues a credential to the phone that scanned the terminal's code, on what the terminal saw, and prints its id. Run again after an answer that was lost it prints the same. Exit code 1 says that the server refused, and why.

Example:

    zhenni terminal issue --keys desk.keys --url https://id.example:8443 --api-key-file desk.key --offer offer.json --accepted accepted.json --probe guest.f32 --card --region 330100`
}

// Run asks for the credential, and sets its PIN.
func (c *terminalIssue) Run(ctx context.Context, out *output) error {
	pin, err := c.pin()
	if err != nil {
		return err
	}
	transaction, issue, err := c.read()
	if err != nil {
		return err
	}
	client, err := c.ask()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	issued, err := client.Issue(ctx, transaction, issue)
	if err != nil {
		return answered(err)
	}
	if pin != "" {
		engine, err := readEngineKey(c.EngineKey)
		if err != nil {
			return err
		}
		// Under a transaction that is this issue's alone a PIN is set once: one that was, by a run before, is another sealed text.
		_, err = client.SetPIN(ctx, transaction+"-pin", issued.ID, engine, pin)
		if err != nil && !sdk.IsRefused(err, "transaction_reused") {
			return answered(err)
		}
	}
	return out.Print("%s", issued.ID)
}

// pin reads the digits, "" for none.
func (c *terminalIssue) pin() (string, error) {
	if c.PINFile == "" {
		return "", nil
	}
	if c.EngineKey == "" {
		return "", usage("--pin-file wants --engine-key, to which the PIN is sealed")
	}
	text, err := readSmall(c.PINFile)
	if err != nil {
		return "", environment("--pin-file: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// read reads what is asked for, and signs what the terminal saw. What was read is kept in the file of the acceptance, so that the same
// is asked again.
func (c *terminalIssue) read() (transaction string, issue sdk.Issue, err error) {
	var offer sdk.Offer
	if err := readOffer(c.Offer, &offer); err != nil {
		return "", issue, err
	}
	var asked askedIssue
	if err := readKept("--accepted", c.Accepted, &asked); err != nil {
		return "", issue, err
	}
	probe, err := readProbe("--probe", c.Probe)
	if err != nil {
		return "", issue, err
	}
	if digest := probe.Digest(); string(digest[:]) != string(offer.Capture) {
		return "", issue, usage("--probe %s is not the capture that the offer is of", c.Probe)
	}
	issue = sdk.Issue{Region: c.Region, Model: c.Model, Probe: probe}
	if c.Unproved {
		issue.Probe, issue.Reference = nil, probe
	}
	if c.Reference != "" {
		if c.Unproved {
			return "", issue, usage("--unproved and --reference exclude each other")
		}
		if issue.Reference, err = readProbe("--reference", c.Reference); err != nil {
			return "", issue, err
		}
	}
	if err := errors.Join(issue.Level.UnmarshalText([]byte(c.Level)), issue.Kind.UnmarshalText([]byte(c.Kind))); err != nil {
		return "", issue, usage("--level, --kind: %w", err)
	}
	if err := c.sign(&offer, &asked); err != nil {
		return "", issue, err
	}
	asked.complete(&issue)
	if offer.Signed {
		issue.Nonce = asked.Transaction
	}
	return asked.Transaction, issue, issue.Accepted(asked.Acceptance)
}

// askedIssue is an acceptance, and what the terminal has asked for on it once.
type askedIssue struct {
	sdk.Acceptance
	At         time.Time `json:"at,omitzero"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
	Evidence   []string  `json:"evidence,omitempty"`
}

func (a *askedIssue) complete(issue *sdk.Issue) {
	issue.Evidence, issue.CapturedAt, issue.ValidUntil = a.Evidence, a.At, a.ValidUntil
}

// sign adds what the terminal saw to an acceptance of which nothing was asked yet, and keeps it.
func (c *terminalIssue) sign(offer *sdk.Offer, asked *askedIssue) error {
	if !asked.At.IsZero() {
		return nil
	}
	now := time.Now()
	q, err := offer.Question(asked.Transaction, now)
	if err != nil {
		return notSo("%w", err)
	}
	terminal, err := c.open()
	if err != nil {
		return err
	}
	saw := terminalCapture{Liveness: c.Liveness, Card: c.Card, Document: c.Document}
	if asked.Evidence, err = saw.sign(terminal, q); err != nil {
		return err
	}
	if asked.At = now; c.ValidFor != 0 {
		asked.ValidUntil = now.Add(c.ValidFor)
	}
	return keepSecret("--accepted", c.Accepted, asked)
}
