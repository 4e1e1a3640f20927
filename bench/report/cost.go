package report

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"slices"

	"zhenni/bench/result"
)

// layers stand on each other in this order: each does all that the one before it does.
var layers = []string{"kernels", "engine", "actors", "http"}

// layerCost is what an item costs in a layer, in nanoseconds of the whole machine: by the headline of its result file.
type layerCost struct {
	layer, measurement string
	total              float64
}

// layerCosts returns the costs in the order of the layers, of each layer the first file that has one.
func (p Results) layerCosts() []layerCost {
	var costs []layerCost
	for _, layer := range layers {
		i := slices.IndexFunc(p.Runs, func(r NamedRun) bool { return r.Run.Layer == layer && itemCost(&r.Run.Measurements[0]) > 0 })
		if i < 0 {
			continue
		}
		head := &p.Runs[i].Run.Measurements[0]
		costs = append(costs, layerCost{layer, p.Runs[i].Name + ": " + head.Name, itemCost(head)})
	}
	if len(costs) < 2 {
		return nil
	}
	return costs
}

// itemCost returns the nanoseconds of an item, 0 where the measurement has none.
func itemCost(m *result.Measurement) float64 {
	switch m.Unit {
	case result.PerSecond:
		return 1e9 / m.Median()
	case result.Nanoseconds:
		return m.Median()
	}
	return 0
}

const costNote = "Each bar is what an item costs by the headline of its file, a second over its rate; its last part is what the layer adds to the one below it."

// costs draws a bar for each layer, made of what each layer below it costs and of its own.
func (p Results) costs() []figure {
	costs := p.layerCosts()
	if costs == nil {
		return nil
	}
	const row, from = 44.0, 90.0
	most := slices.MaxFunc(costs, func(a, b layerCost) int { return cmp.Compare(a.total, b.total) }).total
	const to = right - 170 // the numbers stand behind the bar
	plot := newPlotOf("Cost by layer", row*float64(len(costs))+20)
	for i, cost := range costs {
		y := 10 + row*float64(i)
		fmt.Fprintf(plot, `<text x="%g" y="%g" text-anchor="end">%s</text>`, from-10, y+row/2, html.EscapeString(cost.layer))
		begin := 0.0
		for j, part := range costs[:i+1] {
			end := max(begin, min(part.total, cost.total))
			if j == i {
				end = cost.total
			}
			x := share(begin, 0, most, from, to)
			fmt.Fprintf(plot, `<rect class="%s" x="%.1f" y="%g" width="%.1f" height="%g"><title>%s</title></rect>`,
				lineColors[j%len(lineColors)], x, y+6, share(end, 0, most, from, to)-x, row-16, html.EscapeString(part.layer))
			begin = end
		}
		fmt.Fprintf(plot, `<text x="%.1f" y="%g">%s</text>`, share(cost.total, 0, most, from, to)+8, y+row/2, html.EscapeString(costText(costs, i)))
	}
	return []figure{{Title: "Cost by layer", Note: costNote, Plot: template.HTML(plot.end())}}
}

// costText is the cost of a layer and what of it is its own.
func costText(costs []layerCost, i int) string {
	total := result.Quantity(costs[i].total, result.Nanoseconds)
	if i == 0 {
		return total
	}
	own := costs[i].total - costs[i-1].total
	if own < 0 {
		return total + ", less than below"
	}
	return fmt.Sprintf("%s, %s its own", total, result.Quantity(own, result.Nanoseconds))
}

// costTable is the same as text.
func (p Results) costTable() []Table {
	costs := p.layerCosts()
	if costs == nil {
		return nil
	}
	rows := [][]string{{"layer", "headline", "an item", "its own"}}
	for i, cost := range costs {
		below := 0.0
		if i > 0 {
			below = costs[i-1].total
		}
		own := "less than below"
		if cost.total >= below {
			own = result.Quantity(cost.total-below, result.Nanoseconds)
		}
		rows = append(rows, []string{cost.layer, cost.measurement, result.Quantity(cost.total, result.Nanoseconds), own})
	}
	return []Table{{Caption: "Cost by layer", Rows: rows}}
}
