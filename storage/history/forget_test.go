package history

import (
	"context"
	"errors"
	"testing"
	"time"

	"zhenni"
)

// holdsAnywhere reports whether any file still has an entry of a credential, hidden or not.
func holdsAnywhere(t *testing.T, h *History, id zhenni.CredentialID) bool {
	t.Helper()
	v := h.files.view()
	defer h.files.release(v)
	for _, x := range v.indexes {
		if x.holds(&id) {
			return true
		}
	}
	for _, c := range v.columns {
		q := query{h: h, id: id, from: zhenni.AskedCursor{Second: 1<<32 - 1}}
		if all, err := q.scan(c); len(all) > 0 || err != nil {
			return true
		}
	}
	return false
}

// What is forgotten is hidden at once and after a restart, and gone from every file when the time of Purge has passed; of
// somebody else nothing is.
//
// FAULTS: S16
func TestForgottenIsGone(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.Purge = 24 * time.Hour
	h := mustOpen(t, o)
	c.advance(time.Minute)
	mine, other := testID(3), testID(4)
	for range 20 {
		c.advance(time.Second)
		noteBatch(h, c, 10)
		h.settle(t)
	}
	held, release := make(chan struct{}), make(chan struct{})
	go func() { h.keeper.requests <- func() { close(held); <-release } }()
	<-held // the keeper, which would make it durable as well
	if err := h.Forget(context.Background(), mine); err != nil {
		t.Fatal(err)
	}
	if s, err := readState(o.Dir, h.secrets); err != nil || len(s.erasures) != 1 {
		t.Errorf("what is durable when it returns: %+v, %v", s, err)
	}
	close(release)
	kill(h)
	h = mustOpen(t, o)
	if entries, _ := all(t, h, 1, mine, 10); len(entries) != 0 {
		t.Errorf("after a restart: %v", entries)
	}
	noteBatch(h, c, 10)
	if entries, _ := all(t, h, 1, mine, 10); len(entries) != 1 {
		t.Errorf("what is noted later: %v", entries)
	}
	if err := h.Forget(context.Background(), mine); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	if !holdsAnywhere(t, h, mine) || h.Stats().Forgotten != 1 {
		t.Errorf("it went before its time, or is not counted: %+v", h.Stats())
	}
	c.advance(25 * time.Hour)
	h.writerClosesSegment(t)
	h.settle(t)
	if holdsAnywhere(t, h, mine) || h.Stats().Forgotten != 0 {
		t.Errorf("it is still there: %+v", h.Stats())
	}
	if entries, _ := all(t, h, 1, other, 10); len(entries) != 21 {
		t.Errorf("somebody else has %d entries, want 21", len(entries))
	}
}

// writerClosesSegment has the segment that is written to closed as its age would.
func (h *History) writerClosesSegment(t *testing.T) {
	t.Helper()
	if err := h.do(context.Background(), h.beat); err != nil {
		t.Fatal(err)
	}
}

// A credential that was forgotten is so in a file with a damaged page too, which loses that page and no other.
func TestForgottenInDamagedFile(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.items, o.Purge = 20_000, time.Hour
	h := mustOpen(t, o)
	c.advance(time.Minute)
	noteBatch(h, c, 20_000)
	h.settle(t)
	v := h.files.view()
	x := v.indexes[0]
	damaged := pageOf(t, x, testID(7))
	clean := testID(11)
	if pageOf(t, x, clean) == damaged {
		t.Fatal("one page has both")
	}
	if err := x.corrupt(damaged); err != nil {
		t.Fatal(err)
	}
	h.files.release(v)
	if _, page := all(t, h, 1, testID(7), 5); len(page.Gaps) != 1 || page.Gaps[0].Cause != zhenni.GapDamaged {
		t.Errorf("a damaged page: %+v", page)
	}
	if err := h.Forget(context.Background(), clean); err != nil {
		t.Fatal(err)
	}
	c.advance(2 * time.Hour)
	h.settle(t)
	if holdsAnywhere(t, h, clean) || h.Stats().Indexed < 19_000 {
		t.Errorf("%+v", h.Stats())
	}
	if entries, _ := all(t, h, 1, testID(12), 5); len(entries) != 1 {
		t.Errorf("on a sound page: %v", entries)
	}
}

// There is a bound to what is being forgotten.
func TestForgetIsBounded(t *testing.T) {
	h := mustOpen(t, small(t.TempDir(), newClock()))
	if err := h.Forget(context.Background(), make([]zhenni.CredentialID, maxErasures+1)...); !errors.Is(err, zhenni.ErrOverloaded) {
		t.Error(err)
	}
}

func pageOf(t *testing.T, x *index, id zhenni.CredentialID) int {
	t.Helper()
	b, err := x.seek(lastOf(&id))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := b.next(); !ok || err != nil {
		t.Fatal("it is not there", err)
	}
	return b.number
}
