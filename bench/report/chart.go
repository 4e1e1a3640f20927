package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"

	"zhenni/bench/result"
)

// figure is a plot and what is written around it. Its texts are escaped where the page shows them.
type figure struct {
	Title, Note string
	Plot        template.HTML
	Legend      []legendLine
}

// legendLine names a line by how it is drawn.
type legendLine struct{ Class, Name string }

// lineColors are the classes of lines and bars, used in turn.
var lineColors = []string{"c0", "c1", "c2", "c3", "c4", "c5"}

// maxLines bounds the lines of a chart: more can not be told apart.
const maxLines = 12

// chart is lines over two axes. The ticks of y carry their unit, so that it has no label.
type chart struct {
	title, note string
	x, y        axis
	lines       []line
}

// line is points in the order of x. A limit is drawn in dashes.
type line struct {
	name   string
	points [][2]float64
	limit  bool
	// dots marks each point.
	dots bool
}

// axis maps values from low to high onto the frame; label is of x alone. A logarithmic one has both above zero.
type axis struct {
	label     string
	low, high float64
	log       bool
	ticks     []tick
}

type tick struct {
	at    float64
	label string
}

// place maps a value to [from, to], one outside of the axis to the nearer end.
func (a axis) place(value, from, to float64) float64 {
	if a.log {
		return share(math.Log(max(value, a.low)), math.Log(a.low), math.Log(a.high), from, to)
	}
	return share(value, a.low, a.high, from, to)
}

// figure draws the chart.
func (c chart) figure() figure {
	f := figure{Title: c.title, Note: c.note}
	if extra := len(c.lines) - maxLines; extra > 0 {
		c.lines = c.lines[:maxLines]
		f.Note = fmt.Sprintf("%s %d more are in the tables alone.", f.Note, extra)
	}
	p := newPlot(c.title)
	for _, t := range c.x.ticks {
		p.gridX(c.x.place(t.at, left, right), t.label)
	}
	for _, t := range c.y.ticks {
		p.gridY(c.y.place(t.at, bottom, top), t.label)
	}
	p.axes(c.x.label, "")
	for i, l := range c.lines {
		class := lineColors[i%len(lineColors)]
		if l.limit {
			class += " limit"
		}
		f.Legend = append(f.Legend, legendLine{class, l.name})
		c.draw(p, class, l)
	}
	f.Plot = template.HTML(p.end())
	return f
}

func (c chart) draw(p *plot, class string, l line) {
	fmt.Fprintf(p, `<polyline class="%s" points="`, class)
	for _, at := range l.points {
		fmt.Fprintf(p, "%.1f,%.1f ", c.x.place(at[0], left, right), c.y.place(at[1], bottom, top))
	}
	fmt.Fprintf(p, `"><title>%s</title></polyline>`, html.EscapeString(l.name))
	if !l.dots {
		return
	}
	for _, at := range l.points {
		fmt.Fprintf(p, `<circle class="%s" r="3.5" cx="%.1f" cy="%.1f"/>`, class, c.x.place(at[0], left, right), c.y.place(at[1], bottom, top))
	}
}

// span returns the least and the greatest of a coordinate of the lines, 0 for x and 1 for y.
func span(lines []line, coordinate int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, at := range l.points {
			low, high = min(low, at[coordinate]), max(high, at[coordinate])
		}
	}
	return low, high
}

// linear is an axis from low, or from 0 where that is lower, to a round number not below high, with about as many ticks.
func linear(low, high float64, about int, text func(float64) string) axis {
	low = min(low, 0)
	if !(high-low > 1e-18) { // below, a step would be no number any more
		high = low + 1
	}
	step := roundStep((high - low) / float64(about))
	a := axis{low: math.Floor(low/step) * step, high: math.Ceil(high/step) * step}
	for i := range int(math.Round((a.high-a.low)/step)) + 1 {
		at := a.low + float64(i)*step
		a.ticks = append(a.ticks, tick{at, text(at)})
	}
	return a
}

// linearIn is linear with ticks that are round in the largest unit of its scale that fits.
func linearIn(unit string, low, high float64) axis {
	factor := 1.0
	for unit == result.Bytes && max(high, -low) >= 1024*factor {
		factor *= 1024
	}
	return linear(low/factor, high/factor, 5, func(v float64) string { return result.Quantity(v*factor, unit) }).times(factor)
}

// times stretches a linear axis.
func (a axis) times(factor float64) axis {
	a.low, a.high = a.low*factor, a.high*factor
	for i := range a.ticks {
		a.ticks[i].at *= factor
	}
	return a
}

// roundStep returns the least of 1, 2 and 5 times a power of ten that is not below step.
func roundStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= step {
			return factor * power
		}
	}
	return 10 * power
}

// decades is a logarithmic axis over the values, with ticks at 1, 2 and 5 of each decade, or at 1 where those are many.
func decades(low, high float64, text func(float64) string) axis {
	first, last := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	last = max(last, first+1)
	factors := []float64{1, 2, 5}
	if last-first > 3 {
		factors = factors[:1]
	}
	a := axis{low: math.Pow(10, first), high: math.Pow(10, last), log: true}
	every := math.Ceil((last - first) / 12)
	for decade := first; decade <= last; decade += every {
		for _, factor := range factors {
			if at := factor * math.Pow(10, decade); at <= a.high {
				a.ticks = append(a.ticks, tick{at, text(at)})
			}
		}
	}
	return a
}

// short writes a number of an axis.
func short(value float64) string { return strconv.FormatFloat(value, 'g', 4, 64) }
