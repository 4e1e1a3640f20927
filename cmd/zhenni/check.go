package main

import (
	"context"
	"errors"
	"fmt"

	"zhenni"
	"zhenni/storage"
)

// checkCommand is check.
type checkCommand struct {
	storeFlags
	PruneQuarantine bool `help:"When nothing is wrong, remove the damaged views that were set aside, but for the newest --keep-quarantine."`
	KeepQuarantine  int  `default:"1" placeholder:"N" help:"Damaged views that --prune-quarantine keeps (default ${default})."`
	JSON            bool `help:"Print one JSON object."`
}

// Help is shown by zhenni check --help.
func (checkCommand) Help() string {
	return `Reads every table and opens every record of a store that no server has open, and changes nothing. Exit code 1 says that something is wrong; what to do stands beside it.

Examples:

    zhenni check --store zhenni-data
    zhenni check --store zhenni-data --json | jq .problems
    zhenni check --store zhenni-data --prune-quarantine`
}

// Run checks the store.
func (c *checkCommand) Run(ctx context.Context, out *output) error {
	report, err := c.check(ctx, out)
	if err != nil {
		return err
	}
	if err := c.print(report, out); err != nil {
		return err
	}
	if !report.OK() {
		return notSo("%s: something is wrong in %d ways", c.Store, len(report.Problems))
	}
	if c.PruneQuarantine {
		return c.prune(out)
	}
	return nil
}

// check walks the store and closes it. One that is too damaged to open is not in order either.
func (c *checkCommand) check(ctx context.Context, out *output) (report storage.Report, err error) {
	store, err := c.open(true, out)
	if errors.Is(err, zhenni.ErrCorrupt) {
		return report, notSo("%w", err)
	}
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	bar := out.Progress("credentials", store.Count())
	report, err = store.Check(ctx, func(done, _ int64) { bar.Set(done) })
	bar.Done()
	if err != nil {
		return report, environment("check did not finish: %w", err)
	}
	return report, nil
}

// prune removes older damaged views.
func (c *checkCommand) prune(out *output) error {
	freed, err := storage.PruneQuarantine(c.Store, c.KeepQuarantine)
	switch {
	case errors.Is(err, zhenni.ErrBadValue):
		return usage("--keep-quarantine: %w", err)
	case err != nil:
		return environment("--prune-quarantine: %w", err)
	}
	out.Note("Damaged views set aside: %s freed.", byteSize(freed))
	return nil
}

func (c *checkCommand) print(report storage.Report, out *output) error {
	if c.JSON {
		return out.JSON(struct {
			OK bool `json:"ok"`
			storage.Report
		}{report.OK(), report})
	}
	rows := [][]string{
		{"credentials", fmt.Sprint(report.Credentials)},
		{"relying parties", fmt.Sprint(report.RelyingParties)},
		{"tenant keys", fmt.Sprint(report.TenantKeys)},
		{"slots in use", fmt.Sprintf("%d of %d", report.Slots, zhenni.Slots)},
		{"disk", byteSize(report.Bytes).String()},
	}
	if report.Quarantined > 0 {
		rows = append(rows, []string{"of it damaged views set aside", fmt.Sprintf("%s in %d", byteSize(report.QuarantineBytes), report.Quarantined)})
	}
	if err := out.Table(rows); err != nil {
		return err
	}
	if report.OK() {
		return out.Print("Nothing is wrong.")
	}
	rows = [][]string{{"wrong", "count", "first", "what to do"}}
	for _, p := range report.Problems {
		rows = append(rows, []string{p.Class, fmt.Sprint(p.Count), p.First, p.Hint})
	}
	return out.Table(rows)
}
