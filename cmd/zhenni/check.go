package main

import (
	"context"
	"fmt"

	"zhenni"
	"zhenni/storage"
)

// checkCommand is check.
type checkCommand struct {
	storeFlags
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni check --help.
func (checkCommand) Help() string {
	return `Reads every table and opens every record of a store that no server has open, and changes nothing. Exit code 1 says that something is wrong; what to do stands beside it.

Examples:

    zhenni check --store zhenni-data
    zhenni check --store zhenni-data --json | jq .problems`
}

// Run checks the store.
func (c *checkCommand) Run(ctx context.Context, out *output) error {
	store, err := c.open(true, out)
	if err != nil {
		return err
	}
	defer store.Close()
	bar := out.Progress("credentials", store.Count())
	report, err := store.Check(ctx, func(done, _ int64) { bar.Set(done) })
	bar.Done()
	if err != nil {
		return environment("check did not finish: %w", err)
	}
	if err := c.print(report, out); err != nil {
		return err
	}
	if !report.OK() {
		return notSo("%s: something is wrong in %d ways", c.Store, len(report.Problems))
	}
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
