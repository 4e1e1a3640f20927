package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"zhenni"
	"zhenni/bench/result"
)

// benchSessions is bench sessions.
type benchSessions struct {
	Live        int     `default:"10000" placeholder:"N" help:"Sessions that are live (default ${default})."`
	Events      float64 `name:"rate" default:"0.01" placeholder:"SHARE" help:"Events a second, as a share of the sessions that are live (default ${default})."`
	Followed    int     `default:"0" placeholder:"N" help:"Sessions that both parties follow by server-sent events, over a connection each; events are of these. 0 is as many as this process may have files open for."`
	benchOutput `embed:"" set:"time=2s"`
}

// Help is shown by zhenni bench sessions --help.
func (benchSessions) Help() string {
	return `A server of its own, on a temporary store, with so many live sessions. An event is a phone that takes its seat: it is sent as the phone sends it, with evidence of possession, is durable before it is told, and the time is from when it was due up to when both parties have read it from their streams. Load and server share this machine's cores. Memory is the resident set of the server alone.

Examples:

    zhenni bench sessions --live 10000 --rate 0.01
    zhenni bench sessions --rounds 30 --time 2s --json`
}

// Validate refuses what can not be measured.
func (c *benchSessions) Validate() error {
	most := connectionsAtMost()
	if c.Followed == 0 {
		c.Followed = min(c.Live, most/2)
	}
	switch {
	case c.Live < 1 || c.Live > 20_000:
		return fmt.Errorf("--live %d: want 1–20000", c.Live)
	case c.Followed < 1 || c.Followed > c.Live || 2*c.Followed > most:
		return fmt.Errorf("--followed %d: want 1–%d, which this process may have files open for", c.Followed, min(c.Live, most/2))
	case c.Events <= 0 || c.perRound() < 1:
		return fmt.Errorf("--rate %v: want an event a round or more", c.Events)
	case c.perRound()*c.Rounds > c.Followed:
		return fmt.Errorf("%d rounds of %v have %d events: a session that is followed has one, and there are %d", c.Rounds, c.Time, c.perRound()*c.Rounds, c.Followed)
	}
	return c.benchOutput.Validate()
}

// perRound is how many events are due in a round.
func (c *benchSessions) perRound() int { return int(float64(c.Live) * c.Events * c.Time.Seconds()) }

// spareFiles are those of a server beside its connections; others use one address and its ports, of which there are 28,232.
const (
	spareFiles = 1000
	mostPorts  = 27_000
)

// connectionsAtMost is how many connections this process and a server that it starts may have with one another.
func connectionsAtMost() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return min(int(min(limit.Cur, 1<<20))-spareFiles, mostPorts)
}

// Run measures.
func (c *benchSessions) Run(ctx context.Context, out *output) (err error) {
	run := c.begin("sessions", map[string]string{
		"live": fmt.Sprint(c.Live), "rate": fmt.Sprint(c.Events), "followed": fmt.Sprint(c.Followed), "cores": fmt.Sprint(runtime.NumCPU()),
	})
	out.Note("Making a server with %d sessions ready …", c.Live)
	server, err := startSessionServer(ctx, c.Followed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	load, err := newSessionLoad(server, c.Followed)
	if err != nil {
		return err
	}
	defer load.close()
	levels := []int64{server.resident()}
	if err := load.begin(ctx, c.Live); err != nil {
		return environment("%w", err)
	}
	levels = append(levels, server.resident())
	if err := load.follow(ctx); err != nil {
		return environment("%w", err)
	}
	levels = append(levels, server.resident())
	told, err := c.press(ctx, out, server, load)
	if err != nil {
		return environment("%w", err)
	}
	told = append(told,
		perSession("memory/idle", levels[1]-levels[0], c.Live),
		perSession("memory/followed", levels[2]-levels[1], c.Followed))
	run.Measurements = told
	return c.finish(out, run)
}

// perSession is what one of so many takes of memory, a byte at least.
func perSession(name string, bytes int64, sessions int) result.Measurement {
	return result.Measurement{Name: name, Unit: result.Bytes, Rounds: []float64{max(1, float64(bytes)/float64(sessions))}}
}

// press brings the events of all rounds, one when it is due, and measures them.
func (c *benchSessions) press(ctx context.Context, out *output, server *sessionServer, load *sessionLoad) ([]result.Measurement, error) {
	bar := out.Progress("events", int64(c.perRound()*c.Rounds))
	defer bar.Done()
	event := result.Measurement{Name: "event/both-told", Unit: result.Milliseconds}
	cost := result.Measurement{Name: "processor/event", Unit: result.Nanoseconds}
	var all []time.Duration
	for round := range c.Rounds {
		used := server.processor()
		times, err := load.press(ctx, round*c.perRound(), c.perRound(), c.Time)
		if err != nil {
			return nil, err
		}
		cost.Rounds = append(cost.Rounds, max(1, float64(server.processor()-used)/float64(len(times))))
		slices.Sort(times)
		event.Rounds = append(event.Rounds, result.InMilliseconds(quantileOf(times, 0.99)))
		all = append(all, times...)
		bar.Add(len(times))
	}
	slices.Sort(all)
	event.Latency = result.NewLatency(int64(len(all)), func(q float64) time.Duration { return quantileOf(all, q) })
	event.Counts = map[string]int64{"events": int64(len(all)), "live": int64(c.Live), "streams": int64(2 * c.Followed)}
	return []result.Measurement{event, cost}, nil
}

// quantileOf is the smallest of sorted times that the share q of them does not exceed.
func quantileOf(sorted []time.Duration, q float64) time.Duration {
	at := min(int(q*float64(len(sorted))), len(sorted)-1)
	return sorted[at]
}

// benchService asks for a face, on a phone.
const benchService = `{"version":"bench","services":[{"id":"bench","zh":"测","en":"Bench","category":"bench","purposes":["measure"],"level":"lite",
  "factors":[["face"]],"without_face":[["card"]],"liveness":"none","liveness_max_age_s":0,"capture_max_age_s":0,"possession":true,"fmr":1e-5}]}`

// benchKind is of sessions that wait long and need no digits.
const benchKind = zhenni.SessionGroup
