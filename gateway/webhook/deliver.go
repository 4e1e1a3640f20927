package webhook

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// deliver makes one attempt at a message, which it owns until then. to is the endpoint as it was when the attempt was begun.
func (c *Courier) deliver(e *endpoint, n *notice, to Endpoint) {
	defer c.done.Done()
	if !c.stillOwed(&to, n) {
		c.forget(e, n)
		return
	}
	now := time.Now()
	status, err := c.config.Post(c.alive, Message{URL: to.URL, ID: n.id, At: now, Body: n.body, Secrets: to.secrets(now)})
	switch {
	case err != nil && c.alive.Err() != nil: // given up; it is owed at the next start
	case err == nil && status/100 == 2:
		c.told(e, n)
	case err == nil && status == http.StatusGone:
		c.gone(e, n)
	default:
		c.failed(e, n, status)
	}
	c.poke()
}

// stillOwed reports whether a message is still for the party: it may have lost a role, or be told less; and a phone rings for nothing
// where nobody waits any more.
func (c *Courier) stillOwed(to *Endpoint, n *notice) bool {
	party, there := c.config.Party(to.Party)
	if !there || !mayHear(party, n.event) || !slices.Contains(to.Events, n.event) {
		return false
	}
	if n.event != EventWaiting {
		return true
	}
	s, there := c.config.Sessions.Session(n.session)
	return there && n.number < len(s.Seats) && waitedFor(&s, n.number)
}

// told records a message that was taken, before it leaves the queue: a scan meanwhile finds it in one or the other.
func (c *Courier) told(e *endpoint, n *notice) {
	_ = c.keep(n.id, outcomeOf(e.Party, n, stateTold, 0).record()) // told again after a restart, at worst
	c.mu.Lock()
	defer c.mu.Unlock()
	c.land(e, n)
	e.failures, e.rests = 0, time.Time{}
	c.stats.Delivered++
}

// forget ends a message that is of no use any more.
func (c *Courier) forget(e *endpoint, n *notice) {
	_ = c.keep(n.id, nil) // at worst it is found again, and forgotten again
	c.mu.Lock()
	defer c.mu.Unlock()
	c.land(e, n)
	c.poke()
}

// land ends a message that was in hand. The caller has mu.
func (c *Courier) land(e *endpoint, n *notice) {
	delete(c.queued, n.id)
	e.inHand--
	c.inHand--
}

// gone disables an endpoint that answered that it is. What waits for it goes on waiting, until it is set again or too old.
func (c *Courier) gone(e *endpoint, n *notice) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.mu.Lock()
	e.Disabled = true
	record, current := e.record(), c.endpoints[e.Party] == e
	c.stats.Failed++
	c.land(e, n)
	if current {
		c.enqueue(e, n)
	}
	c.mu.Unlock()
	if current {
		_ = c.keep(endpointKey(e.Party), record) // at worst it says so once more
	}
}

// failed records an attempt that was not taken, and when the next one is, before that can begin.
func (c *Courier) failed(e *endpoint, n *notice, status int) {
	now := time.Now()
	n.tries++
	dead := n.tries > len(schedule) || !now.Before(n.until)
	state := stateDead
	if n.next = now; !dead {
		state, n.next = stateFailed, now.Add(c.config.Jitter(schedule[n.tries-1]))
	}
	o := outcomeOf(e.Party, n, state, status)
	_ = c.keep(n.id, o.record()) // at worst the next start begins with it anew
	c.mu.Lock()
	c.land(e, n)
	c.stats.Failed++
	current := c.endpoints[e.Party] == e
	if e.failures++; e.failures >= failuresToRest {
		e.rests = now.Add(rest(e.failures, c.config.Jitter))
	}
	var buried []Letter
	switch {
	case current && dead:
		buried = c.bury(e, newLetter(o, n))
	case current:
		c.enqueue(e, n)
	}
	c.mu.Unlock()
	if !current {
		_ = c.keep(n.id, nil) // the sweep would
	}
	c.release(buried)
}

// rest is how long an endpoint is left alone after so many failures in a row: half of it for sure.
func rest(failures int, jitter func(time.Duration) time.Duration) time.Duration {
	d := longestRest
	if doublings := failures - failuresToRest; doublings < 8 {
		d = min(d, shortestRest<<doublings)
	}
	return d/2 + jitter(d/2)
}

// sweep expires what is too old, from time to time.
func (c *Courier) sweep() {
	defer c.done.Done()
	ticker := time.NewTicker(sweepPause)
	defer ticker.Stop()
	for {
		select {
		case <-c.alive.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		c.expire(now)
		c.release(c.outlived(now))
		c.prune()
	}
}

// expire makes dead letters of what waited too long for an endpoint that rests or is disabled.
func (c *Courier) expire(now time.Time) {
	type late struct {
		e *endpoint
		n *notice
	}
	var all []late
	c.mu.Lock()
	for _, e := range c.endpoints {
		var kept queue
		for _, n := range e.queue {
			if now.Before(n.until) {
				kept.push(n)
				continue
			}
			e.inHand++ // as an attempt that is not made
			c.inHand++
			all = append(all, late{e, n})
		}
		e.queue = kept
	}
	c.mu.Unlock()
	for _, l := range all {
		l.n.next = now
		o := outcomeOf(l.e.Party, l.n, stateDead, 0)
		_ = c.keep(l.n.id, o.record())
		c.mu.Lock()
		c.land(l.e, l.n)
		buried := c.bury(l.e, newLetter(o, l.n))
		c.mu.Unlock()
		c.release(buried)
	}
}

// prune forgets what became of the messages of sessions that are forgotten, and the endpoints of parties that were removed.
func (c *Courier) prune() {
	for key, value := range c.config.Record.Notes() {
		if c.alive.Err() != nil {
			return
		}
		if strings.HasPrefix(key, endpointPrefix) {
			continue
		}
		if o, n, err := readOutcome(key, value); err == nil && !c.needed(o, n) {
			_ = c.keep(key, nil) // in an hour
		}
	}
	for _, e := range c.Endpoints() {
		if party, there := c.config.Party(e.Party); !there || party.Tenant != e.Tenant {
			_ = c.Remove(c.alive, e.Party) // in an hour
		}
	}
}

// needed reports whether what became of a message is still asked for.
func (c *Courier) needed(o outcome, n *notice) (there bool) {
	if o.State == stateTold {
		_, there = c.config.Sessions.Session(n.session)
		return there
	}
	_, there = c.Endpoint(o.Party)
	return there
}

// release records that letters which are kept no longer are not to be written again, as long as their session is there.
func (c *Courier) release(letters []Letter) {
	for _, l := range letters {
		var record []byte
		if _, there := c.config.Sessions.Session(l.Session); there {
			record = outcome{State: stateTold, Session: l.Session.String()}.record()
		}
		_ = c.keep(l.ID, record) // the sweep comes by again
	}
}
