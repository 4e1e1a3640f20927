package report

import (
	"fmt"
	"html"
	"math"
	"strings"

	"zhenni/engine/accuracy"
)

// The drawing area, and the frame that the data fills.
const (
	width, height            = 800.0, 460.0
	left, right, top, bottom = 70.0, 780.0, 20.0, 410.0
)

// plot is an SVG under construction. Every number it is given is drawn inside the frame; every text is escaped.
type plot struct{ strings.Builder }

func newPlot(title string) *plot { return newPlotOf(title, height) }

// newPlotOf is newPlot of another height.
func newPlotOf(title string, high float64) *plot {
	p := &plot{}
	title = html.EscapeString(title)
	fmt.Fprintf(p, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s"><title>%s</title>`, width, high, title, title)
	return p
}

func (p *plot) end() string {
	p.WriteString("</svg>")
	return p.String()
}

// axes names both axes.
func (p *plot) axes(x, y string) {
	fmt.Fprintf(p, `<text x="%g" y="%g" text-anchor="middle">%s</text>`, (left+right)/2, height-8, html.EscapeString(x))
	fmt.Fprintf(p, `<text transform="translate(14 %g) rotate(-90)" text-anchor="middle">%s</text>`, (top+bottom)/2, html.EscapeString(y))
}

func (p *plot) gridX(x float64, label string) {
	fmt.Fprintf(p, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text x="%.1f" y="%g" text-anchor="middle">%s</text>`,
		x, x, top, bottom, x, bottom+18, html.EscapeString(label))
}

func (p *plot) gridY(y float64, label string) {
	fmt.Fprintf(p, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`,
		left, right, y, y, left-6, y+4, html.EscapeString(label))
}

// share maps a value in [low, high] to [from, to], values outside to the nearer end.
func share(value, low, high, from, to float64) float64 {
	if !(high > low) {
		return from
	}
	return from + min(max((value-low)/(high-low), 0), 1)*(to-from)
}

// probit is the normal quantile, on whose scale the errors of normal scores make a straight line.
func probit(rate float64) float64 { return math.Sqrt2 * math.Erfinv(2*rate-1) }

// Both axes of the DET plot run over these rates.
const lowestRate, highestRate = 1e-7, 0.6

var detTicks = []struct {
	rate  float64
	label string
}{
	{1e-6, "1e-6"}, {1e-5, "1e-5"}, {1e-4, "1e-4"}, {1e-3, "0.1 %"}, {1e-2, "1 %"}, {5e-2, "5 %"}, {0.2, "20 %"}, {0.5, "50 %"},
}

func detX(rate float64) float64 {
	return share(probit(max(rate, lowestRate)), probit(lowestRate), probit(highestRate), left, right)
}

func detY(rate float64) float64 {
	return share(probit(max(rate, lowestRate)), probit(lowestRate), probit(highestRate), bottom, top)
}

func detPlot(curve accuracy.Curve, marks []accuracy.OperatingPoint) string {
	p := newPlot("False non-match rate against false match rate")
	for _, tick := range detTicks {
		p.gridX(detX(tick.rate), tick.label)
		p.gridY(detY(tick.rate), tick.label)
	}
	p.axes("false match rate", "false non-match rate")
	p.WriteString(`<polyline class="line" points="`)
	const perDecade = 60
	for _, point := range curve.DET(perDecade) {
		fmt.Fprintf(p, "%.1f,%.1f ", detX(point.FMR), detY(point.FNMR))
	}
	p.WriteString(`"/>`)
	for _, m := range marks {
		fmt.Fprintf(p, `<circle class="mark" r="4" cx="%.1f" cy="%.1f"><title>FMR %.3g, FNMR %.3g at %.4f</title></circle>`,
			detX(m.FMR()), detY(m.FNMR), m.FMR(), m.FNMR, m.Threshold)
	}
	return p.end()
}

// densityParts is how finely the scores are drawn.
const densityParts = 160

func densityPlot(curve accuracy.Curve, marks []accuracy.OperatingPoint) string {
	low, high, mated, nonMated := curve.Density(densityParts)
	p := newPlot("Distribution of mated and non-mated scores")
	p.axes("cosine", "share of comparisons, each kind to its own height")
	for i := range 9 {
		x := low + (high-low)*float64(i)/8
		p.gridX(share(x, low, high, left, right), fmt.Sprintf("%.2f", x))
	}
	p.area("other", nonMated)
	p.area("mated", mated)
	for _, m := range marks {
		x := share(m.Threshold, low, high, left, right)
		fmt.Fprintf(p, `<line class="threshold" x1="%.1f" x2="%.1f" y1="%g" y2="%g"><title>FMR %.3g at %.4f</title></line>`,
			x, x, top, bottom, m.FMR(), m.Threshold)
	}
	for i, kind := range []string{"non-mated", "mated"} {
		y := top + 16 + 20*float64(i)
		fmt.Fprintf(p, `<rect class="%s" x="%g" y="%g" width="12" height="12"/><text x="%g" y="%g">%s</text>`,
			[]string{"other", "mated"}[i], left+10, y-10, left+28, y, kind)
	}
	return p.end()
}

func (p *plot) area(class string, shares []float64) {
	var most float64
	for _, s := range shares {
		most = max(most, s)
	}
	fmt.Fprintf(p, `<polygon class="%s" points="%g,%g `, class, left, bottom)
	for i, s := range shares {
		x := share(float64(i)+0.5, 0, float64(len(shares)), left, right)
		fmt.Fprintf(p, "%.1f,%.1f ", x, share(s, 0, most, bottom, top+30))
	}
	fmt.Fprintf(p, `%g,%g"/>`, right, bottom)
}
