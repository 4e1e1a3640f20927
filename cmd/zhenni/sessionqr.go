package main

import (
	"time"

	sdk "zhenni/holder"
)

type sessionQR struct {
	Session string `required:"" type:"path" env:"ZHENNI_SESSION" placeholder:"FILE" help:"The session, as zhenni session begin keeps it."`
}

// Help is shown by zhenni session qr --help.
func (sessionQR) Help() string {
	return `The code changes every second, and is taken in its second and the four that follow, once. No server is asked.

Example:

    zhenni session qr --session counter.json | qrencode -t utf8`
}

// Run prints the code.
func (c *sessionQR) Run(out *output) error {
	var begun sdk.Begun
	if err := readKept("--session", c.Session, &begun); err != nil {
		return err
	}
	text, err := begun.QR(time.Now())
	if err != nil {
		return notSo("%w", err)
	}
	return out.Print("%s", text)
}
