package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/storage/audit"
)

// fakeLog is an audit log in memory. Its leaves outlive the ledgers that write to it.
type fakeLog struct {
	mu     sync.Mutex
	leaves [][]byte
	// before, if set, runs before leaves are added and may hold or refuse them.
	before func() error
	// full is what Room says.
	full error
}

func (f *fakeLog) Room() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.full
}

func (f *fakeLog) fill(full error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func (f *fakeLog) Append(_ context.Context, leaves []audit.Leaf) (int64, error) {
	f.mu.Lock()
	before := f.before
	f.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return 0, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	first := len(f.leaves)
	for i := range leaves {
		f.leaves = append(f.leaves, leaves[i].Append(nil))
	}
	return int64(first), nil
}

func (f *fakeLog) Entry(index int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leaves[index], nil
}

func (f *fakeLog) Size() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.leaves))
}

func (f *fakeLog) set(before func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.UnixMilli(1_700_000_000_123).UTC()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// small are options for a ledger whose segments hold a few dozen records.
func small(dir string, log Log) Options {
	return Options{
		Dir: dir, Key: bytes.Repeat([]byte{7}, secretSize), Log: log, Segment: 32 << 10, Bytes: 3 * 32 << 10, group: 8 << 10, largest: 4 << 10,
		Now: newClock().Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Beat: make(chan time.Time), Answers: 1000, Remembered: 1000, InHand: 1000,
	}
}

func mustOpen(t testing.TB, o Options) *Ledger {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func request(name string) zhenni.Request {
	return zhenni.Request{Party: "desk", Transaction: name, Named: true, Digest: [16]byte{1}}
}

func testID(i int) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint64(id[:], uint64(i+1))
	return id
}

func single(answer string) zhenni.Decision {
	return zhenni.Decision{
		Tenant: 1, Profile: "p", At: time.UnixMilli(1_700_000_000_123), IDs: []zhenni.CredentialID{testID(0)},
		Outcomes: []zhenni.Outcome{zhenni.Match}, Answer: []byte(answer),
	}
}

// outcomeOf is the outcome of item i in the tests.
func outcomeOf(i int) zhenni.Outcome { return zhenni.Match + zhenni.Outcome(i%(zhenni.OutcomeCount-1)) }

func batch(n int, answer string) zhenni.Decision {
	d := single(answer)
	d.Batch, d.IDs, d.Outcomes = true, nil, nil
	for i := range n {
		d.IDs, d.Outcomes = append(d.IDs, testID(i)), append(d.Outcomes, outcomeOf(i))
	}
	return d
}

// settle runs a request that nobody asked before and returns the index of its leaf.
func settle(t testing.TB, l *Ledger, r zhenni.Request, d zhenni.Decision) int64 {
	t.Helper()
	answer, err := l.Begin(r)
	if answer != nil || err != nil {
		t.Fatalf("%s: answered %v, %v", r.Transaction, answer, err)
	}
	index, err := l.Settle(context.Background(), r, d)
	if err != nil {
		t.Fatalf("%s: %v", r.Transaction, err)
	}
	return index
}

// checkBalance holds the counts against each other.
func checkBalance(t testing.TB, l *Ledger) {
	t.Helper()
	if s := l.Stats(); s.Admitted != s.Answered+s.Refused+s.InHand {
		t.Errorf("the ledger does not balance: %+v", s)
	}
}

func name(i int) string { return fmt.Sprintf("t-%d", i) }

// kill leaves a ledger as the end of its process would: nothing is closed in order.
func kill(l *Ledger) {
	l.fail(errKilled)
	_ = l.Close()
}

var errKilled = errors.New("killed")
