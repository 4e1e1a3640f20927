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
)

// The peers, as the table names them.
const (
	peerZhenni   = "zhenni"
	peerPostgres = "PostgreSQL"
	peerRedis    = "Redis"
	peerService  = "afternoon service"
	peerStores   = "in process"
)

// report is what a run measured. Rates are trials per second.
type report struct {
	Machine     machine   `json:"machine"`
	Started     time.Time `json:"started"`
	Credentials int       `json:"credentials"`
	Dim         int       `json:"dim"`
	Probes      int       `json:"distinct_probes"`
	Trials      int       `json:"distinct_trials"`
	Seed        uint64    `json:"seed"`
	Rounds      int       `json:"rounds"`
	TurnSeconds float64   `json:"turn_seconds"`
	Notes       []string  `json:"notes"`
	Skipped     []string  `json:"skipped,omitempty"`
	Rows        []row     `json:"rows"`
	Ratios      []ratio   `json:"ratios"`
}

// machine is where a run took place.
type machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
	Tier  string `json:"tier"`
	Load  string `json:"load_average_before"`
}

// A row is one contender: medians over the rounds.
type row struct {
	Peer    string    `json:"peer"`
	Kind    string    `json:"kind"`
	About   string    `json:"about"`
	Clients int       `json:"clients"`
	Items   int       `json:"items_per_request"`
	Rates   []float64 `json:"rates"`
	Rate    float64   `json:"rate"`
	P50     float64   `json:"p50_ms,omitempty"`
	P99     float64   `json:"p99_ms,omitempty"`
	// Behind is how many times the best of zhenni's recorded rows of the kind (bulk for pipelined) is faster, or how many
	// times the flat file is faster than another store: the median of the ratios within each round.
	Behind   float64 `json:"zhenni_is_times,omitempty"`
	Asked    int64   `json:"answers_checked"`
	Differed int64   `json:"answers_differing"`
	Shed     int64   `json:"requests_refused,omitempty"`
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
	r := row{Peer: c.peer, Kind: c.kind, About: c.about, Clients: c.clients, Items: c.items}
	var p50, p99 []float64
	for _, m := range rounds {
		r.Rates = append(r.Rates, m.rate)
		p50, p99 = append(p50, float64(m.p50)/1e6), append(p99, float64(m.p99)/1e6)
		r.Asked += m.asked
		r.Differed += m.differed
		r.Shed += m.shed
	}
	r.Rate, r.P50, r.P99 = median(r.Rates), median(p50), median(p99)
	return r
}

// name says which row is meant.
func (r row) name() string {
	if r.Items > 1 {
		return fmt.Sprintf("%s: %s, %d×%d", r.Peer, r.About, r.Clients, r.Items)
	}
	return fmt.Sprintf("%s: %s, %d clients", r.Peer, r.About, r.Clients)
}

func (r row) recorded() bool { return r.Peer == peerZhenni && !strings.HasSuffix(r.About, unrecorded) }

// median returns the middle of values, or the mean of the two in the middle; 0 where there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

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
	return slices.MaxFunc(found, func(a, b row) int { return cmp.Compare(a.Rate, b.Rate) }), true
}

// times returns a's rate as a multiple of b's, within each round.
func times(a, b row) []float64 {
	ratios := make([]float64, len(a.Rates))
	for i := range ratios {
		ratios[i] = a.Rates[i] / b.Rates[i]
	}
	return ratios
}

// compare fills what rows say of one another.
func (r *report) compare() {
	for i := range r.Rows {
		of := &r.Rows[i]
		against := func(x row) bool { return x.recorded() && x.Kind == kindBulk }
		switch of.Kind {
		case kindSingle:
			against = func(x row) bool { return x.recorded() && x.Kind == kindSingle }
		case kindStore:
			against = func(x row) bool { return x.About == flatName }
		}
		if first, ok := best(r.Rows, against); ok {
			of.Behind = median(times(first, *of))
		}
	}
	r.Ratios = r.Ratios[:0]
	for _, w := range wanted {
		ours, ok := best(r.Rows, func(x row) bool { return x.recorded() && x.Kind == w.ours })
		theirs, also := best(r.Rows, w.theirs)
		if !ok || !also {
			continue
		}
		each := times(ours, theirs)
		found := ratio{What: w.what, Zhenni: ours.name(), Peer: theirs.name(), Median: median(each), Low: slices.Min(each), High: slices.Max(each), Wanted: w.least}
		if without, ok := best(r.Rows, func(x row) bool { return x.Peer == peerZhenni && !x.recorded() && x.Kind == w.ours }); ok {
			found.Unrecorded = median(times(without, theirs))
		}
		r.Ratios = append(r.Ratios, found)
	}
}

// wanted are the comparisons to print, each with zhenni's best recorded row of a kind. Those to PostgreSQL are to its best
// row of float32 embeddings, which is pgvector's where it is measured, and to int8 rows that a client compares.
var wanted = []struct {
	what, ours string
	theirs     func(row) bool
	least      float64
}{
	{"bulk to PostgreSQL, float32", kindBulk, func(r row) bool { return inBulk(r) && r.About != fetchRowName }, 35},
	{"bulk to PostgreSQL, int8 fetched", kindBulk, func(r row) bool { return inBulk(r) && r.About == fetchRowName }, 0},
	{"bulk to Redis GET pipelined", kindBulk, func(r row) bool { return r.Peer == peerRedis && r.Kind == kindPipelined }, 7},
	{"bulk to Redis MGET", kindBulk, func(r row) bool { return r.Peer == peerRedis && r.Kind == kindBulk }, 0},
	{"bulk to the afternoon service's", kindBulk, func(r row) bool { return r.Peer == peerService && r.Kind == kindBulk }, 10},
	{"single to PostgreSQL by pgx, float32", kindSingle, func(r row) bool { return throughPgx(r) && r.About != fetchRowName }, 2},
	{"single to PostgreSQL by pgx, int8 fetched", kindSingle, func(r row) bool { return throughPgx(r) && r.About == fetchRowName }, 0},
	{"single to Redis GET", kindSingle, func(r row) bool { return r.Peer == peerRedis && r.Kind == kindSingle }, 0},
	{"single to the afternoon service's", kindSingle, func(r row) bool { return r.Peer == peerService && r.Kind == kindSingle }, 1.5},
}

// inBulk is PostgreSQL asked many questions at once.
func inBulk(r row) bool { return r.Peer == peerPostgres && r.Kind != kindSingle }

func throughPgx(r row) bool {
	return r.Peer == peerPostgres && r.Kind == kindSingle && r.About != pgbenchName
}

// disagreeing names the rows that decided other than zhenni in more than one of a thousand trials.
func (r *report) disagreeing() []string {
	var names []string
	for _, x := range r.Rows {
		if x.Asked == 0 || float64(x.Differed) > float64(x.Asked)/1000 {
			names = append(names, fmt.Sprintf("%s: %d of %d", x.name(), x.Differed, x.Asked))
		}
	}
	return names
}

// print writes the tables and the notes.
func (r *report) print(out io.Writer) error {
	fmt.Fprintf(out, "\n%d credentials, %d elements, %d distinct trials of %d probes, seed %d; medians of %d rounds of %v in rotated order\n",
		r.Credentials, r.Dim, r.Trials, r.Probes, r.Seed, r.Rounds, time.Duration(r.TurnSeconds*float64(time.Second)))
	fmt.Fprintf(out, "%s, %d cores, kernels %s, %s, %s, load before %s\n\n",
		r.Machine.CPU, r.Machine.Cores, r.Machine.Tier, r.Machine.OS, r.Machine.Go, r.Machine.Load)
	if err := r.printRows(out); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nzhenni is N× the row: its best recorded row of the kind (bulk for pipelined; for stores, the flat file) in the same round")
	fmt.Fprintln(out)
	if err := r.printRatios(out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, x := range r.Rows {
		if x.Shed > 0 {
			fmt.Fprintf(out, "- %s: %d requests were refused by admission and are not in its rate\n", x.name(), x.Shed)
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
	for _, x := range r.Rows {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s×\t%s\t  %s, %s: %s\n", x.Clients, x.Items, thousands(x.Rate),
			known(x.P50), known(x.P99), known(x.Behind), share(x.Differed, x.Asked), x.Peer, x.Kind, x.About)
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

// write keeps the report as JSON.
func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
