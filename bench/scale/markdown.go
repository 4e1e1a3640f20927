package scale

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"zhenni/bench/ingress"
	"zhenni/bench/result"
)

// PlaceTable returns where each byte is as rows of text; the first is the heading.
func (r *Report) PlaceTable() [][]string {
	rows := [][]string{{"where", "what", "bytes", "a credential"}}
	for _, p := range r.Places {
		name := p.Name
		if p.Part {
			name += " (of those above)"
		}
		rows = append(rows, []string{p.Where, name, inBytes(p.Bytes), fmt.Sprintf("%.1f B", p.Each())})
	}
	return rows
}

// WriteMarkdown writes the run as a document. command is what repeats it.
func (r *Report) WriteMarkdown(w io.Writer, run *result.Run, command string) error {
	measured := *run
	measured.Measurements = slices.DeleteFunc(slices.Clone(run.Measurements), func(m result.Measurement) bool { return m.Unit == result.Bytes })
	var b strings.Builder
	fmt.Fprintf(&b, "# %s templates of %s elements on one node\n\n    %s\n\n", run.Settings["credentials"], run.Settings["dim"], command)
	for _, text := range slices.Concat(run.Caveats(), r.LeftOut) {
		fmt.Fprintf(&b, "- %s\n", text)
	}
	b.WriteString("\n## Measured\n\n")
	writeTable(&b, measured.Table())
	b.WriteString("\n")
	for _, line := range result.Legend {
		fmt.Fprintf(&b, "- %s: %s\n", line[0], line[1])
	}
	b.WriteString("\n## Found\n\n")
	writeTable(&b, ingress.FindingTable(r.Findings))
	b.WriteString("\nThe cost foretold of n credentials is the cost of their bare dot products, times what a verification among the smallest population\ncosts over its own, in the same rounds.\n")
	b.WriteString("\n## Where each byte is\n\n")
	writeTable(&b, r.PlaceTable())
	b.WriteString("\n## Machine and build\n\n")
	facts := [][]string{{"fact", "value"}}
	for _, fact := range run.Facts() {
		if fact.Value != "" {
			facts = append(facts, []string{fact.Name, fact.Value})
		}
	}
	writeTable(&b, facts)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("scale: write: %w", err)
	}
	return nil
}

// writeTable writes rows as a table, the first as its heading.
func writeTable(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		for _, cell := range row {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
}
