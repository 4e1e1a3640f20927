package webhook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zhenni"
)

// Letter is a message that nobody took, and that is not sent again by itself.
type Letter struct {
	ID      string
	Event   Event
	Session zhenni.SessionID
	// At is the time of what it tells, Died when it was given up.
	At, Died time.Time
	Tries    int
	// Status is that of the last answer, 0 without one.
	Status int

	body   []byte
	number int
}

func newLetter(o outcome, n *notice) Letter {
	return Letter{ID: n.id, Event: n.event, Session: n.session, At: n.at, Died: n.next, Tries: n.tries, Status: o.Status, body: n.body, number: n.number}
}

// bury takes a dead letter, and returns those that are no longer kept for it. The caller has mu.
func (c *Courier) bury(e *endpoint, l Letter) (released []Letter) {
	c.stats.Dead++
	e.letters = append(e.letters, l)
	if over := len(e.letters) - maxLetters; over > 0 {
		released = slices.Clone(e.letters[:over])
		e.letters = slices.Delete(e.letters, 0, over)
	}
	return released
}

// outlived takes out the letters that were kept long enough.
func (c *Courier) outlived(now time.Time) (released []Letter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.endpoints {
		e.letters = slices.DeleteFunc(e.letters, func(l Letter) bool {
			old := !now.Before(l.Died.Add(letterLife))
			if old {
				released = append(released, l)
			}
			return old
		})
	}
	return released
}

// Letters returns the dead letters of a party, the oldest first.
func (c *Courier) Letters(party string) []Letter {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, there := c.endpoints[party]
	if !there {
		return nil
	}
	letters := slices.Clone(e.letters)
	slices.SortFunc(letters, func(a, b Letter) int { return a.Died.Compare(b.Died) })
	return letters
}

// Redeliver sends a dead letter of a party again, under its id, by the whole schedule: [zhenni.ErrNotFound],
// [zhenni.ErrOverloaded] where its queue is full.
func (c *Courier) Redeliver(ctx context.Context, party, id string) error {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	l, err := c.letter(party, id)
	if err != nil {
		return err
	}
	now := time.Now()
	n := &notice{id: id, session: l.Session, occasion: occasion{l.Event, l.number}, at: l.At, next: now, until: now.Add(messageLife), body: l.body}
	if err := c.config.Record.Note(ctx, id, outcomeOf(party, n, stateFailed, l.Status).record()); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.endpoints[party]
	e.letters = slices.DeleteFunc(e.letters, func(other Letter) bool { return other.ID == id })
	c.enqueue(e, n)
	return nil
}

// letter finds a dead letter that there is room to send.
func (c *Courier) letter(party, id string) (Letter, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, there := c.endpoints[party]
	if !there {
		return Letter{}, fmt.Errorf("%w: webhook of the party", zhenni.ErrNotFound)
	}
	i := slices.IndexFunc(e.letters, func(l Letter) bool { return l.ID == id })
	switch {
	case i < 0:
		return Letter{}, fmt.Errorf("%w: dead letter", zhenni.ErrNotFound)
	case len(e.queue)+e.inHand >= maxQueued || len(c.queued) >= maxAllQueued:
		return Letter{}, fmt.Errorf("%w: the queue of the webhook is full", zhenni.ErrOverloaded)
	}
	return e.letters[i], nil
}
