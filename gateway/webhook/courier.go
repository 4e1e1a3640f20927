package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"zhenni"
)

// Bounds of the queue and of what is in hand.
const (
	maxQueued      = 1024 // of an endpoint
	maxAllQueued   = 16 << 10
	maxInHand      = 256
	maxInHandOfOne = 4
	recordTimeout  = 10 * time.Second
	rescanPause    = 10 * time.Second
	sweepPause     = time.Hour
	longestIdle    = time.Minute
	maxLetters     = 1024 // of an endpoint
	letterLife     = 7 * 24 * time.Hour
	messageLife    = 22 * time.Hour // ends before the session is forgotten that it would be made from again
	failuresToRest = 5
	shortestRest   = 30 * time.Second
	longestRest    = time.Hour
)

// schedule are the pauses before a message is sent again.
var schedule = [...]time.Duration{
	5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// Sessions are those that are told of.
type Sessions interface {
	Session(id zhenni.SessionID) (zhenni.Session, bool)
	All() []zhenni.Session
}

// Record keeps small values by key, durably once Note returns; an empty value forgets. What it returns nobody changes.
type Record interface {
	Note(ctx context.Context, key string, value []byte) error
	Noted(key string) ([]byte, bool)
	Notes() map[string][]byte
}

// Config is what a [Courier] works with.
type Config struct {
	Sessions Sessions
	Record   Record
	// View is what who asks sees of a session, to be written as JSON.
	View func(zhenni.Session) any
	// Party finds the party of an endpoint. One that is not there, of another tenant or suspended is told nothing.
	Party func(id string) (zhenni.RelyingParty, bool)
	// Post sends: [Client.Post]. Allowed are the networks that endpoints may be registered in beside the public internet.
	Post    func(context.Context, Message) (status int, err error)
	Allowed []netip.Prefix
	// Entropy is what secrets are drawn from.
	Entropy io.Reader
	// Jitter draws a pause below one; nil draws evenly.
	Jitter func(time.Duration) time.Duration
	// Logger receives failures; nil is slog.Default().
	Logger *slog.Logger
}

// Courier tells the parties. Its methods may be called from several goroutines.
type Courier struct {
	config Config
	wake   chan struct{}
	stop   context.CancelFunc
	alive  context.Context
	done   sync.WaitGroup

	// keeping is held while endpoints are changed, through to the record of it.
	keeping sync.Mutex

	mu        sync.Mutex
	endpoints map[string]*endpoint
	// queued has every message that is in a queue or in hand, by id.
	queued  map[string]*notice
	inHand  int
	scanned time.Time
	stats   Stats
}

// endpoint is one with its queue. It is guarded by the courier's mu.
type endpoint struct {
	Endpoint
	queue  queue
	inHand int
	// missed says that the queue ran over: what is owed is looked for among the sessions when there is room.
	missed bool
	// failures are those in a row; nothing is sent before rests.
	failures int
	rests    time.Time
	letters  []Letter
}

// Open reads what is kept: [zhenni.ErrCorrupt]. Nothing is sent before [Courier.Start].
func Open(config Config) (*Courier, error) {
	if config.Jitter == nil {
		config.Jitter = func(d time.Duration) time.Duration { return rand.N(d) }
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	c := &Courier{config: config, wake: make(chan struct{}, 1), endpoints: map[string]*endpoint{}, queued: map[string]*notice{}}
	c.alive, c.stop = context.WithCancel(context.Background())
	return c, c.load()
}

// load takes up the endpoints, the messages that failed and the dead letters.
func (c *Courier) load() error {
	notes := c.config.Record.Notes()
	for key, value := range notes {
		if party, ok := strings.CutPrefix(key, endpointPrefix); ok {
			read, err := readEndpoint(party, value)
			if err != nil {
				return err
			}
			c.endpoints[party] = &endpoint{Endpoint: read, missed: true}
		}
	}
	for key, value := range notes {
		if strings.HasPrefix(key, endpointPrefix) {
			continue
		}
		o, n, err := readOutcome(key, value)
		if err != nil {
			return err
		}
		e, there := c.endpoints[o.Party]
		switch {
		case !there:
		case o.State == stateDead:
			e.letters = append(e.letters, newLetter(o, n))
		case o.State == stateFailed:
			c.enqueue(e, n)
		}
	}
	return nil
}

// Start begins to send.
func (c *Courier) Start() {
	c.done.Add(2)
	go c.run()
	go c.sweep()
}

// Close stops sending. A message in hand is given up, and told at the next start.
func (c *Courier) Close(ctx context.Context) error {
	c.stop()
	ended := make(chan struct{})
	go func() { c.done.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: webhooks: %w", zhenni.ErrDeadline, context.Cause(ctx))
	}
}

// Changed hears of every change of a session, after it is durable; before is zero for a new one. It does not wait.
func (c *Courier) Changed(before, after zhenni.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.endpoints {
		had := owed(&e.Endpoint, &before)
		for _, o := range owed(&e.Endpoint, &after) {
			if !slices.Contains(had, o) {
				c.owe(e, &after, o)
			}
		}
	}
}

// owe queues the message of an occasion, where it is neither queued nor known. The caller has mu.
func (c *Courier) owe(e *endpoint, s *zhenni.Session, o occasion) {
	id := messageID(e.Party, s.ID, o)
	if _, known := c.config.Record.Noted(id); known || c.queued[id] != nil {
		return
	}
	if e.Disabled {
		e.missed = true
		return
	}
	if len(e.queue)+e.inHand >= maxQueued || len(c.queued) >= maxAllQueued {
		e.missed = true
		c.stats.Deferred++
		return
	}
	c.enqueue(e, newNotice(&e.Endpoint, s, o, c.config.View))
}

func (c *Courier) enqueue(e *endpoint, n *notice) {
	c.queued[n.id] = n
	e.queue.push(n)
	c.poke()
}

// poke has the queues looked at.
func (c *Courier) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run starts what is due, whenever something may be.
func (c *Courier) run() {
	defer c.done.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.alive.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
		c.rescan(time.Now())
		timer.Reset(c.launch(time.Now()))
	}
}

// rescan looks through all sessions for what endpoints are owed whose queues ran over, once those are half empty.
func (c *Courier) rescan(now time.Time) {
	if !c.wantsScan(now) {
		return
	}
	for _, s := range c.config.Sessions.All() {
		if c.alive.Err() != nil {
			return
		}
		c.mu.Lock()
		for _, e := range c.endpoints {
			for _, o := range owed(&e.Endpoint, &s) {
				c.owe(e, &s, o)
			}
		}
		c.mu.Unlock()
	}
}

// wantsScan reports whether a scan is due, and takes it that one follows.
func (c *Courier) wantsScan(now time.Time) (wants bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queued) > maxAllQueued/2 || now.Before(c.scanned.Add(rescanPause)) {
		return false
	}
	for _, e := range c.endpoints {
		if e.missed && !e.Disabled && len(e.queue) <= maxQueued/2 {
			e.missed, wants = false, true
		}
	}
	if wants {
		c.scanned = now
	}
	return wants
}

// launch starts what is due, within the bounds, and says when to look again.
func (c *Courier) launch(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := now.Add(longestIdle)
	for _, e := range c.endpoints {
		if at := c.launchOf(e, now); at.Before(next) {
			next = at
		}
		if at := c.scanned.Add(rescanPause); e.missed && at.After(now) && at.Before(next) {
			next = at
		}
	}
	return max(next.Sub(now), 0)
}

// launchOf starts what is due to one endpoint, and says when there is more. The caller has mu.
func (c *Courier) launchOf(e *endpoint, now time.Time) time.Time {
	never := now.Add(longestIdle)
	limit := maxInHandOfOne
	if e.failures >= failuresToRest {
		limit = 1
	}
	if e.Disabled || !c.present(&e.Endpoint) {
		return never
	}
	for len(e.queue) > 0 && e.inHand < limit && c.inHand < maxInHand {
		at := e.queue[0].next
		if at.Before(e.rests) {
			at = e.rests
		}
		if now.Before(at) {
			return at
		}
		n := e.queue.pop()
		e.inHand++
		c.inHand++
		c.done.Add(1)
		go c.deliver(e, n, e.Endpoint)
	}
	return never // whatever comes back looks again
}

// present reports whether the party of an endpoint is there to be told.
func (c *Courier) present(e *Endpoint) bool {
	party, there := c.config.Party(e.Party)
	return there && party.Tenant == e.Tenant && !party.Suspended
}

// keep records something under a key; nothing else waits for it.
func (c *Courier) keep(key string, value []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	err := c.config.Record.Note(ctx, key, value)
	if err != nil && !errors.Is(err, zhenni.ErrOverloaded) {
		c.config.Logger.Warn("what became of a message is not recorded", "cause", err)
	}
	return err
}
