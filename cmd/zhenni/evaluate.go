package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"

	"zhenni/bench/evaluation"
	"zhenni/bench/labelled"
	"zhenni/bench/report"
	"zhenni/engine/accuracy"
)

// evaluateCommand is evaluate.
type evaluateCommand struct {
	Data    string          `required:"" placeholder:"PATH" help:"Labelled set: a folder (embeddings.f32, labels.csv, meta.json), .npy, .csv or .parquet."`
	Trials  string          `placeholder:"FILE" help:"Trials to run, as VoxCeleb's (1|0 a b) or LFW's pairs.txt; without, all pairs."`
	Exclude string          `placeholder:"FILE" help:"CSV of samples to leave out: set,image_id,reason,evidence."`
	Score   evaluation.Kind `default:"int8" enum:"int8,float" help:"How to compare: int8 as served, or float (default ${default})."`
	Report  string          `placeholder:"FILE" help:"Write an HTML page with DET and score plots."`
	JSON    bool            `help:"Print one JSON object instead of tables."`
}

// Help is shown by zhenni evaluate --help.
func (evaluateCommand) Help() string {
	return `Prints the equal error rate, the least detection cost (prior 0.01, divided by it), accuracy by fold where the list has folds, and the false non-match rate at false match rates from 1e-2 to 1e-6, each with its exact (Clopper–Pearson) and its subject-bootstrap upper bound at 95 %.

Examples:

    zhenni evaluate --data vox1-ecapa192 --trials voxceleb1_veri_test2.txt
    zhenni evaluate --data lfw-dlib128 --score float --report lfw.html
    zhenni evaluate --data lfw-dlib128 --exclude known_bad.csv --json`
}

// Run implements the command.
func (c *evaluateCommand) Run(ctx context.Context, out *output) error {
	set, err := readSet(ctx, out, c.Data, c.Exclude)
	if err != nil {
		return err
	}
	result, curve, err := c.evaluate(ctx, out, set)
	if err != nil {
		return err
	}
	if c.Report != "" {
		if err := writeFile(c.Report, c.page(set, result, curve).Write); err != nil {
			return err
		}
		out.Note("report written to %s", c.Report)
	}
	if c.JSON {
		return out.JSON(result)
	}
	for _, table := range c.tables(set, result) {
		if err := out.Table(table.Rows); err != nil {
			return err
		}
		if err := out.Print(""); err != nil {
			return err
		}
	}
	return nil
}

func (c *evaluateCommand) evaluate(ctx context.Context, out *output, set *labelled.Set) (accuracy.Evaluation, accuracy.Curve, error) {
	if c.Trials != "" {
		return c.runTrials(set)
	}
	_, nonMated := set.Pairs()
	scores, err := compareAll(ctx, out, set.Set, c.Score, accuracy.Keep(nonMated))
	if err != nil {
		return accuracy.Evaluation{}, accuracy.Curve{}, err
	}
	bootstrap := accuracy.NewBootstrap(set.Set, accuracy.Draws, accuracy.Seed)
	return accuracy.Evaluate(scores, bootstrap), scores.Curve, nil
}

func (c *evaluateCommand) runTrials(set *labelled.Set) (e accuracy.Evaluation, curve accuracy.Curve, err error) {
	list, err := labelled.ReadTrials(c.Trials, set.Set)
	if err != nil {
		return e, curve, environment("%w", err)
	}
	scorer, err := c.Score.Scorer(set.Set)
	if err != nil {
		return e, curve, environment("%w", err)
	}
	scores, values, err := accuracy.ScoreTrials(scorer, list.Trials)
	if err != nil {
		return e, curve, environment("%s with %s: %w", c.Trials, c.Data, err)
	}
	bootstrap := accuracy.NewTrialBootstrap(set.Set, list.Trials, accuracy.Draws, accuracy.Seed)
	e = accuracy.Evaluate(scores, bootstrap).WithFolds(accuracy.Folds(list.Trials, values))
	e.Missing = list.Missing
	return e, scores.Curve, nil
}

func (c *evaluateCommand) page(set *labelled.Set, e accuracy.Evaluation, curve accuracy.Curve) report.Page {
	page := report.Page{
		Title: fmt.Sprintf("Evaluation of %s", set.Name),
		Facts: [][2]string{
			{"scores", string(c.Score)}, {"data hash", set.Hash()},
			{"bounds", fmt.Sprintf("one-sided 95 %%; %d bootstrap draws of persons, seed %d", accuracy.Draws, accuracy.Seed)},
		},
		Tables: c.tables(set, e), Curve: curve, Points: e.OperatingPoints,
	}
	if c.Trials != "" {
		page.Facts = append(page.Facts, [2]string{"trials", filepath.Base(c.Trials)})
	}
	return page
}

func (c *evaluateCommand) tables(set *labelled.Set, e accuracy.Evaluation) []report.Table {
	figures := [][]string{
		{"figure", "value"},
		{"persons, samples", fmt.Sprintf("%d, %d (%d excluded)", set.Persons(), set.Len(), set.Excluded)},
		{"mated, non-mated", fmt.Sprintf("%d, %d (%d trials missing)", e.Mated, e.NonMated, e.Missing)},
		{"equal error rate", percent(e.EER)},
		{"minimum detection cost", fmt.Sprintf("%.4f (prior %v, divided by it)", e.MinDCF, accuracy.Prior)},
	}
	tables := []report.Table{{Caption: "Figures", Rows: figures}, {Caption: "False non-match rate at false match rate", Rows: pointRows(e.OperatingPoints)}}
	if len(e.Folds) > 0 {
		folds := [][]string{{"fold", "balanced accuracy"}}
		for i, a := range e.Folds {
			folds = append(folds, []string{strconv.Itoa(i + 1), fmt.Sprintf("%.4f", a)})
		}
		folds = append(folds, []string{"mean", fmt.Sprintf("%.4f", e.Accuracy)})
		tables = append(tables, report.Table{Caption: "Accuracy by fold", Rows: folds})
	}
	return tables
}

func pointRows(points []accuracy.OperatingPoint) [][]string {
	rows := [][]string{{"FMR", "threshold", "errors", "person pairs", "≤ exact 95 %", "≤ subjects 95 %", "FNMR", "≤ 95 %"}}
	for _, p := range points {
		rows = append(rows, []string{
			fmt.Sprintf("%.0e", p.Target), fmt.Sprintf("%.4f", p.Threshold), strconv.FormatInt(p.Errors, 10),
			strconv.FormatInt(p.PersonPairs, 10), fmt.Sprintf("%.2e", p.FMRUpper95), fmt.Sprintf("%.2e", p.FMRUpper95Subjects),
			percent(p.FNMR), percent(p.FNMRUpper95),
		})
	}
	return rows
}

func percent(rate float64) string { return fmt.Sprintf("%.3f %%", 100*rate) }

// readSet reads a labelled set and says what was left out of it.
func readSet(ctx context.Context, out *output, path, exclude string) (*labelled.Set, error) {
	var excluded labelled.Exclusions
	if exclude != "" {
		var err error
		if excluded, err = labelled.ReadExclusions(exclude); err != nil {
			return nil, environment("%w", err)
		}
	}
	set, err := labelled.Read(ctx, path, excluded)
	if err != nil {
		return nil, environment("%w", err)
	}
	if listed := len(excluded[set.Name]); exclude != "" {
		out.Note("%s: %d of the %d samples listed for it are left out", set.Name, set.Excluded, listed)
	}
	return set, nil
}

// compareAll scores all pairs of a set on all cores, with a progress bar.
func compareAll(ctx context.Context, out *output, set *accuracy.Set, kind evaluation.Kind, keep int) (*accuracy.Scores, error) {
	scorer, err := kind.Scorer(set)
	if err != nil {
		return nil, environment("%w", err)
	}
	mated, nonMated := set.Pairs()
	bar := out.Progress("comparisons", mated+nonMated)
	defer bar.Done()
	scores, err := evaluation.AllPairs(ctx, set, scorer, keep, runtime.GOMAXPROCS(0), bar.Add)
	if err != nil {
		return nil, environment("%w", err)
	}
	return scores, nil
}

// writeFile puts a file in place whole and durable, or not at all. What is there and no file, such as a device, stays.
func writeFile(path string, write func(w io.Writer) error) error {
	f, err := newWholeFile(path, 0o644)
	if err != nil {
		return err
	}
	defer f.discard()
	if err := write(f); err != nil {
		return environment("write %s: %w", path, err)
	}
	return f.keep()
}
