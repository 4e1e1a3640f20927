package actors

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
)

// tree is the supervision tree of one node: /node → /node/shards → /node/shards/<epoch>-<index>. It has an actor
// system of its own, without listener, metrics or log.
type tree struct {
	system *actor.ActorSystem
	root   *actor.RootContext
	node   *actor.PID
	// felled is closed when the node actor has stopped.
	felled chan struct{}
	// poisoned and down are guarded by Node.change.
	poisoned, down bool
}

// spawn asks the supervisor of the shards for one actor for each of them.
type spawn struct {
	shards []*shard
	done   chan error
}

// grow makes the actor system and the tree down to the given shards.
func (t *tree) grow(l *ledger, shards []*shard) error {
	// The library logs the content of messages and of panics; what is worth a line is logged by the shards themselves.
	silent := func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }
	t.system = actor.NewActorSystem(actor.WithLoggerFactory(silent))
	t.root = t.system.Root
	t.felled = make(chan struct{})
	props := actor.PropsFromFunc(t.receive(l))
	node, err := t.root.SpawnNamed(props, "node")
	if err != nil {
		return fmt.Errorf("actors: spawn the node: %w", err)
	}
	t.node = node
	return t.spawn(shards)
}

// receive is the node actor: it owns the supervisor of the shards and passes on to it.
func (t *tree) receive(l *ledger) actor.ReceiveFunc {
	var shards *actor.PID
	return func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			supervisor := func() actor.Actor { return &supervisor{shards: map[string]*shard{}} }
			props := actor.PropsFromProducer(supervisor, actor.WithSupervisor(restarts{l}))
			shards, _ = ctx.SpawnNamed(props, "shards") // no other child has the name
		case *spawn:
			ctx.Forward(shards)
		case *actor.Stopped:
			close(t.felled)
		}
	}
}

// supervisor is the parent of the shards, which it knows by the id of their actor.
type supervisor struct{ shards map[string]*shard }

// Receive implements actor.Actor.
func (v *supervisor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *spawn:
		m.done <- v.spawn(ctx, m.shards)
	case *actor.Terminated:
		s := v.shards[m.Who.Id]
		delete(v.shards, m.Who.Id)
		s.turns.end()
		close(s.released)
	}
}

func (v *supervisor) spawn(ctx actor.Context, shards []*shard) error {
	for _, s := range shards {
		s.turns = newDispatcher()
		pid, err := ctx.SpawnNamed(actor.PropsFromProducer(s.incarnate, actor.WithDispatcher(s.turns)), s.name)
		if err != nil {
			s.turns.end()
			return fmt.Errorf("actors: spawn shard %s: %w", s.name, err)
		}
		s.pid = pid
		v.shards[pid.Id] = s
	}
	return nil
}

// spawn adds shards to the tree and returns when they can be sent to.
func (t *tree) spawn(shards []*shard) error {
	m := &spawn{shards: shards, done: make(chan error, 1)}
	t.root.Send(t.node, m)
	return <-m.done
}

// poison lets the shards stop after the last message they have been sent. Stop would lose their mailboxes.
func (t *tree) poison(shards []*shard) {
	for _, s := range shards {
		t.root.Poison(s.pid)
	}
}

// fell stops the rest of the tree and the actor system. Every shard has stopped.
func (t *tree) fell(ctx context.Context) error {
	t.root.Poison(t.node)
	if err := await(ctx, t.felled); err != nil {
		return err
	}
	t.system.Shutdown()
	t.down = true
	return nil
}

// restarts is the supervision strategy of shards: restart, always. The limit that the library would apply ends in a
// stopped actor and a lost mailbox; a shard counts its panics itself and refuses instead.
type restarts struct{ ledger *ledger }

// HandleFailure implements actor.SupervisorStrategy.
func (r restarts) HandleFailure(_ *actor.ActorSystem, s actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, _, _ any) {
	r.ledger.restarts.Add(1)
	s.RestartChildren(child)
}
