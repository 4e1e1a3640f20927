// Package report writes what was evaluated or measured as one HTML page that stands alone: no script, no network, plots
// as SVG.
//
//	page.go      an evaluation, with its trade-off and its scores
//	results.go   result files of benchmarks
//	cost.go      what each layer costs on top of the one below
//	curves.go    measurements of result files as lines
//	chart.go     lines over two axes
//	plot.go      the SVG that all of them draw
package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"

	"zhenni/engine/accuracy"
)

// Page is what a report shows. All texts are escaped.
type Page struct {
	Title string
	// Facts are pairs of a name and its value.
	Facts [][2]string
	// Tables are shown in order; the first row of each is its heading.
	Tables []Table
	// Curve is plotted, with the operating points marked on it.
	Curve  accuracy.Curve
	Points []accuracy.OperatingPoint
}

// Table is rows of text under a caption.
type Table struct {
	Caption string
	Rows    [][]string
}

//go:embed frame.html page.html results.html
var pages embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"lineColors": func() []string { return lineColors }}).ParseFS(pages, "*.html"))

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	err := templates.ExecuteTemplate(w, "page.html", struct {
		Page
		DET, Density template.HTML
	}{p, template.HTML(detPlot(p.Curve, p.Points)), template.HTML(densityPlot(p.Curve, p.Points))})
	if err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}
