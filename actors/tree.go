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
	var supervisor *actor.PID
	return func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			props := actor.PropsFromFunc(spawnShards, actor.WithSupervisor(restarts{l}))
			supervisor, _ = ctx.SpawnNamed(props, "shards") // the name is the first below a new parent
		case *spawn:
			ctx.Forward(supervisor)
		case *actor.Stopped:
			close(t.felled)
		}
	}
}

// spawnShards is the supervisor of the shards.
func spawnShards(ctx actor.Context) {
	m, ok := ctx.Message().(*spawn)
	if !ok {
		return
	}
	for _, s := range m.shards {
		s.turns = newDispatcher()
		props := actor.PropsFromProducer(s.incarnate, actor.WithDispatcher(s.turns))
		pid, err := ctx.SpawnNamed(props, s.name)
		if err != nil {
			s.turns.end()
			m.done <- fmt.Errorf("actors: spawn shard %s: %w", s.name, err)
			return
		}
		s.pid = pid
	}
	m.done <- nil
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
