package audit

import (
	"testing"
	"time"
)

// Leaves lie in the order in which they were appended, whatever their times say, and what was signed of them is proven
// after the clock went back as before.
//
// FAULTS: R11
func TestTimesAreNoOrder(t *testing.T) {
	files := newMemory()
	l := openLog(t, testOptions(t, files))
	steps := []time.Duration{0, time.Hour, -time.Hour, -time.Second, -time.Second, 24 * time.Hour, -24 * time.Hour}
	for i, step := range steps {
		leaf := testLeaf(int64(i))
		leaf.At = testStart.Add(step)
		if first, err := l.Append(t.Context(), []Leaf{leaf}); err != nil || first != int64(i) {
			t.Errorf("a clock set by %v: entry %d, %v", step, first, err)
		}
		if err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, files, int64(len(steps)))
}
