package report

import (
	"fmt"
	"io"
	"slices"

	"zhenni/bench/result"
)

// Results is a page of result files: their headlines, plots of what they hold, every measurement and every fact. All
// texts are escaped.
type Results struct {
	Title string
	// Runs are one or more, each valid.
	Runs []NamedRun
}

// NamedRun is a run and what it is called on the page, such as the name of its file.
type NamedRun struct {
	Name string
	Run  *result.Run
}

// Write writes the page.
func (p Results) Write(w io.Writer) error {
	page := struct {
		Title, Summary, Explained string
		Warnings                  []string
		Headlines, Tables, Facts  []Table
		Figures                   []figure
	}{
		Title: p.Title, Summary: p.summary(), Explained: result.Legend, Warnings: p.warnings(),
		Headlines: append([]Table{p.headlines()}, p.costTable()...), Tables: p.tables(), Facts: []Table{p.facts()},
		Figures: slices.Concat(p.costs(), p.sweeps(), p.latencies(), p.series()),
	}
	if err := templates.ExecuteTemplate(w, "results.html", page); err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

// summary says in a sentence what the first run is of.
func (p Results) summary() string {
	run := p.Runs[0].Run
	return fmt.Sprintf("%d × %s, %s; commit %s; seed %d; %s.", run.Machine.Cores, run.Machine.CPU, run.Machine.Tier, run.Commit, run.Seed, run.Build.Go)
}

// warnings are what a reader has to know before the numbers.
func (p Results) warnings() []string {
	var texts []string
	for _, run := range p.Runs {
		for _, caveat := range run.Run.Caveats() {
			texts = append(texts, p.name(run, caveat))
		}
	}
	for _, row := range p.facts().Rows[1:] {
		if slices.Contains(shared, row[0]) && !alike(row[1:]) {
			texts = append(texts, fmt.Sprintf("the runs are not of the same %s", row[0]))
		}
	}
	return texts
}

// shared are the facts that runs on one page should have in common.
var shared = []string{"commit", "CPU", "cores", "instruction set", "governor", "huge pages", "kernel", "Go", "build", "GOMAXPROCS"}

func alike(values []string) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return value != values[0] })
}

// headlines is the first measurement of each run.
func (p Results) headlines() Table {
	rows := [][]string{{"run", "layer", "headline", "median", "of limit", "p50", "p99"}}
	for _, named := range p.Runs {
		run := named.Run
		head := &run.Measurements[0]
		row := []string{named.Name, run.Layer, head.Name, result.Quantity(head.Median(), head.Unit), "", "", ""}
		if ratio, ok := run.Ratio(head); ok {
			row[4] = result.RatioText(head, ratio) + " of " + head.Limit
		}
		if head.Latency != nil {
			row[5], row[6] = result.Quantity(head.Latency.At(0.5), result.Milliseconds), result.Quantity(head.Latency.At(0.99), result.Milliseconds)
		}
		rows = append(rows, row)
	}
	return Table{Caption: "Headlines", Rows: rows}
}

func (p Results) tables() []Table {
	tables := make([]Table, len(p.Runs))
	for i, run := range p.Runs {
		tables[i] = Table{Caption: run.Name, Rows: run.Run.Table()}
		if run.Name != run.Run.Layer {
			tables[i].Caption += " (" + run.Run.Layer + ")"
		}
	}
	return tables
}

// facts is what is known about the runs, a column each.
func (p Results) facts() Table {
	heading := []string{"fact"}
	var names []string
	values := make([]map[string]string, len(p.Runs))
	for i, run := range p.Runs {
		heading = append(heading, run.Name)
		values[i] = map[string]string{}
		for _, fact := range run.Run.Facts() {
			values[i][fact.Name] = fact.Value
			if !slices.Contains(names, fact.Name) {
				names = append(names, fact.Name)
			}
		}
	}
	rows := [][]string{heading}
	for _, name := range names {
		row := []string{name}
		for i := range values {
			row = append(row, values[i][name])
		}
		rows = append(rows, row)
	}
	return Table{Caption: "Facts", Rows: rows}
}
