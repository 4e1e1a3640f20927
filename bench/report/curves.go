package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"zhenni/bench/result"
)

// latencies draws every latency distribution against how rare it is: at 99 % one call in a hundred took longer.
func (p Results) latencies() []figure {
	var lines []line
	for _, run := range p.Runs {
		for i := range run.Run.Measurements {
			m := &run.Run.Measurements[i]
			if points := tail(m.Latency); len(points) > 1 {
				lines = append(lines, line{name: p.name(run, m.Name), points: points})
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	_, rarest := span(lines, 0)
	least, most := span(lines, 1)
	const margin = 1.02 // for the text of the last tick
	x := axis{label: "share of the calls that were as fast or faster", high: max(rarest, 1) * margin}
	for nines := range int(x.high) + 1 {
		x.ticks = append(x.ticks, tick{float64(nines), nineText(nines)})
	}
	y := decades(least, most, func(v float64) string { return result.Quantity(v, result.Milliseconds) })
	return []figure{chart{title: "Latency by percentile", note: "Each step to the right is ten times rarer; both axes are logarithmic.", x: x, y: y, lines: lines}.figure()}
}

// tail maps quantiles to log10(1/(1-q)) and milliseconds. The slowest of n calls stands where one in n is slower, and what
// is rarer than that is left out.
func tail(l *result.Latency) [][2]float64 {
	if l == nil {
		return nil
	}
	var points [][2]float64
	for _, q := range l.Quantiles {
		slowest := 1 / float64(max(l.Count, 2))
		share := 1 - q.Q
		switch {
		case share <= 0:
			share = slowest
		case share < slowest:
			continue
		}
		const fastest = 1e-6 // a nanosecond: a logarithm wants more than zero
		points = append(points, [2]float64{-math.Log10(share), max(q.Milliseconds, fastest)})
	}
	slices.SortStableFunc(points, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
	return points
}

// nineText is the share of calls at so many nines: 0, 90 %, 99 %, 99.9 %.
func nineText(nines int) string {
	if nines < 2 {
		return []string{"0", "90 %"}[nines]
	}
	if nines == 2 {
		return "99 %"
	}
	return "99." + strings.Repeat("9", nines-2) + " %"
}

// sweeps draws every sweep, one chart for each axis and unit, with the limits in dashes.
func (p Results) sweeps() []figure {
	type kind struct{ sweep, unit string }
	var kinds []kind
	charts := map[kind]*[]line{}
	for _, run := range p.Runs {
		for i := range run.Run.Measurements {
			m := &run.Run.Measurements[i]
			if m.Sweep == "" {
				continue
			}
			k := kind{m.Sweep, m.Unit}
			if charts[k] == nil {
				kinds, charts[k] = append(kinds, k), &[]line{}
			}
			put(charts[k], p.name(run, lineName(m)), m.X, m.Median(), false)
			if limit := run.Run.Find(m.Limit); limit != nil && limit.Unit == m.Unit {
				put(charts[k], p.name(run, lineName(limit)), m.X, limit.Median(), true)
			}
		}
	}
	var figures []figure
	for _, k := range kinds {
		figures = append(figures, sweepChart(k.sweep, k.unit, *charts[k]).figure())
	}
	return figures
}

// put adds a point to the line of that name, once for each x.
func put(lines *[]line, name string, x, y float64, limit bool) {
	i := slices.IndexFunc(*lines, func(l line) bool { return l.name == name })
	if i < 0 {
		i = len(*lines)
		*lines = append(*lines, line{name: name, dots: true})
	}
	l := &(*lines)[i]
	l.limit = l.limit || limit
	at, there := slices.BinarySearchFunc(l.points, x, func(point [2]float64, x float64) int { return cmp.Compare(point[0], x) })
	if !there {
		l.points = slices.Insert(l.points, at, [2]float64{x, y})
	}
}

// lineName is what the measurements of one line share: the name without the number that their x is.
func lineName(m *result.Measurement) string {
	if m.Sweep == "" {
		return m.Name
	}
	number := short(m.X)
	for at := 0; ; {
		i := strings.Index(m.Name[at:], number)
		if i < 0 {
			return m.Name
		}
		from, to := at+i, at+i+len(number)
		if !numeric(m.Name, from-1) && !numeric(m.Name, to) {
			return m.Name[:from] + "…" + m.Name[to:]
		}
		at = from + 1
	}
}

// numeric reports whether the byte at i belongs to a number.
func numeric(text string, i int) bool {
	return i >= 0 && i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] == '.')
}

// sweepChart draws the lines of a sweep over its axis, which is logarithmic where the values double rather than step.
func sweepChart(sweep, unit string, lines []line) chart {
	low, high := span(lines, 0)
	x := axis{label: sweep, low: low, high: high}
	const wide = 8
	x.log = low > 0 && high/low >= wide
	if !(high > low) {
		x.low, x.high, x.log = low-1, high+1, false
	}
	for _, l := range lines {
		for _, at := range l.points {
			x.mark(at[0])
		}
	}
	_, most := span(lines, 1)
	note := "Medians of the rounds. Dashes are limits: what the layer below, or the machine, gives."
	return chart{title: unitTitle(unit) + " against " + sweep, note: note, x: x, y: linearIn(unit, 0, most), lines: lines}
}

// mark puts a tick at a value, unless another is as near as its text is wide.
func (a *axis) mark(value float64) {
	const apart = 48
	at := a.place(value, left, right)
	if !slices.ContainsFunc(a.ticks, func(t tick) bool { return math.Abs(a.place(t.at, left, right)-at) < apart }) {
		a.ticks = append(a.ticks, tick{value, short(value)})
	}
}

func unitTitle(unit string) string {
	switch unit {
	case result.PerSecond:
		return "Throughput"
	case result.Nanoseconds, result.Milliseconds:
		return "Time"
	case result.Bytes:
		return "Bytes"
	}
	return unit
}

// series draws the levels of each run over time, one chart for each unit.
func (p Results) series() []figure {
	var figures []figure
	for _, run := range p.Runs {
		var units []string
		for _, s := range run.Run.Series {
			if len(s.Points) > 1 && !slices.Contains(units, s.Unit) {
				units = append(units, s.Unit)
			}
		}
		for _, unit := range units {
			var lines []line
			for _, s := range run.Run.Series {
				if s.Unit == unit && len(s.Points) > 1 {
					lines = append(lines, line{name: s.Name, points: thin(s.Points)})
				}
			}
			figures = append(figures, seriesChart(p.name(run, unitTitle(unit)+" over time"), unit, lines).figure())
		}
	}
	return figures
}

func seriesChart(title, unit string, lines []line) chart {
	from, to := span(lines, 0)
	low, high := span(lines, 1)
	seconds, word := 1.0, "seconds"
	switch length := to - from; {
	case length > 3*3600:
		seconds, word = 3600, "hours"
	case length > 3*60:
		seconds, word = 60, "minutes"
	}
	x := linear(from/seconds, to/seconds, 8, short).times(seconds)
	x.label = word + " since the start"
	return chart{title: title, note: "Of points too close to draw, the highest and the lowest are kept.", x: x, y: linearIn(unit, low, high), lines: lines}
}

// thin leaves of many points the lowest and the highest of each of as many stretches as can be told apart.
func thin(points [][2]float64) [][2]float64 {
	const stretches = 400
	if len(points) <= 2*stretches {
		return points
	}
	kept := make([][2]float64, 0, 2*stretches)
	for i := range stretches {
		part := points[i*len(points)/stretches : (i+1)*len(points)/stretches]
		by := func(a, b [2]float64) int { return cmp.Compare(a[1], b[1]) }
		low, high := slices.MinFunc(part, by), slices.MaxFunc(part, by)
		if high[0] < low[0] {
			low, high = high, low
		}
		kept = append(kept, low, high)
	}
	return kept
}

// name is what something of a run is called on a page of one or of several runs.
func (p Results) name(run NamedRun, what string) string {
	if len(p.Runs) == 1 {
		return what
	}
	return fmt.Sprintf("%s · %s", run.Name, what)
}
