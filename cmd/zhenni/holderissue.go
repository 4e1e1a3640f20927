package main

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"zhenni"
	sdk "zhenni/holder"
	"zhenni/identity"
)

type holderIssue struct {
	phoneFlags
	partyFlags
	Identity    string        `required:"" type:"path" placeholder:"FILE" help:"JSON object of the strings name and number: who the credential is for. They are sealed to the engine and sent to nobody else."`
	EngineKey   string        `required:"" type:"path" placeholder:"FILE" help:"The engine's public key, as zhenni keys identity prints it."`
	Probe       string        `type:"path" placeholder:"FILE" help:"The live capture, which a server that holds references proves the person by; any other refuses it."`
	Reference   string        `type:"path" placeholder:"FILE" help:"The template, where it is not the live capture, and where there is no --probe."`
	Rotated     bool          `help:"The template was rotated by this phone's key, as holder rotate does: the credential keeps by which, and is compared by that key alone where another device captures."`
	Model       string        `placeholder:"ID" help:"The model that made them; a server of another refuses."`
	Region      string        `required:"" placeholder:"CODE" help:"Six digits of GB/T 2260."`
	Transaction string        `required:"" placeholder:"ID" help:"Transaction: sent again under it, the issue is answered with the credential that it made."`
	Kind        string        `enum:"ordinary,reenrolment" default:"ordinary" help:"How it is issued: ordinary, or reenrolment of who has one (default ${default})."`
	ValidFor    time.Duration `placeholder:"TIME" help:"How long it holds. Default: without end."`
	JSON        bool          `help:"Print one JSON object."`
}

// Help is shown by zhenni holder issue --help.
func (holderIssue) Help() string {
	return `Asks as the app's relying party, an issuer, for a lite credential whose device is this phone, and keeps its id with the keys. A full one is issued at a terminal. Exit code 1 says that the server refused, and why.

Example:

    zhenni holder issue --keys phone.keys --url https://id.example:8443 --api-key-file app.key --identity me.json --engine-key identity.jwk --probe me.f32 --reference me.rotated.f32 --rotated --region 330100 --transaction issue-1`
}

// Run asks for the credential and keeps its id.
func (c *holderIssue) Run(ctx context.Context, out *output) error {
	issue, err := c.read()
	if err != nil {
		return err
	}
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	issue.Device = phone.Public()
	if c.Rotated {
		issue.Rotation = phone.Commitment()
	}
	client, err := c.ask()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	issued, err := client.Issue(ctx, c.Transaction, issue)
	if err != nil {
		return answered(err)
	}
	phone.Credential = issued.ID
	if err := c.save(phone); err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(issued)
	}
	return out.Print("%s", issued.ID)
}

// read reads what is asked for but the device.
func (c *holderIssue) read() (issue sdk.Issue, err error) {
	issue = sdk.Issue{Region: c.Region, Model: c.Model}
	switch {
	case c.Probe == "" && c.Reference == "":
		return issue, usage("name the capture by --probe, --reference or both")
	case c.Rotated && c.Reference == "":
		return issue, usage("--rotated says something of --reference: name it")
	}
	for flag, file := range map[string]struct {
		path string
		to   *sdk.Probe
	}{"--probe": {c.Probe, &issue.Probe}, "--reference": {c.Reference, &issue.Reference}} {
		if file.path == "" {
			continue
		}
		if *file.to, err = readProbe(flag, file.path); err != nil {
			return issue, err
		}
	}
	if err := issue.Kind.UnmarshalText([]byte(c.Kind)); err != nil {
		return issue, usage("--kind: %w", err)
	}
	if c.ValidFor != 0 {
		issue.ValidUntil = time.Now().Add(c.ValidFor)
	}
	if issue.Engine, err = readEngineKey(c.EngineKey); err != nil {
		return issue, err
	}
	issue.Name, issue.Number, err = readIdentity(c.Identity)
	return issue, err
}

// readEngineKey reads the key that is sealed to.
func readEngineKey(path string) (identity.PublicKey, error) {
	document, err := readSmall(path)
	if err != nil {
		return identity.PublicKey{}, environment("--engine-key: %w", err)
	}
	engine, err := identity.ParsePublicKey(bytes.TrimSpace(document))
	if err != nil {
		return engine, usage("--engine-key %s: %w", path, err)
	}
	return engine, nil
}

// readIdentity reads a name and an ID number. No error repeats any of them.
func readIdentity(path string) (name, number string, err error) {
	document, err := readSmall(path)
	if err != nil {
		return "", "", environment("--identity: %w", err)
	}
	defer clear(document)
	var who struct{ Name, Number string }
	if json.Unmarshal(document, &who) != nil || who.Name == "" || who.Number == "" {
		return "", "", usage("--identity %s: %w: want a JSON object of the strings name and number", path, zhenni.ErrBadValue)
	}
	return who.Name, who.Number, nil
}
