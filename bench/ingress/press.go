package ingress

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/population"
)

// Format is how questions are put.
type Format uint8

// The formats. Arrow and Lines are the bulk formats of a server, Singles its requests of one item; Rows is [ServeRows], and
// Direct calls a node in this process.
const (
	Arrow Format = iota
	Lines
	Singles
	Rows
	Direct
)

// Verifier is a node as batches are put to it directly.
type Verifier interface {
	Verify(b *zhenni.Batch, deadline time.Time) error
}

// Target is what is asked.
type Target struct {
	Format Format
	// Server is asked with one of Keys, by tenant, from tenant 1 on. Its own key is not used.
	Server bench.Target
	Keys   []string
	// Node is asked where the format is Direct.
	Node Verifier
	// Blind is of a target that decides nothing: what it answers is not counted.
	Blind bool
}

// Questions says what is asked, of whom and by how many. What is held is Distinct × (Dim + 64) bytes, and no less than one request
// a connection.
type Questions struct {
	Population population.Population
	Skew       population.Skew
	Mix        population.Mix
	// Connections is the number of clients, each with one connection, 1–1024.
	Connections int
	// BatchItems is the number of items of a bulk request: a multiple of 4, to zhenni.MaxBatchItems.
	BatchItems int
	// Distinct is the least number of distinct probes over all connections, made ahead and asked in turn.
	Distinct int
	// Refresh is how many probes of a request are made anew before it is sent, so that a long run asks about everybody. It is
	// work of the load generator.
	Refresh int
}

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (q Questions) Validate() error {
	switch {
	case q.Connections < 1 || q.Connections > 1024:
		return fmt.Errorf("%w: %d connections: want 1–1024", zhenni.ErrBadValue, q.Connections)
	case q.BatchItems < 4 || q.BatchItems > zhenni.MaxBatchItems || q.BatchItems%4 != 0:
		return fmt.Errorf("%w: %d items a batch: want 4–%d, in fours", zhenni.ErrBadValue, q.BatchItems, zhenni.MaxBatchItems)
	case q.Refresh < 0 || q.Refresh > q.BatchItems:
		return fmt.Errorf("%w: %d probes a request made anew: want 0–%d", zhenni.ErrBadValue, q.Refresh, q.BatchItems)
	}
	_, err := population.NewQuestions(q.Population, q.Skew, q.Mix, 0)
	return err
}

// Ring is questions made ready, in requests that are sent again and again, a part made anew each time. Several presses may use
// one ring, one at a time.
type Ring struct {
	questions Questions
	askers    []*asker
}

// An asker is the questions of one connection.
type asker struct {
	draw   *population.Questions
	rounds []*round
	next   int // of rounds, in turn
	item   int // of rounds[next], for single questions
	fresh  int // the next item to make anew
}

// round is one request in the bulk format: its ids and rows lie in the body that is sent.
type round struct {
	population.Round
	arrow *bench.ArrowBatch
}

// NewRing draws the questions, on as many cores as there are connections.
func NewRing(ctx context.Context, q Questions) (*Ring, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	r := &Ring{questions: q, askers: make([]*asker, q.Connections)}
	errs := make([]error, q.Connections)
	var working sync.WaitGroup
	for i := range r.askers {
		working.Go(func() { r.askers[i], errs[i] = q.newAsker(ctx, uint64(i)) })
	}
	working.Wait()
	return r, errors.Join(errs...)
}

func (q Questions) newAsker(ctx context.Context, number uint64) (*asker, error) {
	draw, err := population.NewQuestions(q.Population, q.Skew, q.Mix, number)
	if err != nil {
		return nil, err
	}
	a := &asker{draw: draw}
	share := q.Connections * q.BatchItems
	for range max(1, (q.Distinct+share-1)/share) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		r, err := newRound(q.BatchItems, q.Population.Dim)
		if err != nil {
			return nil, err
		}
		draw.Fill(&r.Round)
		a.rounds = append(a.rounds, r)
	}
	return a, nil
}

func newRound(n, dim int) (*round, error) {
	// What is to be found in the body is not all zeros.
	rows, ids := make([]int8, n*dim), make([]zhenni.CredentialID, n)
	for i := range ids {
		ids[i][0], rows[i*dim] = 1, 2
	}
	batch, err := bench.NewArrowBatch(ids, bench.Vectors{Dim: dim, Int8: rows})
	if err != nil {
		return nil, err
	}
	columns := batch.Columns()
	if columns == nil {
		return nil, fmt.Errorf("%w: the columns of %d items do not adjoin", zhenni.ErrBadBatch, n)
	}
	ids = asIDs(columns[:16*n])
	return &round{arrow: batch, Round: population.Round{
		IDs: ids, Rows: batch.Probes().Int8, Kinds: make([]population.Kind, n), Subjects: make([]int64, n),
	}}, nil
}

// turn makes the next request ready.
func (a *asker) turn(refresh int) *round {
	r := a.rounds[a.next]
	a.next = (a.next + 1) % len(a.rounds)
	if a.next == 0 {
		a.fresh = (a.fresh + refresh) % len(r.IDs)
	}
	a.draw.Refresh(&r.Round, a.fresh, min(a.fresh+refresh, len(r.IDs)))
	a.draw.Reclaim(&r.Round)
	return r
}

// Press puts the questions of a ring to one target. It is used by one goroutine at a time.
type Press struct {
	ring    *Ring
	target  Target
	callers []*caller
}

// A caller is one connection.
type caller struct {
	press    *Press
	asker    *asker
	client   *bench.Client // nil where the format is Direct
	path     []string      // of rows, by tenant
	batch    zhenni.Batch
	outcomes []zhenni.Outcome
	tally    population.Tally
}

// NewPress makes the clients; they dial with the first request.
func NewPress(ring *Ring, target Target) (*Press, error) {
	tenants := max(ring.questions.Population.Tenants, 1)
	if target.Format != Direct && target.Format != Rows && !target.Blind && len(target.Keys) < tenants {
		return nil, fmt.Errorf("%w: %d keys for %d tenants", zhenni.ErrBadValue, len(target.Keys), tenants)
	}
	p := &Press{ring: ring, target: target}
	for _, a := range ring.askers {
		c := &caller{press: p, asker: a, outcomes: make([]zhenni.Outcome, 0, ring.questions.BatchItems)}
		if target.Format != Direct {
			var err error
			if c.client, err = bench.NewClient(target.Server); err != nil {
				return nil, err
			}
		}
		for tenant := range tenants {
			c.path = append(c.path, "/"+strconv.Itoa(tenant+1))
		}
		p.callers = append(p.callers, c)
	}
	return p, nil
}

// Close closes the connections.
func (p *Press) Close() {
	for _, c := range p.callers {
		if c.client != nil {
			c.client.Close()
		}
	}
}

// errImpossible is of a target whose answers no threshold explains.
var errImpossible = errors.New("ingress: a match for a credential that does not exist or is revoked")

// Run presses as load says, with as many workers as there are connections, and counts the answers.
func (p *Press) Run(ctx context.Context, load bench.Load) (bench.Result, population.Tally, error) {
	load.Workers = len(p.callers)
	for _, c := range p.callers {
		c.tally = population.Tally{}
	}
	result, err := load.Run(ctx, func(worker int) (int, error) { return p.callers[worker].ask() })
	var tally population.Tally
	for _, c := range p.callers {
		tally.Add(c.tally)
	}
	if err == nil && tally.Impossible() > 0 {
		err = errImpossible
	}
	return result, tally, err
}

func (c *caller) ask() (int, error) {
	if c.press.target.Format == Singles {
		return c.askOne()
	}
	r := c.asker.turn(c.press.ring.questions.Refresh)
	if c.client != nil && len(c.press.target.Keys) > 0 {
		c.client.As(c.press.target.Keys[r.Tenant-1])
	}
	err := c.send(r)
	if err != nil {
		return 0, err
	}
	if !c.press.target.Blind {
		for i, outcome := range c.outcomes {
			c.tally.Note(r.Kinds[i], outcome)
		}
	}
	return len(r.IDs), nil
}

// send puts a request and leaves its answer in outcomes.
func (c *caller) send(r *round) (err error) {
	dim := c.press.ring.questions.Population.Dim
	c.outcomes = c.outcomes[:0]
	switch c.press.target.Format {
	case Arrow:
		c.outcomes, err = c.client.VerifyArrow(r.arrow, c.outcomes)
	case Lines:
		c.outcomes, err = c.client.VerifyLines(r.IDs, bench.Vectors{Dim: dim, Int8: r.Rows}, c.outcomes)
	case Rows:
		var answer []byte
		if answer, err = c.client.Post(c.path[r.Tenant-1], mediaRows, r.arrow.Columns()); err == nil {
			c.outcomes, err = appendRowOutcomes(c.outcomes, answer, len(r.IDs))
		}
	case Direct:
		c.outcomes = c.outcomes[:len(r.IDs)]
		clear(c.outcomes)
		c.batch = zhenni.Batch{Tenant: r.Tenant, Evaluation: true, Dim: dim, IDs: r.IDs, Int8: r.Rows, Outcomes: c.outcomes}
		err = c.press.target.Node.Verify(&c.batch, time.Now().Add(time.Minute))
	}
	return err
}

func (c *caller) askOne() (int, error) {
	a := c.asker
	r := a.rounds[a.next]
	i, dim := a.item, c.press.ring.questions.Population.Dim
	if a.item++; a.item == len(r.IDs) {
		a.item = 0
		a.turn(c.press.ring.questions.Refresh)
	}
	kind := r.Kinds[i]
	if len(c.press.target.Keys) > 0 {
		c.client.As(c.press.target.Keys[r.Tenant-1])
	}
	outcome, err := c.client.Verify(r.IDs[i], bench.Vectors{Dim: dim, Int8: r.Rows[i*dim : (i+1)*dim]})
	if err != nil {
		return 0, err
	}
	if !c.press.target.Blind {
		c.tally.Note(kind, outcome)
	}
	return 1, nil
}
