package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"zhenni"
)

// telling is an event with whoever waits for what becomes of it. It is answered once, and gives its place back then.
type telling struct {
	event   zhenni.SessionEvent
	answer  chan answeredSession
	release func()
}

type answeredSession struct {
	session zhenni.Session
	err     error
}

func (t *telling) reply(s zhenni.Session, err error) {
	t.release()
	t.answer <- answeredSession{s, err}
}

// tick tells an actor to look at the clock; and, where untold is set, to tell of the session as of a new one, for nobody may
// have been told that it was made.
type tick struct{ untold bool }

// Pauses of an actor before it looks at the clock: no longer than longestPause, for clocks are set; retryPause after a change
// that did not become durable; and followPause where the session that follows could not be begun, for which nobody waits.
const (
	longestPause = time.Hour
	retryPause   = time.Second
	followPause  = time.Minute
)

// session is the actor of one live session. Its fields are its own.
type session struct {
	host *Sessions
	id   zhenni.SessionID
	self *actor.PID
	// told is the session as it was told last; zero until the actor looked.
	told  zhenni.Session
	alarm *time.Timer
}

// Receive implements actor.Actor. A panic is answered as an event that was not taken, and the actor goes on.
func (a *session) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.self = ctx.Self()
	case *telling:
		a.take(m)
	case tick:
		if m.untold {
			a.introduce()
		}
		a.look()
	case *actor.Stopped:
		if a.alarm != nil {
			a.alarm.Stop()
		}
		a.host.actors.Done()
	}
}

// take brings an event to the session.
func (a *session) take(t *telling) {
	replied := false
	defer func() {
		if cause := recover(); cause != nil {
			a.complain(cause)
			if !replied {
				t.reply(a.told, fmt.Errorf("%w: a session failed", zhenni.ErrUnavailable))
			}
		}
	}()
	s, err := a.change(func(s zhenni.Session, now time.Time) (zhenni.Session, error) { return s.Next(t.event, now) })
	replied = true
	t.reply(s, err)
}

// introduce tells of a session that was made, it may be, after its maker had given up.
func (a *session) introduce() {
	defer a.survive()
	if s, err := a.host.Session(a.id); err == nil {
		a.host.changed(zhenni.Session{}, s)
	}
}

// look lets time pass: a reminder that is due is sent, and a deadline that has come ends the session.
func (a *session) look() {
	defer a.survive()
	_, err := a.change(func(s zhenni.Session, now time.Time) (zhenni.Session, error) {
		if at, more := s.NextReminder(); more && s.End == zhenni.SessionLive && !now.Before(at) {
			return s.Next(zhenni.SessionEvent{Kind: zhenni.EventReminded}, now)
		}
		return s.Passed(now), nil
	})
	if err != nil && !errors.Is(err, zhenni.ErrNotFound) { // never made, or forgotten
		a.host.config.Logger.Warn("a session is late", "cause", err)
	}
}

// survive is deferred by what an actor does for nobody who waits: it goes on behind a panic.
func (a *session) survive() {
	if cause := recover(); cause != nil {
		a.complain(cause)
	}
}

func (a *session) complain(cause any) {
	a.host.config.Logger.Error("a session panicked", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
}

// change makes what next makes of the session durable, tells of it, and sets the alarm for what comes next. It returns the
// session as it is then.
func (a *session) change(next func(zhenni.Session, time.Time) (zhenni.Session, error)) (zhenni.Session, error) {
	now := a.host.config.Now()
	before, err := a.host.Session(a.id)
	if err != nil {
		a.goes()
		return before, err
	}
	a.announce(before) // a change that was given up and made after all
	after, refused := next(before, now)
	if refused != nil || after.Version == before.Version {
		a.rest(before, now)
		return before, refused
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.host.config.Patience)
	defer cancel()
	if err := a.host.state.Put(ctx, after); err != nil {
		a.wakeIn(retryPause)
		return before, err
	}
	a.announce(after)
	a.rest(after, now)
	return after, nil
}

// announce tells of a session that is another than was told last.
func (a *session) announce(s zhenni.Session) {
	if before := a.told; before.Version != s.Version {
		a.told = s
		if before.Version > 0 {
			a.host.changed(before, s)
		}
	}
}

// rest sets the alarm for the next thing that time brings. The actor of a session that has ended goes, once the one that follows
// it is begun.
func (a *session) rest(s zhenni.Session, now time.Time) {
	if s.End != zhenni.SessionLive {
		if err := a.host.follow(s, now); err != nil {
			a.host.config.Logger.Warn("the next proof of life is late", "cause", err)
			a.wakeIn(followPause)
			return
		}
		a.goes()
		return
	}
	next := s.Deadline
	if at, more := s.NextReminder(); more && at.Before(next) {
		next = at
	}
	a.wakeIn(next.Sub(now))
}

func (a *session) wakeIn(pause time.Duration) {
	if a.alarm != nil {
		a.alarm.Stop()
	}
	host, id := a.host, a.id
	a.alarm = time.AfterFunc(min(pause, longestPause), func() { _ = host.send(id, tick{}) }) // draining, it is not to wake
}

func (a *session) goes() {
	a.host.mu.Lock()
	defer a.host.mu.Unlock()
	a.host.retire(a.id, a.self)
}
