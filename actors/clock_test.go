package actors

import (
	"errors"
	"sync"
	"testing"
	"time"
	"unsafe"

	"zhenni"
)

// stepped returns the same moment as read from a wall clock that was stepped since: what a deadline looks like after
// somebody set the clock. A time with a monotonic reading keeps the seconds of its wall clock above its nanoseconds.
func stepped(t *testing.T, at time.Time, step time.Duration) time.Time {
	t.Helper()
	after := at
	*(*uint64)(unsafe.Pointer(&after)) += uint64(int64(step/time.Second)) << 30
	if after.Sub(at) != 0 || after.Round(0).Sub(at.Round(0)) != step {
		t.Fatalf("stepped by %v: the moment moves by %v, its wall clock by %v", step, after.Sub(at), after.Round(0).Sub(at.Round(0)))
	}
	return after
}

// Deadlines are moments, not times of day: a clock set forward or back by an hour, by the hour of a summer time or by a
// leap second, brings none nearer and none further away.
//
// FAULTS: R11
func TestDeadlinesAreMonotonic(t *testing.T) {
	w := newWorld(41, testDim, 20)
	n := startNode(t, w, Config{Shards: 2})
	for _, step := range []time.Duration{time.Hour, -time.Hour, time.Second, -time.Second, 24 * time.Hour, -24 * time.Hour} {
		b := w.mated(w.ids...)
		if err := n.Verify(b, stepped(t, soon(), step)); err != nil {
			t.Errorf("the clock was set by %v: %v", step, err)
		}
		wantAll(t, b, zhenni.Match)
		passed := stepped(t, time.Now().Add(-time.Millisecond), step)
		if err := n.Verify(w.mated(w.ids...), passed); !errors.Is(err, zhenni.ErrDeadline) {
			t.Errorf("the clock was set by %v, and a deadline had passed: %v", step, err)
		}
	}
}

// The same holds where a part comes up and where an answer is looked at.
//
// FAULTS: R11
func TestLatenessIsMonotonic(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		for _, c := range []struct {
			left time.Duration
			late bool
		}{{time.Minute, false}, {-time.Millisecond, true}} {
			j := newJob(&sync.Pool{})
			j.deadline = stepped(t, time.Now().Add(c.left), step)
			j.left.Store(1)
			p := &part{job: j}
			if p.late() != c.late {
				t.Errorf("the clock was set by %v, %v are left: late is %t", step, c.left, !c.late)
			}
			p.finish()
			if err := j.wait(); errors.Is(err, zhenni.ErrDeadline) != c.late {
				t.Errorf("the clock was set by %v, %v are left: %v", step, c.left, err)
			}
		}
	}
}
