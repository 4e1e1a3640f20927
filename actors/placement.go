package actors

import (
	"context"
	"fmt"
	"math/bits"

	"zhenni"
	"zhenni/engine"
)

// A set of segments is the bits of a uint64.
const allSegments = uint64(1<<engine.Segments - 1)

var _ [0]struct{} = [engine.Segments - 64]struct{}{}

// placement says which shard owns which segment. It is immutable once it serves.
type placement struct {
	epoch  uint64
	owner  [engine.Segments]uint8 // index into shards
	shards []*shard
}

// newPlacement gives contiguous segments to each of the shards, as evenly as can be. A shard waits for those of
// the previous placement that hold one of its segments.
func newPlacement(n *Node, shards int, previous *placement) *placement {
	p := &placement{epoch: 1, shards: make([]*shard, shards)}
	if previous != nil {
		p.epoch = previous.epoch + 1
	}
	for i := range p.shards {
		p.shards[i] = newShard(n, fmt.Sprintf("%d-%d", p.epoch, i))
	}
	for segment := range engine.Segments {
		i := segment * shards / engine.Segments
		p.owner[segment] = uint8(i)
		p.shards[i].segments |= 1 << segment
	}
	for _, s := range p.shards {
		s.follow(previous)
	}
	return p
}

// follow makes the shard wait for every shard of the previous placement that owns one of its segments.
func (s *shard) follow(previous *placement) {
	if previous == nil {
		return
	}
	for _, old := range previous.shards {
		if old.segments&s.segments != 0 {
			s.after = append(s.after, old.released)
		}
	}
}

// ownerOf returns the index of the shard that owns the credential, below MaxShards.
func (p *placement) ownerOf(id *zhenni.CredentialID) uint8 {
	return p.owner[engine.SegmentOf(*id)] % MaxShards
}

// admit takes a token for each item from every live shard concerned, or none at all. It returns the set of shards
// that are live.
func (p *placement) admit(counts *[MaxShards]int, limit int64) (live uint64, err error) {
	wanted := uint64(0)
	for i, s := range p.shards {
		if counts[i] > 0 && !s.down() {
			wanted |= 1 << i
		}
	}
	if wanted == 0 {
		return 0, fmt.Errorf("%w: no shard of these credentials serves", zhenni.ErrUnavailable)
	}
	for rest := wanted; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		if p.shards[i].admit(int64(counts[i]), limit) {
			continue
		}
		for taken := wanted &^ rest; taken != 0; taken &= taken - 1 {
			k := bits.TrailingZeros64(taken)
			p.shards[k].inFlight.Add(-int64(counts[k]))
		}
		return 0, fmt.Errorf("%w: shard %s is full", zhenni.ErrOverloaded, p.shards[i].name)
	}
	return wanted, nil
}

// SetShards changes the number of shards to 1–MaxShards while the node serves. The new shards take over the rows
// as they are; what is sent to them meanwhile waits until the old ones have answered everything they were sent. It
// returns when every segment has its new owner. If ctx ends first the error is that of ctx: either nothing was changed,
// or the change was made and completes by itself.
func (n *Node) SetShards(ctx context.Context, shards int) error {
	if shards < 1 || shards > MaxShards {
		return fmt.Errorf("%w: %d shards: want 1–%d", zhenni.ErrBadValue, shards, MaxShards)
	}
	if err := n.lockChange(ctx); err != nil {
		return err
	}
	defer n.unlockChange()
	// Two generations at most: the shards to be replaced must hold what they own.
	if err := n.place.settled(ctx); err != nil {
		return err
	}
	if len(n.place.shards) == shards {
		return nil
	}
	next := newPlacement(n, shards, n.place)
	if err := n.swap(next); err != nil {
		return err
	}
	return next.settled(ctx)
}

// swap spawns the shards of next, routes to them from now on and tells the old ones to stop once their mailboxes are
// empty. The caller holds change.
func (n *Node) swap(next *placement) error {
	n.route.Lock()
	defer n.route.Unlock()
	if err := n.starting(); err != nil {
		return err
	}
	if err := n.tree.spawn(next.shards); err != nil {
		return err
	}
	old := n.place
	n.place = next
	n.tree.poison(old.shards)
	return nil
}

// settled waits until every shard holds its segments.
func (p *placement) settled(ctx context.Context) error {
	for _, s := range p.shards {
		if err := await(ctx, s.held); err != nil {
			return fmt.Errorf("actors: shard %s waits for its segments: %w", s.name, err)
		}
	}
	return nil
}

// Drain stops taking work, lets every shard answer what it holds and every command end, and takes the node down. It returns nil when all of
// it is done and nothing of the node runs any more. If ctx ends first it returns the error of ctx; the node goes on
// draining, and Drain may be called again. After nil, further calls return nil.
func (n *Node) Drain(ctx context.Context) error {
	n.route.Lock()
	n.phase = phaseDraining
	n.route.Unlock()
	if err := n.lockChange(ctx); err != nil {
		return err
	}
	defer n.unlockChange()
	if !n.tree.poisoned {
		n.tree.poison(n.place.shards)
		n.tree.poisoned = true
	}
	for _, s := range n.place.shards {
		if err := await(ctx, s.released); err != nil {
			return fmt.Errorf("actors: shard %s still works: %w", s.name, err)
		}
	}
	return n.takeDown(ctx)
}

// takeDown ends what runs besides the shards. The caller holds change; no shard runs.
func (n *Node) takeDown(ctx context.Context) error {
	if n.tree.down {
		return nil
	}
	select {
	case <-n.halt:
	default:
		close(n.halt)
	}
	if err := await(ctx, n.halted); err != nil {
		return err
	}
	if err := n.awaitCommands(ctx); err != nil {
		return err
	}
	if err := n.tree.fell(ctx); err != nil {
		return err
	}
	n.warmUp() // whoever waits for it is let go
	n.pool.Release()
	return nil
}

// awaitCommands waits for the calls of Apply that began before the drain.
func (n *Node) awaitCommands(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		n.commands.Wait()
		close(ended)
	}()
	if err := await(ctx, ended); err != nil {
		return fmt.Errorf("actors: a command is still applied: %w", err)
	}
	return nil
}

func (n *Node) lockChange(ctx context.Context) error {
	select {
	case n.change <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("actors: another change is under way: %w", ctx.Err())
	}
}

func (n *Node) unlockChange() { <-n.change }

// await waits for the event or the end of ctx.
func await(ctx context.Context, event <-chan struct{}) error {
	select {
	case <-event:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
