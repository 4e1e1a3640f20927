// Package report writes an evaluation as one HTML page that stands alone: no script, no network, plots as SVG.
package report

import (
	_ "embed"
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

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	err := pageTemplate.Execute(w, struct {
		Page
		DET, Density template.HTML
	}{p, template.HTML(detPlot(p.Curve, p.Points)), template.HTML(densityPlot(p.Curve, p.Points))})
	if err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}
