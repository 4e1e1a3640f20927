package main

import (
	"context"
	"fmt"
	"strconv"

	"zhenni/bench/evaluation"
	"zhenni/bench/labelled"
	"zhenni/engine/accuracy"
	"zhenni/engine/rotation"
)

// unlinkabilityCommand is unlinkability.
type unlinkabilityCommand struct {
	Data    string `required:"" placeholder:"PATH" help:"Labelled set: a folder (embeddings.f32, labels.csv, meta.json), .npy, .csv or .parquet."`
	Exclude string `placeholder:"FILE" help:"CSV of samples to leave out: set,image_id,reason,evidence."`
	Pairs   int    `default:"20000" placeholder:"N" help:"Pairs of templates of one person, and of two, to draw (default ${default})."`
	Seed    uint64 `default:"1" help:"What pairs and keys are drawn from (default ${default})."`
	JSON    bool   `help:"Print one JSON object instead of tables."`
}

// Help is shown by zhenni unlinkability --help.
func (unlinkabilityCommand) Help() string {
	return `Rotates embeddings by keys that their holders keep, and measures what that is worth and what it costs: whether templates under two keys can be told to be of one person (D_sys of Gomez-Barrero et al., 0 never to 1 always; the control, under one key, shows that the measure sees it), and the error rates where a thief has the key beside those without rotation.

Examples:

    zhenni unlinkability --data lfw-dlib128
    zhenni unlinkability --data vox1-ecapa192 --pairs 100000 --json`
}

// unlinkability is what the command measured.
type unlinkability struct {
	Persons   int                `json:"persons"`
	Samples   int                `json:"samples"`
	Pairs     int                `json:"pairs"`
	Seed      uint64             `json:"seed"`
	Linkages  []accuracy.Linkage `json:"linkages"`
	Plain     accuracyOf         `json:"plain"`
	StolenKey accuracyOf         `json:"stolen_key"`
}

// accuracyOf are the error rates of all pairs of a set.
type accuracyOf struct {
	EER             float64                   `json:"eer"`
	OperatingPoints []accuracy.OperatingPoint `json:"operating_points"`
}

// Run implements the command.
func (c *unlinkabilityCommand) Run(ctx context.Context, out *output) error {
	set, err := readSet(ctx, out, c.Data, c.Exclude)
	if err != nil {
		return err
	}
	found, err := c.measure(ctx, out, set)
	if err != nil {
		return err
	}
	if c.JSON {
		return out.JSON(found)
	}
	for _, rows := range [][][]string{found.linkageRows(), found.errorRows()} {
		if err := out.Table(rows); err != nil {
			return err
		}
		if err := out.Print(""); err != nil {
			return err
		}
	}
	return nil
}

func (c *unlinkabilityCommand) measure(ctx context.Context, out *output, set *labelled.Set) (u unlinkability, err error) {
	u = unlinkability{Persons: set.Persons(), Samples: set.Len(), Pairs: c.Pairs, Seed: c.Seed}
	const model = "measured" // a name of the derivation; no figure depends on which
	if u.Linkages, err = accuracy.Linkages(set.Set, model, c.Pairs, c.Seed); err != nil {
		return u, usage("%w", err)
	}
	stolen, err := set.Rotated(model, func(int) rotation.Key { return rotation.Key{byte(c.Seed), 1} })
	if err != nil {
		return u, environment("%w", err)
	}
	if u.Plain, err = errorsOf(ctx, out, set.Set); err != nil {
		return u, err
	}
	u.StolenKey, err = errorsOf(ctx, out, stolen)
	return u, err
}

func errorsOf(ctx context.Context, out *output, set *accuracy.Set) (accuracyOf, error) {
	_, nonMated := set.Pairs()
	scores, err := compareAll(ctx, out, set, evaluation.Int8, accuracy.Keep(nonMated))
	if err != nil {
		return accuracyOf{}, err
	}
	e := accuracy.Evaluate(scores, accuracy.NewBootstrap(set, accuracy.Draws, accuracy.Seed))
	return accuracyOf{EER: e.EER, OperatingPoints: e.OperatingPoints}, nil
}

func (u unlinkability) linkageRows() [][]string {
	rows := [][]string{{"templates", "linked by", "D_sys", "floor"}}
	for _, l := range u.Linkages {
		what := "two keys, two captures"
		switch {
		case l.OneKey:
			what = "control: one key, two captures"
		case l.Captures == 1:
			what = "two keys, one capture"
		}
		rows = append(rows, []string{what, l.By, fmt.Sprintf("%.4f", l.DSys), fmt.Sprintf("%.4f", l.Floor)})
	}
	return rows
}

func (u unlinkability) errorRows() [][]string {
	rows := [][]string{{"error rate", "without rotation", "with the key stolen"}, {"equal error rate", percent(u.Plain.EER), percent(u.StolenKey.EER)}}
	for i, p := range u.Plain.OperatingPoints {
		rows = append(rows, []string{"FNMR at FMR " + strconv.FormatFloat(p.Target, 'e', 0, 64), percent(p.FNMR), percent(u.StolenKey.OperatingPoints[i].FNMR)})
	}
	return rows
}
