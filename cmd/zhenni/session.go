package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// sessionCommand is session: what whoever asks does in one.
type sessionCommand struct {
	Begin   sessionBegin   `cmd:"" help:"Begin a session."`
	Guests  sessionGuests  `cmd:"" help:"Say how many guests wait at the desk of a hotel."`
	Claim   sessionClaim   `cmd:"" help:"Have the session of the guest who reads out two digits, at a hotel."`
	QR      sessionQR      `cmd:"" name:"qr" help:"Print what the code on the screen says in this second."`
	See     sessionSee     `cmd:"" help:"Read the session, once or up to its end."`
	Code    sessionCode    `cmd:"" help:"Type the two digits that the phone shows."`
	Cancel  sessionCancel  `cmd:"" help:"Take the session back."`
	Results sessionResults `cmd:"" help:"Read the signed results of a session that has ended."`
}

// keptFlags name the file of a session, and how its asker asks.
type keptFlags struct {
	Session string `required:"" type:"path" env:"ZHENNI_SESSION" placeholder:"FILE" help:"The session, as the command keeps it that begins or claims it: whoever has the file has its screen and its links."`
	patienceFlag
	JSON bool `help:"Print one JSON object."`
}

// deskFlags name the party that asks, or its terminal.
type deskFlags struct {
	partyFlags
	TerminalKeys   string `type:"path" env:"ZHENNI_TERMINAL" placeholder:"FILE" help:"Key of a terminal, as zhenni terminal keys makes it, to sign every request with as its relying party."`
	PassphraseFile string `type:"path" env:"ZHENNI_TERMINAL_PASSPHRASE_FILE" placeholder:"FILE" help:"File with the passphrase that seals the key of the terminal."`
}

// askedFlags name a session and the party that asks in it.
type askedFlags struct {
	keptFlags
	deskFlags
}

// terminal opens the terminal's key; nil is none.
func (f deskFlags) terminal() (*sdk.Terminal, error) {
	if f.TerminalKeys == "" {
		return nil, nil
	}
	return terminalFlags{f.TerminalKeys, f.PassphraseFile}.open()
}

// ask makes the client of the party, or of the terminal.
func (f deskFlags) ask() (*sdk.Client, error) {
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

// asking is who asks, in their session.
type asking struct {
	keptFlags
	client *sdk.Client
	id     zhenni.SessionID
	begun  sdk.Begun
	view   sdk.SessionView
}

// asking reads the session of the file, and makes the client of the party.
func (f askedFlags) asking() (*asking, error) {
	return f.keptFlags.asking(func(sdk.Begun) (*sdk.Client, error) { return f.ask() })
}

func (f keptFlags) asking(client func(sdk.Begun) (*sdk.Client, error)) (a *asking, err error) {
	a = &asking{keptFlags: f}
	if err := readKept("--session", f.Session, &a.begun); err != nil {
		return nil, err
	}
	if a.id, err = zhenni.ParseSessionID(a.begun.Session); err != nil {
		return nil, usage("--session: %w", err)
	}
	a.client, err = client(a.begun)
	return a, err
}

// see reads the session once.
func (a *asking) see(ctx context.Context) error {
	return a.insist(ctx, func(ctx context.Context) (sdk.SessionView, error) { return a.client.Session(ctx, a.id) })
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
	if err := a.keptFlags.insist(ctx, doing(ask), doing(see)); err != nil {
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
	case v.CodeWanted && v.Opened > 0:
		said += " Type the two digits that the phone shows."
	case v.CodeRight:
		said += " The digits are right."
	}
	if len(v.Shared) > 0 {
		said += fmt.Sprintf(" They let you see: %s.", strings.Join(v.Shared, ", "))
	}
	if v.SharedWaiting {
		said += " It waits, to be shown once."
	}
	if v.Back != "" {
		said += fmt.Sprintf(" They ask back: %s.", v.Back)
	}
	for i, state := range v.Seats {
		said += fmt.Sprintf(" Seat %d: %s.", i, state)
	}
	return said + fmt.Sprintf(" The session: %s.", ended(v.Outcome, v.Confirmed))
}
