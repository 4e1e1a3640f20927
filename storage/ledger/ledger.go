package ledger

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/storage/audit"
)

// Log is the audit log as far as a ledger needs it; [*audit.Log] is one.
type Log interface {
	// Append adds leaves in order, one behind the other, and returns the index of the first once all are durable. On
	// [zhenni.ErrOverloaded], [zhenni.ErrNoRoom] and [zhenni.ErrBadValue] none was added.
	Append(ctx context.Context, leaves []audit.Leaf) (first int64, err error)
	// Entry returns the encoded leaf of an index below Size.
	Entry(index int64) ([]byte, error)
	// Room reports why Append takes nothing for lack of room, which ends by itself: [zhenni.ErrNoRoom].
	Room() error
	// Size is the number of leaves in the newest checkpoint. When a ledger is opened that is all of them.
	Size() int64
}

// Ledger is an open ledger. Its methods may be called from several goroutines.
type Ledger struct {
	opts    Options
	files   audit.FS
	secrets secrets
	salt    []byte
	aead    cipher.AEAD
	nonce   atomic.Uint64 // of the last record sealed
	opened  time.Time
	// cramped is when, since opened, the disk first had no room for what was to be settled; 0 while it has.
	cramped atomic.Int64
	scratch sync.Pool // of *scratch
	writer  writer
	keeper  keeper
	counted counted

	// mu guards the rest.
	mu     sync.Mutex
	closed bool
	// failed is the first write that did not succeed; nothing is settled after it.
	failed error
	inHand map[key]struct{}
	// answers are the places of the records, remembered the evicted transactions that their clients named.
	answers    roll[key, place]
	remembered roll[uint64, memory]
	stats      zhenni.LedgerStats
}

// Digest returns the keyed digest of a request, for [zhenni.Request]. It reads body and keeps nothing of it.
func (l *Ledger) Digest(route, media string, body []byte) [16]byte {
	return l.secrets.digestOf(route, media, body)
}

// Begin takes a request in hand, or says why not. With neither an answer nor an error the caller ends it with exactly
// one [Ledger.Settle] or [Ledger.Drop]. A stored answer is given for a named request of the same digest only. Errors
// are [zhenni.ErrInProgress], [zhenni.ErrReused], [zhenni.ErrEvicted] (its answer is not kept any more, or is damaged),
// [zhenni.ErrOverloaded], [zhenni.ErrNoRoom] and [zhenni.ErrUnavailable]. Answers are given without room on the disk too.
func (l *Ledger) Begin(r zhenni.Request) (*zhenni.Answered, error) {
	if !zhenni.ValidName(r.Party) || !zhenni.ValidName(r.Transaction) {
		return nil, fmt.Errorf("%w: ledger: party or transaction", zhenni.ErrBadValue)
	}
	p, err := l.admit(l.secrets.keyOf(r.Party, r.Transaction), r.Named)
	if p == nil || err != nil {
		return nil, err
	}
	answer, err := l.replay(*p, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.stats.Replayed++
	case errors.Is(err, zhenni.ErrReused):
		l.stats.Reused++
	case errors.Is(err, zhenni.ErrCorrupt):
		l.stats.Damaged++
		l.opts.Logger.Error("a stored answer is damaged; its transaction is refused as evicted", "segment", p.segment, "offset", p.offset)
		err = fmt.Errorf("%w: %w", zhenni.ErrEvicted, err)
	case errors.Is(err, zhenni.ErrEvicted):
		l.stats.Evicted++
	}
	return answer, err
}

// admit takes the request of a key in hand, or returns the place of its answer, or says why neither.
func (l *Ledger) admit(k key, named bool) (*place, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refusal(); err != nil {
		return nil, err
	}
	if _, busy := l.inHand[k]; busy {
		l.stats.InProgress++
		return nil, zhenni.ErrInProgress
	}
	if named {
		if p, ok := l.answers.find(place{key: k}); ok && l.fresh(p.seconds) {
			return &p, nil
		}
		if m, ok := l.remembered.find(memory{fingerprint: k.fingerprint()}); ok && l.recent(m.seconds) {
			l.stats.Evicted++
			return nil, zhenni.ErrEvicted
		}
	}
	if err := l.opts.Log.Room(); err != nil {
		l.noteRoom(err)
		return nil, err
	}
	if len(l.inHand) >= l.opts.InHand {
		l.stats.Overloaded++
		return nil, fmt.Errorf("%w: ledger: %d requests are in hand", zhenni.ErrOverloaded, len(l.inHand))
	}
	l.inHand[k] = struct{}{}
	l.stats.Admitted++
	return nil, nil
}

// refusal says why nothing is taken. The caller holds mu.
func (l *Ledger) refusal() error {
	if l.failed != nil {
		return unavailable("%w: open the ledger again: %w", zhenni.ErrHalted, l.failed)
	}
	if l.closed {
		return unavailable("the ledger is closed")
	}
	return nil
}

// fresh reports whether what happened then is still kept, recent whether it is remembered where it was evicted.
func (l *Ledger) fresh(seconds uint32) bool { return l.since(seconds) < l.opts.Keep }

func (l *Ledger) recent(seconds uint32) bool { return l.since(seconds) < min(l.opts.Keep, evictedKeep) }

func (l *Ledger) since(seconds uint32) time.Duration {
	return l.opts.Now().Sub(time.Unix(int64(seconds), 0))
}

// Settle makes the decision on a request in hand durable, as a leaf in the audit log and as a sealed record, and
// returns the index of the leaf once both are; its hash is in d.Leaf by then. With an error nothing must be answered: the request ends as refused,
// though its leaf may be in the log. Only on [zhenni.ErrDeadline] (ctx ended first) may it still come to be answered,
// and a retry of the transaction then gets the answer. [zhenni.ErrBadValue] is a decision that is none;
// [zhenni.ErrOverloaded], [zhenni.ErrNoRoom] and [zhenni.ErrUnavailable] come from the disk or the log; with the first two
// the same request may succeed later.
func (l *Ledger) Settle(ctx context.Context, r zhenni.Request, d zhenni.Decision) (index int64, err error) {
	g, at, err := l.submit(ctx, r, d)
	if err != nil {
		return 0, err
	}
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

// submit has the record of a decision written with the group that is being filled, and returns its place in it.
func (l *Ledger) submit(ctx context.Context, r zhenni.Request, d zhenni.Decision) (g *group, at int, err error) {
	k := l.secrets.keyOf(r.Party, r.Transaction)
	s := l.scratch.Get().(*scratch)
	defer l.scratch.Put(s) // before the wait: the next request finds it in the cache
	leaf, err := l.prepare(s, k, r, d)
	if err == nil {
		g, at, err = l.writer.enqueue(ctx, s, leaf, d.Attempts, l.opts.group)
	}
	if err != nil {
		l.end(k)
	}
	return g, at, err
}

// Drop ends a request in hand of which nothing was decided: it may be tried again under the same transaction id.
func (l *Ledger) Drop(r zhenni.Request) { l.end(l.secrets.keyOf(r.Party, r.Transaction)) }

// end refuses what is in hand under a key.
func (l *Ledger) end(k key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.inHand[k]; ok {
		delete(l.inHand, k)
		l.stats.Refused++
	}
}

// settled ends the requests of a group that was written, or was not.
func (l *Ledger) settled(g *group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range g.places {
		delete(l.inHand, p.key)
		if g.err != nil {
			l.stats.Refused++
			continue
		}
		l.stats.Answered++
		l.remember(p)
	}
}

// remember adds an answer and lets the oldest go where there are too many. The caller holds mu.
func (l *Ledger) remember(p place) {
	for l.answers.len() >= l.opts.Answers {
		l.forget()
	}
	l.answers.add(p)
}

// forget evicts the oldest answer. The caller holds mu.
func (l *Ledger) forget() {
	if p := l.answers.pop(); p.named() && l.recent(p.seconds) {
		l.recall(memory{p.key.fingerprint(), p.seconds})
	}
}

// recall remembers an evicted transaction. The caller holds mu.
func (l *Ledger) recall(m memory) {
	for l.remembered.len() > 0 && (l.remembered.len() >= l.opts.Remembered || !l.recent(l.remembered.at(0).seconds)) {
		l.remembered.pop()
	}
	l.remembered.add(m)
}

// fail latches the first failure.
func (l *Ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
		l.opts.Logger.Error("the ledger takes nothing until it is opened again", "error", err)
	}
}

// Stats returns the counts since the ledger was opened and its levels now.
func (l *Ledger) Stats() zhenni.LedgerStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.InHand = uint64(len(l.inHand))
	s.Counts = l.counted.len()
	s.Stored, s.Remembered = int64(l.answers.len()), int64(l.remembered.len())
	return s
}

// Cramped returns for how long what was asked could not be settled for lack of room on a disk ([zhenni.ErrNoRoom]): 0
// where the last group was written.
func (l *Ledger) Cramped() time.Duration {
	since := l.cramped.Load()
	if since == 0 {
		return 0
	}
	return time.Since(l.opened) - time.Duration(since)
}

// noteRoom takes note of what became of a settlement.
func (l *Ledger) noteRoom(err error) {
	switch {
	case err == nil:
		l.cramped.Store(0)
	case errors.Is(err, zhenni.ErrNoRoom):
		l.cramped.CompareAndSwap(0, int64(max(1, time.Since(l.opened))))
	}
}

// Err returns the failure after which the ledger takes nothing, or nil.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Close writes what is queued and closes the files. What was begun and not settled is forgotten. The log stays open.
// It returns the failure of the ledger, if it had one; a second Close does nothing.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.writer.quit)
	<-l.writer.ended
	close(l.keeper.quit)
	<-l.keeper.ended
	err := l.Err()
	if err == nil {
		err = l.seal()
	}
	return errors.Join(err, l.writer.file.Close())
}

// seal notes that nothing follows: the next Open believes no copy of the folder from before.
func (l *Ledger) seal() error {
	w := &l.writer
	if err := l.writeCounts(w.number); err != nil {
		return err
	}
	if len(w.written) == 0 {
		return errors.Join(l.writeEnd(l.keeper.newest(), w.from), l.files.Remove(numbered(segmentDir, w.number)))
	}
	if err := l.writeEnd(w.number, w.from); err != nil {
		return err
	}
	return l.writeIndex(w.number, w.written)
}

// slogOf is the logger that hears of damage.
func slogOf(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.Default()
	}
	return log
}
