package actors

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// keptSessions are sessions in a map. A fault, where it is set, is asked before each change; it may change the map all the same.
type keptSessions struct {
	mu    sync.Mutex
	all   map[zhenni.SessionID]zhenni.Session
	fault func(zhenni.Session) error
}

func (k *keptSessions) Put(_ context.Context, s zhenni.Session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all[s.ID].Version+1 != s.Version {
		return errors.New("overtaken")
	}
	if k.fault != nil {
		if err := k.fault(s); err != nil {
			return err
		}
	}
	k.all[s.ID] = s
	return nil
}

func (k *keptSessions) Session(id zhenni.SessionID) (zhenni.Session, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.all[id]
	return s, ok
}

func (k *keptSessions) All() (all []zhenni.Session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.all {
		all = append(all, s)
	}
	return all
}

func (k *keptSessions) Sweep(context.Context, time.Time) error { return nil }

func newKeptSessions() *keptSessions {
	return &keptSessions{all: map[zhenni.SessionID]zhenni.Session{}}
}

func startSessions(t testing.TB, cfg SessionConfig, state SessionState) *Sessions {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	h, err := StartSessions(cfg, state)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func closeSessions(t testing.TB, h *Sessions) {
	t.Helper()
	if err := h.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// counter is the session of a number, at a counter.
func counter(t testing.TB, n uint64) zhenni.Session {
	t.Helper()
	s := zhenni.Session{
		Kind: zhenni.SessionCounter, Tenant: 1, Party: "office", Service: "registration", Purpose: "identify", Code: 42,
		Seats: make([]zhenni.Seat, 1), Secret: [32]byte{1}, Deadline: time.Now().Add(time.Minute), ID: zhenni.SessionID{15: 1},
	}
	binary.BigEndian.PutUint64(s.ID[:], n)
	s, err := zhenni.NewSession(s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func phone(n byte) zhenni.SessionEvent {
	return zhenni.SessionEvent{Kind: zhenni.EventOpened, Credential: zhenni.CredentialID{n}, Phone: sha256.Sum256([]byte{n})}
}

func tell(t testing.TB, h *Sessions, id zhenni.SessionID, e zhenni.SessionEvent) zhenni.Session {
	t.Helper()
	s, err := h.Tell(context.Background(), id, e)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func begin(t testing.TB, h *Sessions, s zhenni.Session) {
	t.Helper()
	if err := h.Begin(context.Background(), s); err != nil {
		t.Fatal(err)
	}
}

// A session goes its way, and whoever watches sees each change; after its end it takes nothing.
//
// FAULTS: C11
func TestSessionGoesItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startSessions(t, SessionConfig{}, newKeptSessions())
		defer closeSessions(t, h)
		s := counter(t, 1)
		begin(t, h, s)
		changed, stop, err := h.Watch(s.ID, AskersSide)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		s = tell(t, h, s.ID, phone(1))
		<-changed
		if _, err := h.Tell(context.Background(), s.ID, phone(2)); !errors.Is(err, zhenni.ErrSessionTaken) {
			t.Errorf("another phone: %v", err)
		}
		tell(t, h, s.ID, zhenni.SessionEvent{Kind: zhenni.EventCode, Code: 42})
		<-changed
		s = tell(t, h, s.ID, zhenni.SessionEvent{Kind: zhenni.EventAnswered, Outcome: zhenni.Match, Transaction: s.Transaction(0)})
		<-changed
		if !s.Confirmed() {
			t.Errorf("%+v", s)
		}
		synctest.Wait()
		for _, e := range []zhenni.SessionEvent{{Kind: zhenni.EventCancelled}, phone(1)} {
			if after, err := h.Tell(context.Background(), s.ID, e); !errors.Is(err, zhenni.ErrSessionEnded) || after.Version != s.Version {
				t.Errorf("after the end: %v", err)
			}
		}
		if len(h.live) != 0 {
			t.Errorf("%d actors of sessions that have ended", len(h.live))
		}
	})
}

// A deadline ends a session by itself, at its time and not before, and is told.
//
// FAULTS: C12
func TestDeadlineEndsASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Pointer[zhenni.Session]
		h := startSessions(t, SessionConfig{Changed: func(_, s zhenni.Session) { told.Store(&s) }}, newKeptSessions())
		defer closeSessions(t, h)
		s := counter(t, 1)
		begin(t, h, s)
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		if now, _ := h.Session(s.ID); now.End != zhenni.SessionLive {
			t.Errorf("%s too early", now.End)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if end := told.Load().End; end != zhenni.SessionTimeout {
			t.Errorf("told %s", end)
		}
		if after, err := h.Tell(context.Background(), s.ID, phone(1)); !errors.Is(err, zhenni.ErrSessionEnded) || after.End != zhenni.SessionTimeout {
			t.Errorf("%v, %s", err, after.End)
		}
	})
}

// Of many phones that open a session at once, one does; the rest are told that it is taken.
//
// FAULTS: C11
func TestManyPhonesOpenOneSession(t *testing.T) {
	h := startSessions(t, SessionConfig{}, newKeptSessions())
	defer closeSessions(t, h)
	s := counter(t, 1)
	begin(t, h, s)
	var opened, taken atomic.Int64
	var wg sync.WaitGroup
	for n := range byte(64) {
		wg.Go(func() {
			switch _, err := h.Tell(context.Background(), s.ID, phone(n+1)); {
			case err == nil:
				opened.Add(1)
			case errors.Is(err, zhenni.ErrSessionTaken):
				taken.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if opened.Load() != 1 || taken.Load() != 63 {
		t.Errorf("%d opened, %d taken", opened.Load(), taken.Load())
	}
}

// Every event is answered, whoever ends the session at the same time: none is lost between an actor that goes and the next.
//
// FAULTS: C11 R5
func TestNoEventIsLostAtTheEnd(t *testing.T) {
	h := startSessions(t, SessionConfig{}, newKeptSessions())
	defer closeSessions(t, h)
	var wg sync.WaitGroup
	for n := range uint64(200) {
		s := counter(t, n)
		begin(t, h, s)
		var ended atomic.Int64
		for range 4 {
			wg.Go(func() {
				if _, err := h.Tell(context.Background(), s.ID, zhenni.SessionEvent{Kind: zhenni.EventCancelled}); err == nil {
					ended.Add(1)
				} else if !errors.Is(err, zhenni.ErrSessionEnded) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if ended.Load() != 1 {
			t.Fatalf("ended %d times", ended.Load())
		}
	}
}

// A restart takes up what is live, and ends what timed out meanwhile.
//
// FAULTS: R11
func TestSessionsAreTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := newKeptSessions()
		h := startSessions(t, SessionConfig{}, state)
		late, live := counter(t, 1), counter(t, 2)
		live.Deadline = live.Deadline.Add(time.Minute)
		begin(t, h, late)
		begin(t, h, live)
		closeSessions(t, h)
		if _, err := h.Tell(context.Background(), live.ID, phone(1)); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("after Close: %v", err)
		}
		time.Sleep(90 * time.Second)
		h = startSessions(t, SessionConfig{}, state)
		defer closeSessions(t, h)
		synctest.Wait()
		if s, _ := h.Session(late.ID); s.End != zhenni.SessionTimeout {
			t.Errorf("late: %s", s.End)
		}
		tell(t, h, live.ID, phone(1))
	})
}

// A change that was not answered by the store is told once it turns out to have been made, and a panic is answered.
//
// FAULTS: R1
func TestSessionsOutliveTheirStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := newKeptSessions()
		var told atomic.Int64
		h := startSessions(t, SessionConfig{Changed: func(before, _ zhenni.Session) { told.Add(1) }}, state)
		defer closeSessions(t, h)
		s := counter(t, 1)
		begin(t, h, s)
		state.fault = func(zhenni.Session) error { panic("a broken store") }
		if _, err := h.Tell(context.Background(), s.ID, phone(1)); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("a panic: %v", err)
		}
		state.fault = func(s zhenni.Session) error {
			state.all[s.ID] = s
			return zhenni.ErrUnavailable
		}
		if _, err := h.Tell(context.Background(), s.ID, phone(1)); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("no answer: %v", err)
		}
		state.fault = nil
		time.Sleep(2 * retryPause)
		synctest.Wait()
		if told.Load() != 2 { // that it began, and that it was opened
			t.Errorf("told %d times", told.Load())
		}
		tell(t, h, s.ID, phone(1))
	})
}

// Reminders are sent when they are due, each once, over a restart too.
func TestRemindersAreSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state, now := newKeptSessions(), time.Now()
		var reminders atomic.Int64
		cfg := SessionConfig{Changed: func(before, after zhenni.Session) { reminders.Add(int64(after.Reminded) - int64(before.Reminded)) }}
		h := startSessions(t, cfg, state)
		s := counter(t, 1)
		s.Kind, s.Seats[0].Credential = zhenni.SessionLife, zhenni.CredentialID{1}
		s.Due, s.Deadline = now.Add(10*24*time.Hour), now.Add(20*24*time.Hour)
		begin(t, h, s)
		for _, days := range []time.Duration{0, 3, 9, 9, 10, 11} {
			time.Sleep(time.Until(now.Add(days * 24 * time.Hour)))
			closeSessions(t, h)
			h = startSessions(t, cfg, state)
			synctest.Wait()
			if want := map[time.Duration]int64{0: 0, 3: 1, 9: 2, 10: 3, 11: 3}[days]; reminders.Load() != want {
				t.Errorf("day %d: %d reminders, want %d", days, reminders.Load(), want)
			}
		}
		closeSessions(t, h)
	})
}

// A session of which its maker was not told that it was made is told of, and times out, like any other.
//
// FAULTS: C10 R10
func TestSessionMadeUnheardOfTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := newKeptSessions()
		slow := func(s zhenni.Session) error {
			if s.Version > 1 {
				return nil
			}
			state.all[s.ID] = s
			return zhenni.ErrDeadline
		}
		state.fault = slow
		var told []string
		h := startSessions(t, SessionConfig{Changed: func(before, after zhenni.Session) {
			told = append(told, fmt.Sprintf("%d: %d to %d", after.ID[7], before.Version, after.Version))
		}}, state)
		defer closeSessions(t, h)
		made, never := counter(t, 1), counter(t, 2)
		if err := h.Begin(context.Background(), made); !errors.Is(err, zhenni.ErrDeadline) {
			t.Fatal(err)
		}
		state.fault = func(s zhenni.Session) error {
			if s.ID == never.ID {
				return zhenni.ErrUnavailable
			}
			return slow(s)
		}
		if err := h.Begin(context.Background(), never); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if s, err := h.Session(made.ID); err != nil || s.End != zhenni.SessionTimeout {
			t.Errorf("%v, %v", s.End, err)
		}
		if want := []string{"1: 0 to 1", "1: 1 to 2"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.live) != 0 {
			t.Errorf("%d actors stay", len(h.live))
		}
	})
}

// Nobody waits beyond the bounds, and who stops makes room.
func TestWatchersAreBounded(t *testing.T) {
	h := startSessions(t, SessionConfig{Watchers: 2, AllWatchers: 3, InHand: 1}, newKeptSessions())
	defer closeSessions(t, h)
	watch := func(n byte, want error, side ...int) func() {
		t.Helper()
		_, stop, err := h.Watch(zhenni.SessionID{n}, append(side, AskersSide)[0])
		if !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", n, err, want)
		}
		return stop
	}
	stop := watch(1, nil)
	watch(1, nil)
	watch(1, zhenni.ErrOverloaded)
	watch(1, nil, 0) // who is asked keeps who asks from nothing, nor the other way round
	watch(3, zhenni.ErrOverloaded)
	stop()
	stop()
	watch(3, nil)
	watch(4, zhenni.ErrOverloaded)
	h.inHand <- struct{}{}
	if err := h.Begin(context.Background(), counter(t, 1)); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Errorf("beyond what is in hand: %v", err)
	}
	<-h.inHand
}
