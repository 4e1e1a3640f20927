package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"zhenni/bench/report"
	"zhenni/bench/result"
)

// benchReport is bench report.
type benchReport struct {
	Results []string `arg:"" name:"result" help:"Result files, as --out of the other commands writes them."`
	Out     string   `required:"" placeholder:"FILE" help:"Write the page here."`
}

// Help is shown by zhenni bench report --help.
func (benchReport) Help() string {
	return `The page stands alone: no script, nothing from the network. With files of several layers (kernels, engine, actors, http) it shows what each layer costs on top of the one below.

Example:

    zhenni bench report kernels.json engine.json actors.json http.json --out report.html`
}

// Run implements the command.
func (c *benchReport) Run(ctx context.Context, out *output) error {
	page := report.Results{Title: "Benchmark results"}
	for _, path := range c.Results {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		run, err := readResult(path)
		if err != nil {
			return err
		}
		page.Runs = append(page.Runs, report.NamedRun{Name: strings.TrimSuffix(filepath.Base(path), ".json"), Run: run})
	}
	if err := writeFile(c.Out, page.Write); err != nil {
		return err
	}
	out.Note("report written to %s", c.Out)
	return nil
}

// readResult reads one result file.
func readResult(path string) (_ *result.Run, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, environment("%w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	run, err := result.Read(f)
	if err != nil {
		return nil, environment("%s: %w", path, err)
	}
	return run, nil
}
