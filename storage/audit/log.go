package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

// Log is an open log. Its methods may be called from several goroutines.
type Log struct {
	opts      Options
	sequencer sequencer
	publisher publisher
	// published is the newest checkpoint with what is needed to prove against it. It is swapped whole.
	published atomic.Pointer[snapshot]
	// upkeep serialises the changes of the files that neither goroutine owns: pruned and checkpoint.witnessed.
	// upkeep guards removed too: how many bundles are gone, once swept says that it is known.
	upkeep  sync.Mutex
	pruned  atomic.Int64
	removed int64
	swept   bool
	// cramped is what Room said last.
	cramped atomic.Pointer[error]
	// stopBeat ends the log's own ticker.
	stopBeat func()
}

// snapshot is a published checkpoint. It is immutable.
type snapshot struct {
	tree     tlog.Tree
	signed   []byte
	partials []tileFile
}

// group is the leaves of one write. The sequencer sets first and err before it closes done.
type group struct {
	buf   []byte
	count int
	first int64
	err   error
	done  chan struct{}
}

// sequencer is the one writer of the journal. Its goroutine owns journal, edge and requested.
type sequencer struct {
	log     *Log
	journal journal
	edge    edge
	// requested is the size of the last checkpoint asked for.
	requested int64
	// busy is when the work in hand began, in nanoseconds since opened, or 0.
	busy   atomic.Int64
	opened time.Time

	wake  chan struct{} // holds one token when filling is not empty
	flush chan chan error
	quit  chan struct{}
	ended chan struct{}

	// mu guards the rest.
	mu      sync.Mutex
	filling *group
	spare   []byte // the buffer that is not in use
	closed  bool
	// failed is the first write that did not succeed. Whether it is on disk is not known, so none is tried after it.
	failed error
}

// Append adds the leaves in order and returns the index of the first, once all of them are durable. The leaves of
// calls made at the same time share one write and one sync. It is good for one leaf or a few thousand.
//
// Nothing was written on [zhenni.ErrBadValue], [zhenni.ErrOverloaded] (the leaves that wait for the disk reached
// their bound), [zhenni.ErrNoRoom] and [zhenni.ErrUnavailable] before the write (closed, or [zhenni.ErrHalted]: an earlier
// write failed, after which the log takes nothing until it is opened again). On [zhenni.ErrDeadline] (ctx ended first) and on an ErrUnavailable of this very
// write the leaves may be in the log all the same; they prove nothing that did not happen.
func (l *Log) Append(ctx context.Context, leaves []Leaf) (first int64, err error) {
	if err := l.Room(); err != nil {
		return 0, err
	}
	g, at, err := l.enqueue(leaves)
	if err != nil {
		return 0, err
	}
	return g.wait(ctx, at)
}

// Room reports why Append takes nothing, as it was found with the last beat: [zhenni.ErrNoRoom]. It ends by itself.
func (l *Log) Room() error {
	if err := l.cramped.Load(); err != nil && *err != nil {
		return fmt.Errorf("%w: %w: audit: %w", zhenni.ErrUnavailable, zhenni.ErrNoRoom, *err)
	}
	return nil
}

// lookForRoom asks whether there is room, for everybody to know.
func (l *Log) lookForRoom() {
	if l.opts.Room != nil {
		err := l.opts.Room()
		l.cramped.Store(&err)
	}
}

// enqueue checks leaves and has them written with the group being filled; they have place at in it. That group is
// returned with [zhenni.ErrOverloaded] too.
func (l *Log) enqueue(leaves []Leaf) (g *group, at int, err error) {
	if len(leaves) == 0 || len(leaves) > l.opts.Queue {
		return nil, 0, badValue("%d leaves, want 1–%d", len(leaves), l.opts.Queue)
	}
	for i := range leaves {
		if err := leaves[i].check(); err != nil {
			return nil, 0, err
		}
	}
	return l.sequencer.enqueue(leaves, l.opts.Queue)
}

// wait returns the index of what has place at in the group, once it is durable.
func (g *group) wait(ctx context.Context, at int) (index int64, err error) {
	select {
	case <-g.done:
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", zhenni.ErrDeadline, context.Cause(ctx))
	}
	if g.err != nil {
		return 0, g.err
	}
	return g.first + int64(at), nil
}

// enqueue puts leaves into the group being filled and returns it with their place in it.
func (s *sequencer) enqueue(leaves []Leaf, bound int) (g *group, at int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.failed != nil {
		return nil, 0, s.refusal()
	}
	if s.filling == nil {
		s.filling = &group{buf: newGroup(s.spare), done: make(chan struct{})}
		s.spare = nil
	}
	g, at = s.filling, s.filling.count
	if at+len(leaves) > bound {
		return g, 0, fmt.Errorf("%w: audit: %d leaves wait for the disk", zhenni.ErrOverloaded, at)
	}
	for i := range leaves {
		g.buf = append(g.buf, 0, LeafSize)
		g.buf = leaves[i].Append(g.buf)
	}
	g.count += len(leaves)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return g, at, nil
}

// refusal says why nothing is taken. The caller holds mu.
func (s *sequencer) refusal() error {
	if s.failed != nil {
		return fmt.Errorf("%w: %w: audit: an earlier write failed; open the log again: %w", zhenni.ErrUnavailable, zhenni.ErrHalted, s.failed)
	}
	return unavailable("the log is closed")
}

func (s *sequencer) run(beat <-chan time.Time) {
	defer close(s.ended)
	defer close(s.log.publisher.work)
	for {
		s.busy.Store(0)
		select {
		case <-s.wake:
			s.begin()
			s.commit()
		case <-beat:
			s.begin()
			s.log.lookForRoom()
			s.checkpoint(nil)
		case done := <-s.flush:
			s.begin()
			s.checkpoint(done)
		case <-s.quit:
			s.commit()
			s.checkpoint(nil)
			return
		}
	}
}

func (s *sequencer) begin() { s.busy.Store(max(1, int64(time.Since(s.opened)))) }

// commit writes the group that was filled meanwhile, and answers for it.
func (s *sequencer) commit() {
	s.mu.Lock()
	g, err := s.filling, s.failed
	s.filling = nil
	s.mu.Unlock()
	if g == nil {
		return
	}
	g.first = s.edge.size
	if err == nil {
		err = s.journal.append(g.first, g.count, g.buf)
		s.fail(err)
	}
	if err != nil {
		g.err = fmt.Errorf("%w: audit: the journal: %w", zhenni.ErrUnavailable, err)
		close(g.done)
		return
	}
	close(g.done)
	s.grow(g.buf[groupHeader:], g.count)
	s.mu.Lock()
	s.spare = g.buf
	s.mu.Unlock()
}

// grow takes durable entries into the tree and hands on what became full.
func (s *sequencer) grow(entries []byte, count int) {
	for count > 0 {
		n := min(count, s.edge.room(), int(s.requested+CheckpointEntries-s.edge.size))
		part := leadingEntries(entries, n)
		s.edge.extend(part, n, s.publishTile)
		entries, count = entries[len(part):], count-n
		if s.edge.size%EpochSize == 0 {
			s.log.publisher.work <- publication{tree: s.edge.tree(), epoch: true}
		}
		if s.edge.size-s.requested >= CheckpointEntries {
			s.checkpoint(nil)
		}
	}
}

func (s *sequencer) publishTile(t tlog.Tile, data []byte) {
	s.log.publisher.work <- publication{files: []tileFile{{t, append([]byte(nil), data...)}}}
}

// checkpoint asks for a checkpoint of everything durable, if there is anything new or somebody waits for it.
func (s *sequencer) checkpoint(done chan error) {
	if s.edge.size == s.requested && done == nil {
		return
	}
	s.requested = s.edge.size
	s.log.publisher.work <- publication{
		tree: s.edge.tree(), files: s.edge.partials(), current: true, done: done,
	}
}

// fail latches the first failure.
func (s *sequencer) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

// Publish has a checkpoint of every leaf acknowledged before the call signed and published, and waits for it. The beat
// does the same by itself; Publish is for who cannot wait for it: [zhenni.ErrUnavailable].
func (l *Log) Publish(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case l.sequencer.flush <- done:
	case <-l.sequencer.ended:
		return unavailable("the log is closed")
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", zhenni.ErrDeadline, context.Cause(ctx))
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", zhenni.ErrDeadline, context.Cause(ctx))
	}
}

// Checkpoint returns the newest signed checkpoint, in the form of C2SP tlog-checkpoint. Everything in it is provable.
func (l *Log) Checkpoint() []byte { return append([]byte(nil), l.published.Load().signed...) }

// Tree returns size and root of the newest signed checkpoint.
func (l *Log) Tree() tlog.Tree { return l.published.Load().tree }

// Size returns the number of leaves in the newest signed checkpoint.
func (l *Log) Size() int64 { return l.Tree().N }

// Err returns the failure after which the log takes nothing, or nil.
func (l *Log) Err() error {
	l.sequencer.mu.Lock()
	defer l.sequencer.mu.Unlock()
	return l.sequencer.failed
}

// Stall returns for how long the log has been at the group or checkpoint in hand: 0 when it rests, milliseconds under
// load, and more where the disk stalls.
func (l *Log) Stall() time.Duration {
	began := l.sequencer.busy.Load()
	if began == 0 {
		return 0
	}
	return time.Since(l.sequencer.opened) - time.Duration(began)
}

// Close writes what is queued, signs a last checkpoint and closes the files. It returns the failure of the log, if it
// had one. The log answers nothing after it; a second Close does nothing.
func (l *Log) Close() error {
	s := &l.sequencer
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.quit)
	<-s.ended
	<-l.publisher.ended
	l.stopBeat()
	err := l.Err()
	return errors.Join(err, s.journal.close(err == nil))
}
