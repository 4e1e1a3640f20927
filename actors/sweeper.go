package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"zhenni"
)

// DueState finds the credentials whose validity has ended. Its methods may be called from several goroutines.
type DueState interface {
	// Due returns at most limit live credentials that are overdue at now, from a slot on, and the slot to go on from:
	// [zhenni.Slots] when every slot was looked at. It may be the slot that it was given, where more is due than limit.
	Due(now time.Time, from, limit int) (due []zhenni.Credential, next int, err error)
}

// SweeperConfig sets the pace of a sweeper. A zero field takes its default.
type SweeperConfig struct {
	// Every is the pause between two sweeps, 1s–24h. Default 1 minute.
	Every time.Duration
	// Batch bounds the credentials of one commit, 1–1,024. Default 256.
	Batch int
	// Now is the clock that validity ends by. Default time.Now.
	Now func() time.Time
	// Logger receives failures and how many credentials expired. Default slog.Default().
	Logger *slog.Logger
}

func (c SweeperConfig) withDefaults() SweeperConfig {
	setDefault(&c.Every, time.Minute)
	setDefault(&c.Batch, 256)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Validate reports the first field out of range, as [zhenni.ErrBadValue]; zero stands for the default.
func (c SweeperConfig) Validate() error {
	c = c.withDefaults()
	if c.Every < time.Second || c.Every > 24*time.Hour || c.Batch < 1 || c.Batch > 1024 {
		return fmt.Errorf("%w: sweep every %v by %d: want 1s–24h by 1–1024", zhenni.ErrBadValue, c.Every, c.Batch)
	}
	return nil
}

// Sweeper turns credentials whose validity has ended expired, through the node, so that shards and audit log learn of it.
// That nothing matches past its end does not wait for it: a batch carries the second at which it began.
type Sweeper struct {
	config SweeperConfig
	node   *Node
	state  DueState
	stop   context.CancelFunc
	ended  chan struct{}
}

// StartSweeper begins to sweep, at once and then after every pause. It ends with [Sweeper.Close], before the node is
// drained.
func StartSweeper(cfg SweeperConfig, n *Node, state DueState) (*Sweeper, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Sweeper{config: cfg.withDefaults(), node: n, state: state, stop: stop, ended: make(chan struct{})}
	go s.run(ctx)
	return s, nil
}

// Close ends the sweeper and waits for the commit in hand. A second Close does nothing.
func (s *Sweeper) Close() {
	s.stop()
	<-s.ended
}

func (s *Sweeper) run(ctx context.Context) {
	defer close(s.ended)
	ticker := time.NewTicker(s.config.Every)
	defer ticker.Stop()
	for {
		expired, err := s.sweep(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.config.Logger.Warn("expiry is late; what is past its end does not match all the same", "cause", err)
		case expired > 0:
			s.config.Logger.Info("credentials expired", "credentials", expired)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sweep goes once over every slot, a bounded batch at a time. What fails is left to the next sweep.
func (s *Sweeper) sweep(ctx context.Context) (expired int, err error) {
	now := s.config.Now()
	for from := 0; from < zhenni.Slots && ctx.Err() == nil; {
		due, next, err := s.state.Due(now, from, s.config.Batch)
		if err != nil {
			return expired, err
		}
		done, err := s.expire(ctx, due, now)
		if err != nil {
			return expired, err
		}
		if expired += done; done == 0 && next == from {
			next++ // nothing of a full batch can be expired: the rest of the slot is not worth the wait
		}
		from = next
	}
	return expired, nil
}

// expire commits a batch. One that was renewed or ended meanwhile is no failure.
func (s *Sweeper) expire(ctx context.Context, due []zhenni.Credential, now time.Time) (expired int, err error) {
	if len(due) == 0 {
		return 0, nil
	}
	commands := make([]zhenni.Command, len(due))
	for i, c := range due {
		commands[i] = zhenni.Expire{ID: c.ID, Tenant: c.Tenant, At: now}
	}
	results, err := s.node.Apply(ctx, commands)
	if err != nil {
		return 0, err
	}
	for _, r := range results {
		switch {
		case r.Err == nil:
			expired++
		case !errors.Is(r.Err, zhenni.ErrIllegalChange) && !errors.Is(r.Err, zhenni.ErrNotFound):
			s.config.Logger.Warn("a credential past its end could not be marked as expired", "cause", r.Err)
		}
	}
	return expired, nil
}
