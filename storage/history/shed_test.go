package history

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

func noteBatch(h *History, c *clock, n int) {
	ids, outcomes := make([]zhenni.CredentialID, n), make([]zhenni.Outcome, n)
	for i := range ids {
		ids[i], outcomes[i] = testID(i), zhenni.NoMatch
	}
	h.Note(desk("desk"), c.Now(), ids, outcomes)
}

// While the disk takes nothing, notes wait for nobody: they are shed and counted, and the answer says of when something is
// missing. With room again all goes on.
//
// FAULTS: S8 S11
func TestFullDiskShedsAndSaysSo(t *testing.T) {
	c := newClock()
	var full atomic.Bool
	o := small(t.TempDir(), c)
	o.Room = func() error {
		if full.Load() {
			return zhenni.ErrNoRoom
		}
		return nil
	}
	h := mustOpen(t, o)
	var lost time.Time
	for i := range 3 {
		c.advance(time.Minute)
		if full.Store(i == 1); i == 1 {
			lost = c.Now()
		}
		noteBatch(h, c, 5)
		h.settle(t)
	}
	full.Store(false)
	entries, page := all(t, h, 1, testID(3), 10)
	if len(entries) != 2 || !within(page.Gaps, lost) || within(page.Gaps, lost.Add(time.Minute)) || page.Gaps[0].Cause != zhenni.GapShed {
		t.Errorf("%v, with gaps %v, lost at %v", entries, page.Gaps, lost)
	}
	if s := h.Stats(); s.Noted != 15 || s.Dropped != 5 {
		t.Errorf("%+v", s)
	}
	kill(h)
	if _, page := all(t, mustOpen(t, o), 1, testID(3), 10); !within(page.Gaps, lost) {
		t.Errorf("after a crash the gaps are %v", page.Gaps)
	}
}

// A write that fails costs its block; the next one goes to another segment.
//
// FAULTS: S9
func TestFailedWriteCostsItsBlock(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	h := mustOpen(t, o)
	for i := range 3 {
		c.advance(time.Minute)
		noteBatch(h, c, 5)
		if err := h.do(context.Background(), func() {
			if i == 1 {
				_ = h.writer.open.file.Close()
			}
			h.drain(true)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if s := h.Stats(); s.Dropped != 5 {
		t.Errorf("%+v", s)
	}
	kill(h)
	entries, page := all(t, mustOpen(t, o), 1, testID(3), 10)
	if len(entries) != 2 || !within(page.Gaps, entries[0].At.Add(-time.Minute)) {
		t.Errorf("%v, gaps %v", entries, page.Gaps)
	}
}

// While the writer is held up, the queue takes its bound and sheds the rest at once.
//
// FAULTS: S11
func TestQueueIsBounded(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.Queue, o.items = 2*fillItems, 1<<20
	h := mustOpen(t, o)
	release := make(chan struct{})
	held := make(chan struct{})
	go func() { _ = h.do(context.Background(), func() { close(held); <-release }) }()
	<-held
	for range 10 {
		noteBatch(h, c, fillItems/2)
	}
	if s := h.Stats(); s.Noted > 3*fillItems || s.Noted < fillItems || s.Noted+s.Dropped != 5*fillItems {
		t.Errorf("%+v", s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Asked(ctx, 1, testID(0), zhenni.AskedCursor{}, 1); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("asked of a writer that is held up: %v", err)
	}
	close(release)
	if _, page := all(t, h, 1, testID(3), 1000); !within(page.Gaps, c.Now()) {
		t.Errorf("gaps %v", page.Gaps)
	}
}

// What can not be written is not taken: unlike lengths, too long names.
func TestUnwritableNotesAreShed(t *testing.T) {
	c := newClock()
	h := mustOpen(t, small(t.TempDir(), c))
	long := desk(string(make([]byte, zhenni.MaxAskerName+1)))
	h.Note(long, c.Now(), make([]zhenni.CredentialID, 1), []zhenni.Outcome{zhenni.Match})
	h.Note(desk("desk"), c.Now(), make([]zhenni.CredentialID, 2), []zhenni.Outcome{zhenni.Match})
	if s := h.Stats(); s.Noted != 0 || s.Dropped != 3 {
		t.Errorf("%+v", s)
	}
}

// Notes, questions, erasures and syncs from many goroutines, beside a keeper that sorts and merges all the time.
func TestConcurrently(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.Beat = time.NewTicker(time.Millisecond).C
	h := mustOpen(t, o)
	c.advance(time.Minute)
	var g sync.WaitGroup
	for worker := range 4 {
		g.Go(func() {
			for i := range 50 {
				id := testID(100*worker + i)
				h.Note(desk("desk"), c.Now(), []zhenni.CredentialID{id, {}}, []zhenni.Outcome{zhenni.Match, zhenni.RefusedCredentialID})
				if entries, _ := all(t, h, 1, id, 5); len(entries) != 1 {
					t.Errorf("%d entries, want 1", len(entries))
				}
				switch i % 10 {
				case 3:
					if err := h.Forget(context.Background(), id); err != nil {
						t.Error(err)
					}
					if entries, _ := all(t, h, 1, id, 5); len(entries) != 0 {
						t.Error("it is not forgotten")
					}
				case 7:
					if err := h.Sync(context.Background()); err != nil {
						t.Error(err)
					}
				}
				h.Stats()
			}
		})
	}
	g.Wait()
}

// A note allocates nothing for its items, once the memory of the queue is there.
func TestNoteAllocatesNothing(t *testing.T) {
	q := &queue{bound: 1 << 30, wake: make(chan struct{}, 1)}
	ids, outcomes := make([]zhenni.CredentialID, 64), make([]zhenni.Outcome, 64)
	who := desk("desk")
	turn := func() {
		for range fillItems / 64 {
			q.note(&who, 1_700_000_000, ids, outcomes)
		}
		for _, f := range q.take(true, time.Now).fills {
			q.give(f)
		}
	}
	turn()
	if n := testing.AllocsPerRun(10, turn); n > 4 {
		t.Errorf("%d requests allocate %v times", fillItems/64, n)
	}
}

// A closed history drops what is noted and answers nothing.
func TestClosed(t *testing.T) {
	c := newClock()
	h := mustOpen(t, small(t.TempDir(), c))
	if err := errors.Join(h.Close(), h.Close()); err != nil {
		t.Fatal(err)
	}
	noteBatch(h, c, 5)
	_, err := h.Asked(context.Background(), 1, testID(0), zhenni.AskedCursor{}, 1)
	if s := h.Stats(); s.Dropped != 5 || !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("%+v, %v", s, err)
	}
}
