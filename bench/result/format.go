package result

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A scale is the words for a unit at growing size: from one word to the next is a factor.
type scale struct {
	factor float64
	words  []string
}

// scales holds how the units of this package are written; any other is written as it is called.
var scales = map[string]scale{
	PerSecond:    {1000, []string{"/s", "k/s", "M/s", "G/s"}},
	Nanoseconds:  {1000, []string{"ns", "µs", "ms", "s"}},
	Milliseconds: {1000, []string{"µs", "ms", "s"}},
	Bytes:        {1024, []string{"B", "KiB", "MiB", "GiB", "TiB"}},
}

// Quantity writes a value of a unit with three digits, as in "3.42 M/s".
func Quantity(value float64, unit string) string {
	s, known := scales[unit]
	if !known {
		return digits(value) + " " + unit
	}
	if unit == Milliseconds {
		value *= s.factor // its scale begins one word lower
	}
	i := 0
	for ; i < len(s.words)-1 && value >= s.factor*0.9995; i++ {
		value /= s.factor
	}
	return digits(value) + " " + s.words[i]
}

// digits writes three digits, more only where they stand before the point of a number below a million.
func digits(value float64) string {
	if value == 0 {
		return "0"
	}
	if size := math.Abs(value); size >= 1e6 || size < 1e-3 {
		return strconv.FormatFloat(value, 'e', 2, 64)
	}
	decimals := 2
	for at := 9.995; at <= 999.5 && math.Abs(value) >= at; at *= 10 {
		decimals--
	}
	return strconv.FormatFloat(value, 'f', max(decimals, 0), 64)
}

// Spread returns how far the rounds lie apart: half the distance between their quartiles, as a share of the median.
func (m *Measurement) Spread() float64 {
	sorted := slices.Sorted(slices.Values(m.Rounds))
	return (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / m.Median()
}

// quantile returns the value at share q of the sorted values, between two of them in proportion.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}

// Legend says what the columns of [Run.Table] are, a row each.
var Legend = [][]string{
	{"median", "the middle of the rounds"},
	{"±", "half the distance between the quartiles of the rounds"},
	{"of limit", "the measurement over its limit in the same rounds: of a rate the share reached, of a cost how many times the limit's"},
	{"limit", "what bounds the measurement: the layer below it, or the machine"},
	{"allocs", "heap allocations an item"},
	{"p50, p99", "half of the calls, 99 in 100, took no longer"},
}

// Table returns the measurements as rows of text for people; the first row is the heading. Columns that no measurement
// fills are left out, but not those of the first three.
func (r *Run) Table() [][]string {
	rows := [][]string{{"measurement", "median", "±", "of limit", "limit", "allocs", "p50", "p99"}}
	for i := range r.Measurements {
		m := &r.Measurements[i]
		row := []string{m.Name, Quantity(m.Median(), m.Unit), "", "", m.Limit, "", "", ""}
		if len(m.Rounds) > 1 { // one round says nothing about the others
			row[2] = Percent(m.Spread())
		}
		if ratio, ok := r.Ratio(m); ok {
			row[3] = RatioText(ratio, m.Unit)
		}
		if m.Allocations != nil {
			row[5] = strconv.FormatFloat(*m.Allocations, 'f', -1, 64)
		}
		if m.Latency != nil {
			row[6], row[7] = Quantity(m.Latency.At(0.5), Milliseconds), Quantity(m.Latency.At(0.99), Milliseconds)
		}
		rows = append(rows, row)
	}
	return withoutEmpty(rows, 3)
}

// RatioText writes a ratio to a limit of the same unit: of a rate in percent, of a cost as a factor.
func RatioText(ratio float64, unit string) string {
	if higher(unit) {
		return Percent(ratio)
	}
	return fmt.Sprintf("%.3g×", ratio)
}

// Percent writes a share in percent, with two digits below ten.
func Percent(share float64) string {
	if math.Abs(share) < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// withoutEmpty drops the columns from the given one on that have nothing under their heading.
func withoutEmpty(rows [][]string, from int) [][]string {
	for column := len(rows[0]) - 1; column >= from; column-- {
		if slices.ContainsFunc(rows[1:], func(row []string) bool { return row[column] != "" }) {
			continue
		}
		for i := range rows {
			rows[i] = slices.Delete(rows[i], column, column+1)
		}
	}
	return rows
}
