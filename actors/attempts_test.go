package actors

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
)

// attempt is a batch of n tries at each of the credentials, by their holders or by somebody else.
func (w *world) attempt(mated bool, n int, ids ...zhenni.CredentialID) *zhenni.Batch {
	b := &zhenni.Batch{Tenant: testTenant, Dim: w.dim}
	for _, id := range ids {
		row, _ := w.rowOf(id)
		for i := range row {
			if !mated {
				row[i] = -row[i]
			}
		}
		if row[0] > 0 { // else it is a replay
			row[0]--
		} else {
			row[0]++
		}
		for range n {
			b.IDs, b.Int8 = append(b.IDs, id), append(b.Int8, row...)
		}
	}
	b.Outcomes = make([]zhenni.Outcome, len(b.IDs))
	return b
}

// withDevice marks every item as one that carried the signature of the holder's device.
func withDevice(b *zhenni.Batch) *zhenni.Batch {
	b.Lanes = slices.Repeat([]zhenni.Lane{zhenni.LanePossession}, len(b.IDs))
	return b
}

// handClock is a clock that tests move.
type handClock struct{ millis atomic.Int64 }

func newHandClock() *handClock {
	c := &handClock{}
	c.millis.Store(1_700_000_000_000)
	return c
}

func (c *handClock) Now() time.Time          { return time.UnixMilli(c.millis.Load()) }
func (c *handClock) advance(d time.Duration) { c.millis.Add(d.Milliseconds()) }

// ask verifies the batch and wants one outcome for all of it.
func ask(t testing.TB, n *Node, b *zhenni.Batch, want zhenni.Outcome) {
	t.Helper()
	verify(t, n, b)
	wantAll(t, b, want)
}

// 64 clients at once, each with the right face behind a wrong one: five comparisons are decided, and then none, until the
// pause is over.
//
// FAULTS: B1 L7
func TestAttemptsAreExactUnderConcurrency(t *testing.T) {
	w, clock := newWorld(70, testDim, 100), newHandClock()
	n := startNode(t, w, Config{Shards: 4, MessageItems: 3, Now: clock.Now})
	victim := w.ids[0]
	for pause := 30 * time.Second; pause <= 240*time.Second; pause *= 2 {
		before := n.Stats().Attempts.Failed
		var clients sync.WaitGroup
		for range 64 {
			clients.Go(func() { ask(t, n, w.attempt(false, 7, victim), zhenni.NoMatch) })
		}
		clients.Wait()
		want := uint64(1)
		if pause == 30*time.Second {
			want = 5
		}
		if got := n.Stats().Attempts.Failed - before; got != want {
			t.Fatalf("%d comparisons were decided before a pause of %v, want %d", got, pause, want)
		}
		clock.advance(pause - time.Millisecond)
		ask(t, n, w.attempt(true, 3, victim), zhenni.NoMatch)
		clock.advance(time.Millisecond)
	}
	ask(t, n, w.attempt(true, 1, victim), zhenni.Match)
}

// FAULTS: L7
func TestAttemptsAreCountedPerItem(t *testing.T) {
	w := newWorld(71, testDim, 100)
	n := startNode(t, w, Config{Shards: 2})
	b := w.attempt(false, 1000, w.ids[0])
	right := w.attempt(true, 1, w.ids[0])
	copy(b.Int8[3*testDim:], right.Int8) // the fourth ends the streak, the tenth comes too late
	copy(b.Int8[9*testDim:], right.Int8)
	verify(t, n, b)
	for i, o := range b.Outcomes {
		want := zhenni.NoMatch
		if i == 3 {
			want = zhenni.Match
		}
		if o != want {
			t.Errorf("item %d: %s, want %s", i, o.Verdict(), want.Verdict())
		}
	}
	s := n.Stats().Attempts
	if s.Failed != 8 || s.Paused != 1 || s.Barred != 991 || s.Held != 1 || len(b.Attempts) != 9 {
		t.Errorf("%+v, %d counts came back", s, len(b.Attempts))
	}
	if last := b.Attempts[8]; last.Streak != 5 || last.Total != 8 || last.Credential != w.ids[0] {
		t.Errorf("the last count is %+v", last)
	}
	if s := n.Stats(); s.Outcomes[zhenni.Match] != 1 || s.Outcomes[zhenni.NoMatch] != 999 {
		t.Errorf("outcomes %v", s.Outcomes)
	}
}

// Whoever fills the open lane of a victim, by however many tries, does not shut out the victim's own device.
//
// FAULTS: B5
func TestLanesAreApart(t *testing.T) {
	w, clock := newWorld(72, testDim, 100), newHandClock()
	n := startNode(t, w, Config{Shards: 2, Now: clock.Now})
	victim := w.ids[0]
	for range 60 {
		ask(t, n, w.attempt(false, 9, victim), zhenni.NoMatch)
		clock.advance(25 * time.Hour)
	}
	if s := n.Stats().Attempts; s.Disabled != 1 || s.Failed != 50 {
		t.Fatalf("%+v", s)
	}
	ask(t, n, w.attempt(true, 1, victim), zhenni.NoMatch)
	ask(t, n, withDevice(w.attempt(true, 1, victim)), zhenni.Match)
	ask(t, n, w.attempt(true, 1, victim), zhenni.NoMatch)
	ask(t, n, withDevice(w.attempt(false, 5, victim)), zhenni.NoMatch)
	ask(t, n, withDevice(w.attempt(true, 1, victim)), zhenni.NoMatch)
	clock.advance(30 * time.Second)
	ask(t, n, withDevice(w.attempt(true, 1, victim)), zhenni.Match)
}

// Nothing is counted of whom there is not, so nobody fills the memory with ids; nor of a tenant of evaluation.
func TestWhatIsNotCounted(t *testing.T) {
	w := newWorld(73, testDim, 100)
	w.enrol(w.ids[1], zhenni.StatusSuspended)
	n := startNode(t, w, Config{Shards: 2})
	for name, b := range map[string]*zhenni.Batch{
		"unknown":         w.attempt(false, 9, zhenni.CredentialID{1, 2, 3}),
		"suspended":       w.attempt(true, 9, w.ids[1]),
		"another tenant":  w.attempt(true, 9, w.ids[2]),
		"evaluation":      w.attempt(false, 9, w.ids[3]),
		"matches":         w.attempt(true, 9, w.ids[4]),
		"no embedding":    w.attempt(true, 9, w.ids[5]),
		"refused already": w.attempt(true, 9, w.ids[6]),
	} {
		want := zhenni.NoMatch
		switch name {
		case "another tenant":
			b.Tenant++
		case "evaluation":
			b.Evaluation = true
		case "matches":
			want = zhenni.Match
		case "no embedding":
			want = zhenni.RefusedProbe
			clear(b.Int8)
		case "refused already":
			want = zhenni.RefusedItem
			for i := range b.Outcomes {
				b.Outcomes[i] = want
			}
		}
		ask(t, n, b, want)
		if s := n.Stats().Attempts; s != (zhenni.AttemptStats{}) || b.Attempts != nil {
			t.Errorf("%s: %+v, %v", name, s, b.Attempts)
		}
	}
}

// A replayed template is a failed attempt like any other.
//
// FAULTS: N13
func TestReplaysAreFailedAttempts(t *testing.T) {
	w := newWorld(74, testDim, 100)
	n := startNode(t, w, Config{Shards: 1})
	b := w.repeated(w.ids[0], 6)
	b.Evaluation = false
	ask(t, n, b, zhenni.NoMatch)
	if s := n.Stats().Attempts; s.Failed != 5 || s.Barred != 1 {
		t.Errorf("%+v", s)
	}
}

// Counts stay when shards change while they are asked, and when one panics and is restarted.
//
// FAULTS: R6
func TestCountsOutliveShards(t *testing.T) {
	w := newWorld(75, testDim, 300)
	w.cold = true
	n := startNode(t, w, Config{Shards: 3, PanicLimit: 1000})
	tried, poison := w.ids[:250], w.ids[299]
	w.panicOn(poison)
	for round := range 8 {
		verify(t, n, w.attempt(false, 1, append(slices.Clone(tried), poison)...))
		if err := n.SetShards(t.Context(), 1+round*5%7); err != nil {
			t.Fatal(err)
		}
	}
	if s := n.Stats(); s.Attempts.Failed != 5*250 || s.Attempts.Paused != 250 || s.Attempts.Barred != 3*250 || s.Restarts == 0 {
		t.Errorf("%+v, %d restarts", s.Attempts, s.Restarts)
	}
	ask(t, n, w.attempt(true, 1, tried...), zhenni.NoMatch)
}

// What one node tells of its counts is what the next begins with, in whatever order it is told.
func TestCountsGoOnInAnotherNode(t *testing.T) {
	w, clock := newWorld(76, testDim, 100), newHandClock()
	var told []zhenni.AttemptCount
	collect := func(b *zhenni.Batch) *zhenni.Batch { told = append(told, b.Attempts...); return b }
	n := startNode(t, w, Config{Shards: 2, Now: clock.Now})
	for i, id := range w.ids[:20] {
		b := w.attempt(false, 1+i%7, id)
		verify(t, n, b)
		collect(b)
	}
	b := w.attempt(true, 1, w.ids[3])
	ask(t, n, b, zhenni.Match)
	collect(b)
	slices.Reverse(told)
	again := startNode(t, w, Config{Shards: 5, Now: clock.Now, Counted: slices.Values(told)})
	for i, id := range w.ids[:20] {
		want := zhenni.Match
		if i%7 >= 4 {
			want = zhenni.NoMatch
		}
		ask(t, again, w.attempt(true, 1, id), want)
	}
	b = w.attempt(false, 1, w.ids[50])
	verify(t, again, b)
	for _, old := range told {
		if old.Version >= b.Attempts[0].Version {
			t.Fatalf("a new count has version %d, an old one %d", b.Attempts[0].Version, old.Version)
		}
	}
	full := Config{AttemptsHeld: 64, Now: clock.Now}
	off := zhenni.AttemptCount{Attempts: zhenni.Attempts{Total: 50, Version: 1}}
	full.Counted = slices.Values([]zhenni.AttemptCount{off, {Credential: zhenni.CredentialID{1}, Attempts: off.Attempts}})
	if err := (&attempts{}).restore(ptr(full.withDefaults())); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("more barred credentials than are held: %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

// Where a segment has no room for another count, there is no verdict.
func TestNoRoomIsNoVerdict(t *testing.T) {
	w := newWorld(77, testDim, 10)
	n := startNode(t, w, Config{Shards: 1, AttemptsHeld: 64})
	off, other := w.ids[0], w.ids[0]
	other[15] ^= 1
	w.enrol(other, zhenni.StatusActive)
	if _, err := n.Apply(t.Context(), []zhenni.Command{zhenni.Enrol{ID: other}}); err != nil {
		t.Fatal(err)
	}
	verify(t, n, w.attempt(false, 5, off))
	ask(t, n, w.attempt(false, 3, other), zhenni.RefusedUnavailable)
	ask(t, n, w.attempt(true, 3, other), zhenni.Match)
	ask(t, n, w.attempt(true, 3, off), zhenni.NoMatch)
	if s := n.Stats().Attempts; s.Uncounted != 3 || s.Held != 1 || s.Displaced != 0 {
		t.Errorf("%+v", s)
	}
}

// A re-proof clears both lanes of one credential, under a version above all before it.
func TestResetAttempts(t *testing.T) {
	w := newWorld(78, testDim, 100)
	n := startNode(t, w, Config{Shards: 4})
	victim := w.ids[0]
	open, device := w.attempt(false, 5, victim), withDevice(w.attempt(false, 5, victim))
	verify(t, n, open)
	verify(t, n, device)
	verify(t, n, w.attempt(false, 5, w.ids[1]))
	if _, err := n.Apply(context.Background(), []zhenni.Command{zhenni.ResetAttempts{ID: victim, Tenant: testTenant}}); err != nil {
		t.Fatal(err)
	}
	ask(t, n, w.attempt(true, 1, victim), zhenni.Match)
	ask(t, n, withDevice(w.attempt(true, 1, victim)), zhenni.Match)
	ask(t, n, w.attempt(true, 1, w.ids[1]), zhenni.NoMatch)
	given := w.resets[victim]
	for _, count := range append(open.Attempts, device.Attempts...) {
		if count.Version >= given {
			t.Errorf("the reset has version %d, a count before it %d", given, count.Version)
		}
	}
	w.refuse = zhenni.ErrNotFound
	results, err := n.Apply(context.Background(), []zhenni.Command{zhenni.ResetAttempts{ID: w.ids[1], Tenant: testTenant}})
	if err != nil || !errors.Is(results[0].Err, zhenni.ErrNotFound) {
		t.Fatal(results, err)
	}
	ask(t, n, w.attempt(true, 1, w.ids[1]), zhenni.NoMatch)
	if s := n.Stats().Attempts; s.Reset != 1 || s.Held != 1 {
		t.Errorf("%+v", s)
	}
}

// Every outcome and every count against the rules applied to a plain map, one item after the other.
func TestCountsAgreeWithThePlainRule(t *testing.T) {
	w, clock := newWorld(79, testDim, 60), newHandClock()
	n := startNode(t, w, Config{Shards: 3, MessageItems: 5, Now: clock.Now})
	rules := zhenni.AttemptRules{}.WithDefaults()
	type place struct {
		id   zhenni.CredentialID
		lane zhenni.Lane
	}
	plain, told := map[place]zhenni.Attempts{}, map[place]zhenni.Attempts{}
	for round := range 300 {
		clock.advance(time.Duration(round%7*round%11) * 20 * time.Second)
		var b zhenni.Batch
		b.Tenant, b.Dim = testTenant, w.dim
		var want []zhenni.Outcome
		for i := range 40 {
			id, mated, lane := w.ids[(round*31+i*i)%23], (round+i)%3 == 0, zhenni.Lane((round+i/5)%2)
			one := w.attempt(mated, 1, id)
			b.IDs, b.Int8, b.Lanes = append(b.IDs, id), append(b.Int8, one.Int8...), append(b.Lanes, lane)
			next, match := rules.Decide(plain[place{id, lane}], lane, mated, clock.millis.Load())
			if plain[place{id, lane}] = next; next.Clear() {
				delete(plain, place{id, lane})
			}
			want = append(want, zhenni.NoMatch)
			if match {
				want[i] = zhenni.Match
			}
		}
		b.Outcomes = make([]zhenni.Outcome, len(want))
		verify(t, n, &b)
		if !slices.Equal(b.Outcomes, want) {
			t.Fatalf("round %d: %v, want %v", round, b.Outcomes, want)
		}
		for _, count := range b.Attempts {
			key := place{count.Credential, count.Lane}
			if count.Version = 0; count.Clear() {
				delete(told, key)
				continue
			}
			told[key] = count.Attempts
		}
		if !maps.Equal(told, plain) {
			t.Fatalf("round %d: told %v, want %v", round, told, plain)
		}
	}
}
