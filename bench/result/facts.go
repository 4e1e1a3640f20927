package result

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fact is something about a run that is not a measurement, as text; empty where it is not known.
type Fact struct {
	Name, Value string
	// alone marks a fact that two runs may differ in and still be comparable.
	alone bool
}

// Facts returns what is known about the run: of its machine, its build and its settings, in an order for reading.
func (r *Run) Facts() []Fact {
	facts := []Fact{
		{Name: "layer", Value: r.Layer},
		{Name: "started", Value: r.Started.UTC().Format(time.DateTime + " UTC"), alone: true},
		{Name: "commit", Value: r.Commit, alone: true},
		{Name: "seed", Value: strconv.FormatUint(r.Seed, 10)},
	}
	for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
		facts = append(facts, Fact{Name: "setting " + name, Value: r.Settings[name]})
	}
	return append(append(facts, r.Machine.facts()...), r.Build.facts()...)
}

func (m *Machine) facts() []Fact {
	memory := ""
	if m.Memory > 0 {
		memory = Quantity(float64(m.Memory), Bytes)
	}
	return []Fact{
		{Name: "CPU", Value: m.CPU}, {Name: "cores", Value: strconv.Itoa(m.Cores)}, {Name: "instruction set", Value: m.Tier},
		{Name: "governor", Value: m.Governor}, {Name: "memory", Value: memory}, {Name: "huge pages", Value: m.HugePages},
		{Name: "kernel", Value: m.Kernel}, {Name: "platform", Value: m.Platform},
		{Name: "load before", Value: fmt.Sprintf("%.2f", m.Load), alone: true},
	}
}

func (b *Build) facts() []Fact {
	limit := "none"
	if b.HeapLimit < math.MaxInt64 {
		limit = Quantity(float64(b.HeapLimit), Bytes)
	}
	var settings []string
	for _, name := range slices.Sorted(maps.Keys(b.Settings)) {
		settings = append(settings, name+"="+b.Settings[name])
	}
	return []Fact{
		{Name: "Go", Value: b.Go}, {Name: "build", Value: strings.Join(settings, " ")}, {Name: "version", Value: b.Executable, alone: true},
		{Name: "GOMAXPROCS", Value: strconv.Itoa(b.MaxProcs)}, {Name: "GOGC", Value: b.GC}, {Name: "GOMEMLIMIT", Value: limit},
	}
}

// Difference is a reason why two runs may not be comparable.
type Difference struct {
	What string `json:"what"`
	Old  string `json:"old"`
	New  string `json:"new"`
	// Why says what it means, where it is more than that the two are not the same.
	Why string `json:"why,omitempty"`
}

func (d Difference) String() string {
	if d.Why == "" {
		return fmt.Sprintf("%s differs: %s, then %s", d.What, orUnknown(d.Old), orUnknown(d.New))
	}
	return fmt.Sprintf("%s: %s, then %s: %s", d.What, orUnknown(d.Old), orUnknown(d.New), d.Why)
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// differences returns the facts that are not the same in both runs but should be, and what is wrong with either.
func differences(older, newer *Run) []Difference {
	found := []Difference{}
	if loose(older.Commit) || loose(newer.Commit) {
		found = append(found, Difference{"commit", older.Commit, newer.Commit, "no commit says what was built"})
	}
	if overloaded(older) || overloaded(newer) {
		found = append(found, Difference{"load before", fmt.Sprint(older.Machine.Load), fmt.Sprint(newer.Machine.Load), "the machine had more to do than it has cores"})
	}
	names, before := older.same()
	more, after := newer.same()
	for _, name := range more {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if before[name] != after[name] {
			found = append(found, Difference{What: name, Old: before[name], New: after[name]})
		}
	}
	return found
}

// same returns the facts that are the same in runs that can be compared, by name, and their names in order.
func (r *Run) same() (names []string, values map[string]string) {
	values = map[string]string{}
	for _, fact := range r.Facts() {
		if !fact.alone {
			names = append(names, fact.Name)
			values[fact.Name] = fact.Value
		}
	}
	return names, values
}

// Caveats returns what is wrong with the run by itself, a sentence each.
func (r *Run) Caveats() []string {
	var texts []string
	if loose(r.Commit) {
		texts = append(texts, "no commit says what was built: "+orUnknown(r.Commit))
	}
	if overloaded(r) {
		texts = append(texts, fmt.Sprintf("the machine had more to do than it has cores: load %.1f on %d", r.Machine.Load, r.Machine.Cores))
	}
	if r.Build.Settings["-race"] == "true" {
		texts = append(texts, "built with the race detector, which is several times slower")
	}
	return texts
}

// loose reports whether a revision does not name what was built.
func loose(commit string) bool {
	return commit == "" || commit == "unknown" || strings.HasSuffix(commit, "+modified")
}

func overloaded(r *Run) bool { return r.Machine.Load > float64(max(r.Machine.Cores, 1)) }
