package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhenni"
	"zhenni/engine"
)

// refresh tells a shard that credentials of its segments were changed. It is confirmed on done, which has room.
type refresh struct {
	ids  []zhenni.CredentialID
	done chan<- struct{}
}

// Apply makes the commands durable and then known to the shards: a verification begun after Apply has returned is
// decided on the changed record or a later one, whatever happens to its shard. The results answer the commands in order.
// The error is that of the state, or [zhenni.ErrUnavailable] while the node is starting or draining.
func (n *Node) Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error) {
	if err := n.beginCommands(); err != nil {
		return nil, err
	}
	defer n.commands.Done()
	commands, resets := n.stamp(commands)
	ids := changed(commands)
	n.changing.begin(ids)
	defer n.changing.end(ids)
	results, err := n.state.Apply(ctx, commands)
	// After an error some of the commands may be durable all the same.
	n.announce(ctx, ids)
	n.retire(commands)
	if err != nil {
		return nil, fmt.Errorf("actors: apply: %w", err)
	}
	n.resetAttempts(ctx, commands, resets, results)
	return results, nil
}

// Credential returns the public record of a credential, or [zhenni.ErrNotFound]. A verification begun after Credential has
// returned is decided on that record or a later one. So a change that the state shows and has not acknowledged, because
// its record still waits for the disk, is announced here: that may take as long as Apply waits for a shard.
func (n *Node) Credential(id zhenni.CredentialID) (zhenni.Credential, error) {
	c, err := n.state.Credential(id)
	if n.changing.has(id) {
		n.announce(context.Background(), []zhenni.CredentialID{id})
	}
	return c, err
}

// changing counts, by credential, the calls of Apply under way: the state may have their changes before the shards do.
// It holds as many as wait for the state, which bounds them.
type changing struct {
	mu    sync.Mutex
	calls map[zhenni.CredentialID]int
}

func (c *changing) begin(ids []zhenni.CredentialID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[zhenni.CredentialID]int{}
	}
	for _, id := range ids {
		c.calls[id]++
	}
}

func (c *changing) end(ids []zhenni.CredentialID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if c.calls[id]--; c.calls[id] == 0 {
			delete(c.calls, id)
		}
	}
}

func (c *changing) has(id zhenni.CredentialID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[id] != 0
}

// beginCommands adds to commands, unless the node is closed. None begins once it drains.
func (n *Node) beginCommands() error {
	n.route.RLock()
	defer n.route.RUnlock()
	if err := n.closed(); err != nil {
		return err
	}
	n.commands.Add(1)
	return nil
}

// changed lists the credentials that the commands name.
func changed(commands []zhenni.Command) []zhenni.CredentialID {
	var ids []zhenni.CredentialID
	for _, c := range commands {
		switch c := c.(type) {
		case zhenni.Enrol:
			ids = append(ids, c.ID)
			if c.Replaces != (zhenni.CredentialID{}) {
				ids = append(ids, c.Replaces)
			}
		case zhenni.ChangeStatus:
			ids = append(ids, c.ID)
		case zhenni.Erase:
			ids = append(ids, c.ID)
		case zhenni.MoveDevice:
			ids = append(ids, c.ID)
		case zhenni.LockFactors:
			ids = append(ids, c.ID)
		case zhenni.ReportLoss:
			ids = append(ids, c.ID)
		case zhenni.Renew:
			ids = append(ids, c.ID)
		case zhenni.Expire:
			ids = append(ids, c.ID)
		case zhenni.PutTemplate:
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// announce has the credentials re-read by their shards and waits for it. When a shard does not confirm in time, it is
// ordered to drop the segments concerned before its next part instead, which is as good for whoever asks next.
//
// It needs no lock against SetShards: the message goes to the owner of the moment, whose successor starts only after
// it has been dealt with, and a verification begun later is routed to that owner or a successor.
func (n *Node) announce(ctx context.Context, ids []zhenni.CredentialID) {
	if len(ids) == 0 {
		return
	}
	done := make(chan struct{}, MaxShards)
	sent := n.sendRefresh(ids, done)
	timer := time.NewTimer(n.config.Refresh)
	defer timer.Stop()
	for range sent {
		select {
		case <-done:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		n.mark(ids)
		return
	}
}

// sendRefresh sends one message to each shard concerned and returns their number.
func (n *Node) sendRefresh(ids []zhenni.CredentialID, done chan<- struct{}) (sent int) {
	n.route.RLock()
	defer n.route.RUnlock()
	if n.phase == phaseDraining {
		// The shards may have stopped already. Nothing is verified any more.
		return 0
	}
	var byShard [MaxShards][]zhenni.CredentialID
	for _, id := range ids {
		i := n.place.ownerOf(&id)
		byShard[i] = append(byShard[i], id)
	}
	for i, ids := range byShard {
		if ids != nil {
			n.tree.root.Send(n.place.shards[i].pid, &refresh{ids: ids, done: done})
			sent++
		}
	}
	return sent
}

// mark orders the owners of the credentials' segments to drop them before their next part.
func (n *Node) mark(ids []zhenni.CredentialID) {
	for _, id := range ids {
		n.stale.Or(1 << engine.SegmentOf(id))
	}
}

// refresh re-reads the credentials, and marks the segment of one that can not be read.
func (h *host) refresh(m *refresh) {
	for _, id := range m.ids {
		if err := h.reread(id); err != nil {
			h.node.log.Warn("credential not refreshed, its segment is dropped", "shard", h.name, "cause", err)
			h.node.stale.Or(1 << engine.SegmentOf(id))
		}
		h.forgive(id)
	}
	m.done <- struct{}{}
}

// reread is the Refresh of every matcher, with a panic as an error. A failed shard drops everything before it serves again.
func (h *host) reread(id zhenni.CredentialID) (err error) {
	if h.failed.Load() {
		return nil
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = h.caught(cause)
		}
	}()
	for _, m := range h.matchers {
		err = errors.Join(err, m.Refresh(id))
	}
	return err
}
