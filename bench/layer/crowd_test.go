package layer

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine"
	"zhenni/simd"
)

const testCredentials = 1 << 12

// newTestCrowd is a crowd of dimension 128, on two threads.
func newTestCrowd(t *testing.T) *crowd {
	t.Helper()
	c, release, err := newCrowd(t.Context(), testCredentials, 128, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// The crowd is a store: every credential is in its slot once, in order, and as it is read alone.
func TestCrowdIsAStore(t *testing.T) {
	c := newTestCrowd(t)
	visited, row := 0, make([]int8, 128)
	for segment := range engine.Segments {
		var before zhenni.CredentialID
		const slots = zhenni.Slots / engine.Segments
		first := zhenni.Slot(segment * slots)
		err := c.References(first, first+slots-1, func(r zhenni.Reference) error {
			visited++
			alone, err := c.Reference(r.ID, row)
			if err != nil || alone.Norm != r.Norm || !bytes.Equal(unsigned(r.Row), unsigned(row)) || r.Norm != plainDot(row, row) {
				t.Errorf("%s: %v", r.ID, err)
			}
			if engine.SegmentOf(r.ID) != segment || bytes.Compare(before[:], r.ID[:]) >= 0 {
				t.Errorf("%s is visited out of order", r.ID)
			}
			before = r.ID
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if visited != c.count {
		t.Errorf("%d of %d credentials", visited, c.count)
	}
	stranger := c.id(c.count)
	if _, err := c.Reference(stranger, row); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	stop := errors.New("stop")
	if err := c.References(0, zhenni.Slots-1, func(zhenni.Reference) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a visit that stops: %v", err)
	}
}

// The same seed asks the same, another number of threads included, and every owner is asked as much as any other.
func TestQuestionsAreFixedAndEven(t *testing.T) {
	c := newTestCrowd(t)
	const owners = 4
	var all [2]*questions
	for i := range all {
		var err error
		if all[i], err = c.ask(t.Context(), 3000, 1000, 64, owners, i+1); err != nil {
			t.Fatal(err)
		}
	}
	q := all[0]
	if len(q.ids) != 3072 || len(q.persons) != 1024 {
		t.Errorf("%d questions about %d probes, want whole batches", len(q.ids), len(q.persons))
	}
	for i := range q.ids {
		if q.ids[i] != all[1].ids[i] || q.want[i] != all[1].want[i] {
			t.Fatalf("question %d differs", i)
		}
	}
	if !bytes.Equal(unsigned(q.probes), unsigned(all[1].probes)) {
		t.Error("probes differ")
	}
	for at := 0; at < len(q.ids); at += owners {
		var asked [owners]int
		for _, id := range q.ids[at : at+owners] {
			asked[ownerOf(id, owners)]++
		}
		if asked != [owners]int{1, 1, 1, 1} {
			t.Fatalf("questions %d on are of owners %v", at, asked)
		}
	}
}

// warmed is a matcher on an arena with the crowd in it.
func warmed(t *testing.T, c *crowd, rule zhenni.Threshold) *engine.Matcher {
	t.Helper()
	arena, err := c.newArena()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := arena.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.warm(t.Context(), arena, 2); err != nil {
		t.Fatal(err)
	}
	return engine.NewMatcher(arena, c, rule)
}

// A sound matcher answers every batch as it must, without an allocation; one of a rule that lets everybody in is found out.
func TestWrongAnswersAreFoundOut(t *testing.T) {
	c := newTestCrowd(t)
	q, err := c.ask(t.Context(), 2048, 1024, 64, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, floats := range []bool{false, true} {
		sound, a := warmed(t, c, q.rule), q.asker(64, 0, 3, floats)
		var failed error
		allocations := testing.AllocsPerRun(2*len(a.batches), func() {
			if n, err := a.direct(sound); n != 64 || err != nil {
				failed = err
			}
		})
		if failed != nil || allocations != 0 {
			t.Errorf("floats %t: %v, %v allocations a batch", floats, failed, allocations)
		}
		if _, err := q.asker(64, 0, 0, floats).direct(warmed(t, c, 1)); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("floats %t: everybody matches: %v", floats, err)
		}
	}
	foreign := q.asker(64, 0, 0, false)
	foreign.estrange()
	if _, err := foreign.direct(warmed(t, c, q.rule)); err != nil {
		t.Errorf("another tenant's questions: %v", err)
	}
}

// A program that is no process of a tier is refused.
func TestKernelsNeedAProgramThatAnswers(t *testing.T) {
	if simd.Tier() == "generic" {
		t.Skip("no other tier runs in a process of its own")
	}
	k := Kernels{Tiers: []string{"generic"}, Dims: []int{64}, Memory: leastSlab, Threads: 1}
	if err := k.Validate(); !errors.Is(err, zhenni.ErrBadValue) {
		t.Error("no program:", err)
	}
	k.Program = []string{"false"}
	if b, err := k.Open(t.Context()); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Error("a program that ends:", err, b)
	}
}

// What is interrupted while it is made ready ends.
func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := Engine{Credentials: leastSubjects, Dim: 128, Threads: 2, Batch: 64, Questions: leastQuestions, Probes: leastQuestions}
	if b, err := e.Open(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err, b)
	}
}

// Every thread has a turn, however short the time, and what fails or is interrupted ends.
func TestPress(t *testing.T) {
	var calls [2]atomic.Int64
	s, err := Press(t.Context(), len(calls), time.Nanosecond, func(thread int) (int, error) {
		calls[thread].Add(1)
		return 3, nil
	})
	if err != nil || !(s.Value > 0) || s.Latency.Count < 2 || s.Latency.At(1) <= 0 || calls[0].Load() == 0 || calls[1].Load() == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	failed := errors.New("failed")
	if _, err := Press(t.Context(), 2, time.Hour, func(int) (int, error) { return 0, failed }); !errors.Is(err, failed) {
		t.Error("what failed:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Press(ctx, 2, time.Hour, func(int) (int, error) { cancel(); return 1, nil }); !errors.Is(err, context.Canceled) {
		t.Error("interrupted:", err)
	}
}
