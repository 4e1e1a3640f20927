package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"zhenni/bench/result"
)

// The peers, as the table names them.
const (
	peerZhenni   = "zhenni"
	peerPostgres = "PostgreSQL"
	peerRedis    = "Redis"
	peerService  = "afternoon service"
	peerStores   = "in process"
)

// report is a result file (package result) of layer "peers", with what the rows say of one another beside it.
type report struct {
	result.Run
	Ratios  []ratio  `json:"ratios"`
	Notes   []string `json:"notes"`
	Skipped []string `json:"skipped,omitempty"`

	rows []row
}

// A row is one contender: its rates of all rounds in trials per second, and medians over the rounds.
type row struct {
	contender
	rates    []float64
	rate     float64
	p50, p99 float64 // milliseconds of a request; 0 is not known
	// behind is how many times the best of zhenni's recorded rows of the kind (bulk for pipelined) is faster, or how many
	// times the flat file is faster than another store: the median of the ratios within each round.
	behind float64
	// Answers held against the truth, those that differed, and requests refused by admission, of all rounds.
	asked, differed, shed int64
}

// A ratio is one of the comparisons wanted of zhenni.
type ratio struct {
	What   string  `json:"what"`
	Zhenni string  `json:"zhenni"`
	Peer   string  `json:"peer"`
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	// Unrecorded is the median for zhenni without its record; peers keep none.
	Unrecorded float64 `json:"unrecorded_median,omitempty"`
	// Wanted is the least median that is aimed at; 0 where none is.
	Wanted float64 `json:"wanted,omitempty"`
}

// newRow takes the measurements of one contender, one a round.
func newRow(c contender, rounds []measurement) row {
	r := row{contender: c}
	var p50, p99 []float64
	for _, m := range rounds {
		r.rates = append(r.rates, m.rate)
		p50, p99 = append(p50, milliseconds(m.p50)), append(p99, milliseconds(m.p99))
		r.asked += m.asked
		r.differed += m.differed
		r.shed += m.shed
	}
	r.rate, r.p50, r.p99 = result.Median(r.rates), result.Median(p50), result.Median(p99)
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measurement is the row as a result file has it.
func (r row) measurement() result.Measurement {
	m := result.Measurement{Name: r.name(), Unit: result.PerSecond, Rounds: r.rates,
		Counts: map[string]int64{"asked": r.asked, "differed": r.differed, "refused": r.shed}}
	if r.p99 > 0 {
		m.Latency = &result.Latency{Count: r.asked / int64(r.items),
			Quantiles: []result.Quantile{{Q: 0.5, Milliseconds: r.p50}, {Q: 0.99, Milliseconds: r.p99}}}
	}
	return m
}

// name says which row is meant.
func (r row) name() string {
	if r.items > 1 {
		return fmt.Sprintf("%s: %s, %d×%d", r.peer, r.about, r.clients, r.items)
	}
	return fmt.Sprintf("%s: %s, %d clients", r.peer, r.about, r.clients)
}

func (r row) recorded() bool { return r.peer == peerZhenni && !strings.HasSuffix(r.about, unrecorded) }

// best returns the row with the highest median of those that are meant.
func best(rows []row, meant func(row) bool) (row, bool) {
	var found []row
	for _, r := range rows {
		if meant(r) {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return row{}, false
	}
	return slices.MaxFunc(found, func(a, b row) int { return cmp.Compare(a.rate, b.rate) }), true
}

// times returns a's rate as a multiple of b's, within each round.
func times(a, b row) []float64 {
	ratios := make([]float64, len(a.rates))
	for i := range ratios {
		ratios[i] = a.rates[i] / b.rates[i]
	}
	return ratios
}

// compare fills what rows say of one another.
func (r *report) compare() {
	for i := range r.rows {
		of := &r.rows[i]
		against := func(x row) bool { return x.recorded() && x.kind == kindBulk }
		switch of.kind {
		case kindSingle:
			against = func(x row) bool { return x.recorded() && x.kind == kindSingle }
		case kindStore:
			against = func(x row) bool { return x.about == flatName }
		}
		if first, ok := best(r.rows, against); ok {
			of.behind = result.Median(times(first, *of))
		}
	}
	r.Ratios = r.Ratios[:0]
	for _, w := range wanted {
		ours, ok := best(r.rows, func(x row) bool { return x.recorded() && x.kind == w.ours })
		theirs, also := best(r.rows, w.theirs)
		if !ok || !also {
			continue
		}
		each := times(ours, theirs)
		found := ratio{What: w.what, Zhenni: ours.name(), Peer: theirs.name(), Median: result.Median(each), Low: slices.Min(each), High: slices.Max(each), Wanted: w.least}
		if without, ok := best(r.rows, func(x row) bool { return x.peer == peerZhenni && !x.recorded() && x.kind == w.ours }); ok {
			found.Unrecorded = result.Median(times(without, theirs))
		}
		r.Ratios = append(r.Ratios, found)
	}
}

// wanted are the comparisons to print, each with zhenni's best recorded row of a kind. Those to PostgreSQL and Redis are to the best
// row of float32 embeddings, which is pgvector's where it is measured, and, without a goal, to int8 rows that a client compares.
var wanted = []struct {
	what, ours string
	theirs     func(row) bool
	least      float64
}{
	{"bulk to PostgreSQL, float32", kindBulk, func(r row) bool { return inBulk(r) && r.about != fetchRowName }, 35},
	{"bulk to PostgreSQL, int8 fetched", kindBulk, func(r row) bool { return inBulk(r) && r.about == fetchRowName }, 0},
	{"bulk to Redis GET pipelined, float32", kindBulk, func(r row) bool { return pipelined(r) && strings.HasSuffix(r.about, formats[1].about) }, 7},
	{"bulk to Redis GET pipelined, int8", kindBulk, func(r row) bool { return pipelined(r) && strings.HasSuffix(r.about, formats[0].about) }, 0},
	{"bulk to Redis MGET", kindBulk, func(r row) bool { return r.peer == peerRedis && r.kind == kindBulk }, 0},
	{"bulk to the afternoon service's", kindBulk, func(r row) bool { return r.peer == peerService && r.kind == kindBulk }, 10},
	{"single to PostgreSQL by pgx, float32", kindSingle, func(r row) bool { return throughPgx(r) && r.about != fetchRowName }, 2},
	{"single to PostgreSQL by pgx, int8 fetched", kindSingle, func(r row) bool { return throughPgx(r) && r.about == fetchRowName }, 0},
	{"single to Redis GET", kindSingle, func(r row) bool { return r.peer == peerRedis && r.kind == kindSingle }, 0},
	{"single to the afternoon service's", kindSingle, func(r row) bool { return r.peer == peerService && r.kind == kindSingle }, 1.5},
}

// inBulk is PostgreSQL asked many questions at once.
func inBulk(r row) bool { return r.peer == peerPostgres && r.kind != kindSingle }

func pipelined(r row) bool { return r.peer == peerRedis && r.kind == kindPipelined }

func throughPgx(r row) bool {
	return r.peer == peerPostgres && r.kind == kindSingle && r.about != pgbenchName
}

// disagreeing names the rows that decided other than zhenni in more than one of a thousand trials.
func (r *report) disagreeing() []string {
	var names []string
	for _, x := range r.rows {
		if x.asked == 0 || float64(x.differed) > float64(x.asked)/1000 {
			names = append(names, fmt.Sprintf("%s: %d of %d", x.name(), x.differed, x.asked))
		}
	}
	return names
}

// print writes the tables and the notes.
func (r *report) print(out io.Writer) error {
	s := r.Settings
	fmt.Fprintf(out, "\n%s credentials, %s elements, %s probes in %d passes, seed %d; medians of %s rounds of %s in rotated order\n",
		s["credentials"], s["dim"], s["probes"], passes, r.Seed, s["rounds"], s["turn"])
	fmt.Fprintf(out, "%s, %d cores, kernels %s, %s, %s, load before %.1f\n\n",
		r.Machine.CPU, r.Machine.Cores, r.Machine.Tier, r.Machine.Platform, r.Build.Go, r.Machine.Load)
	if err := r.printRows(out); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nzhenni is N× the row: its best recorded row of the kind (bulk for pipelined; for stores, the flat file) in the same round")
	fmt.Fprintln(out)
	if err := r.printRatios(out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, x := range r.rows {
		if x.shed > 0 {
			fmt.Fprintf(out, "- %s: %d requests were refused by admission and are not in its rate\n", x.name(), x.shed)
		}
	}
	for _, note := range slices.Concat(r.Notes, r.Skipped) {
		fmt.Fprintf(out, "- %s\n", note)
	}
	return nil
}

func (r *report) printRows(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "clients\titems\trate/s\tp50 ms\tp99 ms\tzhenni is\tdiffering\t  what")
	for _, x := range r.rows {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s×\t%s\t  %s, %s: %s\n", x.clients, x.items, thousands(x.rate),
			known(x.p50), known(x.p99), known(x.behind), share(x.differed, x.asked), x.peer, x.kind, x.about)
	}
	return w.Flush()
}

func (r *report) printRatios(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ratio\tmedian\trounds\twanted\tnot recorded\tof\tto")
	for _, x := range r.Ratios {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f–%.2f\t%s\t%s\t%s\t%s\n", x.What, x.Median, x.Low, x.High, x.verdict(),
			known(x.Unrecorded), x.Zhenni, x.Peer)
	}
	return w.Flush()
}

func (x ratio) verdict() string {
	switch {
	case x.Wanted == 0:
		return "–"
	case x.Median >= x.Wanted:
		return fmt.Sprintf("≥ %g: met", x.Wanted)
	}
	return fmt.Sprintf("≥ %g: not met", x.Wanted)
}

// known writes a number, or a dash for none.
func known(x float64) string {
	if x == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}

func share(part, of int64) string {
	if part == 0 {
		return "0"
	}
	return fmt.Sprintf("%.1e", float64(part)/float64(of))
}

// thousands writes a rate with its thousands apart.
func thousands(rate float64) string {
	digits := fmt.Sprintf("%.0f", rate)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// write keeps the report as a result file; zhenni's best recorded row in bulk is its headline.
func (r *report) write(path string) error {
	rows := slices.Clone(r.rows)
	if head, ok := best(rows, func(x row) bool { return x.recorded() && x.kind == kindBulk }); ok {
		i := slices.IndexFunc(rows, func(x row) bool { return x.name() == head.name() })
		rows = slices.Insert(slices.Delete(rows, i, i+1), 0, head)
	}
	for _, x := range rows {
		r.Measurements = append(r.Measurements, x.measurement())
	}
	if err := r.Finish(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
