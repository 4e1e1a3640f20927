package layer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench/result"
	"zhenni/engine"
)

// Actors is verification through the mailboxes of a node in process, beside matchers called directly with the same batches
// of the same rows. In items a second:
//
//	node/message=N    a node of one shard a thread, asked in batches that bring each shard one message of N items; limit:
//	                  the direct calls of as many items
//	direct/message=N  a matcher a thread, each asked the items that its shard would get
//	node/shards=N     a node of N shards in messages of at most 1,024 items, asked in batches of 1,024 a thread; limit: the
//	                  direct calls of 1,024
//
// All nodes and matchers use one arena, each in its turn.
type Actors struct {
	// Credentials is how many rows the arena holds, 4,096 or more.
	Credentials int
	// Dim is a dimension from 128 to zhenni.MaxDim.
	Dim int
	// Threads is the number of matchers called directly, and of shards where messages are varied.
	Threads int
	// Messages are sizes of a message; a batch has as many items for each thread, at most zhenni.MaxBatchItems. 1,024 is
	// among them.
	Messages []int
	// Shards are numbers of shards, 1 to actors.MaxShards.
	Shards []int
	// Clients is how many batches a node is asked at a time.
	Clients int
	// Questions is how many different comparisons there are, and Probes how many probes they are about, as in [Engine].
	Questions, Probes int
	Seed              uint64
}

// usualMessage is the size of a message that a node sends unless told otherwise.
const usualMessage = 1024

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (a Actors) Validate() error {
	err := within(
		span{"Credentials", a.Credentials, leastSubjects, mostSubjects}, span{"Dim", a.Dim, leastDim, zhenni.MaxDim},
		span{"Threads", a.Threads, 1, zhenni.MaxBatchItems / usualMessage}, span{"Clients", a.Clients, 1, 1 << 10},
		span{"Questions", a.Questions, leastQuestions, mostSubjects}, span{"Probes", a.Probes, leastQuestions, mostSubjects},
	)
	if err != nil {
		return err
	}
	if !slices.Contains(a.Messages, usualMessage) {
		return fmt.Errorf("%w: messages %v: want %d among them, which the others are held against", zhenni.ErrBadValue, a.Messages, usualMessage)
	}
	for _, field := range []struct {
		name   string
		values []int
		high   int
	}{{"message", a.Messages, zhenni.MaxBatchItems / a.Threads}, {"number of shards", a.Shards, actors.MaxShards}} {
		for i, n := range field.values {
			if n < 1 || n > field.high || slices.Contains(field.values[:i], n) {
				return fmt.Errorf("%w: %s %d: want 1–%d, each once", zhenni.ErrBadValue, field.name, n, field.high)
			}
		}
	}
	return nil
}

// Needs is the bytes of memory that nodes of a valid configuration hold from Open to Close: two rows a credential, one in the arena and one
// beside it, five bytes an element of a probe, and the questions of each client.
func (a Actors) Needs() int64 {
	probes := int64(upTo(a.Probes, slices.Max(a.Messages)*a.Threads))
	return twoRows(a.Credentials, a.Dim) + 5*probes*int64(a.Dim) + int64(a.Questions)*int64(perQuestion+16*a.Clients)
}

// Open makes the nodes ready.
func (a Actors) Open(ctx context.Context) (*Bench, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	b := &Bench{}
	return b.opened(a.open(ctx, b))
}

// actorsBench is what the cases of the actors share.
type actorsBench struct {
	Actors
	crowd     *crowd
	arena     *engine.Arena
	questions *questions
}

func (a Actors) open(ctx context.Context, b *Bench) error {
	crowd, arena, err := b.settle(ctx, a.Credentials, a.Dim, a.Threads, a.Seed)
	if err != nil {
		return err
	}
	largest := slices.Max(a.Messages) * a.Threads
	questions, err := crowd.ask(ctx, a.Questions, a.Probes, largest, a.Threads, a.Threads)
	if err != nil {
		return err
	}
	s := &actorsBench{Actors: a, crowd: crowd, arena: arena, questions: questions}
	if err := s.cases(b); err != nil {
		return err
	}
	return crowd.warm(ctx, arena, a.Threads) // behind the nodes, which begin with an empty arena
}

// cases start the nodes. The usual message comes first: the headline.
func (s *actorsBench) cases(b *Bench) error {
	messages := slices.Clone(s.Messages)
	slices.SortStableFunc(messages, func(x, y int) int {
		switch {
		case x == usualMessage:
			return -1
		case y == usualMessage:
			return 1
		}
		return x - y
	})
	for _, n := range messages {
		node, err := s.start(b, s.Threads, n)
		if err != nil {
			return err
		}
		b.add(s.measurement("node", "message", n, n), s.through(node, n))
		b.add(s.measurement("direct", "message", n, 0), s.direct(n))
	}
	for _, n := range s.Shards {
		node, err := s.start(b, n, usualMessage)
		if err != nil {
			return err
		}
		b.add(s.measurement("node", "shards", n, usualMessage), s.through(node, usualMessage))
	}
	return nil
}

// measurement is of the value n of a sweep; message is that of the direct calls beside it, 0 for none.
func (s *actorsBench) measurement(what, sweep string, n, message int) result.Measurement {
	m := result.Measurement{Name: fmt.Sprintf("%s/%s=%d", what, sweep, n), Unit: result.PerSecond, Sweep: sweep, X: float64(n)}
	if message > 0 {
		m.Limit = fmt.Sprintf("direct/message=%d", message)
	}
	return m
}

// drainTime is how long a node may take to end; it has nothing left to do.
const drainTime = 10 * time.Second

// start starts a node on the arena that all of them share, and has it drained by Close.
func (s *actorsBench) start(b *Bench, shards, message int) (*actors.Node, error) {
	cfg := actors.Config{Shards: shards, MessageItems: message, Logger: slog.New(slog.DiscardHandler)}
	cfg.InFlightItems = max(2*zhenni.MaxBatchItems, s.Clients*max(message, usualMessage)*s.Threads)
	model := zhenni.Model{ID: "bench", Dim: s.Dim, Factor: zhenni.FactorFace}
	node, err := actors.Start(cfg, model, s.questions.rule, s.arena, nobody{s.crowd})
	if err != nil {
		return nil, err
	}
	b.atClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		return node.Drain(ctx)
	})
	<-node.Warmed()
	return node, nil
}

// through has the clients ask the node.
func (s *actorsBench) through(node *actors.Node, message int) func(context.Context, time.Duration) (result.Sample, error) {
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		clients := make([]*asker, s.Clients)
		for i := range clients {
			clients[i] = s.questions.asker(message, everyone, i, false)
		}
		return Press(ctx, s.Clients, about, func(i int) (int, error) { return clients[i].through(node) })
	}
}

// direct has each thread ask a matcher of its own.
func (s *actorsBench) direct(message int) func(context.Context, time.Duration) (result.Sample, error) {
	matchers := make([]*engine.Matcher, s.Threads)
	for t := range matchers {
		matchers[t] = engine.NewMatcher(s.arena, s.crowd, s.questions.rule)
	}
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		askers := make([]*asker, s.Threads)
		for t := range askers {
			askers[t] = s.questions.asker(message, t, 0, false)
		}
		return Press(ctx, s.Threads, about, func(t int) (int, error) { return askers[t].direct(matchers[t]) })
	}
}

// nobody is the crowd as the state of a node that finds its rows in the arena: there is nothing to warm it with, and
// nothing changes.
type nobody struct{ *crowd }

var errFixed = errors.New("layer: the crowd does not change")

func (nobody) References(zhenni.Slot, zhenni.Slot, func(zhenni.Reference) error) error { return nil }

func (nobody) Apply(context.Context, []zhenni.Command) ([]zhenni.Result, error) { return nil, errFixed }

func (nobody) Credential(zhenni.CredentialID) (zhenni.Credential, error) {
	return zhenni.Credential{}, zhenni.ErrNotFound
}

func (nobody) RelyingParty(string) (zhenni.RelyingParty, bool) { return zhenni.RelyingParty{}, false }

func (nobody) RelyingParties() []zhenni.RelyingParty { return nil }
