package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

// Capacity is the page of a tuning run: facts, tables, the configuration found, and throughput against shards with the law
// fitted to it. All texts are escaped.
type Capacity struct {
	Title  string
	Facts  [][2]string
	Tables []Table
	// Config is the text of the configuration file.
	Config string
	// Scales are readings, shards and items a second; Law is the fitted rate at a number of shards, nil where none fits.
	Scales [][2]float64
	Law    func(shards float64) float64
}

//go:embed capacity.html
var capacityText string

var capacityTemplate = template.Must(template.New("capacity").Parse(capacityText))

// Write writes the page.
func (c Capacity) Write(w io.Writer) error {
	err := capacityTemplate.Execute(w, struct {
		Capacity
		Plot template.HTML
	}{c, template.HTML(c.plot())})
	if err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

// scaleTicks is how many lines of the grid an axis of the plot has, scaleSteps how finely the law is drawn.
const (
	scaleTicks = 8
	scaleSteps = 100
)

func (c Capacity) plot() string {
	var shards, rate float64
	for _, s := range c.Scales {
		shards, rate = max(shards, s[0]), max(rate, s[1])
	}
	x := func(n float64) float64 { return share(n, 0, shards, left, right) }
	y := func(r float64) float64 { return share(r, 0, rate*1.1, bottom, top) }
	p := newPlot("Verifications a second against shards")
	p.axes("shards", "million verifications a second")
	for i := range scaleTicks + 1 {
		part := float64(i) / scaleTicks
		p.gridX(x(part*shards), fmt.Sprintf("%.3g", part*shards))
		p.gridY(y(part*rate), fmt.Sprintf("%.2f", part*rate/1e6))
	}
	if c.Law != nil {
		p.WriteString(`<polyline class="line" points="`)
		for i := range scaleSteps + 1 {
			n := 1 + (shards-1)*float64(i)/scaleSteps
			fmt.Fprintf(p, "%.1f,%.1f ", x(n), y(c.Law(n)))
		}
		p.WriteString(`"/>`)
	}
	for _, s := range c.Scales {
		fmt.Fprintf(p, `<circle class="mark" r="4" cx="%.1f" cy="%.1f"><title>%.0f/s at %g shards</title></circle>`, x(s[0]), y(s[1]), s[1], s[0])
	}
	return p.end()
}
