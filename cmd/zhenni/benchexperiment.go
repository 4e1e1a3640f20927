package main

import (
	"context"
	"time"

	"zhenni/bench/ingress"
	"zhenni/bench/population"
	"zhenni/bench/result"
)

// experiment runs one of the named experiments into run.
func (c *benchHTTP) experiment(ctx context.Context, out *output, run *result.Run, s *benchServer) ([]ingress.Finding, error) {
	presses := &experimentPresses{ctx: ctx, base: c.questions(s.people), server: s}
	defer presses.close()
	var subject interface {
		Run(context.Context, ingress.Rounds) (ingress.Outcome, error)
	}
	format := ingress.Singles
	if c.Formats[0] == "arrow" && len(c.Formats) == 1 {
		format = ingress.Arrow
	}
	even := c.questions(s.people).Skew
	switch c.Experiment {
	case "overload":
		memory := ingress.Resident
		if c.URL != "" {
			memory = nil
		}
		subject = ingress.Overload{
			Few: presses.add(format, even, c.Connections), Many: presses.add(format, even, overloadConnections), Memory: memory,
		}
	case "hot-credential":
		wide := c.Wide
		subject = ingress.HotCredential{
			Others: presses.add(format, even, wide), Even: presses.add(format, even, wide),
			Hot: presses.add(format, population.Skew{Hot: 1}, wide),
		}
	case "bulk-beside-singles":
		subject = ingress.BulkBesideSingles{
			Singles: presses.add(ingress.Singles, even, c.Wide), Jobs: presses.add(ingress.Arrow, even, c.Jobs), JobItems: c.JobItems,
		}
	case "checks":
		checks, err := c.checks(ctx, s)
		if err != nil {
			return nil, err
		}
		subject = checks
	}
	if presses.err != nil {
		return nil, presses.err
	}
	done, err := subject.Run(ctx, ingress.Rounds{N: c.Rounds, About: c.Time, Seed: c.Seed, Progress: func(part string) {
		out.Note("%s  %s …", time.Now().Format(time.TimeOnly), part)
	}})
	run.Measurements = done.Measurements
	return done.Findings, err
}

// overloadConnections are enough to fill the bounds of a server.
const overloadConnections = 512

// overloadProbes bounds the memory of wide presses.
const overloadProbes = 1 << 16

// experimentPresses makes presses and remembers the first error.
type experimentPresses struct {
	ctx    context.Context
	base   ingress.Questions
	server *benchServer
	made   []*ingress.Press
	err    error
}

func (p *experimentPresses) add(format ingress.Format, skew population.Skew, connections int) *ingress.Press {
	if p.err != nil {
		return nil
	}
	q := p.base
	q.Connections, q.Skew, q.Distinct = connections, skew, min(q.Distinct, overloadProbes)
	if format == ingress.Singles {
		q.BatchItems, q.Refresh = 64, 1
	}
	ring, err := ingress.NewRing(p.ctx, q)
	if err != nil {
		p.err = usage("%w", err)
		return nil
	}
	press, err := ingress.NewPress(ring, p.server.target(format, p.server.recorded))
	if err != nil {
		p.err = usage("%w", err)
		return nil
	}
	p.made = append(p.made, press)
	return press
}

func (p *experimentPresses) close() {
	for _, press := range p.made {
		press.Close()
	}
}
