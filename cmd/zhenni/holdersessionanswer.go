package main

import (
	"context"
	"time"

	"zhenni"
	sdk "zhenni/holder"
)

type holderSessionAnswer struct {
	phoneFlags
	seatFlags
	Probe      string   `type:"path" placeholder:"FILE" help:"The capture as it is sent, rotated where the credential is: float32, the least significant byte first. Without it the session is answered by what else is shown."`
	SealedPIN  string   `name:"sealed-pin" placeholder:"TEXT" help:"PIN, sealed to the engine for the transaction of the try."`
	Liveness   string   `enum:"none,passive,active" default:"none" help:"Sign that the capture is of a living person, by this means, as far as the phone can tell: none, passive or active (default ${default})."`
	Possession bool     `default:"true" negatable:"" help:"Sign that the credential's device is there (default ${default})."`
	Evidence   []string `placeholder:"TOKEN" help:"More evidence, as a terminal signed it."`
	ShareName  string   `type:"path" placeholder:"FILE" help:"Between persons: let who asks see the name in this file, masked and once, where it is the own one."`
	Selfie     string   `name:"share-selfie" type:"path" placeholder:"FILE" help:"Between persons: let who asks see this picture once: a JPEG of at most 64 KiB and 640 by 640."`
}

// Help is shown by zhenni holder session answer --help.
func (holderSessionAnswer) Help() string {
	return `Signs the evidence for the try that the session waits for, and shows it with the capture. An answer that is lost is sent again for the same try, which is decided once. Exit code 1 says that it did not confirm the person, or that the server refused, and why.

Example:

    zhenni holder session answer --seat seat.json --keys phone.keys --probe me.rotated.f32 --liveness passive`
}

// Run shows the person.
func (c *holderSessionAnswer) Run(ctx context.Context, out *output) error {
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	v, err := c.seated()
	if err != nil {
		return err
	}
	if err := v.insist(ctx, func(ctx context.Context) (sdk.SeatView, error) { return v.seats.See(ctx, v.seat) }); err != nil {
		return err
	}
	if v.view.Transaction == "" {
		return notSo("the session waits for no answer: %s, %s", v.view.State, ended(v.view.Outcome, v.view.Confirmed))
	}
	try := v.view
	answer, err := c.answer(phone, try)
	if err != nil {
		return err
	}
	err = v.insist(ctx, func(ctx context.Context) (sdk.SeatView, error) { return v.seats.Answer(ctx, v.seat, try, answer) })
	if err != nil {
		return err
	}
	if err := v.print(out); err != nil {
		return err
	}
	if v.view.State != zhenni.SeatConfirmed {
		return notSo("not confirmed")
	}
	return nil
}

// answer is what the phone shows, with the evidence that it signs.
func (c *holderSessionAnswer) answer(phone *sdk.Phone, v sdk.SeatView) (a sdk.Answer, err error) {
	now := time.Now()
	a = sdk.Answer{PIN: c.SealedPIN, Evidence: c.Evidence, CapturedAt: now}
	if c.Probe != "" {
		if a.Probe, err = readProbe("--probe", c.Probe); err != nil {
			return a, err
		}
	}
	if a.Name, err = readName("--share-name", c.ShareName); err != nil {
		return a, err
	}
	if c.Selfie != "" {
		if a.Selfie, err = readSmall(c.Selfie); err != nil {
			return a, environment("--share-selfie: %w", err)
		}
	}
	err = c.sign(phone, v, now, &a)
	return a, err
}

// sign adds the evidence of the phone.
func (c *holderSessionAnswer) sign(phone *sdk.Phone, v sdk.SeatView, now time.Time, a *sdk.Answer) error {
	q := a.Question(v, phone.Credential)
	if c.Liveness != "none" {
		token, err := phone.Liveness(q, livenessLevel(c.Liveness), now)
		if err != nil {
			return err
		}
		a.Evidence = append(a.Evidence, string(token))
	}
	if c.Possession {
		token, err := phone.Possession(q, now)
		if err != nil {
			return err
		}
		a.Evidence = append(a.Evidence, string(token))
	}
	return nil
}
