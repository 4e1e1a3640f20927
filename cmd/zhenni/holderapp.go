package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"zhenni"
	sdk "zhenni/holder"
	"zhenni/holder/app"
	"zhenni/holder/capture"
	"zhenni/holder/capture/onnx"
)

type holderApp struct {
	phoneFlags
	seatFlags
	Model    string `required:"" type:"path" placeholder:"FILE" help:"Manifest of the model, beside its ONNX file."`
	Liveness string `enum:"none,passive,active" default:"none" help:"Sign that a capture is of a living person, by this means, as far as the phone can tell: none, passive or active (default ${default})."`
	Listen   string `default:"127.0.0.1:8765" placeholder:"ADDRESS" help:"Loopback address of the page; port 0 is any (default ${default})."`
}

// Help is shown by zhenni holder app --help.
func (holderApp) Help() string {
	return `Prints the address of the page, for the browser of whoever has the phone, and serves it until it is stopped. A link is looked at first, then opened, and answered with a picture: the embedding is made here by the model that you bring, rotated by the phone's key and signed for; the picture never leaves this machine. A model with landmarks takes the whole picture; for one without, the face has to be where the page shows it.

A server's pages hand over to this one by zhenni serve --holder-app http://127.0.0.1:8765/#.

Example:

    zhenni holder app --keys phone.keys --seat seat.json --model r50.json --url https://id.example:8443`
}

// Run serves the page.
func (c *holderApp) Run(ctx context.Context, out *output) (err error) {
	config := app.Config{Keep: func(s *sdk.Seat) error { return keepSecret("--seat", c.Seat, s) }, Now: time.Now}
	if c.Liveness != zhenni.LivenessNone.String() {
		config.Liveness = livenessLevel(c.Liveness)
	}
	if config.Phone, err = c.open(); err != nil {
		return err
	}
	defer config.Phone.Forget()
	if err := c.sit(&config); err != nil {
		return err
	}
	extractor, err := c.extractor(&config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, extractor.Close()) }()
	listener, err := listenLoopback(c.Listen)
	if err != nil {
		return err
	}
	config.Address = listener.Addr().String()
	page, err := app.New(config)
	if err != nil {
		return errors.Join(usage("%w", err), listener.Close())
	}
	if err := out.Print("%s", page.Start()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return serveUntil(ctx, listener, page)
}

// sit has the app go on in the seat that the file has.
func (c *holderApp) sit(config *app.Config) error {
	v, err := c.visit()
	if err != nil {
		return err
	}
	config.Seats = v.seats
	if _, err := os.Stat(c.Seat); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	config.Seat = new(sdk.Seat)
	return readKept("--seat", c.Seat, config.Seat)
}

// extractor loads the model. One that has no landmarks takes pictures of one size.
func (c *holderApp) extractor(config *app.Config) (capture.Extractor, error) {
	extractor, err := capture.Open(c.Model, onnx.Load)
	if err != nil {
		return nil, captureError("--model", err)
	}
	config.Extractor = extractor
	config.Width, config.Height = extractor.Frame()
	return extractor, nil
}

// listenLoopback listens where nobody but this machine comes: a browser gives its camera to no plain page of another one.
func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, usage("--listen: %q, want a loopback address and a port", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, environment("--listen: %w", err)
	}
	return listener, nil
}

// serveUntil serves a handler until the context ends.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: holderTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // a stream of events is cut: its page asks again
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return environment("%w", err)
	}
	return nil
}
