package main

import (
	"errors"
	"os"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

// terminalCommand is terminal: what the device of a counter, a hotel or a kiosk does.
type terminalCommand struct {
	Keys     terminalKeys     `cmd:"" help:"Make or show the key of a terminal."`
	Evidence terminalEvidence `cmd:"" help:"Sign what the terminal saw of one capture: liveness, the card, a document."`
	Offer    terminalOffer    `cmd:"" help:"Show the code that a phone scans to be issued a credential on."`
	Issue    terminalIssue    `cmd:"" help:"Issue a credential to the phone that scanned the code."`
	Capture  terminalCapture  `cmd:"" help:"Show, in a session at a kiosk or a hotel, the person before the terminal."`
}

// terminalFlags name the file of a terminal's key.
type terminalFlags struct {
	Keys           string `required:"" type:"path" env:"ZHENNI_TERMINAL" placeholder:"FILE" help:"Key of the terminal, as zhenni terminal keys makes it."`
	PassphraseFile string `type:"path" env:"ZHENNI_TERMINAL_PASSPHRASE_FILE" placeholder:"FILE" help:"File with the passphrase that seals the key. Without it the file holds it itself."`
}

func (f terminalFlags) passphrase() ([]byte, error) {
	return readPassphrase("--passphrase-file", f.PassphraseFile)
}

// open reads the key.
func (f terminalFlags) open() (*sdk.Terminal, error) {
	passphrase, err := f.passphrase()
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	if err := forbidCoreDumps(); err != nil {
		return nil, environment("%w", err)
	}
	terminal, err := sdk.OpenTerminal(f.Keys, passphrase)
	if err != nil {
		return nil, environment("--keys: %w", err)
	}
	return terminal, nil
}

type terminalKeys struct {
	terminalFlags
	ID        string `name:"id" placeholder:"ID" help:"The relying party as which the terminal is registered, to make a key."`
	Algorithm string `enum:"ed25519,p256" default:"ed25519" help:"How it signs: ed25519 or p256 (default ${default})."`
}

// Help is shown by zhenni terminal keys --help.
func (terminalKeys) Help() string {
	return `Makes the file where there is none and prints the public key, a JSON Web Key, which goes to the operator.

Example:

    zhenni terminal keys --keys desk.keys --id desk > desk.jwk
    zhenni rp add desk --tenant 1 --role terminal --jwks desk.jwk`
}

// Run makes or shows the key.
func (c *terminalKeys) Run(out *output) error {
	terminal, err := c.openOrMake(out)
	if err != nil {
		return err
	}
	return out.Print("%s", terminal.Public().JWK())
}

func (c *terminalKeys) openOrMake(out *output) (*sdk.Terminal, error) {
	if _, err := os.Stat(c.Keys); !errors.Is(err, os.ErrNotExist) {
		terminal, err := c.open()
		if err == nil && c.ID != "" && c.ID != terminal.ID() {
			return nil, usage("--id: %s is the key of %s: name another file to make one of %s", c.Keys, terminal.ID(), c.ID)
		}
		return terminal, err
	}
	if c.ID == "" {
		return nil, usage("there is no %s: name the terminal by --id to make it", c.Keys)
	}
	terminal, err := sdk.NewTerminal(c.ID, keyAlgorithm(c.Algorithm))
	if err != nil {
		return nil, err
	}
	passphrase, err := c.passphrase()
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	if err := terminal.Save(c.Keys, passphrase); err != nil {
		return nil, environment("--keys: %w", err)
	}
	out.Note("Made %s. Whoever has it, and the passphrase over it, is this terminal.", c.Keys)
	return terminal, nil
}

type terminalEvidence struct {
	Kind       string              `arg:"" enum:"liveness,card,document" help:"liveness: a living person was captured. card: the chip of the identity card answered. document: somebody looked at it."`
	Credential zhenni.CredentialID `required:"" placeholder:"ID" help:"The credential that is claimed."`
	terminalFlags
	questionFlags
	Level string `enum:"passive,active" default:"passive" help:"Of liveness: passive or active (default ${default})."`
}

// Help is shown by zhenni terminal evidence --help.
func (terminalEvidence) Help() string {
	return `Prints a token for the field evidence of a verification, as zhenni holder evidence does.

Example:

    zhenni terminal evidence liveness --keys desk.keys --credential 0123456789abcdef0123456789abcdef --probe guest.f32 --asker hotel --transaction check-in-1`
}

// Run signs the evidence.
func (c *terminalEvidence) Run(out *output) error {
	terminal, err := c.open()
	if err != nil {
		return err
	}
	q, err := c.question(c.Credential)
	if err != nil {
		return err
	}
	var token []byte
	switch c.Kind {
	case "card":
		token, err = terminal.Card(q, time.Now())
	case "document":
		token, err = terminal.Document(q, time.Now())
	default:
		token, err = terminal.Liveness(q, livenessLevel(c.Level), time.Now())
	}
	if err != nil {
		return err
	}
	return out.Print("%s", token)
}
