package main

import (
	"errors"

	"zhenni"
)

type holderRotate struct {
	Probe string `arg:"" type:"path" help:"Embedding: float32, the least significant byte first."`
	phoneFlags
	Model string `required:"" placeholder:"ID" help:"The model that made it: another has another rotation."`
	Out   string `required:"" type:"path" placeholder:"FILE" help:"File for the rotated embedding, of the next power of two elements."`
}

// Help is shown by zhenni holder rotate --help.
func (holderRotate) Help() string {
	return `What is enrolled and what is shown later are rotated by one key; the server never sees what was captured. Its profile is of the model with the rotated dimension.

Example:

    zhenni holder rotate me.f32 --keys phone.keys --model r50-1 --out me.rotated.f32`
}

// Run rotates the embedding.
func (c *holderRotate) Run(out *output) (err error) {
	probe, err := readProbe("the embedding", c.Probe)
	if err != nil {
		return err
	}
	embedding, err := probe.Embedding()
	if err != nil {
		return err
	}
	defer clear(embedding)
	phone, err := c.open()
	if err != nil {
		return err
	}
	defer phone.Forget()
	model := zhenni.Model{ID: c.Model, Dim: len(embedding), Factor: zhenni.FactorFace} // the factor does not enter the rotation
	rotated, err := phone.Rotate(embedding, model)
	switch {
	case errors.Is(err, zhenni.ErrBadValue):
		return usage("--model: %w", err)
	case err != nil:
		return err
	}
	if err := writeProbe(c.Out, rotated); err != nil {
		return err
	}
	return out.Print("%d elements, rotated, are in %s.", len(rotated), c.Out)
}
