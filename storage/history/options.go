package history

import (
	"fmt"
	"log/slog"
	"time"

	"zhenni"
)

// The tuning of a history.
const (
	// DefaultKeep is how long questions are kept, DefaultBytes the disk space for them.
	DefaultKeep  = 400 * 24 * time.Hour
	DefaultBytes = 16 << 30

	defaultQueue = 1 << 22 // items: 72 MiB
	defaultPurge = 7 * 24 * time.Hour
	defaultShare = 25

	// segmentItems and segmentBytes end a segment, whichever is reached first; so does segmentAge, for one that has items.
	segmentItems = 1 << 20
	segmentBytes = 64 << 20
	segmentAge   = time.Hour
	// fanIn is how many index files of a level become one of the next; mergedItems bounds what a merge makes.
	fanIn       = 8
	mergedItems = 1 << 26
	// syncBeats is after how many beats what was written is synced; heartbeat after how many seconds of silence it is
	// written that there was nothing.
	syncBeats = 5
	heartbeat = 10
	// MaxPage bounds the entries of a page of answers.
	MaxPage = 1000
)

// Options say how a history is opened. Dir and Key are required; another zero field takes its default.
type Options struct {
	// Dir is the folder of the history, made where it does not exist. Whoever opens a history sees to it that nobody else
	// does.
	Dir string
	// Key is the secret of the history, of [Key]. All it uses is derived from it.
	Key []byte
	// Keep is how long questions are kept (400 days), Bytes the disk space for them (16 GiB): the oldest go first, by files.
	Keep  time.Duration
	Bytes int64
	// Queue bounds the items that wait to be written (4,194,304, of 17 bytes of memory each). Beyond it items are shed.
	Queue int
	// Purge is after how long a file is written anew that still holds what was forgotten (7 days).
	Purge time.Duration
	// Share is how much of one processor the index may take in the background, in per cent (25).
	Share int
	// Room reports why nothing should be written, a disk that is nearly full; nil is always room. Without room items are
	// shed.
	Room func() error
	// Now is the clock: time.Now.
	Now func() time.Time
	// Beat says when to write what was noted since the last: a ticker of a second.
	Beat <-chan time.Time
	// Logger hears of damage and of what was shed: slog.Default().
	Logger *slog.Logger

	// items and fan stand for segmentItems and fanIn; tests make them small.
	items, fan int
	// stop ends the ticker of Beat.
	stop func()
}

func (o Options) withDefaults() (Options, error) {
	setDefault(&o.Keep, DefaultKeep)
	setDefault(&o.Bytes, DefaultBytes)
	setDefault(&o.Queue, defaultQueue)
	setDefault(&o.Purge, defaultPurge)
	setDefault(&o.Share, defaultShare)
	setDefault(&o.items, segmentItems)
	setDefault(&o.fan, fanIn)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Room == nil {
		o.Room = func() error { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Dir == "" {
		return o, fmt.Errorf("%w: history: it needs a folder", zhenni.ErrBadValue)
	}
	for _, bound := range []struct {
		name            string
		value, min, max int64
	}{
		{"hours that questions are kept", int64(o.Keep / time.Hour), 1, 100 * 366 * 24},
		{"bytes", o.Bytes, 1 << 20, 1 << 44},
		{"items that wait", int64(o.Queue), 2 * fillItems, 1 << 28},
		{"minutes before a file is written anew", int64(o.Purge / time.Minute), 0, 366 * 24 * 60},
		{"per cent of a processor", int64(o.Share), 1, 100},
	} {
		if bound.value < bound.min || bound.value > bound.max {
			return o, fmt.Errorf("%w: history: %s: %d, want %d–%d", zhenni.ErrBadValue, bound.name, bound.value, bound.min, bound.max)
		}
	}
	return o, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
