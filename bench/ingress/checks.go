package ingress

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/result"
)

// Checks measures what it costs to check everything around a verification: the signature of the request, its nonce, the quota,
// the service and its evidence, the counters of attempts and the signature of the result. Requests are made, and signed, before
// the clock runs.
//
// The server's processor time is that of this process for a request less the time for the same bytes to a server that reads them
// and answers with the same bytes: the load generator and the bare transport, on either side, are in both. Only questions that
// are answered yes are asked, which are those that cost most.
type Checks struct {
	// Questions are about whom and how many are asked; only mated ones are asked, of the first tenant. Its connections are of
	// bulk, Wide those of singles.
	Questions Questions
	Wide      int
	// Node tells which questions are answered yes.
	Node Verifier
	// Plain is a server that signs nothing, asked with the key of a party whose failures count, Bulk the same with the key of one
	// of evaluation. Checked is a server that does everything, and asked by signed requests of the desk's party.
	Plain, Bulk, Checked bench.Target
	Desk                 Desk
}

// A Desk asks for services, and shows evidence for them.
type Desk struct {
	// Party asks, for Service one by one and for BulkService in bulk, each with its Purpose. Service asks for liveness and
	// possession.
	Party, Service, BulkService, Purpose string
	// Terminal is the relying party that TerminalKey signs liveness for; Device signs possession for who has a credential.
	Terminal    string
	TerminalKey KeyPair
	Device      func(zhenni.CredentialID) KeyPair
}

// A KeyPair signs evidence.
type KeyPair struct {
	Private crypto.Signer
	Public  zhenni.PublicKey
}

// The figures that checks are held to, and how many requests are made ready at a time, so that the last of them is sent while
// its signature is good.
const (
	mostByPrimitives  = 1.3
	leastCheckedShare = 85 // per cent
	mostReady         = 16384
	warmRequests      = 8 // a connection
)

// Names of what is measured.
const (
	namePlainSingle   = "single with a key alone"
	nameCheckedSingle = "single with all checks"
	nameSessionSingle = "single with all checks, by session key"
	namePlainEcho     = "single with a key alone, bare echo"
	nameCheckedEcho   = "single with all checks, bare echo"
	namePlainArrow    = "arrow with a key alone"
	nameCheckedArrow  = "arrow with all checks"
	nameSessionArrow  = "arrow with all checks, by session key"
	nameSHAArrow      = "arrow with all checks, its digest sha-256"
	namePlainLines    = "lines with a key alone"
	nameCheckedLines  = "lines with all checks"

	serverOf     = "server of a "
	primitivesOf = "primitives of a "
	withTables   = ", by tables"
	onProcessors = ", processor time an item"
)

// Run measures all of them in turns.
func (c Checks) Run(ctx context.Context, rounds Rounds) (_ Outcome, err error) {
	if err := rounds.Validate(); err != nil {
		return Outcome{}, err
	}
	r := &checksRun{Checks: c}
	defer func() { err = errors.Join(err, r.close()) }()
	rounds.tell("questions")
	if err := r.prepare(ctx, rounds.About); err != nil {
		return Outcome{}, err
	}
	t := table{}
	for round := range rounds.N {
		costs := map[string]cost{}
		for turn := range r.sides {
			s := r.sides[(round+turn)%len(r.sides)]
			rounds.tell(s.name)
			if costs[s.name], err = r.press(ctx, s, s.requests); err != nil {
				return Outcome{}, fmt.Errorf("%s: %w", s.name, err)
			}
		}
		rounds.tell("primitives")
		r.note(&t, costs, r.primitives.measure(rounds.About/primitiveShare))
	}
	bound(&t, serverOf+nameCheckedSingle, primitivesOf+nameCheckedSingle)
	bound(&t, serverOf+nameSessionSingle, primitivesOf+nameSessionSingle)
	bound(&t, nameCheckedArrow, namePlainArrow)
	bound(&t, nameSessionArrow, namePlainArrow)
	bound(&t, nameSHAArrow, namePlainArrow)
	bound(&t, nameCheckedLines, namePlainLines)
	return Outcome{t.done(), []Finding{
		{"server of a single with all checks, by its primitives", t.ratio(serverOf+nameCheckedSingle, primitivesOf+nameCheckedSingle), mostByPrimitives, "×", true},
		{"arrow with all checks of arrow with a key alone", 100 * t.ratio(nameCheckedArrow, namePlainArrow), leastCheckedShare, "%", false},
		{"lines with all checks of lines with a key alone", 100 * t.ratio(nameCheckedLines, namePlainLines), leastCheckedShare, "%", false},
	}}, nil
}

// bound names what bounds a measurement.
func bound(t *table, name, limit string) { t.find(name).Limit = limit }

// A cost is what requests of one side came to.
type cost struct{ rate, nanoseconds float64 } // items a second, processor time an item

// note adds the figures of a round.
func (r *checksRun) note(t *table, costs map[string]cost, primitives map[string]float64) {
	server := func(name, echo string) float64 { return costs[name].nanoseconds - costs[echo].nanoseconds }
	t.add(serverOf+nameCheckedSingle, result.Nanoseconds, server(nameCheckedSingle, nameCheckedEcho))
	t.add(primitivesOf+nameCheckedSingle, result.Nanoseconds, primitives[primitivesOf+nameCheckedSingle])
	t.add(serverOf+nameSessionSingle, result.Nanoseconds, server(nameSessionSingle, nameCheckedEcho))
	t.add(primitivesOf+nameSessionSingle, result.Nanoseconds, primitives[primitivesOf+nameSessionSingle])
	for _, p := range r.primitives[0][ownSums:sums] {
		t.add(p.name, result.Nanoseconds, primitives[p.name])
	}
	t.add(serverOf+namePlainSingle, result.Nanoseconds, server(namePlainSingle, namePlainEcho))
	for _, s := range r.sides {
		if s.bulk {
			t.add(s.name, result.PerSecond, costs[s.name].rate)
		}
	}
	for _, s := range r.sides {
		t.add(s.name+onProcessors, result.Nanoseconds, costs[s.name].nanoseconds)
	}
	for _, p := range r.primitives[0][sums:] {
		t.add(p.name, result.Nanoseconds, primitives[p.name])
	}
}

// press sends so many requests of one side, made before the clock runs, over all of its connections.
func (r *checksRun) press(ctx context.Context, s *checksSide, requests int) (cost, error) {
	queues := make([][]*bench.Ready, len(s.senders))
	for i := range requests {
		if ctx.Err() != nil {
			return cost{}, context.Cause(ctx)
		}
		ready, err := r.ready(s)
		if err != nil {
			return cost{}, err
		}
		queues[i%len(queues)] = append(queues[i%len(queues)], ready)
	}
	runtime.GC() // what making them left behind is not to be collected while the clock runs
	errs := make([]error, len(queues))
	var sending sync.WaitGroup
	used, begun := processor(), time.Now()
	for i, client := range s.senders {
		sending.Go(func() { errs[i] = r.send(ctx, s, client, queues[i]) })
	}
	sending.Wait()
	took := time.Since(begun)
	items := float64(requests * s.items(r))
	return cost{items / took.Seconds(), float64(processor()-used) / items}, errors.Join(errs...)
}

// send sends the requests of one connection, one after the other.
func (r *checksRun) send(ctx context.Context, s *checksSide, client *bench.Client, queue []*bench.Ready) error {
	var outcomes []zhenni.Outcome
	for _, ready := range queue {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		outcomes = outcomes[:0]
		switch {
		case s.lines:
			outcomes, err = client.SendLines(ready, outcomes)
		case s.bulk:
			outcomes, err = client.SendArrow(ready, outcomes)
		default:
			var outcome zhenni.Outcome
			outcome, err = client.SendOne(ready)
			outcomes = append(outcomes, outcome)
		}
		if err != nil {
			return err
		}
		for _, outcome := range outcomes {
			if outcome != zhenni.Match {
				return fmt.Errorf("%w: %s where it was a match before", bench.ErrAnswer, outcome.Verdict())
			}
		}
	}
	return nil
}
