package main

import (
	"errors"
	"fmt"
	"os"

	"zhenni"
	"zhenni/holder/capture"
	"zhenni/holder/capture/onnx"
)

type holderCapture struct {
	File   string    `arg:"" type:"path" help:"Picture (JPEG, PNG or WebP) or clip (WAV)."`
	Model  string    `required:"" type:"path" placeholder:"FILE" help:"Manifest of the model, beside its ONNX file."`
	Points []float64 `placeholder:"X,Y,…" help:"The five points of the face in the upright picture, ten numbers in pixels: eye, eye, nose, corner of the mouth, corner, each pair from the left of the picture. Without them the model's own landmarks are asked, or the picture is aligned already."`
	Out    string    `required:"" type:"path" placeholder:"FILE" help:"File for the embedding: float32, the least significant byte first."`
	JSON   bool      `help:"Print one JSON object."`
}

// Help is shown by zhenni holder capture --help.
func (holderCapture) Help() string {
	return `No weights come with this program: the manifest says which file is loaded, by its SHA-256, on which licence, and how a capture becomes its input (see the documentation of package zhenni/holder/capture). The embedding is not rotated yet, and as good as a photograph: zhenni holder rotate, then destroy it.

Example:

    zhenni holder capture me.jpg --model r50.json --points 310,402,398,401,354,451,318,502,391,501 --out me.f32`
}

// Run makes the embedding. Exit code 1 says that of this capture there is none.
func (c *holderCapture) Run(out *output) error {
	made := capture.Capture{}
	if len(c.Points) != 0 {
		points, err := pointsOf(c.Points)
		if err != nil {
			return err
		}
		made.Points = &points
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return environment("%w", err)
	}
	if info.Size() > capture.MaxFile {
		return notSo("%s: %w", c.File, capture.ErrTooLarge)
	}
	if made.File, err = os.ReadFile(c.File); err != nil {
		return environment("%w", err)
	}
	extractor, err := capture.Open(c.Model, onnx.Load)
	if err != nil {
		return captureError("--model", err)
	}
	embedding, err := extractor.Extract(made)
	if err = errors.Join(err, extractor.Close()); err != nil {
		return captureError(c.File, err)
	}
	if err := writeProbe(c.Out, embedding); err != nil {
		return err
	}
	model := extractor.Model()
	if c.JSON {
		return out.JSON(map[string]any{"model": model, "out": c.Out, "engine": onnx.Engine})
	}
	return out.Print("An embedding of %d elements by %s is in %s.", model.Dim, model.ID, c.Out)
}

// captureError gives an error of a capture its exit code.
func captureError(what string, err error) error {
	for _, is := range []error{capture.ErrUnreadable, capture.ErrTooLarge, capture.ErrNoFace, zhenni.ErrBadProbe} {
		if errors.Is(err, is) {
			return notSo("%s: %w", what, err)
		}
	}
	if errors.Is(err, zhenni.ErrBadValue) {
		return usage("%s: %w", what, err)
	}
	return environment("%s: %w", what, err)
}

func pointsOf(numbers []float64) (points capture.Points, err error) {
	if len(numbers) != 2*len(points) {
		return points, usage("--points: %s, want %d", fmt.Sprint(len(numbers)), 2*len(points))
	}
	for i := range points {
		points[i] = capture.Point{X: numbers[2*i], Y: numbers[2*i+1]}
	}
	return points, nil
}
