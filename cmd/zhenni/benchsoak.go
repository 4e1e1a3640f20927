package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhenni/bench/ingress"
)

// benchSoak is bench soak.
type benchSoak struct {
	benchOutput
	peopleFlags
	Shards        int           `default:"0" placeholder:"N" help:"Shards; 0 is one a core."`
	Format        string        `default:"arrow" enum:"arrow,lines,singles" help:"Format of the questions: arrow, lines or singles (default ${default})."`
	Verifications int64         `placeholder:"N" help:"End after so many."`
	Duration      time.Duration `placeholder:"TIME" help:"End after so long, as 4h."`
	Share         float64       `default:"0.8" placeholder:"SHARE" help:"Load as a share of the peak, which is measured first (default ${default})."`
	Retention     retention     `name:"audit-retention" default:"1GiB" placeholder:"SIZE" help:"How much of the audit log's entries is kept; what is older is deleted after each sample (default ${default})."`
}

// Help is shown by zhenni bench soak --help.
func (benchSoak) Help() string {
	return `Presses evenly for hours, and samples rate, latency, memory, goroutines, descriptors and disk every --time. At the end the second half is judged: exit code 1 where the process leaks or its rate or latency drifts, by the slope of Theil and Sen beyond the tolerance that is printed.

Examples:

    zhenni bench soak --duration 4h --time 10s --report soak.html
    zhenni bench soak --verifications 500000000 --time 5s --out soak.json`
}

// Run soaks.
func (c *benchSoak) Run(ctx context.Context, out *output) (err error) {
	people, err := c.people(c.Seed)
	if err != nil {
		return err
	}
	soak := ingress.Soak{Share: c.Share, Verifications: c.Verifications, Duration: c.Duration, Interval: c.Time}
	if err := errors.Join(soak.Validate(), c.questions(people).Validate()); err != nil {
		return usage("%w", err)
	}
	run := c.begin("soak", c.settings(people))
	for name, value := range map[string]string{
		"format": c.Format, "share": fmt.Sprint(c.Share), "verifications": fmt.Sprint(c.Verifications), "duration": c.Duration.String(),
		"audit-retention": c.Retention.String(), "shards": fmt.Sprint(shardCount(c.Shards)),
	} {
		run.Settings[name] = value
	}
	s, err := (&benchServer{people: people}).start(ctx, out, c.Population, c.Shards, "none")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	done, err := c.soak(ctx, out, s, soak)
	if err != nil {
		return err
	}
	run.Measurements, run.Series = append(run.Measurements, done.Measurement), done.Series
	if err := errors.Join(c.finish(out, run), printFindings(out, done.Findings, c.JSON)); err != nil {
		return err
	}
	if slices.ContainsFunc(done.Findings, func(f ingress.Finding) bool { return !f.Met() }) {
		return notSo("the process leaks, or its rate or latency drifts")
	}
	return nil
}

func (c *benchSoak) soak(ctx context.Context, out *output, s *benchServer, soak ingress.Soak) (ingress.Soaked, error) {
	ring, err := ingress.NewRing(ctx, c.questions(s.people))
	if err != nil {
		return ingress.Soaked{}, err
	}
	format := map[string]ingress.Format{"arrow": ingress.Arrow, "lines": ingress.Lines, "singles": ingress.Singles}[c.Format]
	if soak.Press, err = ingress.NewPress(ring, s.target(format, s.recorded)); err != nil {
		return ingress.Soaked{}, err
	}
	defer soak.Press.Close()
	bar := out.Progress("verifications", c.Verifications)
	defer bar.Done()
	soak.Progress = bar.Set
	soak.Levels = func() ingress.Levels { return ingress.ReadLevels(s.disk) }
	soak.Upkeep = func() error { return c.Retention.prune(s.node.store.audit.Log, time.Now()) }
	return soak.Run(ctx)
}
