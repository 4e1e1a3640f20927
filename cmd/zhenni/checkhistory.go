package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/storage"
	"zhenni/storage/history"
)

// checkHistory opens everything in the history beside a store, and changes nothing. It is nil where there is none.
func (c *checkCommand) checkHistory(root storage.RootKey) (*history.Report, error) {
	dir := c.historyPlace.dir(c.Store)
	if entries, err := os.ReadDir(dir); len(entries) == 0 && (err == nil || os.IsNotExist(err)) {
		return nil, nil
	}
	key, err := history.Key.Read(dir, root)
	if errors.Is(err, zhenni.ErrCorrupt) || errors.Is(err, zhenni.ErrWrongKey) {
		return &history.Report{Problems: []history.Problem{{File: dir, Text: err.Error()}}}, nil
	}
	if err != nil {
		return nil, environment("--history-dir: %s: %w", dir, err)
	}
	defer clear(key)
	report, err := history.Check(dir, key)
	if err != nil {
		return nil, environment("--history-dir: %s: %w", dir, err)
	}
	return &report, nil
}

// historyRows say what is in a history, gap by gap.
func historyRows(r *history.Report) [][]string {
	if r == nil {
		return nil
	}
	rows := [][]string{{"history", fmt.Sprintf("%d entries in %d files, %s, since %s", r.Entries, r.Files, byteSize(r.Bytes), r.Since.Format(time.DateTime))}}
	for _, g := range r.Gaps {
		rows = append(rows, []string{"gap in it", fmt.Sprintf("%s to %s, %s", g.From.Format(time.DateTime), g.To.Format(time.DateTime), g.Cause)})
	}
	if r.Torn > 0 {
		rows = append(rows, []string{"not whole", fmt.Sprintf("%s at its end, which the next server makes a gap", byteSize(r.Torn))})
	}
	return rows
}

// historyProblems are rows of what is wrong with a history.
func historyProblems(r *history.Report) (rows [][]string) {
	if r == nil {
		return nil
	}
	for _, p := range r.Problems {
		rows = append(rows, []string{"history", "1", filepath.Base(p.File) + ": " + p.Text, "go on without it, as a gap; where it is the key or the state, put it back, or zhenni serve --history none"})
	}
	return rows
}

func wrongInHistory(r *history.Report) int {
	if r == nil {
		return 0
	}
	return len(r.Problems)
}
