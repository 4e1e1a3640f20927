package ledger

import (
	"context"
	"log/slog"
	"time"

	"zhenni"
	"zhenni/storage/audit"
)

// Log is the audit log as far as a ledger needs it; [*audit.Log] is one.
type Log interface {
	// Append adds leaves in order and returns the index of the first once all are durable.
	Append(ctx context.Context, leaves []audit.Leaf) (first int64, err error)
	// Entry returns the encoded leaf of an index below Size.
	Entry(index int64) ([]byte, error)
	// Size is the number of leaves in the newest checkpoint. When a ledger is opened that is all of them.
	Size() int64
}

// Options say how a ledger is opened. Dir, Key and Log are required.
type Options struct {
	// Dir is the folder of the ledger, made where it does not exist. Whoever opens a ledger sees to it that nobody else
	// does.
	Dir string
	// Key is the secret of the ledger, 32 random bytes that never change. All it uses is derived from it.
	Key []byte
	// Log receives a leaf for each request settled. It outlives the ledger.
	Log Log
	// Answers bounds the answers kept; Bytes the files they are in, the oldest of which is dropped first.
	Answers int
	Bytes   int64
	// Remembered bounds the evicted transactions that are known to be so.
	Remembered int
	// InHand bounds the requests begun and neither settled nor dropped.
	InHand int
	// Keep is how long an answer is kept and an evicted transaction remembered.
	Keep time.Duration
	// Segment is the size of a file of answers in bytes.
	Segment int64
	// Now is the clock: time.Now.
	Now func() time.Time
	// Logger hears of damage: slog.Default().
	Logger *slog.Logger
}

// Ledger is an open ledger. Its methods may be called from several goroutines.
type Ledger struct {
	opts Options
}

// Open opens the ledger of a folder, or makes one.
func Open(o Options) (*Ledger, error) { return &Ledger{opts: o}, nil }

// Digest returns the keyed digest of a request.
func (l *Ledger) Digest(route, media string, body []byte) [16]byte { return [16]byte{} }

// Begin takes a request in hand, or says why not. With neither an answer nor an error the caller ends it with exactly
// one [Ledger.Settle] or [Ledger.Drop]. A stored answer is given only for a request of the same digest. Errors are
// [zhenni.ErrInProgress], [zhenni.ErrReused], [zhenni.ErrEvicted], [zhenni.ErrOverloaded] and [zhenni.ErrUnavailable].
func (l *Ledger) Begin(r zhenni.Request) (*zhenni.Answered, error) { return nil, nil }

// Settle makes the decision on a request in hand durable, as a leaf in the audit log and as a sealed record, and
// returns the index of the leaf once both are. With an error nothing must be answered. On [zhenni.ErrDeadline] (ctx
// ended first) the answer may be had by a retry later; on any other error the request ends as refused, though its leaf
// may be in the log.
func (l *Ledger) Settle(ctx context.Context, r zhenni.Request, d zhenni.Decision) (index int64, err error) {
	return 0, nil
}

// Drop ends a request in hand of which nothing was decided: it may be tried again under the same transaction id.
func (l *Ledger) Drop(r zhenni.Request) {}

// Stats returns the counts since the ledger was opened.
func (l *Ledger) Stats() zhenni.LedgerStats { return zhenni.LedgerStats{} }

// Proof is what shows a party that its verification is in the audit log.
type Proof struct {
	// Index is the place of Leaf in the log. Prove it with [audit.Log.ProveInclusion].
	Index int64
	Leaf  audit.Leaf
	// Opening is what the leaf, or the item of a batch, hides.
	Opening audit.Opening
	// Item leads from the opening to the leaf of a batch. It is nil for a single verification.
	Item *audit.ItemProof
}

// Proof proves item number item, from 0, of a transaction of the party. A transaction that is unknown, evicted or of
// another party is [zhenni.ErrNotFound], as is an item that it does not have; a record that is damaged, or whose leaf
// is not the one in the log, [zhenni.ErrCorrupt].
func (l *Ledger) Proof(party, transaction string, item int) (Proof, error) {
	return Proof{}, zhenni.ErrNotFound
}

// Err returns the failure after which the ledger takes nothing, or nil.
func (l *Ledger) Err() error { return nil }

// Close writes what is queued and closes the files. Whatever was begun and not settled is forgotten. The log stays open.
func (l *Ledger) Close() error { return nil }
