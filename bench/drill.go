package bench

import (
	"context"
	"fmt"
	"time"

	"zhenni"
)

// Subjects are people who exist only as vectors, each a fixed function of its number.
type Subjects interface {
	// Probe writes another capture of subject i to dst, which has the model's dimension; the captures of one subject
	// differ by sample.
	Probe(i, sample int, dst []float32)
}

// Drill presses a server with questions whose answers are known.
type Drill struct {
	Target   Target
	Subjects Subjects
	// IDs holds the credential of each subject, at least two.
	IDs []zhenni.CredentialID
	// Dim is the dimension of a probe.
	Dim int
	// Connections is the number of clients, each with one connection.
	Connections int
	// BatchItems is the number of items of a bulk request, 2–zhenni.MaxBatchItems.
	BatchItems int
	// Distinct is the least number of distinct probes over all connections. They are made, and held, ahead.
	Distinct int
	// Seed fixes which questions are asked.
	Seed uint64
}

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (d Drill) Validate() error {
	switch {
	case len(d.IDs) < 2:
		return fmt.Errorf("%w: %d credentials: want at least 2", zhenni.ErrBadValue, len(d.IDs))
	case d.Connections < 1 || d.Connections > 1024:
		return fmt.Errorf("%w: %d connections: want 1–1024", zhenni.ErrBadValue, d.Connections)
	case d.BatchItems < 2 || d.BatchItems > zhenni.MaxBatchItems:
		return fmt.Errorf("%w: %d items a batch: want 2–%d", zhenni.ErrBadValue, d.BatchItems, zhenni.MaxBatchItems)
	}
	return nil
}

// Tally counts answers against the truth.
type Tally struct {
	// Mated and NonMated count the questions that got a verdict, FalseNonMatches and FalseMatches the wrong verdicts.
	Mated, NonMated               int64
	FalseNonMatches, FalseMatches int64
	// Refused counts the items without a verdict.
	Refused int64
}

// FMR returns the false match rate.
func (t Tally) FMR() float64 { return float64(t.FalseMatches) / float64(max(t.NonMated, 1)) }

// FNMR returns the false non-match rate.
func (t Tally) FNMR() float64 { return float64(t.FalseNonMatches) / float64(max(t.Mated, 1)) }

func (t *Tally) note(mated bool, outcome zhenni.Outcome) {
	switch {
	case outcome != zhenni.Match && outcome != zhenni.NoMatch:
		t.Refused++
	case mated:
		t.Mated++
		if outcome == zhenni.NoMatch {
			t.FalseNonMatches++
		}
	default:
		t.NonMated++
		if outcome == zhenni.Match {
			t.FalseMatches++
		}
	}
}

// Add counts the answers of other too.
func (t *Tally) Add(other Tally) {
	t.Mated += other.Mated
	t.NonMated += other.NonMated
	t.FalseNonMatches += other.FalseNonMatches
	t.FalseMatches += other.FalseMatches
	t.Refused += other.Refused
}

// Bulk asks in batches by Arrow, every connection its next batch when the last is answered, and counts the answers.
// An answer with another number of items than the question is an error.
func (d *Driver) Bulk(ctx context.Context, duration time.Duration) (Result, Tally, error) {
	load := Load{Workers: len(d.askers), Duration: duration}
	return d.press(ctx, load, (*asker).askBatch)
}

// Singles asks one question a request, as JSON: rate requests a second over all connections, or as many as are
// answered where rate is 0.
func (d *Driver) Singles(ctx context.Context, duration time.Duration, rate float64) (Result, Tally, error) {
	load := Load{Workers: len(d.askers), Duration: duration, Rate: rate}
	return d.press(ctx, load, (*asker).askOne)
}

func (d *Driver) press(ctx context.Context, load Load, ask func(*asker) (int, error)) (Result, Tally, error) {
	for _, a := range d.askers {
		a.tally = Tally{}
	}
	result, err := load.Run(ctx, func(worker int) (int, error) { return ask(d.askers[worker]) })
	var tally Tally
	for _, a := range d.askers {
		tally.Add(a.tally)
	}
	return result, tally, err
}
