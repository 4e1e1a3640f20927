package main

import (
	"cmp"
	"errors"
	"os"
	"time"

	sdk "zhenni/holder"
)

type terminalOffer struct {
	terminalFlags
	Offer  string `required:"" type:"path" placeholder:"FILE" help:"The offer, which is made where there is none. It is the terminal's secret, and for one person."`
	Probe  string `type:"path" placeholder:"FILE" help:"The capture, as it will be sent, to make an offer of."`
	Party  string `placeholder:"ID" help:"The relying party that issues. Default: the terminal's."`
	Signed bool   `help:"The request will be signed, not sent with an API key."`
}

// Help is shown by zhenni terminal offer --help.
func (terminalOffer) Help() string {
	return `Prints the code that a phone scans to be issued a credential on. It changes every five seconds, and what a phone answers is taken for half a minute. No server is asked.

Example:

    zhenni terminal offer --keys desk.keys --offer offer.json --probe guest.f32 | qrencode -t utf8`
}

// Run makes the offer and prints its code.
func (c *terminalOffer) Run(out *output) error {
	var offer sdk.Offer
	err := readOffer(c.Offer, &offer)
	if errors.Is(err, os.ErrNotExist) {
		offer, err = c.make()
	}
	if err != nil {
		return err
	}
	return out.Print("%s", offer.Code(time.Now()))
}

func (c *terminalOffer) make() (sdk.Offer, error) {
	if c.Probe == "" {
		return sdk.Offer{}, usage("there is no %s: name the capture by --probe to make it", c.Offer)
	}
	terminal, err := c.open()
	if err != nil {
		return sdk.Offer{}, err
	}
	probe, err := readProbe("--probe", c.Probe)
	if err != nil {
		return sdk.Offer{}, err
	}
	offer, err := sdk.NewOffer(cmp.Or(c.Party, terminal.ID()), probe.Digest(), c.Signed)
	if err != nil {
		return sdk.Offer{}, usage("--party: %w", err)
	}
	return *offer, keepSecret("--offer", c.Offer, offer)
}

// readOffer reads an offer that is kept; fs.ErrNotExist where there is none.
func readOffer(path string, offer *sdk.Offer) error {
	if _, err := os.Stat(path); err != nil {
		return environment("--offer: %w", err)
	}
	if err := readKept("--offer", path, offer); err != nil {
		return err
	}
	if err := offer.Validate(); err != nil {
		return usage("--offer %s: %w", path, err)
	}
	return nil
}
