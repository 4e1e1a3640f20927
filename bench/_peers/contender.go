package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"zhenni/bench"
)

// Kinds of contenders: rows of one kind are compared with one another.
const (
	kindSingle    = "single"    // one question a request
	kindPipelined = "pipelined" // many requests in the air on one connection
	kindBulk      = "bulk"      // many questions in a request
	kindStore     = "store"     // in process: no server, no network
)

// A contender is one way of asking one peer.
type contender struct {
	peer, kind string
	// about says how it asks, for the table.
	about string
	// clients is the number of askers, items the number of trials of one request.
	clients, items int
	// dial makes the asker of the probes first … last-1; it may prepare its requests ahead.
	dial func(ctx context.Context, first, last int) (asker, error)
	// measure replaces dial for a program that asks by itself.
	measure func(ctx context.Context, d time.Duration) (measurement, error)
}

// An asker is one client. It is used by one goroutine at a time.
type asker interface {
	// ask puts the trials first … first+len(match)-1 and writes which of them are a match.
	ask(ctx context.Context, first int, match []bool) error
	close() error
}

// measurement is one turn of one contender.
type measurement struct {
	rate     float64       // trials per second
	p50, p99 time.Duration // of one request; 0 is not known
	asked    int64
	differed int64 // decisions other than zhenni's threshold makes
	shed     int64 // requests refused by admission
}

// A crew is a contender with its askers.
type crew struct {
	contender
	workload *workload
	members  []*member
}

// A member walks over the trials of its own probes, pass after pass.
type member struct {
	asker
	first, last int // probes
	pass, at    int
	match       []bool
	asked       int64
	differed    int64
}

// newCrew dials with all askers at once.
func newCrew(ctx context.Context, w *workload, c contender) (*crew, error) {
	crew := &crew{contender: c, workload: w}
	if c.measure != nil {
		return crew, nil
	}
	share := w.probeCount() / c.clients
	if share < c.items {
		return nil, fmt.Errorf("%s: %d probes for %d clients of %d", c.about, w.probeCount(), c.clients, c.items)
	}
	crew.members = make([]*member, c.clients)
	errs := make([]error, c.clients)
	var dialling sync.WaitGroup
	for i := range crew.members {
		dialling.Go(func() {
			m := &member{first: i * share, last: (i + 1) * share, pass: i % passes, match: make([]bool, c.items)}
			m.at = m.first
			if m.asker, errs[i] = c.dial(ctx, m.first, m.last); errs[i] == nil {
				crew.members[i] = m
			}
		})
	}
	dialling.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		err := errs[i] // the others tell the same
		return nil, errors.Join(fmt.Errorf("%s: %s: %w", c.peer, c.about, err), crew.close())
	}
	return crew, nil
}

func (c *crew) close() error {
	var errs []error
	for _, m := range c.members {
		if m != nil {
			errs = append(errs, m.asker.close())
		}
	}
	return errors.Join(errs...)
}

// turn presses for d and counts the decisions.
func (c *crew) turn(ctx context.Context, d time.Duration) (measurement, error) {
	if c.measure != nil {
		return c.measure(ctx, d)
	}
	for _, m := range c.members {
		m.asked, m.differed = 0, 0
	}
	load := bench.Load{Workers: c.clients, Duration: d}
	result, err := load.Run(ctx, func(worker int) (int, error) { return c.members[worker].step(ctx, c.workload) })
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %s: %w", c.peer, c.about, err)
	}
	got := measurement{rate: result.ItemsPerSecond(), p50: result.Quantile(0.5), p99: result.Quantile(0.99), shed: result.Shed}
	for _, m := range c.members {
		got.asked += m.asked
		got.differed += m.differed
	}
	return got, nil
}

// step asks the next request's trials and holds the answers against the truth.
func (m *member) step(ctx context.Context, w *workload) (int, error) {
	first := m.pass*w.probeCount() + m.at
	if err := m.ask(ctx, first, m.match); err != nil {
		return 0, err
	}
	var differed int64
	for i, match := range m.match {
		if match != w.match[first+i] {
			differed++
		}
	}
	m.asked += int64(len(m.match))
	m.differed += differed
	if m.at += len(m.match); m.at+len(m.match) > m.last {
		m.at, m.pass = m.first, (m.pass+1)%passes
	}
	return len(m.match), nil
}
