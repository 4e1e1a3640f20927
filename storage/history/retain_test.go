package history

import (
	"os"
	"testing"
	"time"

	"zhenni"
)

// corrupt flips a byte of a page.
func (x *index) corrupt(page int) error {
	f, err := os.OpenFile(x.file.Name(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	at := int64(1+page)*pageBytes + 100
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b[:], at)
	return err
}

// What is older than Keep is not told from that moment on, and its files go; the answer says since when all is there.
func TestOldestGoesByTime(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.Keep = 48 * time.Hour
	h := mustOpen(t, o)
	c.advance(time.Minute)
	for range 3 {
		noteBatch(h, c, 50)
		h.settle(t)
		c.advance(20 * time.Hour)
	}
	entries, page := all(t, h, 1, testID(3), 10)
	if len(entries) != 2 || !page.Since.Equal(c.Now().Add(-o.Keep)) {
		t.Errorf("%v since %v at %v", entries, page.Since, c.Now())
	}
	before := h.Stats().Files
	h.settle(t)
	if after := h.Stats(); after.Files != before-1 || after.Indexed != 100 {
		t.Errorf("%d files, then %+v", before, after)
	}
	kill(h)
	h = mustOpen(t, o)
	if entries, page := all(t, h, 1, testID(3), 10); len(entries) != 2 || h.Stats().Damaged != 0 {
		t.Errorf("after a restart: %v, %+v, %+v", entries, page, h.Stats())
	}
}

// Beyond Bytes the oldest files go.
func TestOldestGoesBySize(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.Bytes, o.items = 1<<20, 20_000
	h := mustOpen(t, o)
	c.advance(time.Minute)
	for range 5 {
		c.advance(time.Second)
		noteBatch(h, c, 20_000)
		h.settle(t)
	}
	if s := h.Stats(); s.Bytes > o.Bytes || s.Indexed != 40_000 {
		t.Errorf("%+v", s)
	}
	entries, page := all(t, h, 1, testID(3), 10)
	if len(entries) != 2 || !page.Since.Equal(entries[1].At) {
		t.Errorf("%v since %v", entries, page.Since)
	}
	if page.Next != (zhenni.AskedCursor{}) {
		t.Error("a page behind the last")
	}
}

// An entry takes at most 24 bytes of the disk once it is indexed.
func TestEntryTakesItsBytes(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.items = 1 << 16
	h := mustOpen(t, o)
	noteBatch(h, c, 1<<16)
	h.settle(t)
	if s := h.Stats(); s.Indexed != 1<<16 || float64(s.Bytes)/float64(s.Indexed) > 24 {
		t.Errorf("%.2f bytes an entry: %+v", float64(s.Bytes)/float64(s.Indexed), s)
	}
}

// One credential that is asked about all the time does not slow its pages down, nor anybody else's.
func TestHotCredential(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	o.items = 20_000
	h := mustOpen(t, o)
	c.advance(time.Minute)
	for range 20 {
		c.advance(time.Second)
		ids, outcomes := make([]zhenni.CredentialID, 1000), make([]zhenni.Outcome, 1000)
		for i := range ids {
			ids[i], outcomes[i] = testID(7), zhenni.Match
		}
		ids[500] = testID(8)
		h.Note(desk("desk"), c.Now(), ids, outcomes)
	}
	h.settle(t)
	if entries, _ := all(t, h, 1, testID(7), MaxPage); len(entries) != 20*999 {
		t.Errorf("%d entries, want %d", len(entries), 20*999)
	}
	if entries, _ := all(t, h, 1, testID(8), 3); len(entries) != 20 {
		t.Errorf("%d entries, want 20", len(entries))
	}
}

// Where everything was dropped, the next segment has a number behind it all the same.
func TestNothingLeftIsNotTheBeginning(t *testing.T) {
	c := newClock()
	o := small(t.TempDir(), c)
	h := mustOpen(t, o)
	c.advance(time.Minute)
	noteBatch(h, c, o.items)
	h.settle(t)
	c.advance(o.Keep + DefaultKeep + time.Hour)
	h.settleKeeper()
	if s := h.Stats(); s.Files != 0 {
		t.Fatalf("%+v", s)
	}
	kill(h)
	for range 2 {
		h = mustOpen(t, o)
		c.advance(time.Minute)
		noteBatch(h, c, 5)
		h.settle(t)
		kill(h)
	}
	h = mustOpen(t, o)
	if entries, _ := all(t, h, 1, testID(3), 10); len(entries) != 2 || h.Stats().Damaged != 0 {
		t.Errorf("%v, %+v", entries, h.Stats())
	}
}

// settleKeeper has the keeper do all there is to do, and the writer nothing.
func (h *History) settleKeeper() {
	done := make(chan struct{})
	h.keeper.requests <- func() { h.work(); close(done) }
	<-done
}
