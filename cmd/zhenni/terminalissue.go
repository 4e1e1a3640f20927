package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

type terminalIssue struct {
	terminalFlags
	partyFlags
	Offer     string        `required:"" type:"path" placeholder:"FILE" help:"The offer, as zhenni terminal offer keeps it."`
	Accepted  string        `required:"" type:"path" placeholder:"FILE" help:"What the phone answered, as zhenni holder accept prints it."`
	Probe     string        `required:"" type:"path" placeholder:"FILE" help:"The capture that the offer is of."`
	Reference string        `type:"path" placeholder:"FILE" help:"The template, where it is not the capture. Of one that the phone has rotated it says so, by zhenni holder accept --rotated."`
	Unproved  bool          `help:"The capture is the template, and is held against no reference."`
	Liveness  string        `enum:"none,passive,active" default:"passive" help:"Sign that the capture is of a living person, by this means: none, passive or active (default ${default})."`
	Card      bool          `help:"Sign that the chip of the identity card answered."`
	Document  bool          `help:"Sign that somebody looked at the document."`
	Level     string        `enum:"lite,full" default:"full" help:"lite or full (default ${default})."`
	Kind      string        `enum:"ordinary,card,reenrolment" default:"ordinary" help:"How it is issued: ordinary; card, which takes the place of one that the person has; or reenrolment (default ${default})."`
	Model     string        `placeholder:"ID" help:"The model that made the vectors; a server of another refuses."`
	Region    string        `required:"" placeholder:"CODE" help:"Six digits of GB/T 2260."`
	ValidFor  time.Duration `placeholder:"TIME" help:"How long it holds. Default: without end."`
	PINFile   string        `name:"pin-file" type:"path" placeholder:"FILE" help:"File with the eight digits that the person has chosen, to set them as the credential's PIN. It wants --engine-key."`
	EngineKey string        `type:"path" placeholder:"FILE" help:"The engine's public key, to which a PIN is sealed."`
}

// Help is shown by zhenni terminal issue --help.
func (terminalIssue) Help() string {
	return `Issues a credential to the phone that scanned the terminal's code, on what the terminal saw, and prints its id. Run again after an answer that was lost it prints the same: what was asked is kept beside the offer, as its name with .asked. Exit code 1 says that the server refused, and why.

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
		if err := c.setPIN(ctx, out, client, transaction+"-pin", issued.ID, pin); err != nil {
			return err
		}
	}
	return out.Print("%s", issued.ID)
}

// setPIN sets the PIN of what was issued, with what the terminal saw. Under a transaction that is this issue's alone a PIN is set once: one
// that was, by a run before, is another sealed text.
func (c *terminalIssue) setPIN(ctx context.Context, out *output, client *sdk.Client, transaction string, id zhenni.CredentialID, digits string) error {
	engine, err := readEngineKey(c.EngineKey)
	if err != nil {
		return err
	}
	set := sdk.PINSetting{Engine: engine, Digits: digits}
	if c.Card || c.Document {
		terminal, err := c.open()
		if err != nil {
			return err
		}
		saw := terminalCapture{Liveness: "none", Card: c.Card, Document: c.Document}
		set.Show = func(q sdk.Question) ([]string, error) { return saw.sign(terminal, q) }
	}
	_, err = client.SetPIN(ctx, transaction, id, set)
	switch {
	case sdk.IsRefused(err, "transaction_reused"):
		out.Note("The PIN is the one that an earlier run has set: --pin-file %s was not used.", c.PINFile)
	case err != nil:
		return answered(err)
	}
	return nil
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

// read reads what is asked for, and signs what the terminal saw.
func (c *terminalIssue) read() (transaction string, issue sdk.Issue, err error) {
	var offer sdk.Offer
	if err := readOffer(c.Offer, &offer); err != nil {
		return "", issue, err
	}
	var accepted sdk.Acceptance
	if err := readStrictly("--accepted", c.Accepted, &accepted); err != nil {
		return "", issue, err
	}
	if issue, err = c.asks(&offer); err != nil {
		return "", issue, err
	}
	if err := issue.Accepted(accepted); err != nil {
		return "", issue, usage("--accepted %s: %w", c.Accepted, err)
	}
	asked, q, err := c.once(&offer, accepted)
	if err != nil {
		return "", issue, err
	}
	issue.Evidence = append(issue.Evidence, asked.Evidence...)
	issue.CapturedAt, issue.ValidUntil, issue.Nonce = asked.At, asked.ValidUntil, q.Nonce
	return q.Transaction, issue, nil
}

// asks is what is asked for of the capture that an offer is of, but who it is for.
func (c *terminalIssue) asks(offer *sdk.Offer) (issue sdk.Issue, err error) {
	probe, err := readProbe("--probe", c.Probe)
	if err != nil {
		return issue, err
	}
	if digest := probe.Digest(); !bytes.Equal(digest[:], offer.Capture) {
		return issue, usage("--probe %s is not the capture that the offer is of", c.Probe)
	}
	issue = sdk.Issue{Region: c.Region, Model: c.Model, Probe: probe}
	if c.Unproved {
		issue.Probe, issue.Reference = nil, probe
	}
	if c.Reference != "" {
		if c.Unproved {
			return issue, usage("--unproved and --reference exclude each other")
		}
		if issue.Reference, err = readProbe("--reference", c.Reference); err != nil {
			return issue, err
		}
	}
	if err := errors.Join(issue.Level.UnmarshalText([]byte(c.Level)), issue.Kind.UnmarshalText([]byte(c.Kind))); err != nil {
		return issue, usage("--level, --kind: %w", err)
	}
	return issue, nil
}

// askedIssue is what the terminal has asked for on one acceptance, so that it is asked for again alike. It lies beside the offer, which is
// the terminal's own: of what a phone wrote nothing is taken for it.
type askedIssue struct {
	// Acceptance is the SHA-256 of that acceptance.
	Acceptance []byte    `json:"acceptance"`
	At         time.Time `json:"at"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
	Evidence   []string  `json:"evidence"`
}

// once is what was asked for on an acceptance before; where nothing was, what the terminal saw is signed now, and kept before it is sent.
// Both are for a code that was shown shortly before.
func (c *terminalIssue) once(offer *sdk.Offer, accepted sdk.Acceptance) (asked askedIssue, q sdk.Question, err error) {
	text, err := json.Marshal(accepted)
	if err != nil {
		return asked, q, err
	}
	digest, path := sha256.Sum256(text), c.Offer+".asked"
	if err := readKept("--offer", path, &asked); err != nil && !errors.Is(err, os.ErrNotExist) {
		return asked, q, err
	}
	again := bytes.Equal(asked.Acceptance, digest[:])
	if !again {
		asked = askedIssue{Acceptance: digest[:], At: time.Now()}
	}
	if q, err = offer.Question(accepted.Transaction, asked.At); err != nil {
		return asked, q, notSo("%w", err)
	}
	if again {
		return asked, q, nil
	}
	terminal, err := c.open()
	if err != nil {
		return asked, q, err
	}
	saw := terminalCapture{Liveness: c.Liveness, Card: c.Card, Document: c.Document}
	if asked.Evidence, err = saw.sign(terminal, q); err != nil {
		return asked, q, err
	}
	if c.ValidFor != 0 {
		asked.ValidUntil = asked.At.Add(c.ValidFor)
	}
	return asked, q, keepSecret("--offer", path, asked)
}
