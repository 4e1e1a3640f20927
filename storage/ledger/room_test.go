package ledger

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"zhenni"
)

// On a disk without room nothing new is decided, also what was begun before, what is stored is given, no place of an answer
// is taken by what is refused, and with room again everything goes on at once.
//
// FAULTS: S8
func TestNothingIsSettledWithoutRoom(t *testing.T) {
	log := &fakeLog{}
	l := mustOpen(t, small(t.TempDir(), log))
	settle(t, l, request("t-1"), single("a"))
	begun := request("t-2")
	if _, err := l.Begin(begun); err != nil {
		t.Fatal(err)
	}
	log.fill(zhenni.ErrNoRoom)
	offset := l.writer.offset
	for range 100 {
		if _, err := l.Begin(request("t-3")); !errors.Is(err, zhenni.ErrNoRoom) {
			t.Fatalf("a new request: %v", err)
		}
	}
	if _, err := l.Settle(context.Background(), begun, single("b")); !errors.Is(err, zhenni.ErrNoRoom) {
		t.Errorf("one that was begun: %v", err)
	}
	if a, err := l.Begin(request("t-1")); err != nil || a == nil || string(a.Answer) != "a" {
		t.Errorf("an answer that is stored: %v, %v", a, err)
	}
	if l.writer.offset != offset || l.Err() != nil {
		t.Errorf("written up to %d, was %d; %v", l.writer.offset, offset, l.Err())
	}
	log.fill(nil)
	log.set(func() error { return zhenni.ErrNoRoom }) // it ran out behind the question
	if _, err := l.Begin(begun); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(context.Background(), begun, single("b")); !errors.Is(err, zhenni.ErrNoRoom) {
		t.Errorf("refused by the log: %v", err)
	}
	log.set(nil)
	settle(t, l, begun, single("b"))
	settle(t, l, request("t-3"), single("c"))
	checkBalance(t, l)
}

// Without room for another file of answers those there are fill up, then requests are refused, and the first one after
// there is room is taken.
//
// FAULTS: S8
func TestNoFileOfAnswersIsMadeWithoutRoom(t *testing.T) {
	var full atomic.Bool
	o := small(t.TempDir(), &fakeLog{})
	o.Room = func() error {
		if full.Load() {
			return errors.New("12 bytes are free")
		}
		return nil
	}
	l := mustOpen(t, o)
	full.Store(true)
	answer := strings.Repeat("x", 2<<10)
	settled, refused := 0, error(nil)
	for ; refused == nil && settled < 1000; settled++ {
		r := request(name(settled))
		if _, err := l.Begin(r); err != nil {
			t.Fatal(err)
		}
		_, refused = l.Settle(context.Background(), r, single(answer))
	}
	if !errors.Is(refused, zhenni.ErrNoRoom) || !strings.Contains(refused.Error(), "12 bytes") || settled < 10 || l.Err() != nil {
		t.Errorf("after %d answers: %v; %v", settled, refused, l.Err())
	}
	full.Store(false)
	for i := range 20 {
		settle(t, l, request("later-"+name(i)), single(answer))
	}
	checkBalance(t, l)
}
