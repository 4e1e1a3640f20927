package result

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
)

// Comparison is what a newer run says beside an older one.
type Comparison struct {
	// Differences are what may be the reason for a ratio instead of the code.
	Differences []Difference `json:"differences"`
	// Rows are the measurements that both have, by name and unit, in the order of the newer one; behind a measurement that
	// has the same limit in both, its ratio to that limit.
	Rows []Row `json:"measurements"`
	// Geomeans are the geometric means of the ratios, one for each unit, also of those that are not significant.
	Geomeans []Geomean `json:"geomeans"`
	OnlyOld  []string  `json:"only_old,omitempty"`
	OnlyNew  []string  `json:"only_new,omitempty"`
}

// Row is one measurement in both runs, by the rules of benchstat: medians, and a Mann–Whitney U test that presumes
// nothing about how the rounds are distributed.
type Row struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Limit is set where the row is of the ratio, round by round, to the limit of that name: what is left of a change
	// when the speed of the machine has drifted between the runs.
	Limit string `json:"limit,omitempty"`
	// Old and New are medians, of Unit or, with Limit, of the ratio.
	Old float64 `json:"old"`
	New float64 `json:"new"`
	// Ratio is New over Old.
	Ratio float64 `json:"ratio"`
	// Interval holds the ratio with a confidence of 95 % or more; nil where the rounds are too few for any.
	Interval *[2]float64 `json:"interval,omitempty"`
	// P is the chance of rounds at least as far apart if nothing had changed.
	P float64 `json:"p"`
	// Significant says that P is at most [Alpha].
	Significant bool   `json:"significant"`
	Rounds      [2]int `json:"rounds"`
}

// Alpha is the chance, for each measurement, to call a difference significant where there is none.
const Alpha = 0.05

// Geomean is the geometric mean of the ratios of some rows.
type Geomean struct {
	Unit string `json:"unit"`
	// OfLimit says that the rows are ratios to limits.
	OfLimit bool    `json:"of_limit,omitempty"`
	Ratio   float64 `json:"ratio"`
	Rows    int     `json:"rows"`
}

// Gain returns the ratio turned so that above one is better.
func (r *Row) Gain() float64 {
	if r.Unit == PerSecond {
		return r.Ratio
	}
	return 1 / r.Ratio
}

// Compare sets what newer measured beside what older did.
func Compare(older, newer *Run) *Comparison {
	c := &Comparison{Differences: differences(older, newer), Rows: []Row{}, Geomeans: []Geomean{}}
	t := tester{}
	matched := map[string]bool{}
	for i := range newer.Measurements {
		after := &newer.Measurements[i]
		before := older.Find(after.Name)
		if before == nil || before.Unit != after.Unit {
			c.OnlyNew = append(c.OnlyNew, after.Name+" ("+after.Unit+")")
			continue
		}
		matched[after.Name] = true
		row := Row{Name: after.Name, Unit: after.Unit}
		c.Rows = append(c.Rows, t.row(row, before.Rounds, after.Rounds))
		if after.Limit != "" && after.Limit == before.Limit {
			row.Limit = after.Limit
			c.Rows = append(c.Rows, t.row(row, older.ratios(before), newer.ratios(after)))
		}
	}
	for _, m := range older.Measurements {
		if !matched[m.Name] {
			c.OnlyOld = append(c.OnlyOld, m.Name+" ("+m.Unit+")")
		}
	}
	c.means()
	return c
}

// ratios returns the rounds of a measurement over those of its limit.
func (r *Run) ratios(m *Measurement) []float64 {
	limit := r.Find(m.Limit)
	ratios := make([]float64, min(len(m.Rounds), len(limit.Rounds)))
	for i := range ratios {
		ratios[i] = m.Rounds[i] / limit.Rounds[i]
	}
	return ratios
}

// means takes the geometric means, in the order in which the units first come.
func (c *Comparison) means() {
	for i := range c.Rows {
		row := &c.Rows[i]
		at := slices.IndexFunc(c.Geomeans, func(g Geomean) bool { return g.Unit == row.Unit && g.OfLimit == (row.Limit != "") })
		if at < 0 {
			at = len(c.Geomeans)
			c.Geomeans = append(c.Geomeans, Geomean{Unit: row.Unit, OfLimit: row.Limit != ""})
		}
		c.Geomeans[at].Ratio += math.Log(row.Ratio)
		c.Geomeans[at].Rows++
	}
	for i := range c.Geomeans {
		c.Geomeans[i].Ratio = math.Exp(c.Geomeans[i].Ratio / float64(c.Geomeans[i].Rows))
	}
}

// tester tests rows. It keeps, by how many rounds there are, how many pairwise ratios an interval leaves out at each end.
type tester map[[2]int]int

// row fills a row from the rounds of both runs.
func (t tester) row(row Row, before, after []float64) Row {
	test := benchmath.AssumeNothing.Compare(sample(before), sample(after))
	row.Old, row.New = Median(before), Median(after)
	row.Ratio = row.New / row.Old
	row.P, row.Significant, row.Rounds = test.P, test.P <= Alpha, [2]int{len(before), len(after)}
	row.Interval = t.interval(row.Ratio, before, after)
	return row
}

// sample copies the rounds, as the test sorts what it is given.
func sample(rounds []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(rounds), &benchmath.Thresholds{CompareAlpha: Alpha})
}

// interval returns the factors by which the older rounds may be multiplied without the U test telling them from the newer
// ones (Hodges and Lehmann 1963): order statistics of the ratios of every newer round to every older one. It holds 1
// just where the row is not significant, ties aside, and is stretched to the ratio of the medians where that lies outside.
func (t tester) interval(ratio float64, before, after []float64) *[2]float64 {
	size := [2]int{len(before), len(after)}
	cut, known := t[size]
	if !known {
		cut = cutOff(size[0], size[1])
		t[size] = cut
	}
	if cut == 0 {
		return nil
	}
	ratios := make([]float64, 0, len(before)*len(after))
	for _, b := range before {
		for _, a := range after {
			ratios = append(ratios, a/b)
		}
	}
	slices.Sort(ratios)
	return &[2]float64{min(ratios[cut-1], ratio), max(ratios[len(ratios)-cut], ratio)}
}

// Worse returns why the newer run does not pass at the given ratio, nothing where it does: significant gains below it,
// and what can not be told, since a gate that passes what it did not see is none. It looks at the measurements, or with
// ofLimit at their ratios to their limits.
func (c *Comparison) Worse(below float64, ofLimit bool) []string {
	var reasons []string
	judged := 0
	for i := range c.Rows {
		row := &c.Rows[i]
		if ofLimit != (row.Limit != "") {
			continue
		}
		judged++
		switch {
		case row.Interval == nil:
			reasons = append(reasons, fmt.Sprintf("%s: %d and %d rounds are too few to tell, want 4 or more of each", row.title(), row.Rounds[0], row.Rounds[1]))
		case row.Significant && row.Gain() < below:
			reasons = append(reasons, fmt.Sprintf("%s: %.3f of what it was (p=%.3f)", row.title(), row.Gain(), row.P))
		}
	}
	for _, name := range c.OnlyOld {
		reasons = append(reasons, name+": not measured any more")
	}
	if judged == 0 {
		reasons = append(reasons, "nothing that both have")
	}
	return reasons
}

func (r *Row) title() string {
	if r.Limit == "" {
		return r.Name
	}
	return r.Name + " of " + r.Limit
}

// Change is "better" or "worse" where the row is significant and "~" where it is not.
func (r *Row) Change() string {
	switch {
	case !r.Significant:
		return "~"
	case r.Gain() < 1:
		return "worse"
	}
	return "better"
}

// CompareLegend says in a few sentences what the columns of [Comparison.Table] are.
const CompareLegend = `old, new: medians of the rounds; below a measurement its ratio to its limit in the same rounds. change: better or worse where
p ≤ 0.05 (Mann–Whitney U), which one row in twenty is by chance; ~ where the rounds show no difference.`

// Table returns the comparison as rows of text; the first is the heading, the last are the geometric means.
func (c *Comparison) Table() [][]string {
	rows := [][]string{{"measurement", "old", "new", "new/old", "95 % interval", "change", "p", "rounds"}}
	for i := range c.Rows {
		rows = append(rows, c.Rows[i].cells())
	}
	for _, mean := range c.Geomeans {
		title := "geomean " + mean.Unit
		if mean.OfLimit {
			title += " of limit"
		}
		rows = append(rows, []string{title, "", "", fmt.Sprintf("%.3f", mean.Ratio)})
	}
	return rows
}

func (r *Row) cells() []string {
	name, show := r.Name, func(v float64) string { return Quantity(v, r.Unit) }
	if r.Limit != "" {
		name = "  of " + r.Limit
		show = func(v float64) string { return RatioText(&Measurement{Unit: r.Unit}, v) }
	}
	interval := "too few rounds"
	if r.Interval != nil {
		interval = fmt.Sprintf("%.3f–%.3f", r.Interval[0], r.Interval[1])
	}
	chance := fmt.Sprintf("%.3f", r.P)
	if r.P < 0.001 {
		chance = "<0.001"
	}
	return []string{name, show(r.Old), show(r.New), fmt.Sprintf("%.3f", r.Ratio), interval, r.Change(), chance, fmt.Sprintf("%d+%d", r.Rounds[0], r.Rounds[1])}
}

// Warnings returns what a reader of the ratios has to know first, a sentence each.
func (c *Comparison) Warnings() []string {
	var texts []string
	for _, d := range c.Differences {
		texts = append(texts, d.String())
	}
	if len(c.OnlyOld) > 0 {
		texts = append(texts, "only the older file has "+strings.Join(c.OnlyOld, ", "))
	}
	if len(c.OnlyNew) > 0 {
		texts = append(texts, "only the newer file has "+strings.Join(c.OnlyNew, ", "))
	}
	if slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Interval == nil }) {
		texts = append(texts, "some rounds are too few to show a difference, however large it is: take 4 or more")
	}
	return texts
}
