package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"zhenni/bench/ingress"
	"zhenni/bench/population"
	"zhenni/bench/result"
)

// benchHTTP is bench http.
type benchHTTP struct {
	benchOutput
	peopleFlags
	Shards      int      `default:"0" placeholder:"N" help:"Shards; 0 is one a core."`
	Formats     []string `default:"arrow,lines,singles" enum:"arrow,lines,singles" help:"Formats to measure (default ${default})."`
	Sweep       []int    `placeholder:"PERCENT" help:"Loads of an open loop to measure beside, in per cent of the peak, as 25,50,80,100."`
	Wide        int      `default:"64" placeholder:"N" help:"Connections of singles, which share writes to the disk, and of open loops, where arrivals go on beside slow answers (default ${default})."`
	Experiment  string   `default:"none" enum:"none,overload,hot-credential,bulk-beside-singles,checks" help:"Measure one of these in place of the formats: overload, hot-credential, bulk-beside-singles or checks."`
	Jobs        int      `default:"10" placeholder:"N" help:"Jobs of bulk-beside-singles (default ${default})."`
	JobItems    int64    `default:"1000000" placeholder:"N" help:"Items of each (default ${default})."`
	Signed      string   `default:"none" enum:"none,ed25519,es256,sm2" help:"Measure each format beside with its results signed by ed25519, es256 or sm2 (default ${default})."`
	History     bool     `help:"Measure each format beside with a history of who asked, and without, for parties that are not of evaluation. It takes --mated 1."`
	Strict      bool     `help:"End with exit code 1 where a figure is not as wanted."`
	URL         string   `name:"url" env:"ZHENNI_BENCH_URL" help:"Measure the server there, of a store made by --make with the same flags, in place of one in this process."`
	APIKeysFile string   `name:"api-keys-file" type:"path" placeholder:"FILE" help:"With --url: the keys of the tenants, a line each."`
	Make        string   `type:"path" placeholder:"DIR" help:"Only make the store, with key, profile and API keys, in a new folder."`
}

// Help is shown by zhenni bench http --help.
func (benchHTTP) Help() string {
	return `Every format in turns with what bounds it: a server that reads and answers the same bytes (bare transport), a gateway that decides nothing (store skipped), raw rows over HTTP, and the node called in this process; recorded is with every answer in the audit log before it leaves. Load and server share this machine's cores. Every answer is held against the truth.

Examples:

    zhenni bench http --rounds 5 --time 2s --out http.json
    zhenni bench http --sweep 25,50,80,100 --formats arrow,singles --report http.html
    zhenni bench http --formats arrow,singles --signed ed25519
    zhenni bench http --population voices --zipf 1 --unknown 0.05 --revoked 0.01
    zhenni bench http --history --mated 1 --formats arrow,singles
    zhenni bench http --experiment overload --strict
    zhenni bench http --experiment checks --rounds 9 --time 2s`
}

// Run measures.
func (c *benchHTTP) Run(ctx context.Context, out *output) (err error) {
	people, err := c.people(c.Seed)
	if err != nil {
		return err
	}
	if err := c.questions(people).Validate(); err != nil {
		return usage("%w", err)
	}
	if err := c.checkHistory(); err != nil {
		return err
	}
	if c.Make != "" {
		return (&benchServer{people: people}).keep(ctx, out, c.Population, c.Make)
	}
	run := c.begin("http", c.settings(people))
	run.Settings["wide"] = fmt.Sprint(c.Wide)
	run.Settings["shards"] = fmt.Sprint(shardCount(c.Shards))
	server, err := c.server(ctx, out, people)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close(ctx)) }()
	if c.History {
		run.Settings["history"] = "made"
		if err := c.keepHistory(ctx, server); err != nil {
			return err
		}
	}
	var findings []ingress.Finding
	if c.Experiment != "none" {
		run.Settings["experiment"] = c.Experiment
		findings, err = c.experiment(ctx, out, run, server)
	} else {
		run.Settings["formats"] = strings.Join(c.Formats, ",")
		findings, err = c.formats(ctx, out, run, server)
	}
	if err != nil {
		return err
	}
	return errors.Join(c.finish(out, run), c.printProcessor(out, run), c.judge(out, findings))
}

// printProcessor prints what an item costs, where the server is in this process; not beside JSON, which has it among the counts.
func (c *benchHTTP) printProcessor(out *output, run *result.Run) error {
	rows := [][]string{{"processor time an item", "server and load"}}
	for i := range run.Measurements {
		m := &run.Measurements[i]
		if cost := ingress.ProcessorTime(m); cost > 0 && m.Sweep == "" {
			rows = append(rows, []string{m.Name, result.Quantity(float64(cost), result.Nanoseconds)})
		}
	}
	if c.JSON || c.URL != "" || len(rows) == 1 {
		return nil
	}
	return errors.Join(out.Print(""), out.Table(rows))
}

// server starts one, or names the one to ask.
func (c *benchHTTP) server(ctx context.Context, out *output, people population.Population) (*benchServer, error) {
	if c.URL == "" {
		s := &benchServer{people: people}
		if c.Experiment == "checks" {
			if err := s.drawDevices(); err != nil {
				return nil, err
			}
		}
		return s.start(ctx, out, c.Population, c.Shards, c.Signed)
	}
	keys, err := readKeys(c.APIKeysFile)
	return &benchServer{people: people, keys: keys, recorded: c.URL}, err
}

// formats measures every format beside its bounds, and then the loads below the peak.
func (c *benchHTTP) formats(ctx context.Context, out *output, run *result.Run, s *benchServer) ([]ingress.Finding, error) {
	bulk, err := ingress.NewRing(ctx, c.questions(s.people))
	if err != nil {
		return nil, err
	}
	wide, err := ingress.NewRing(ctx, c.wide(s.people))
	if err != nil {
		return nil, usage("--wide: %w", err)
	}
	b := ingress.NewBench()
	defer b.Close()
	if err := c.peaks(ctx, b, s, bulk, wide); err != nil {
		return nil, err
	}
	if run.Measurements, err = c.turns(ctx, out, b.Cases()); err != nil {
		return nil, err
	}
	findings := ingress.Reached(run, ingress.Goals())
	return findings, c.sweep(ctx, out, run, s, wide)
}

// wide are the questions over many connections.
func (c *benchHTTP) wide(people population.Population) ingress.Questions {
	q := c.questions(people)
	q.Connections = c.Wide
	return q
}

// peaks adds the closed loops. The first is the headline: what a server does as it is run.
func (c *benchHTTP) peaks(ctx context.Context, b *ingress.Bench, s *benchServer, bulk, wide *ingress.Ring) error {
	for _, format := range []struct {
		word                       string
		ring                       *ingress.Ring
		format                     ingress.Format
		recorded, unrecorded, bare string
	}{
		{"arrow", bulk, ingress.Arrow, ingress.NameArrow, ingress.NameArrowUnrecorded, ingress.NameTransport},
		{"lines", bulk, ingress.Lines, ingress.NameLines, ingress.NameLinesUnrecorded, ingress.NameLinesTransport},
		{"singles", wide, ingress.Singles, ingress.NameSingles, ingress.NameSinglesUnrecorded, ingress.NameEcho},
	} {
		if !slices.Contains(c.Formats, format.word) {
			continue
		}
		recorded := s.target(format.format, s.recorded)
		errs := []error{b.Peak(format.ring, ingress.Case{Name: format.recorded, Limit: format.bare, Target: recorded})}
		if c.Signed != "none" {
			signed := recorded
			signed.Server.Prefer = "signed-result"
			errs = append(errs, b.Peak(format.ring, ingress.Case{Name: format.recorded + ingress.SuffixSigned, Limit: format.recorded, Target: signed}))
		}
		errs = append(errs, s.historyPeaks(b, format.ring, format.format, format.recorded, format.bare))
		if s.unrecorded != "" {
			errs = append(errs, b.Peak(format.ring, ingress.Case{Name: format.unrecorded, Limit: format.bare, Target: s.target(format.format, s.unrecorded)}))
		}
		if format.format == ingress.Arrow && s.node != nil {
			errs = append(errs, c.straw(b, s, bulk))
		}
		errs = append(errs, b.Transport(ctx, format.ring, ingress.Case{Name: format.bare, Target: recorded}))
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// straw adds what does less than a server.
func (c *benchHTTP) straw(b *ingress.Bench, s *benchServer, ring *ingress.Ring) error {
	rows, skipped := s.target(ingress.Rows, s.rows), s.target(ingress.Arrow, s.skipped)
	rows.Keys, skipped.Blind = nil, true
	return errors.Join(
		b.Peak(ring, ingress.Case{Name: ingress.NameRows, Target: rows}),
		b.Peak(ring, ingress.Case{Name: ingress.NameSkipped, Limit: ingress.NameTransport, Target: skipped}),
		b.Peak(ring, ingress.Case{Name: ingress.NameDirect, Target: ingress.Target{Format: ingress.Direct, Node: s.node.shards}}),
	)
}

// sweep measures open loops at shares of the peaks found.
func (c *benchHTTP) sweep(ctx context.Context, out *output, run *result.Run, s *benchServer, wide *ingress.Ring) error {
	if len(c.Sweep) == 0 {
		return nil
	}
	b := ingress.NewBench()
	defer b.Close()
	for _, format := range []struct {
		name   string
		format ingress.Format
		items  int
	}{{ingress.NameArrow, ingress.Arrow, c.Batch}, {ingress.NameLines, ingress.Lines, c.Batch}, {ingress.NameSingles, ingress.Singles, 1}} {
		peak := run.Find(format.name)
		if peak == nil {
			continue
		}
		calls := peak.Median() / float64(format.items)
		for _, percent := range c.Sweep {
			share := float64(percent) / 100
			if percent < 1 || percent > 1000 {
				return usage("--sweep: %d: want 1–1000 per cent", percent)
			}
			if err := b.At(wide, ingress.Case{Name: format.name, Target: s.target(format.format, s.recorded)}, share, share*calls, c.Seed); err != nil {
				return err
			}
		}
	}
	out.Note("Sweeping …")
	swept, err := c.turns(ctx, out, b.Cases())
	run.Measurements = append(run.Measurements, swept...)
	return err
}

// judge prints figures beside what they should be.
func (c *benchHTTP) judge(out *output, findings []ingress.Finding) error {
	if err := printFindings(out, findings, c.JSON); err != nil {
		return err
	}
	missed := slices.ContainsFunc(findings, func(f ingress.Finding) bool { return !f.Met() })
	if missed && c.Strict {
		return notSo("not every figure is as wanted")
	}
	return nil
}

// printFindings prints figures beside what they should be; as notes, where the results are JSON.
func printFindings(out *output, findings []ingress.Finding, asNotes bool) error {
	if len(findings) == 0 {
		return nil
	}
	to := *out
	if asNotes {
		to.results = out.notes
	}
	return errors.Join(to.Print(""), to.Table(ingress.FindingTable(findings)))
}
