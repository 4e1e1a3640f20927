package report

import (
	"fmt"
	"io"

	"zhenni/bench/result"
)

// Capacity is the page of a tuning run: facts, tables, the configuration found, and throughput against shards with the law
// fitted to it. All texts are escaped.
type Capacity struct {
	Title  string
	Facts  [][2]string
	Tables []Table
	// Config is the text of the configuration file.
	Config string
	// Scales are shards and items a second, shards ascending from 1 or more; Law is the fitted rate at a number of shards,
	// nil where none fits, and LawText says it.
	Scales  [][2]float64
	Law     func(shards float64) float64
	LawText string
}

// Write writes the page.
func (c Capacity) Write(w io.Writer) error {
	page := struct {
		Capacity
		Figure *figure
	}{Capacity: c}
	if len(c.Scales) > 1 {
		f := c.scaling().figure()
		page.Figure = &f
	}
	if err := templates.ExecuteTemplate(w, "capacity.html", page); err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

// lawSteps is how finely a law is drawn.
const lawSteps = 100

func (c Capacity) scaling() chart {
	lines := []line{{name: "measured", points: c.Scales, dots: true}}
	first, last := c.Scales[0][0], c.Scales[len(c.Scales)-1][0]
	if c.Law != nil {
		law := line{name: "law", limit: true}
		for i := range lawSteps + 1 {
			n := first + (last-first)*float64(i)/lawSteps
			law.points = append(law.points, [2]float64{n, c.Law(n)})
		}
		lines = append(lines, law)
	}
	x := axis{label: "shards", low: first, high: last}
	for _, s := range c.Scales {
		x.mark(s[0])
	}
	_, most := span(lines, 1)
	return chart{title: "Throughput against shards", note: c.LawText, x: x, y: linearIn(result.PerSecond, 0, most), lines: lines}
}
