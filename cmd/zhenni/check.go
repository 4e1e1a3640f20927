package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
	"zhenni/storage"
	"zhenni/storage/audit"
	"zhenni/storage/history"
)

// checkCommand is check.
type checkCommand struct {
	storeFlags
	historyPlace
	PruneQuarantine bool `help:"When nothing is wrong, remove the damaged views that were set aside, but for the newest --keep-quarantine."`
	KeepQuarantine  int  `default:"1" placeholder:"N" help:"Damaged views that --prune-quarantine keeps (default ${default})."`
	JSON            bool `help:"Print one JSON object."`
}

// Help is shown by zhenni check --help.
func (checkCommand) Help() string {
	return `Reads every table and opens every record of a store that no server has open, its audit log and its history, and changes nothing. Exit code 1 says that something is wrong; what to do stands beside it.

Examples:

    zhenni check --store zhenni-data
    zhenni check --store zhenni-data --json | jq .problems
    zhenni check --store zhenni-data --prune-quarantine`
}

// Run checks the store.
func (c *checkCommand) Run(ctx context.Context, out *output) error {
	found, commit, err := c.check(ctx, out)
	if err != nil {
		return err
	}
	if found.Audit, err = c.checkAudit(commit); err != nil {
		return err
	}
	found.OK = found.wrong() == 0
	if err := c.print(found, out); err != nil {
		return err
	}
	if !found.OK {
		return notSo("%s: something is wrong in %d ways", c.Store, found.wrong())
	}
	if c.PruneQuarantine {
		return c.prune(out)
	}
	return nil
}

// checked is what a check found.
type checked struct {
	OK bool `json:"ok"`
	storage.Report
	Audit   *audit.Report   `json:"audit,omitempty"`
	History *history.Report `json:"history,omitempty"`
}

// wrong is in how many ways something is wrong.
func (f *checked) wrong() int { return len(f.Problems) + wrongIn(f.Audit) + wrongInHistory(f.History) }

// check walks the store and the history beside it, closes it and returns the commit it is at. One that is too damaged to open
// is not in order either.
func (c *checkCommand) check(ctx context.Context, out *output) (found checked, commit uint64, err error) {
	store, err := c.open(true, out)
	if errors.Is(err, zhenni.ErrCorrupt) {
		return found, 0, notSo("%w", err)
	}
	if err != nil {
		return found, 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	bar := out.Progress("credentials", store.Count())
	found.Report, err = store.Check(ctx, func(done, _ int64) { bar.Set(done) })
	bar.Done()
	if err != nil {
		return found, 0, environment("check did not finish: %w", err)
	}
	found.History, err = c.checkHistory(store.root)
	return found, store.Commit(), err
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

// checkAudit checks the store's audit log by the key that the store keeps, and that the newest change in it is the store's
// newest commit. A store of before there was an audit log has none: nil.
func (c *checkCommand) checkAudit(commit uint64) (*audit.Report, error) {
	line, err := pinned(c.Store)
	if err != nil || line == "" {
		return nil, err
	}
	o, err := c.auditFlags.options(c.Store)
	if err != nil {
		return nil, err
	}
	keys := audit.Keys{Witness: o.witness, Seen: o.seen}
	if keys.Log, err = note.NewVerifier(line); err != nil {
		return nil, environment("--store: %s: %w", pinnedKey, err)
	}
	report, err := audit.Verify(audit.Folder(o.dir), keys)
	if err != nil {
		return nil, auditFailure(o.dir, err)
	}
	if report.Changes != commit {
		report.Wrong++
		report.Problems = append(report.Problems, audit.Problem{File: o.dir, Text: fmt.Sprintf(
			"has the changes up to commit %d, and the store those up to %d: one of them was put back as it was earlier", report.Changes, commit)})
	}
	return &report, nil
}

func wrongIn(log *audit.Report) int {
	if log == nil {
		return 0
	}
	return log.Wrong
}

func (c *checkCommand) print(found checked, out *output) error {
	if c.JSON {
		return out.JSON(found)
	}
	report, log := found.Report, found.Audit
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
	if log != nil {
		rows = append(rows, []string{"audit log", fmt.Sprintf("%d entries", log.Size)})
	}
	if err := out.Table(append(rows, historyRows(found.History)...)); err != nil {
		return err
	}
	if found.OK {
		return out.Print("Nothing is wrong.")
	}
	rows = [][]string{{"wrong", "count", "first", "what to do"}}
	if log != nil {
		for _, p := range log.Problems {
			rows = append(rows, []string{"audit log", "1", p.File + ": " + p.Text, "restore the log from its copy"})
		}
	}
	for _, p := range report.Problems {
		rows = append(rows, []string{p.Class, fmt.Sprint(p.Count), p.First, p.Hint})
	}
	return out.Table(append(rows, historyProblems(found.History)...))
}
