package main

import (
	"context"
	"os"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// holderPerson is holder person: what a person does who asks another one.
type holderPerson struct {
	Ask    personAsk    `cmd:"" help:"Make a link for the other person."`
	See    personSee    `cmd:"" help:"Read the session, once or up to its end."`
	Shared personShared `cmd:"" help:"Show, once, what the other person lets you see."`
	Cancel personCancel `cmd:"" help:"Take the question back."`
}

// personFlags name a session in which a person asks, and the server.
type personFlags struct {
	keptFlags
	URL string `name:"url" default:"http://127.0.0.1:8080" env:"ZHENNI_URL" help:"Server to ask (default ${default})."`
	CA  string `name:"ca" type:"path" env:"ZHENNI_CA" placeholder:"FILE" help:"Certificates in PEM to trust instead of the system's."`
}

// asking reads the session of the file, and makes the client of who asks in it.
func (f personFlags) asking() (*asking, error) {
	return f.keptFlags.asking(func(begun sdk.Begun) (*sdk.Client, error) {
		token, ok := zhenni.ParseSessionToken([]byte(begun.AskerToken))
		if !ok {
			return nil, usage("--session: %s does not have what lets a person in who asks", f.Session)
		}
		transport, err := transportTrusting(f.CA)
		if err != nil {
			return nil, err
		}
		client, err := sdk.NewClient(sdk.ClientConfig{URL: f.URL, Asker: token, Transport: transport, Now: time.Now})
		if err != nil {
			return nil, usage("--url: %w", err)
		}
		return client, nil
	})
}

// seats is the server as a phone asks it.
func (f personFlags) seats() (*sdk.Seats, error) {
	return seatFlags{URL: f.URL, CA: f.CA}.server()
}

// keep keeps a session that was begun, and prints the link for the other person, where there is one, and what is read out to them.
func (f personFlags) keep(begun sdk.Begun, out *output) error {
	if err := keepSecret("--session", f.Session, &begun); err != nil {
		return err
	}
	if f.JSON {
		return out.JSON(begun)
	}
	for _, link := range begun.Links {
		if err := out.Print("%s", link); err != nil {
			return err
		}
	}
	out.Note("Read out %s once they have opened it, and to nobody who did not get the link from you.", begun.Code)
	return nil
}

// readName reads a name from a file, "" for no file. A name on a command line is everybody's on this machine.
func readName(flag, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	name, err := readLine(path)
	if err != nil {
		return "", environment("%s: %w", flag, err)
	}
	if name == "" {
		return "", usage("%s: %s holds no name", flag, path)
	}
	return name, nil
}

type personAsk struct {
	phoneFlags
	personFlags
	Party       string        `required:"" placeholder:"ID" help:"The relying party on whose behalf persons ask each other on this server."`
	Transaction string        `required:"" placeholder:"ID" help:"Transaction: sent again under it, the session that it made is answered."`
	Expect      string        `type:"path" placeholder:"FILE" help:"File with the name that the other person has to have. It is sealed to the engine. Default: any."`
	EngineKey   string        `type:"path" placeholder:"FILE" help:"With --expect: the engine's public key, as zhenni keys identity prints it."`
	OwnName     string        `type:"path" placeholder:"FILE" help:"File with the own name, which the other person sees masked. Default: none."`
	Longest     time.Duration `placeholder:"TIME" help:"How long the session waits, from 1m. Default: a day."`
}

// Help is shown by zhenni holder person ask --help.
func (personAsk) Help() string {
	return `Keeps the session in the file, and prints the link to send to the other person, who opens it: zhenni holder session open. Read the two digits out to them by voice, as in a call: who has the link and does not hear you has nothing. Exit code 1 says that the server refused, and why.

Example:

    zhenni holder person ask --keys phone.keys --session asked.json --party square --transaction ask-1 --expect their-name --engine-key identity.jwk`
}

// Run asks.
func (c *personAsk) Run(ctx context.Context, out *output) error {
	what, err := c.what()
	if err != nil {
		return err
	}
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	seats, err := c.seats()
	if err != nil {
		return err
	}
	var begun sdk.Begun
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		begun, err = seats.AskPerson(ctx, phone, c.Transaction, what, time.Now())
		return err
	}, nil)
	if err != nil {
		return answered(err)
	}
	return c.keep(begun, out)
}

// what is what the flags ask.
func (c *personAsk) what() (a sdk.PersonAsking, err error) {
	a = sdk.PersonAsking{Party: c.Party, Longest: c.Longest}
	if a.Expected, err = readName("--expect", c.Expect); err != nil {
		return a, err
	}
	if a.Name, err = readName("--own-name", c.OwnName); err != nil {
		return a, err
	}
	switch {
	case a.Expected == "":
		return a, nil
	case c.EngineKey == "":
		return a, usage("--expect: a name is sealed to the engine: name its key by --engine-key")
	}
	a.Engine, err = readEngineKey(c.EngineKey)
	return a, err
}

type personSee struct {
	personFlags
	seeingFlags
}

// Help is shown by zhenni holder person see --help.
func (personSee) Help() string {
	return `Prints the session as who asks may see it: confirmed, not confirmed or refused, and whether the digits were right. Who the other person is it does not say, and not why not.

Example:

    zhenni holder person see --session asked.json --follow`
}

// Run reads the session.
func (c *personSee) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	return a.look(ctx, c.seeingFlags, out)
}

type personShared struct {
	personFlags
	Selfie string `type:"path" placeholder:"FILE" help:"File for the picture, a JPEG, where there is one."`
}

// Help is shown by zhenni holder person shared --help.
func (personShared) Help() string {
	return `Prints the masked name, where the other person lets you see it, and writes the picture. The server has them no more after that: exit code 1 says that they were shown or have gone, or that there were none.

Example:

    zhenni holder person shared --session asked.json --selfie them.jpg`
}

// Run shows what was shared. It is asked for once: an answer that is lost is lost.
func (c *personShared) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	var shared sdk.Shared
	if err := c.insist(ctx, func(ctx context.Context) (err error) {
		shared, err = a.client.Shared(ctx, a.id)
		return err
	}, nil); err != nil {
		return answered(err)
	}
	if c.Selfie != "" && len(shared.Selfie) > 0 {
		if err := os.WriteFile(c.Selfie, shared.Selfie, 0o600); err != nil {
			return environment("--selfie: %w", err)
		}
	}
	if c.JSON {
		return out.JSON(shared)
	}
	if shared.Name != "" {
		if err := out.Print("%s", shared.Name); err != nil {
			return err
		}
	}
	switch {
	case len(shared.Selfie) == 0:
	case c.Selfie == "":
		out.Note("There was a picture, for which no file was named. It is gone.")
	default:
		out.Note("The picture is in %s.", c.Selfie)
	}
	return nil
}

type personCancel struct{ personFlags }

// Help is shown by zhenni holder person cancel --help.
func (personCancel) Help() string {
	return `A session that has its outcome keeps it: exit code 1 says so.

Example:

    zhenni holder person cancel --session asked.json`
}

// Run cancels the session.
func (c *personCancel) Run(ctx context.Context, out *output) error {
	a, err := c.asking()
	if err != nil {
		return err
	}
	err = a.insist(ctx, func(ctx context.Context) (sdk.SessionView, error) { return a.client.Cancel(ctx, a.id) })
	if err != nil {
		return err
	}
	return a.print(out)
}
