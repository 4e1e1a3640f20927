package main

import (
	"context"
	"fmt"
	"strings"

	"zhenni/bench/result"
)

// benchCompare is bench compare.
type benchCompare struct {
	Old       string   `arg:"" help:"Result file to compare with."`
	New       []string `arg:"" help:"Newer result files."`
	FailBelow float64  `placeholder:"0.95" help:"End with exit code 1 if a significant ratio is worse than this, or can not be told."`
	OfLimit   bool     `help:"Let --fail-below judge the ratios to the limits: for machines that are not always as fast."`
	JSON      bool     `help:"Print one JSON object instead of tables."`
}

// Help is shown by zhenni bench compare --help.
func (benchCompare) Help() string {
	return `Measurements are matched by name and unit. A difference is significant where a Mann–Whitney U test of the rounds gives p ≤ 0.05, as benchstat has it; "~" marks those that are not. Below each measurement stands its ratio to its limit in the same rounds, which a machine that was slower as a whole does not change. What else differs between the runs is warned of.

One row in twenty is significant by chance: look for rows that belong together, and measure again.

Examples:

    zhenni bench compare old.json new.json
    zhenni bench compare main.json branch.json --fail-below 0.95 --of-limit`
}

// Validate refuses ratios that would fail everything or nothing.
func (c *benchCompare) Validate() error {
	if c.FailBelow < 0 || c.FailBelow > 1 {
		return fmt.Errorf("--fail-below %v: want a ratio up to 1", c.FailBelow)
	}
	if c.OfLimit && c.FailBelow == 0 {
		return fmt.Errorf("--of-limit says what --fail-below judges: give both")
	}
	return nil
}

// comparedFile is a newer file beside the older one.
type comparedFile struct {
	File string `json:"file"`
	*result.Comparison
	// Worse are the reasons for which it does not pass.
	Worse []string `json:"worse,omitempty"`
}

// Run implements the command.
func (c *benchCompare) Run(ctx context.Context, out *output) error {
	older, err := readResult(c.Old)
	if err != nil {
		return err
	}
	compared := make([]comparedFile, 0, len(c.New))
	for _, path := range c.New {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		newer, err := readResult(path)
		if err != nil {
			return err
		}
		file := comparedFile{File: path, Comparison: result.Compare(older, newer)}
		if c.FailBelow > 0 {
			file.Worse = file.Comparison.Worse(c.FailBelow, c.OfLimit)
		}
		compared = append(compared, file)
	}
	if err := c.print(out, compared); err != nil {
		return err
	}
	return c.judge(compared)
}

func (c *benchCompare) print(out *output, compared []comparedFile) error {
	for _, file := range compared {
		for _, warning := range file.Warnings() {
			out.Note("WARNING: %s: %s", file.File, warning)
		}
	}
	if c.JSON {
		return out.JSON(struct {
			Old      string         `json:"old"`
			Compared []comparedFile `json:"compared"`
		}{c.Old, compared})
	}
	for _, file := range compared {
		if err := out.Print("%s → %s", c.Old, file.File); err != nil {
			return err
		}
		if err := out.Table(file.Table()); err != nil {
			return err
		}
		if err := out.Print(""); err != nil {
			return err
		}
	}
	return out.Print("%s", result.CompareLegend)
}

// judge fails if nothing could be compared or a file is worse than asked for.
func (c *benchCompare) judge(compared []comparedFile) error {
	for _, file := range compared {
		if len(file.Rows) == 0 {
			return notSo("%s and %s have no measurement of the same name and unit", c.Old, file.File)
		}
		if len(file.Worse) > 0 {
			return notSo("%s does not reach %v of %s: %s", file.File, c.FailBelow, c.Old, strings.Join(file.Worse, "; "))
		}
	}
	return nil
}
