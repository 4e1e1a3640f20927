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
	"zhenni/storage/disk"
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

// sequencer writes the journal and grows the tree. Who leads owns journal and end; its goroutine owns edge, requested
// and growing.
type sequencer struct {
	log     *Log
	journal journal
	end     int64 // of what is in the journal
	edge    edge
	// requested is the size of the last checkpoint asked for.
	requested int64
	growing   []byte
	// writing and busy are when the group and the other work in hand began, in nanoseconds since opened, or 0.
	writing, busy atomic.Int64
	opened        time.Time

	lead   chan struct{} // passes the lead to the goroutine
	behind chan struct{} // holds one token when a bundle of entries is not in the tree
	flush  chan chan error
	quit   chan struct{}
	ended  chan struct{}

	// mu guards the rest.
	mu      sync.Mutex
	led     bool // somebody leads, or is about to
	filling *group
	spare   []byte // the buffer that is not in use
	// written are the entries in the journal that are not in the tree, count of them lag.
	written []byte
	lag     int
	closed  bool
	// failed is the first write that did not succeed. Whether it is on disk is not known, so none is tried after it.
	failed error
}

// Append adds the leaves in order and returns the index of the first, once all of them are durable. The leaves of
// calls made at the same time share one write and one sync. It is good for one leaf or a few thousand. A caller whose
// ctx never ends writes them itself where nobody writes just then, and is spared two changes of goroutine.
//
// Nothing was written on [zhenni.ErrBadValue], [zhenni.ErrOverloaded] (the leaves that wait for the disk reached
// their bound), [zhenni.ErrNoRoom] and [zhenni.ErrUnavailable] before the write (closed, or [zhenni.ErrHalted]: an earlier
// write failed, after which the log takes nothing until it is opened again). On [zhenni.ErrDeadline] (ctx ended first) and on an ErrUnavailable of this very
// write the leaves may be in the log all the same; they prove nothing that did not happen.
func (l *Log) Append(ctx context.Context, leaves []Leaf) (first int64, err error) {
	if err := l.Room(); err != nil {
		return 0, err
	}
	g, at, err := l.enqueue(leaves, ctx.Done() == nil)
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

// enqueue checks leaves and has them written with the group being filled, by the caller if it is willing and nobody else
// writes; they have place at in it. That group is returned with [zhenni.ErrOverloaded] too.
func (l *Log) enqueue(leaves []Leaf, willing bool) (g *group, at int, err error) {
	if len(leaves) == 0 || len(leaves) > l.opts.Queue {
		return nil, 0, badValue("%d leaves, want 1–%d", len(leaves), l.opts.Queue)
	}
	for i := range leaves {
		if err := leaves[i].check(); err != nil {
			return nil, 0, err
		}
	}
	g, at, lead, err := l.sequencer.enqueue(leaves, l.opts.Queue, willing)
	if lead {
		l.sequencer.commit()
		l.sequencer.hand()
	}
	return g, at, err
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

// enqueue puts leaves into the group being filled and returns it with their place in it. Lead is set where a willing
// caller leads now.
func (s *sequencer) enqueue(leaves []Leaf, bound int, willing bool) (g *group, at int, lead bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.failed != nil {
		return nil, 0, false, s.refusal()
	}
	if s.filling == nil {
		s.filling = &group{buf: newGroup(s.spare), done: make(chan struct{})}
		s.spare = nil
	}
	g, at = s.filling, s.filling.count
	if at+len(leaves) > bound {
		return g, 0, false, fmt.Errorf("%w: audit: %d leaves wait for the disk", zhenni.ErrOverloaded, at)
	}
	g.buf = disk.Grow(g.buf, len(leaves)*(2+LeafSize))
	for i := range leaves {
		g.buf = append(g.buf, 0, LeafSize)
		g.buf = leaves[i].Append(g.buf)
	}
	g.count += len(leaves)
	if s.led {
		return g, at, false, nil
	}
	s.led = true
	if lead = willing && s.lag <= bound; !lead {
		s.lead <- struct{}{} // there is one lead, so there is room
	}
	return g, at, lead, nil
}

// hand gives the lead back: to the goroutine, where there is a group to write already, or a last one may come.
func (s *sequencer) hand() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.led = s.filling != nil || s.closed; s.led {
		s.lead <- struct{}{}
	}
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
		case <-s.lead:
			s.relieve()
			s.commit()
			s.hand()
		case <-s.behind:
			s.begin(&s.busy)
			s.grow()
		case <-beat:
			s.begin(&s.busy)
			s.log.lookForRoom()
			s.checkpoint(nil)
		case done := <-s.flush:
			s.begin(&s.busy)
			s.checkpoint(done)
		case <-s.quit:
			s.last()
			return
		}
	}
}

// relieve takes into the tree what is behind too far: nothing more is written until the publisher has caught up.
func (s *sequencer) relieve() {
	s.mu.Lock()
	behind := s.lag > s.log.opts.Queue
	s.mu.Unlock()
	if behind {
		s.begin(&s.busy)
		s.grow()
	}
}

func (s *sequencer) begin(work *atomic.Int64) { work.Store(max(1, int64(time.Since(s.opened)))) }

// last writes what is queued after the log was closed. Who leads still hands over or ends.
func (s *sequencer) last() {
	s.mu.Lock()
	led := s.led
	s.mu.Unlock()
	if led {
		<-s.lead
	}
	s.commit()
	s.checkpoint(nil)
}

// commit writes the group that was filled meanwhile, and answers for it. The caller leads.
func (s *sequencer) commit() {
	s.mu.Lock()
	g, err := s.filling, s.failed
	s.filling = nil
	s.mu.Unlock()
	if g == nil {
		return
	}
	s.begin(&s.writing)
	defer s.writing.Store(0)
	g.first = s.end
	if err == nil {
		err = s.journal.append(g.first, g.count, g.buf)
		s.fail(err)
	}
	if err != nil {
		g.err = fmt.Errorf("%w: audit: the journal: %w", zhenni.ErrUnavailable, err)
		close(g.done)
		return
	}
	s.end += int64(g.count)
	s.mu.Lock()
	s.written, s.lag, s.spare = append(s.written, g.buf[groupHeader:]...), s.lag+g.count, g.buf
	if s.lag >= tileWidth {
		select {
		case s.behind <- struct{}{}:
		default:
		}
	}
	s.mu.Unlock()
	close(g.done)
}

// grow takes durable entries into the tree and hands on what became full.
func (s *sequencer) grow() {
	s.mu.Lock()
	entries, count := s.written, s.lag
	s.written, s.growing, s.lag = s.growing[:0], entries, 0
	s.mu.Unlock()
	for count > 0 {
		n := min(count, s.edge.room(), int(s.requested+CheckpointEntries-s.edge.size))
		part := leadingEntries(entries, n)
		s.edge.extend(part, n, s.publishTile)
		entries, count = entries[len(part):], count-n
		if s.edge.size%EpochSize == 0 {
			s.log.publisher.work <- publication{tree: s.edge.tree(), epoch: true}
		}
		if s.edge.size-s.requested >= CheckpointEntries {
			s.request(nil)
		}
	}
}

func (s *sequencer) publishTile(t tlog.Tile, data []byte) {
	s.log.publisher.work <- publication{files: []tileFile{{t, append([]byte(nil), data...)}}}
}

// checkpoint asks for a checkpoint of everything durable, if there is anything new or somebody waits for it.
func (s *sequencer) checkpoint(done chan error) {
	s.grow()
	s.request(done)
}

// request asks for a checkpoint of the tree.
func (s *sequencer) request(done chan error) {
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
	s, stall := &l.sequencer, time.Duration(0)
	for _, began := range []int64{s.writing.Load(), s.busy.Load()} {
		if began != 0 {
			stall = max(stall, time.Since(s.opened)-time.Duration(began))
		}
	}
	return stall
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
