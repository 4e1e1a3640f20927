package lifecycle

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"zhenni"
)

// client is one of those who use the system at the same time.
type client struct {
	number  int
	random  *rand.Rand
	system  *system
	history *History
	ids     []zhenni.CredentialID
}

// Enrolments, changes, reads and verifications of the same credentials at once, while shards move and after the node
// was opened again, over rows that stay in memory, rows that are read each time, and a store that panics: one order of
// events explains every answer.
//
// FAULTS: C1 C2 C5 C8 C9 C14
func TestHistoriesHaveAnOrder(t *testing.T) {
	for name, s := range map[string]*system{
		"warm":   newSystem(t, 64, 0),
		"cold":   newSystem(t, 1, 0),
		"panics": newSystem(t, 1, 17),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var history History
			for round := range rounds {
				s.open(t)
				race(t, s, &history, people(round/3, 24), uint64(round))
				s.close(t)
			}
			if err := history.Check(); err != nil {
				t.Error(err)
			}
			t.Logf("%d operations", history.Len())
		})
	}
}

// race lets four clients loose and moves shards until they are done.
func race(t *testing.T, s *system, h *History, ids []zhenni.CredentialID, seed uint64) {
	t.Helper()
	done, moved := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(moved)
		for shards := 1; ; shards = shards%7 + 1 {
			select {
			case <-done:
				return
			default:
			}
			if err := s.node.SetShards(context.Background(), shards); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	var clients sync.WaitGroup
	for number := range 4 {
		c := &client{number, rand.New(rand.NewPCG(seed, uint64(number))), s, h, ids}
		clients.Go(func() {
			for range turns {
				c.act(t)
			}
		})
	}
	clients.Wait()
	close(done)
	<-moved
}

func (c *client) act(t *testing.T) {
	switch n := c.random.IntN(100); {
	case n < 40:
		c.change(t)
	case n < 50:
		c.read(t)
	default:
		c.verify(t)
	}
}

// change makes one to three commands of one call. Now and then the caller gives up.
func (c *client) change(t *testing.T) {
	ctx := context.Background()
	if c.random.IntN(10) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(c.random.IntN(2000))*time.Microsecond)
		defer cancel()
	}
	var commands []zhenni.Command
	for _, i := range c.random.Perm(len(c.ids))[:1+c.random.IntN(3)] {
		commands = append(commands, c.command(c.ids[i]))
	}
	called := c.history.Now()
	results, err := c.system.node.Apply(ctx, commands)
	if errors.Is(err, zhenni.ErrDeadline) || errors.Is(err, zhenni.ErrOverloaded) {
		return // nothing was started
	}
	for i, command := range commands {
		answer := Answer{Unknown: err != nil}
		if err == nil {
			answer = answerOf(t, results[i].Credential, results[i].Err)
		}
		switch command := command.(type) {
		case zhenni.Enrol:
			c.history.Record(c.number, called, KindEnrol, command.ID, 0, answer)
		case zhenni.ChangeStatus:
			c.history.Record(c.number, called, KindChange, command.ID, command.To, answer)
		}
	}
}

// command is an enrolment, or a change of status that seldom is final.
func (c *client) command(id zhenni.CredentialID) zhenni.Command {
	n := c.random.IntN(240)
	if n < 60 {
		return zhenni.Enrol{ID: id, Tenant: tenant, Level: zhenni.LevelFull, Model: model.ID, Row: rowOf(id)}
	}
	to := zhenni.StatusSuspended
	switch {
	case n == 239:
		to = zhenni.StatusRevoked
	case n == 238:
		to = zhenni.StatusSuperseded
	case n < 150:
		to = zhenni.StatusActive
	}
	return zhenni.ChangeStatus{ID: id, Tenant: tenant, To: to}
}

// answerOf is what a client was told by a record or an error.
func answerOf(t *testing.T, c zhenni.Credential, err error) Answer {
	t.Helper()
	if err == nil {
		return Answer{Status: c.Status, Generation: c.Generation}
	}
	for _, known := range []error{zhenni.ErrExists, zhenni.ErrNotFound, zhenni.ErrIllegalChange} {
		if errors.Is(err, known) {
			return Answer{Err: known}
		}
	}
	t.Error(err)
	return Answer{Unknown: true}
}

func (c *client) read(t *testing.T) {
	id := c.ids[c.random.IntN(len(c.ids))]
	called := c.history.Now()
	credential, err := c.system.node.Credential(id)
	c.history.Record(c.number, called, KindRead, id, 0, answerOf(t, credential, err))
}

// verify asks for one credential, or for all of them in one batch. A refusal says nothing of a credential.
func (c *client) verify(t *testing.T) {
	ids := []zhenni.CredentialID{c.ids[c.random.IntN(len(c.ids))]}
	if c.random.IntN(4) == 0 {
		ids = nil
		for _, i := range c.random.Perm(len(c.ids)) {
			ids = append(ids, c.ids[i])
		}
	}
	b := mated(ids)
	called := c.history.Now()
	if err := c.system.node.Verify(b, time.Now().Add(30*time.Second)); err != nil {
		t.Error(err)
		return
	}
	for i, outcome := range b.Outcomes {
		if outcome == zhenni.Match || outcome == zhenni.NoMatch {
			c.history.Record(c.number, called, KindVerify, ids[i], 0, Answer{Match: outcome == zhenni.Match})
		}
	}
}
