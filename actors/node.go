package actors

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/panjf2000/ants/v2"

	"zhenni"
	"zhenni/engine"
)

// State is the system of record a node serves from. Its methods may be called from several goroutines.
type State interface {
	engine.Store
	// Apply makes the commands durable, in order, and answers each with its own result. An error of Apply itself
	// leaves open which of them took effect.
	Apply(ctx context.Context, commands []zhenni.Command) ([]zhenni.Result, error)
	// Credential returns the public record, or [zhenni.ErrNotFound].
	Credential(id zhenni.CredentialID) (zhenni.Credential, error)
	// RelyingParty returns the party of that id.
	RelyingParty(id string) (zhenni.RelyingParty, bool)
	// RelyingParties returns every party.
	RelyingParties() []zhenni.RelyingParty
}

// phase is how far a node is in its life.
type phase uint8

const (
	phaseStarting phase = iota
	phaseServing
	phaseDraining
)

// Node answers verifications from the rows of one store. All its methods are safe for concurrent use.
type Node struct {
	config Config
	// comparisons are what the node compares by, that of batches which name no model first.
	comparisons []Comparison
	state       State
	log         *slog.Logger

	jobs   sync.Pool // of *job, for Verify
	pool   *ants.Pool
	tree   tree
	ledger ledger

	// route excludes sending from swapping the placement: what was routed by an old placement is in the mailbox of
	// the old shard before that shard is told to stop. It guards phase and place; place is written under change too.
	route sync.RWMutex
	phase phase
	place *placement

	// commands counts the calls of Apply under way, for which a drain waits.
	commands sync.WaitGroup
	changing changing

	// change is held, as a semaphore of one, by whoever replaces or stops shards.
	change chan struct{}
	// cold is the set of segments that were not yet offered their rows. Their owner clears a bit when it has done so.
	cold atomic.Uint64
	// filling is how far each cold segment is offered its rows. A segment's owner owns its entry. warmSlots is how many slots the next
	// offer is of.
	filling   [engine.Segments]filling
	warmSlots atomic.Int32
	// warmed is closed, once, when none is cold or the node is taken down.
	warmed   chan struct{}
	warmOnce sync.Once
	// halt ends the watchdog, which closes halted.
	halt, halted chan struct{}

	// stale is the set of segments that may hold rows older than an acknowledged command, or half-written ones. Their
	// owner drops them before its next part.
	stale atomic.Uint64
	// strikes remembers, by segment, how often a credential made the matcher panic. A segment's owner owns its map.
	strikes [engine.Segments]map[zhenni.CredentialID]int
	// parked is how many credentials are parked now.
	parked atomic.Int64
	// attempts are the failed attempts at credentials.
	attempts attempts
}

// Start makes a node of cfg.Shards shards, which begin to warm the arena from the state and answer what they are sent in
// between: a row that is not in memory yet is read from the state. Until the arena is warm ([Node.Warmed]) the node is
// not ready ([Node.Ready]), a verification may wait for a segment to be filled, and SetShards is
// [zhenni.ErrUnavailable]. The node uses the arena and the state until [Node.Drain] has returned nil, and closes neither. A bad configuration is [zhenni.ErrBadValue].
func Start(cfg Config, model zhenni.Model, rule zhenni.Threshold, arena *engine.Arena, state State) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	first := Comparison{Model: model, Rule: rule, Arena: arena, Templates: state}
	if cfg.Templates != nil {
		first.Templates = cfg.Templates
	}
	comparisons, err := comparisonsOf(first, cfg.Beside)
	if err != nil {
		return nil, err
	}
	pool, err := newWarmPool()
	if err != nil {
		return nil, fmt.Errorf("actors: start the warming pool: %w", err)
	}
	n := &Node{
		config: cfg, comparisons: comparisons, state: state, log: cfg.Logger, pool: pool,
		change: make(chan struct{}, 1), warmed: make(chan struct{}),
		halt: make(chan struct{}), halted: make(chan struct{}),
	}
	if err := n.attempts.restore(&cfg); err != nil {
		pool.Release()
		return nil, err
	}
	n.cold.Store(allSegments)
	n.warmSlots.Store(1)
	n.jobs.New = func() any { return newJob(&n.jobs) }
	n.place = newPlacement(n, cfg.Shards, nil)
	if err := n.tree.grow(&n.ledger, n.place.shards); err != nil {
		pool.Release()
		return nil, err
	}
	go n.watch()
	return n, nil
}

// warmUp ends the warming: the node is ready.
func (n *Node) warmUp() {
	n.warmOnce.Do(func() {
		n.route.Lock()
		defer n.route.Unlock()
		if n.phase == phaseStarting {
			n.phase = phaseServing
		}
		close(n.warmed)
	})
}

// Warmed is closed when the arena has been filled. Failures on the way are logged; rows that are missing are read from the
// state when they are asked for.
func (n *Node) Warmed() <-chan struct{} { return n.warmed }

// Verify decides the pending items of the batch, counts the failed attempts at their credentials, and returns nil when every outcome is final; the batch is then the
// caller's again. Items of a shard that is down are refused with [zhenni.RefusedUnavailable].
//
// It returns [zhenni.ErrBadBatch], [zhenni.ErrOverloaded] when a shard concerned can not hold its items, or
// [zhenni.ErrUnavailable] when the node is draining or every shard concerned is down: nothing was started,
// and the batch is the caller's.
//
// After [zhenni.ErrDeadline] the batch is NOT the caller's: shards may still read its ids and probes and write its
// outcomes. The caller drops every slice and never reads, reuses or pools them. The deadline is a time made by
// time.Now().Add, so that a step of the wall clock does not move it.
//
// Verify waits on no lock that a shard holds, and allocates nothing of its own; the library allocates 16 bytes when a
// message wakes a shard that had nothing to do.
func (n *Node) Verify(b *zhenni.Batch, deadline time.Time) error {
	by, err := n.comparison(b)
	if err != nil {
		return err
	}
	if err := b.Validate(n.comparisons[by].Model.Dim); err != nil {
		return err
	}
	also := by
	if b.Also != nil {
		if also, err = n.comparisonAlso(b); err != nil {
			return err
		}
	}
	now := time.Now()
	patience := deadline.Sub(now)
	b.Second = now.Unix()
	if patience <= 0 {
		n.ledger.refused.Add(uint64(b.Len()))
		return fmt.Errorf("%w: it had passed on arrival", zhenni.ErrDeadline)
	}
	j := n.jobs.Get().(*job)
	j.batch, j.by, j.also, j.deadline = b, by, also, deadline
	j.state.Store(jobOpen)
	j.overdue.Store(false)
	j.timer.Reset(patience)
	sent, err := n.dispatch(j)
	if !sent {
		j.recycle()
		return err
	}
	shared := j.sharedProbes() // while the shards work: the probes are only read
	n.ledger.add(&n.ledger.shared, shared)
	if err := j.wait(); err != nil {
		return err
	}
	b.Shared = shared
	return nil
}

// dispatch sends the parts of the job to their shards and reports whether there were any.
func (n *Node) dispatch(j *job) (sent bool, err error) {
	n.route.RLock()
	defer n.route.RUnlock()
	if err := n.closed(); err != nil {
		n.ledger.refused.Add(uint64(j.batch.Len()))
		return false, err
	}
	total := j.sort(n.place)
	if total == 0 {
		return false, nil
	}
	live, err := n.place.admit(&j.counts, int64(n.config.InFlightItems))
	if err != nil {
		n.ledger.refused.Add(uint64(total))
		return false, err
	}
	refused := j.split(live, n.place.shards, n.config.MessageItems)
	n.ledger.admitted.Add(uint64(total))
	n.ledger.add(&n.ledger.outcomes[zhenni.RefusedUnavailable], refused)
	n.send(j)
	return true, nil
}

// send posts every part. The job may be finished, and recycled by a part, at any time after the last one is posted.
func (n *Node) send(j *job) {
	parts := j.parts
	for i := range parts {
		n.tree.root.Send(parts[i].shard.pid, &parts[i])
	}
}

// closed says why the node takes no work. The caller holds route.
func (n *Node) closed() error {
	if n.phase == phaseDraining {
		return fmt.Errorf("%w: the node is draining", zhenni.ErrUnavailable)
	}
	return nil
}

// starting says why the node is not ready and its shards do not change. The caller holds route.
func (n *Node) starting() error {
	if n.phase == phaseStarting {
		return fmt.Errorf("%w: the arena is being filled", zhenni.ErrUnavailable)
	}
	return n.closed()
}

// Ready returns nil when the arena is warm, the node takes work and every shard makes progress, else [zhenni.ErrUnavailable] with what
// is wrong.
func (n *Node) Ready() error {
	n.route.RLock()
	defer n.route.RUnlock()
	if err := n.starting(); err != nil {
		return err
	}
	var wrong []string
	for _, s := range n.place.shards {
		switch {
		case s.failed.Load():
			wrong = append(wrong, "shard "+s.name+" has failed")
		case s.stalled.Load():
			wrong = append(wrong, "shard "+s.name+" makes no progress")
		}
	}
	if wrong != nil {
		return fmt.Errorf("%w: %s", zhenni.ErrUnavailable, strings.Join(wrong, ", "))
	}
	return nil
}

// Stats returns the counts since the start and the levels now.
func (n *Node) Stats() zhenni.Stats {
	stats := zhenni.Stats{Arena: n.arenaStats()}
	n.ledger.copyTo(&stats)
	stats.Attempts = n.attempts.stats()
	n.route.RLock()
	defer n.route.RUnlock()
	for _, s := range n.place.shards {
		stats.Shards = append(stats.Shards, s.stats())
	}
	return stats
}

// RelyingParty returns the relying party of that id.
func (n *Node) RelyingParty(id string) (zhenni.RelyingParty, bool) { return n.state.RelyingParty(id) }

// RelyingParties returns every relying party.
func (n *Node) RelyingParties() []zhenni.RelyingParty { return n.state.RelyingParties() }

var _ actor.Actor = (*host)(nil)
