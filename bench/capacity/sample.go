package capacity

import (
	"fmt"

	"zhenni"
	"zhenni/bench/result"
)

// Machine is what a plan needs to know of the machine that was measured: bytes, and a count of cores.
type Machine struct{ Cores, Cache, Memory float64 }

// Reading is one kind of request at the highest rate that a node answered.
type Reading struct {
	// Items is the number of items of a request, Rate items a second had the cores been free of others.
	Items, Rate float64
	// CPU is nanoseconds of processor time an item, of node and load generator; Busy the share used of the cores that others
	// left; Taken the share that others took.
	CPU, Busy, Taken float64
}

// Sample is what a node of so many credentials came to, all of them hot.
type Sample struct {
	Credentials float64
	Bulk        []Reading
	Single      Reading
	// Heap is memory without the arena; View, Log and Keys are disk; Leaf, Answer and AnswerItem as in [Profile].
	Heap, View, Log, Keys    float64
	Leaf, Answer, AnswerItem float64
	// Loads are shares of the highest rate at which the P99 of singles was measured.
	Loads, P99 []float64
}

// NewProfile fits a profile to samples of two or more sizes; the largest is to be well beyond the cache, and one of them to
// have loads. [zhenni.ErrBadValue] says what is missing.
func NewProfile(machine Machine, dim int, samples []Sample) (p Profile, err error) {
	if len(samples) < 2 {
		return p, fmt.Errorf("%w: %d samples: want two sizes or more", zhenni.ErrBadValue, len(samples))
	}
	p = Profile{Dim: float64(dim), Cores: machine.Cores, Cache: machine.Cache, Memory: machine.Memory}
	if err := p.fitCosts(samples); err != nil {
		return p, err
	}
	if err := p.fitBytes(samples); err != nil {
		return p, err
	}
	var loads, p99 []float64
	for _, s := range samples {
		loads, p99 = append(loads, s.Loads...), append(p99, s.P99...)
	}
	if p.Tail, err = FitTail(loads, p99); err != nil {
		return p, fmt.Errorf("p99 of singles: %w", err)
	}
	return p, p.Validate()
}

func (p *Profile) fitCosts(samples []Sample) (err error) {
	var bulk, single []CostPoint
	var bulkBusy, singleBusy []float64
	for _, s := range samples {
		working := p.working(s.Credentials)
		for _, r := range s.Bulk {
			bulk = append(bulk, CostPoint{working, r.Items, r.CPU})
			bulkBusy = append(bulkBusy, r.Busy)
		}
		single = append(single, CostPoint{working, 1, s.Single.CPU})
		singleBusy = append(singleBusy, s.Single.Busy)
	}
	p.BulkBusy, p.SingleBusy = result.Median(bulkBusy), result.Median(singleBusy)
	if p.Bulk, err = FitCost(bulk, p.Cache); err != nil {
		return fmt.Errorf("cost of bulk: %w", err)
	}
	if p.Single, err = FitCost(single, p.Cache); err != nil {
		return fmt.Errorf("cost of singles: %w", err)
	}
	return nil
}

func (p *Profile) fitBytes(samples []Sample) (err error) {
	for _, line := range []struct {
		name string
		fit  *Line
		of   func(Sample) float64
	}{
		{"heap", &p.Heap, func(s Sample) float64 { return s.Heap }}, {"view", &p.View, func(s Sample) float64 { return s.View }},
		{"log", &p.Log, func(s Sample) float64 { return s.Log }}, {"keys", &p.Keys, func(s Sample) float64 { return s.Keys }},
	} {
		var x, y []float64
		for _, s := range samples {
			x, y = append(x, s.Credentials), append(y, line.of(s))
		}
		if *line.fit, err = FitLine(x, y); err != nil {
			return fmt.Errorf("%s: %w", line.name, err)
		}
	}
	for _, mean := range []struct {
		to *float64
		of func(Sample) float64
	}{
		{&p.Leaf, func(s Sample) float64 { return s.Leaf }}, {&p.Answer, func(s Sample) float64 { return s.Answer }},
		{&p.AnswerItem, func(s Sample) float64 { return s.AnswerItem }},
	} {
		for _, s := range samples {
			*mean.to += mean.of(s) / float64(len(samples))
		}
	}
	return nil
}

// Taken returns the largest share of the cores that others took while the sample was made. Much above 0 its rates are an
// extrapolation.
func (s Sample) Taken() float64 {
	taken := s.Single.Taken
	for _, r := range s.Bulk {
		taken = max(taken, r.Taken)
	}
	return taken
}

// Check is a prediction beside what was then measured.
type Check struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	Predicted float64 `json:"predicted"`
	Measured  float64 `json:"measured"`
}

// Error returns how far off the prediction is, as a share of what was measured.
func (c Check) Error() float64 { return c.Predicted/c.Measured - 1 }

// Confirm holds the profile's predictions for a node of the sample's size against the sample.
func (p Profile) Confirm(s Sample) []Check {
	var checks []Check
	for _, r := range s.Bulk {
		checks = append(checks,
			Check{fmt.Sprintf("bulk, %g items a request", r.Items), result.PerSecond, p.BulkRate(s.Credentials, r.Items), r.Rate},
			Check{fmt.Sprintf("processor time of an item, %g a request", r.Items), result.Nanoseconds, p.Bulk.At(p.working(s.Credentials), r.Items, p.Cache), r.CPU})
	}
	return append(checks,
		Check{"single verifications", result.PerSecond, p.SingleRate(s.Credentials), s.Single.Rate},
		Check{"processor time of a single one", result.Nanoseconds, p.Single.At(p.working(s.Credentials), 1, p.Cache), s.Single.CPU},
		Check{"memory", result.Bytes, p.MemoryFor(s.Credentials), float64(ArenaFor(s.Credentials, p.Dim)) + s.Heap},
		Check{"disk of the store", result.Bytes, p.DiskFor(s.Credentials), s.View + s.Log + s.Keys},
		Check{"record of a single answer", result.Bytes, p.Leaf + p.Answer, s.Leaf + s.Answer},
		Check{"record of a bulk item", result.Bytes, p.AnswerItem, s.AnswerItem})
}
