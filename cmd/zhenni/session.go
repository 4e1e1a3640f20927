package main

import (
	"context"
	"fmt"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// sessionCommand is session: what whoever asks does in one.
type sessionCommand struct {
	Begin   sessionBegin   `cmd:"" help:"Begin a session."`
	QR      sessionQR      `cmd:"" name:"qr" help:"Print what the code on the screen says in this second."`
	See     sessionSee     `cmd:"" help:"Read the session, once or up to its end."`
	Code    sessionCode    `cmd:"" help:"Type the two digits that the phone shows."`
	Cancel  sessionCancel  `cmd:"" help:"Take the session back."`
	Results sessionResults `cmd:"" help:"Read the signed results of a session that has ended."`
}

// askedFlags name a session and the party that asks in it.
type askedFlags struct {
	Session string `required:"" type:"path" env:"ZHENNI_SESSION" placeholder:"FILE" help:"The session, as zhenni session begin keeps it: whoever has the file has its screen and its links."`
	partyFlags
	TerminalKeys   string `type:"path" env:"ZHENNI_TERMINAL" placeholder:"FILE" help:"Key of a terminal, as zhenni terminal keys makes it, to sign every request with as its relying party."`
	PassphraseFile string `type:"path" env:"ZHENNI_TERMINAL_PASSPHRASE_FILE" placeholder:"FILE" help:"File with the passphrase that seals the key of the terminal."`
	patienceFlag
	JSON bool `help:"Print one JSON object."`
}

// terminal opens the terminal's key; nil is none.
func (f askedFlags) terminal() (*sdk.Terminal, error) {
	if f.TerminalKeys == "" {
		return nil, nil
	}
	return terminalFlags{f.TerminalKeys, f.PassphraseFile}.open()
}

// ask makes the client of the party, or of the terminal.
func (f askedFlags) ask() (*sdk.Client, error) {
	terminal, err := f.terminal()
	if err != nil {
		return nil, err
	}
	if terminal == nil {
		return f.partyFlags.ask()
	}
	transport, err := transportTrusting(f.CA)
	if err != nil {
		return nil, err
	}
	client, err := sdk.NewClient(sdk.ClientConfig{URL: f.URL, Signer: terminal.Signer(), Party: terminal.ID(), Transport: transport, Now: time.Now})
	if err != nil {
		return nil, usage("--url: %w", err)
	}
	return client, nil
}

// asking is a party in its session.
type asking struct {
	askedFlags
	client *sdk.Client
	id     zhenni.SessionID
	begun  sdk.Begun
	view   sdk.SessionView
}

// asking reads the session of the file, and makes the client.
func (f askedFlags) asking() (a *asking, err error) {
	a = &asking{askedFlags: f}
	if err := readKept("--session", f.Session, &a.begun); err != nil {
		return nil, err
	}
	if a.id, err = zhenni.ParseSessionID(a.begun.Session); err != nil {
		return nil, usage("--session: %w", err)
	}
	a.client, err = f.ask()
	return a, err
}

// insist does what the party does, and reads the session where it went on by that.
func (a *asking) insist(ctx context.Context, ask func(context.Context) (sdk.SessionView, error)) error {
	doing := func(do func(context.Context) (sdk.SessionView, error)) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			a.view, err = do(ctx)
			return err
		}
	}
	see := func(ctx context.Context) (sdk.SessionView, error) { return a.client.Session(ctx, a.id) }
	if err := a.askedFlags.insist(ctx, doing(ask), doing(see)); err != nil {
		return answered(err)
	}
	return nil
}

// print shows the session to who asks.
func (a *asking) print(out *output) error {
	if a.JSON {
		return out.JSON(a.view)
	}
	return out.Print("%s", askedText(a.view))
}

// askedText is a session in words.
func askedText(v sdk.SessionView) string {
	said := fmt.Sprintf("Opened by %d.", v.Opened)
	if v.Answered > 0 {
		said += fmt.Sprintf(" Answered by %d.", v.Answered)
	}
	switch {
	case v.Code != "":
		said += fmt.Sprintf(" Read out %s.", v.Code)
	case v.CodeWanted:
		said += " Type the two digits that the phone shows."
	case v.CodeRight:
		said += " The digits are right."
	}
	for i, state := range v.Seats {
		said += fmt.Sprintf(" Seat %d: %s.", i, state)
	}
	return said + fmt.Sprintf(" The session: %s.", ended(v.Outcome, v.Confirmed))
}
