package webhook

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"zhenni"
)

// ErrHost: the operator did not allow the party a webhook at that host.
var ErrHost = errors.New("webhook: the host is none of those that the operator allows the party")

// Set registers the endpoint of a party, in the place of the one it had, and returns it with a new secret once that is durable.
// [zhenni.ErrBadValue], [zhenni.ErrOverloaded] beyond [MaxEndpoints].
func (c *Courier) Set(ctx context.Context, party zhenni.RelyingParty, r Registration) (Endpoint, error) {
	u, err := readURL(r.URL, c.config.Allowed)
	if err != nil {
		return Endpoint{}, err
	}
	if r, err = r.check(party, u); err != nil {
		return Endpoint{}, err
	}
	return c.change(ctx, party, r.Grace, func(e Endpoint, there bool) (Endpoint, error) {
		if !there {
			e = Endpoint{Party: party.ID, Tenant: party.Tenant, Since: time.Now()}
		}
		e.URL, e.Hosts, e.Events = r.URL, r.Hosts, r.Events
		return e, nil
	})
}

// Move has a party change the address of its endpoint, among the hosts that it was given, and returns it with a new secret. What
// the secret before signed is signed with both for a day. [zhenni.ErrNotFound], [zhenni.ErrBadValue], [ErrHost].
func (c *Courier) Move(ctx context.Context, party zhenni.RelyingParty, address string) (Endpoint, error) {
	u, err := readURL(address, c.config.Allowed)
	if err != nil {
		return Endpoint{}, err
	}
	return c.change(ctx, party, 24*time.Hour, func(e Endpoint, there bool) (Endpoint, error) {
		switch {
		case !there || e.Tenant != party.Tenant:
			return e, fmt.Errorf("%w: webhook of the party", zhenni.ErrNotFound)
		case !sameOrigin(u, e):
			return e, ErrHost
		}
		e.URL = address
		return e, nil
	})
}

// sameOrigin reports whether an address is one of the hosts of an endpoint, by the scheme that the operator set.
func sameOrigin(u *url.URL, e Endpoint) bool {
	set, err := url.Parse(e.URL)
	return err == nil && u.Scheme == set.Scheme && slices.Contains(e.Hosts, u.Hostname())
}

// change makes an edited endpoint durable, with another secret, and takes it up. It is enabled again, and its rest ends.
func (c *Courier) change(ctx context.Context, party zhenni.RelyingParty, grace time.Duration, edit func(Endpoint, bool) (Endpoint, error)) (Endpoint, error) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	secret, err := NewSecret(c.config.Entropy)
	if err != nil {
		return Endpoint{}, err
	}
	before, there := c.Endpoint(party.ID)
	if there && before.Tenant != party.Tenant {
		before, there = Endpoint{}, false // a party of that id that was
	}
	after, err := edit(before, there)
	if err != nil {
		return Endpoint{}, err
	}
	after = after.renewed(secret, time.Now().Add(grace))
	after.Disabled = false
	if !there && len(c.Endpoints()) >= MaxEndpoints {
		return Endpoint{}, fmt.Errorf("%w: %d webhooks are registered", zhenni.ErrOverloaded, MaxEndpoints)
	}
	if err := c.config.Record.Note(ctx, endpointKey(party.ID), after.record()); err != nil {
		return Endpoint{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.endpoints[party.ID]
	if e == nil {
		e = &endpoint{}
		c.endpoints[party.ID] = e
	}
	e.Endpoint, e.missed, e.failures, e.rests, c.scanned = after, true, 0, time.Time{}, time.Time{}
	c.poke()
	return after, nil
}

// Remove forgets the endpoint of a party with all that waits for it: [zhenni.ErrNotFound].
func (c *Courier) Remove(ctx context.Context, party string) error {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if _, there := c.Endpoint(party); !there {
		return fmt.Errorf("%w: webhook of %q", zhenni.ErrNotFound, party)
	}
	if err := c.config.Record.Note(ctx, endpointKey(party), nil); err != nil {
		return err
	}
	c.mu.Lock()
	e := c.endpoints[party]
	delete(c.endpoints, party)
	var ids []string
	for _, n := range e.queue {
		delete(c.queued, n.id)
		ids = append(ids, n.id)
	}
	for _, l := range e.letters {
		ids = append(ids, l.ID)
	}
	e.queue, e.letters = nil, nil
	c.mu.Unlock()
	for _, id := range ids {
		_ = c.keep(id, nil) // nobody asks for it any more
	}
	return nil
}

// Endpoint returns that of a party.
func (c *Courier) Endpoint(party string) (Endpoint, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, there := c.endpoints[party]
	if !there {
		return Endpoint{}, false
	}
	return e.Endpoint, true
}

// Endpoints returns all, by party.
func (c *Courier) Endpoints() []Endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Endpoint, 0, len(c.endpoints))
	for _, e := range c.endpoints {
		all = append(all, e.Endpoint)
	}
	slices.SortFunc(all, func(a, b Endpoint) int { return cmp.Compare(a.Party, b.Party) })
	return all
}

// Test sends one message of [EventTest] to the endpoint of a party, at once and once, and returns the status of the answer:
// [zhenni.ErrNotFound], [zhenni.ErrUnavailable] without one.
func (c *Courier) Test(ctx context.Context, party string) (status int, err error) {
	e, there := c.Endpoint(party)
	if !there {
		return 0, fmt.Errorf("%w: webhook of %q", zhenni.ErrNotFound, party)
	}
	var id [16]byte
	if _, err := io.ReadFull(rand.Reader, id[:]); err != nil {
		return 0, fmt.Errorf("%w: no entropy for an id: %w", zhenni.ErrUnavailable, err)
	}
	now := time.Now()
	return c.config.Post(ctx, Message{
		URL: e.URL, ID: "msg_" + hex.EncodeToString(id[:]), At: now, Body: writeBody(EventTest, now, struct{}{}), Secrets: e.secrets(now),
	})
}

// Stats are what a courier did since it was opened, and what it has to do now.
type Stats struct {
	// Delivered, Failed, Dead and Deferred count messages taken, attempts that were not, messages given up, and occasions that
	// found no room and are looked for later.
	Delivered, Failed, Dead, Deferred uint64
	// Queued are the messages that wait, those in hand among them; Letters the dead letters that are kept.
	Queued, InHand, Letters int
	// Endpoints are all, Resting those that failed too often in a row, Disabled those that are gone.
	Endpoints, Resting, Disabled int
}

// Stats returns them now.
func (c *Courier) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Queued, stats.InHand, stats.Endpoints = len(c.queued), c.inHand, len(c.endpoints)
	now := time.Now()
	for _, e := range c.endpoints {
		stats.Letters += len(e.letters)
		if now.Before(e.rests) {
			stats.Resting++
		}
		if e.Disabled {
			stats.Disabled++
		}
	}
	return stats
}
