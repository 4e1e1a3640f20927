package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"zhenni"
)

// SessionState keeps sessions. Its methods may be called from several goroutines. A session that it returns is shared: nobody
// changes its seats.
type SessionState interface {
	// Put makes a session of version 1, or one that follows the one that is there by its version, and returns once it is
	// durable. After an error that is none of [zhenni.ErrOverloaded] and [zhenni.ErrBadValue] it may be there all the same.
	Put(ctx context.Context, s zhenni.Session) error
	// Session returns a session as it is.
	Session(id zhenni.SessionID) (zhenni.Session, bool)
	// All returns every session.
	All() []zhenni.Session
	// Sweep forgets those that ended long ago.
	Sweep(ctx context.Context, now time.Time) error
}

// SessionConfig sets what sessions may take. A zero field takes its default.
type SessionConfig struct {
	// InHand bounds the events that are told and not yet answered, 1–65,536. Default 1,024.
	InHand int
	// Watchers bounds those that wait for a change of a session, on one side of one, and of all: 8 and 65,536.
	Watchers, AllWatchers int
	// Patience is how long a change may take to become durable, 1s–1m. Default 10 s.
	Patience time.Duration
	// Changed is told of every change after it is durable, in the order of the changes of a session, by many goroutines at
	// once, and must not wait; before is zero for a new one. Of a change that a crash cut off after it was durable nothing is
	// told: whoever has to know looks at all sessions at the start. Default: nobody.
	Changed func(before, after zhenni.Session)
	// Now is the clock by which deadlines pass. Default time.Now.
	Now func() time.Time
	// Logger receives failures. Default slog.Default().
	Logger *slog.Logger
}

func (c SessionConfig) withDefaults() SessionConfig {
	setDefault(&c.InHand, 1024)
	setDefault(&c.Watchers, 8)
	setDefault(&c.AllWatchers, 1<<16)
	setDefault(&c.Patience, 10*time.Second)
	if c.Changed == nil {
		c.Changed = func(zhenni.Session, zhenni.Session) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Validate reports the first field out of range, as [zhenni.ErrBadValue]; zero stands for the default.
func (c SessionConfig) Validate() error {
	c = c.withDefaults()
	if c.InHand < 1 || c.InHand > 1<<16 || c.Watchers < 1 || c.AllWatchers < c.Watchers || c.Patience < time.Second || c.Patience > time.Minute {
		return fmt.Errorf("%w: sessions: want 1–65536 events in hand, watchers, and a patience of 1s–1m", zhenni.ErrBadValue)
	}
	return nil
}

// sweepEvery is the pause between two sweeps of what ended long ago.
const sweepEvery = 5 * time.Minute

// Sessions hosts the live sessions, each an actor that takes one event after another: /sessions/<id>. An event is durable before
// it is answered and before anybody is told. What a session makes of an event is [zhenni.Session.Next]; a deadline is an event of
// time, which the actor brings itself. A restart goes on with what was durable.
type Sessions struct {
	config SessionConfig
	state  SessionState
	system *actor.ActorSystem
	inHand chan struct{}
	watch  watchers
	closed chan struct{}
	swept  chan struct{}

	// mu is held while something is sent to an actor: one that goes has answered all that it was sent.
	mu       sync.Mutex
	live     map[zhenni.SessionID]*actor.PID
	spawned  uint64
	draining bool
	actors   sync.WaitGroup
}

// StartSessions takes up every session that is live, and those that end without the one that follows them. Those whose deadline passed meanwhile time out at once.
func StartSessions(cfg SessionConfig, state SessionState) (*Sessions, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	silent := func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }
	h := &Sessions{
		config: cfg, state: state, system: actor.NewActorSystem(actor.WithLoggerFactory(silent)),
		inHand: make(chan struct{}, cfg.InHand), live: map[zhenni.SessionID]*actor.PID{},
		closed: make(chan struct{}), swept: make(chan struct{}),
		watch: watchers{of: map[zhenni.SessionID][]watcher{}, each: cfg.Watchers, all: cfg.AllWatchers},
	}
	go h.sweep()
	for _, s := range state.All() {
		if s.End != zhenni.SessionLive && h.followed(s) {
			continue
		}
		if err := h.send(s.ID, tick{}); err != nil {
			return nil, errors.Join(err, h.Close(context.Background()))
		}
	}
	return h, nil
}

// Close lets every session take the events that it was told, and ends the actors. The sessions stay as they are. A second Close
// does nothing.
func (h *Sessions) Close(ctx context.Context) error {
	h.mu.Lock()
	again := h.draining
	h.draining = true
	for id, pid := range h.live {
		h.retire(id, pid)
	}
	h.mu.Unlock()
	if again {
		return nil
	}
	close(h.closed)
	gone := make(chan struct{})
	go func() { h.actors.Wait(); close(gone) }()
	if err := errors.Join(await(ctx, gone), await(ctx, h.swept)); err != nil {
		return err
	}
	h.system.Shutdown()
	return nil
}

// send puts a message behind what the actor of a session has to do, and makes the actor where there is none.
func (h *Sessions) send(id zhenni.SessionID, message any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return fmt.Errorf("%w: sessions are draining", zhenni.ErrUnavailable)
	}
	pid, there := h.live[id]
	if !there {
		var err error
		if pid, err = h.spawn(id); err != nil {
			return err
		}
	}
	h.system.Root.Send(pid, message)
	return nil
}

// spawn makes the actor of a session, under a name of its own: the one before may still be going. The caller has mu.
func (h *Sessions) spawn(id zhenni.SessionID) (*actor.PID, error) {
	h.spawned++
	name := fmt.Sprintf("sessions/%s-%d", id, h.spawned)
	pid, err := h.system.Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return &session{host: h, id: id} }), name)
	if err != nil {
		return nil, fmt.Errorf("%w: spawn a session: %w", zhenni.ErrUnavailable, err)
	}
	h.actors.Add(1)
	h.live[id] = pid
	return pid, nil
}

// retire lets an actor end after what it was sent. The caller has mu.
func (h *Sessions) retire(id zhenni.SessionID, pid *actor.PID) {
	if now, there := h.live[id]; there && now.Id == pid.Id {
		delete(h.live, id)
		h.system.Root.Poison(pid)
	}
}

func (h *Sessions) sweep() {
	defer close(h.swept)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-h.closed:
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), h.config.Patience)
		if err := h.state.Sweep(ctx, h.config.Now()); err != nil {
			h.config.Logger.Warn("sessions that ended are kept longer", "cause", err)
		}
		cancel()
	}
}

// Begin makes a session of [zhenni.NewSession] durable and takes it up: [zhenni.ErrOverloaded], [zhenni.ErrUnavailable].
func (h *Sessions) Begin(ctx context.Context, s zhenni.Session) error {
	release, err := h.admit()
	if err != nil {
		return err
	}
	defer release()
	if err := h.state.Put(ctx, s); err != nil {
		if !errors.Is(err, zhenni.ErrOverloaded) && !errors.Is(err, zhenni.ErrBadValue) {
			h.lookLater(s.ID)
		}
		return err
	}
	h.changed(zhenni.Session{}, s)
	return h.send(s.ID, tick{})
}

// lookLater has a session looked at of which it is not known whether it was made: where it was, it is told of, and its time
// passes like any other's.
func (h *Sessions) lookLater(id zhenni.SessionID) {
	time.AfterFunc(followPause, func() { _ = h.send(id, tick{untold: true}) }) // draining, the next start looks
}

// admit takes one of the places for events in hand.
func (h *Sessions) admit() (release func(), err error) {
	select {
	case h.inHand <- struct{}{}:
		return func() { <-h.inHand }, nil
	default:
		return nil, fmt.Errorf("%w: %d events of sessions are in hand", zhenni.ErrOverloaded, cap(h.inHand))
	}
}

// Session returns a session as it is, ended or not, for as long as it is kept: [zhenni.ErrNotFound].
func (h *Sessions) Session(id zhenni.SessionID) (zhenni.Session, error) {
	s, ok := h.state.Session(id)
	if !ok {
		return zhenni.Session{}, fmt.Errorf("%w: session", zhenni.ErrNotFound)
	}
	return s, nil
}

// Tell brings an event to a session, one that has ended too, and returns it as it is once that is durable. Errors are those of [zhenni.Session.Next],
// with the session as it is; [zhenni.ErrNotFound]; [zhenni.ErrOverloaded], after which nothing was started;
// [zhenni.ErrUnavailable] and [zhenni.ErrDeadline], after which the event may have been taken: telling it again is harmless.
func (h *Sessions) Tell(ctx context.Context, id zhenni.SessionID, e zhenni.SessionEvent) (zhenni.Session, error) {
	s, err := h.Session(id)
	if err != nil {
		return s, err
	}
	if s.End != zhenni.SessionLive && e.Kind != zhenni.EventCollected {
		return s.Next(e, h.config.Now())
	}
	release, err := h.admit()
	if err != nil {
		return s, err
	}
	told := &telling{event: e, answer: make(chan answeredSession, 1), release: release}
	if err := h.send(id, told); err != nil {
		release()
		return s, err
	}
	select {
	case a := <-told.answer:
		return a.session, a.err
	case <-ctx.Done():
		return s, fmt.Errorf("%w: an event of a session: %w", zhenni.ErrDeadline, context.Cause(ctx))
	}
}

// changed tells whoever waits that a session is another than it was.
func (h *Sessions) changed(before, after zhenni.Session) {
	h.watch.wake(after.ID)
	if after.Kind == zhenni.SessionHotel {
		h.watch.wake(arrivalsOf(after.Party))
	}
	h.config.Changed(before, after)
}
