package actors

import (
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"time"

	"zhenni"
	"zhenni/engine"
)

// MaxShards is the largest number of shards: each owns at least one segment.
const MaxShards = engine.Segments

// Config sets the size and the patience of a node. A zero field takes its default.
type Config struct {
	// Shards is the number of shards at start, 1–MaxShards. Default GOMAXPROCS.
	Shards int
	// InFlightItems bounds the items admitted to one shard and not yet answered. It is at least
	// zhenni.MaxBatchItems, so that a full batch fits on one shard. Default 131,072.
	InFlightItems int
	// MessageItems bounds the items of one message, 1–zhenni.MaxBatchItems. Default 1,024.
	MessageItems int
	// PanicLimit is the number of parts that may panic in one shard within PanicWindow; one more and the shard is
	// failed. Defaults 10 and 10 s.
	PanicLimit  int
	PanicWindow time.Duration
	// Cooldown is how long a failed shard refuses before it rebuilds and serves again. Default 10 s.
	Cooldown time.Duration
	// Stall is how long a shard may hold work without progress before the node is not ready. Default 5 s.
	Stall time.Duration
	// Refresh is how long Apply waits for a shard to confirm that it saw a change before it orders the shard to drop
	// the rows concerned instead. Default 2 s.
	Refresh time.Duration
	// Attempts bounds the attempts at a credential; a zero field takes its default.
	Attempts zhenni.AttemptRules
	// AttemptsHeld bounds the counts held in memory, about 100 bytes each, at least one a segment. Where a segment has no
	// room for another, the weakest of a few that bar nothing goes; where none may go, the item is refused. Default 1,048,576.
	AttemptsHeld int
	// Templates is what the rows of the first model are read from. Default: the state.
	Templates engine.Store
	// Beside are further models that are compared by, each on its own; Start has the first. A batch names its model.
	Beside []Comparison
	// Counted are the counts of earlier runs, read once by Start. Of one credential and lane the newest counts.
	Counted iter.Seq[zhenni.AttemptCount]
	// Now is the clock by which pauses end: time.Now.
	Now func() time.Time
	// Logger receives panics, restarts and failures; never the content of a message. Default slog.Default().
	Logger *slog.Logger
}

// withDefaults returns c with every zero field set.
func (c Config) withDefaults() Config {
	setDefault(&c.Shards, min(runtime.GOMAXPROCS(0), MaxShards))
	setDefault(&c.InFlightItems, 2*zhenni.MaxBatchItems)
	setDefault(&c.MessageItems, 1024)
	setDefault(&c.PanicLimit, 10)
	setDefault(&c.PanicWindow, 10*time.Second)
	setDefault(&c.Cooldown, 10*time.Second)
	setDefault(&c.Stall, 5*time.Second)
	setDefault(&c.Refresh, 2*time.Second)
	setDefault(&c.AttemptsHeld, 1<<20)
	c.Attempts = c.Attempts.WithDefaults()
	if c.Counted == nil {
		c.Counted = func(func(zhenni.AttemptCount) bool) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports the first field out of range, as [zhenni.ErrBadValue]; zero stands for the default.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, f := range []struct {
		name             string
		value, low, high int
	}{
		{"Shards", c.Shards, 1, MaxShards},
		{"InFlightItems", c.InFlightItems, zhenni.MaxBatchItems, 1 << 24},
		{"MessageItems", c.MessageItems, 1, zhenni.MaxBatchItems},
		{"PanicLimit", c.PanicLimit, 1, 1 << 16},
		{"AttemptsHeld", c.AttemptsHeld, engine.Segments, 1 << 28},
	} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("%w: %s %d: want %d–%d", zhenni.ErrBadValue, f.name, f.value, f.low, f.high)
		}
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"PanicWindow", c.PanicWindow}, {"Cooldown", c.Cooldown}, {"Stall", c.Stall}, {"Refresh", c.Refresh}} {
		if f.value < time.Millisecond || f.value > time.Hour {
			return fmt.Errorf("%w: %s %v: want 1ms–1h", zhenni.ErrBadValue, f.name, f.value)
		}
	}
	return c.Attempts.Validate()
}
