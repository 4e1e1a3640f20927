package ledger

import (
	"fmt"
	"log/slog"
	"time"

	"zhenni"
)

// The defaults and bounds of a ledger.
const (
	// DefaultAnswers and DefaultBytes bound the answers kept.
	DefaultAnswers = 1 << 21
	DefaultBytes   = 8 << 30
	// MaxAnswers bounds Answers, and DefaultKeep is how long an answer is kept where nobody says otherwise.
	MaxAnswers  = 1 << 28
	DefaultKeep = 24 * time.Hour

	defaultRemembered = 1 << 24
	defaultInHand     = 1 << 16
	evictedKeep       = 24 * time.Hour
	defaultSegment    = 32 << 20
	defaultCounts     = 1 << 20

	groupBytes  = 16 << 20 // of records that wait for the disk
	groupLeaves = 8192
	// largestRecord is that of a batch of [zhenni.MaxBatchItems].
	largestRecord = recordHeader + plainHead + zhenni.MaxStoredAnswer + batchHead + itemSize*zhenni.MaxBatchItems + sealOverhead +
		countSize*zhenni.MaxBatchItems + sealOverhead
)

// Options say how a ledger is opened. Dir, Key and Log are required; another zero field takes its default.
type Options struct {
	// Dir is the folder of the ledger, made where it does not exist. Whoever opens a ledger sees to it that nobody else
	// does.
	Dir string
	// Key is the secret of the ledger, 32 random bytes that never change. All it uses is derived from it.
	Key []byte
	// Log receives a leaf for each request settled. It outlives the ledger.
	Log Log
	// Answers bounds the answers kept (2,097,152), Bytes the files they are in (8 GiB); the oldest go first.
	Answers int
	Bytes   int64
	// Remembered bounds the evicted transactions that are known to be so (16,777,216).
	Remembered int
	// InHand bounds the requests begun and neither settled nor dropped (65,536).
	InHand int
	// Keep is how long an answer is kept (24 h), and an evicted transaction remembered, which is 24 h at most.
	Keep time.Duration
	// Segment is the size of a file of answers in bytes (32 MiB).
	Segment int64
	// Room reports why no further file of answers should be made, a disk that is nearly full: nil is always room. Its
	// error is [zhenni.ErrNoRoom] to who settles.
	Room func() error
	// Counts bounds the counts of failed attempts that are kept, about 200 bytes of memory and 45 of a file each
	// (1,048,576); Rules are those they are counted by. With them the weakest of a few that bar nothing go first.
	Counts int
	Rules  zhenni.AttemptRules
	// AcceptLoss opens a ledger of which transactions were lost without a trace. They can then run again.
	AcceptLoss bool
	// Now is the clock: time.Now.
	Now func() time.Time
	// Beat says when to look for what is too old: a ticker of a minute.
	Beat <-chan time.Time
	// Logger hears of damage: slog.Default().
	Logger *slog.Logger

	// group bounds the bytes of records that wait for the disk; largest is the longest record. Tests make them small.
	group, largest int
}

func (o Options) withDefaults() (Options, error) {
	setDefault(&o.Answers, DefaultAnswers)
	setDefault(&o.Bytes, DefaultBytes)
	setDefault(&o.Remembered, defaultRemembered)
	setDefault(&o.InHand, defaultInHand)
	setDefault(&o.Keep, DefaultKeep)
	setDefault(&o.Segment, defaultSegment)
	setDefault(&o.Counts, defaultCounts)
	setDefault(&o.group, groupBytes)
	setDefault(&o.largest, largestRecord)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Room == nil {
		o.Room = func() error { return nil }
	}
	o.Logger = slogOf(o.Logger)
	if o.Dir == "" || o.Log == nil {
		return o, fmt.Errorf("%w: ledger: it needs a folder and a log", zhenni.ErrBadValue)
	}
	for _, bound := range []struct {
		name            string
		value, min, max int64
	}{
		{"answers", int64(o.Answers), 1, MaxAnswers},
		{"remembered transactions", int64(o.Remembered), 1, MaxAnswers},
		{"counts of failed attempts", int64(o.Counts), 1, MaxAnswers},
		{"requests in hand", int64(o.InHand), 1, 1 << 24},
		{"seconds an answer is kept", int64(o.Keep / time.Second), 1, 366 * 24 * 3600},
		// The largest group must fit an empty segment.
		{"bytes of a segment", o.Segment, int64(align + o.group + o.largest + 8*min(groupLeaves, o.group/recordHeader)), 1 << 30},
		{"bytes of answers", o.Bytes, 3 * o.Segment, 1 << 50},
	} {
		if bound.value < bound.min || bound.value > bound.max {
			return o, fmt.Errorf("%w: ledger: %s: %d, want %d–%d", zhenni.ErrBadValue, bound.name, bound.value, bound.min, bound.max)
		}
	}
	return o, o.Rules.Validate()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
