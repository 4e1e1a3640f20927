package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhenni"
	"zhenni/bench/evaluation"
	"zhenni/bench/labelled"
	"zhenni/engine/accuracy"
)

// calibrateCommand is calibrate.
type calibrateCommand struct {
	Data    string        `placeholder:"PATH" xor:"data" required:"" help:"Labelled set: a folder (embeddings.f32, labels.csv, meta.json), .npy, .csv or .parquet."`
	FMR     float64       `name:"fmr" default:"1e-6" placeholder:"RATE" help:"False match rate not to be exceeded (default ${default})."`
	Out     string        `placeholder:"FILE" help:"Write the profile here, also when the data does not support it."`
	Confirm string        `placeholder:"PATH" xor:"confirm" help:"Another labelled set, on which the threshold is tried."`
	Split   personSplit   `placeholder:"SEED/FRACTION" xor:"confirm" help:"Calibrate on this fraction of the persons and confirm on the others (1/0.5)."`
	Exclude string        `placeholder:"FILE" help:"CSV of samples to leave out: set,image_id,reason,evidence."`
	Model   string        `placeholder:"ID" help:"Id of the model that made the embeddings (default: the name of the set)."`
	Factor  zhenni.Factor `placeholder:"face|voice|fingerprint" help:"What the model reads (default: as the set says, or face)."`
	Top     int           `default:"10" placeholder:"N" help:"How many of the highest-scoring non-mated pairs to list (default ${default})."`

	Synthetic     int    `placeholder:"N" xor:"data" required:"" help:"Calibrate on N synthetic people instead of a set."`
	SyntheticSeed uint64 `default:"2" placeholder:"N" help:"Which synthetic people (default ${default}; demo has 1)."`
	Dim           int    `default:"512" placeholder:"N" help:"Dimension of synthetic embeddings (default ${default})."`

	JSON bool `help:"Print one JSON object instead of tables."`
}

// Help is shown by zhenni calibrate --help.
func (calibrateCommand) Help() string {
	return `Compares all pairs of samples as the engine does (int8) and freezes the loosest threshold whose exact and subject-bootstrap upper bounds are both at or below the rate asked for. The data supports that rate only if the errors come from 30 pairs of persons or more and the comparisons, divided by the inflation of their variance, promise 3 errors or more; otherwise the profile says so and the exit code is 1.

Look at the highest-scoring non-mated pairs: wrong labels sit there. List them in a file for --exclude.

Examples:

    zhenni calibrate --data lfw-dlib128 --fmr 1e-4 --out lfw.json
    zhenni calibrate --data lfw-dlib128 --fmr 1e-4 --split 1/0.5
    zhenni calibrate --data vox1-ecapa192 --fmr 1e-3 --confirm other-voices
    zhenni calibrate --synthetic 20000 --dim 512 --fmr 1e-6 --out synthetic-512.json`
}

// personSplit is --split. A Fraction of 0 is no split.
type personSplit struct {
	Seed     uint64
	Fraction float64
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *personSplit) UnmarshalText(text []byte) error {
	seed, fraction, _ := strings.Cut(string(text), "/")
	n, errSeed := strconv.ParseUint(seed, 10, 64)
	f, errFraction := strconv.ParseFloat(fraction, 64)
	if errSeed != nil || errFraction != nil || !(f > 0 && f < 1) {
		return fmt.Errorf("want SEED/FRACTION with a fraction between 0 and 1, such as 1/0.5")
	}
	*s = personSplit{Seed: n, Fraction: f}
	return nil
}

// calibration is what calibrate prints: the profile, and what a person should look at.
type calibration struct {
	zhenni.Profile
	// Reason is there even when empty.
	Reason       string         `json:"reason"`
	Excluded     int            `json:"excluded"`
	Confirmation *confirmation  `json:"confirmation,omitempty"`
	Highest      []nonMatedPair `json:"highest_non_mated"`
}

// confirmation is the threshold tried on people it was not chosen on.
type confirmation struct {
	Data     string `json:"data"`
	Dim      int    `json:"dim"`
	Persons  int    `json:"persons"`
	Samples  int    `json:"samples"`
	DataHash string `json:"data_hash"`
	// FMR is the rate seen; its target is the one the threshold was chosen for.
	FMR float64 `json:"fmr"`
	accuracy.OperatingPoint
}

// nonMatedPair is two samples that look alike though their labels say two persons.
type nonMatedPair struct {
	Cosine  float64 `json:"cosine"`
	ImageA  string  `json:"image_a"`
	PersonA string  `json:"person_a"`
	ImageB  string  `json:"image_b"`
	PersonB string  `json:"person_b"`
}

// Run implements the command.
func (c *calibrateCommand) Run(ctx context.Context, out *output) error {
	set, confirm, err := c.sets(ctx, out)
	if err != nil {
		return err
	}
	result, err := c.calibrate(ctx, out, set)
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := writeFile(c.Out, result.Profile.Write); err != nil {
			return err
		}
		out.Note("profile written to %s", c.Out)
	}
	if confirm != nil {
		if result.Confirmation, err = tryOn(ctx, out, confirm, result.Profile); err != nil {
			return err
		}
	}
	if c.JSON {
		err = out.JSON(result)
	} else {
		err = result.print(out)
	}
	if err == nil && !result.Supported {
		err = notSo("%s", result.Reason)
	}
	return err
}

// sets reads or makes the set to calibrate on, and the one to confirm on if there is to be one.
func (c *calibrateCommand) sets(ctx context.Context, out *output) (set, confirm *labelled.Set, err error) {
	if set, err = c.labelled(ctx, out); err != nil {
		return nil, nil, err
	}
	if c.Confirm != "" {
		confirm, err = readSet(ctx, out, c.Confirm, c.Exclude)
		return set, confirm, err
	}
	if c.Split.Fraction == 0 {
		return set, nil, nil
	}
	calibrate, rest, err := set.Split(c.Split.Seed, c.Split.Fraction)
	if err != nil {
		return nil, nil, usage("--split: %w", err)
	}
	half := *set
	half.Set, half.Name = rest, set.Name+", other persons"
	set.Set = calibrate
	return set, &half, nil
}

func (c *calibrateCommand) labelled(ctx context.Context, out *output) (*labelled.Set, error) {
	if c.Synthetic == 0 {
		return readSet(ctx, out, c.Data, c.Exclude)
	}
	const mostElements = 1 << 28
	if c.Synthetic < 2 || c.Dim < 8 || c.Dim > zhenni.MaxDim || c.Synthetic > mostElements/2/c.Dim {
		return nil, usage("--synthetic %d --dim %d: want two people or more, a dimension of 8–%d, and at most %d elements",
			c.Synthetic, c.Dim, zhenni.MaxDim, mostElements)
	}
	set, err := accuracy.Population{Seed: c.SyntheticSeed, Dim: c.Dim}.Set(c.Synthetic, 1)
	if err != nil {
		return nil, environment("%w", err)
	}
	return &labelled.Set{Set: set, Name: fmt.Sprintf("synthetic-%d", c.Dim), Factor: zhenni.FactorFace}, nil
}

func (c *calibrateCommand) calibrate(ctx context.Context, out *output, set *labelled.Set) (*calibration, error) {
	plan := accuracy.Plan{
		Model: zhenni.Model{ID: c.Model, Dim: set.Dim(), Factor: c.Factor}, Synthetic: c.Synthetic > 0,
		Target: c.FMR, CreatedAt: time.Now().Truncate(time.Second),
	}
	if plan.Model.ID == "" {
		plan.Model.ID = strings.ToLower(set.Name)
	}
	if plan.Model.Factor == 0 {
		plan.Model.Factor = max(set.Factor, zhenni.FactorFace)
	}
	if err := plan.Check(set.Set); err != nil {
		return nil, usage("%w", err)
	}
	_, nonMated := set.Pairs()
	scores, err := compareAll(ctx, out, set.Set, evaluation.Int8, accuracy.KeepToCalibrate(nonMated, c.FMR))
	if err != nil {
		return nil, err
	}
	profile, err := accuracy.Calibrate(set.Set, scores, plan)
	if err != nil {
		return nil, environment("%w", err)
	}
	result := &calibration{Profile: profile, Reason: profile.Reason, Excluded: set.Excluded, Highest: []nonMatedPair{}}
	for _, p := range scores.Highest[:min(max(c.Top, 0), len(scores.Highest))] {
		a, b := set.Label(int(p.A)), set.Label(int(p.B))
		result.Highest = append(result.Highest, nonMatedPair{p.Score, a.ImageID, a.Person, b.ImageID, b.Person})
	}
	return result, nil
}

// tryOn applies the threshold of a profile to another set.
func tryOn(ctx context.Context, out *output, set *labelled.Set, p zhenni.Profile) (*confirmation, error) {
	if set.Dim() != p.Model.Dim {
		out.Note("%s has dimension %d, the profile's model %d: they are of two models, so expect no transfer", set.Name, set.Dim(), p.Model.Dim)
	}
	scores, err := compareAll(ctx, out, set.Set, evaluation.Int8, accuracy.MostKept)
	if err != nil {
		return nil, err
	}
	point := accuracy.At(scores, accuracy.NewBootstrap(set.Set, p.Draws, p.Seed), p.FMRTarget, p.Cosine)
	return &confirmation{
		Data: set.Name, Dim: set.Dim(), Persons: set.Persons(), Samples: set.Len(), DataHash: set.Hash(),
		FMR: point.FMR(), OperatingPoint: point,
	}, nil
}

func (r *calibration) print(out *output) error {
	supported := "no decade"
	if r.SupportedFMR > 0 {
		supported = fmt.Sprintf("%.0e", r.SupportedFMR)
	}
	rows := [][]string{
		{"profile", r.ID},
		{"model", fmt.Sprintf("%s, %v, dimension %d", r.Model.ID, r.Model.Factor, r.Model.Dim)},
		{"persons, samples", fmt.Sprintf("%d, %d (%d excluded)", r.Persons, r.Samples, r.Excluded)},
		{"false match rate asked for", fmt.Sprintf("%g", r.FMRTarget)},
		{"supported", fmt.Sprintf("%t; the data supports %s", r.Supported, supported)},
		{"threshold", fmt.Sprintf("%.6f", r.Cosine)},
		{"errors", fmt.Sprintf("%d of %d comparisons, from %d pairs of persons", r.Errors, r.Comparisons, r.ErrorPersonPairs)},
		{"upper bounds, 95 %", fmt.Sprintf("%.3g exact, %.3g by subject", r.FMRUpper95, r.FMRUpper95Subjects)},
		{"effective comparisons", fmt.Sprintf("%.3g (variance inflation %.3g)", r.EffectiveComparisons, r.VarianceInflation)},
		{"false non-match rate", fmt.Sprintf("%s (at most %s)", percent(r.FNMR), percent(r.FNMRUpper95))},
		{"equal error rate", percent(r.EER)},
	}
	if c := r.Confirmation; c != nil {
		rows = append(rows,
			[]string{"confirmed on", fmt.Sprintf("%s: %d persons, %d samples", c.Data, c.Persons, c.Samples)},
			[]string{"  false match rate", fmt.Sprintf("%.3g: %d of %d, from %d pairs of persons", c.FMR, c.Errors, c.Comparisons, c.PersonPairs)},
			[]string{"  upper bounds, 95 %", fmt.Sprintf("%.3g exact, %.3g by subject", c.FMRUpper95, c.FMRUpper95Subjects)},
			[]string{"  false non-match rate", fmt.Sprintf("%s (at most %s)", percent(c.FNMR), percent(c.FNMRUpper95))})
	}
	if err := out.Table(rows); err != nil {
		return err
	}
	if len(r.Highest) == 0 {
		return nil
	}
	pairs := [][]string{{"cosine", "image", "image", "(highest non-mated: are the labels right?)"}}
	for _, p := range r.Highest {
		pairs = append(pairs, []string{fmt.Sprintf("%.4f", p.Cosine), p.ImageA, p.ImageB, ""})
	}
	if err := out.Print(""); err != nil {
		return err
	}
	return out.Table(pairs)
}
