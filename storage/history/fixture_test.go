package history

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"zhenni"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0).UTC()} }

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

// small are options for a history whose segments hold a few dozen items, and whose keeper does nothing unasked.
func small(dir string, c *clock) Options {
	return Options{
		Dir: dir, Key: bytes.Repeat([]byte{7}, secretSize), Now: c.Now, Beat: make(chan time.Time), Share: 100,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), items: 40, fan: 3,
	}
}

func mustOpen(t testing.TB, o Options) *History {
	t.Helper()
	h, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// settle has the writer do what a beat does and the keeper all there is to do.
func (h *History) settle(t interface{ Fatal(...any) }) {
	if err := h.do(context.Background(), func() { h.drain(true) }); err != nil {
		t.Fatal(err)
	}
	h.settleKeeper()
}

// kill leaves the files as the end of the process would.
func kill(h *History) {
	h.queue.mu.Lock()
	h.queue.closed = true
	h.queue.filling, h.queue.full = nil, nil
	h.queue.mu.Unlock()
	h.keeper.stop()
	<-h.keeper.ended
	<-h.keeper.synced
	close(h.writer.quit)
	<-h.writer.ended
	h.closing.Do(func() { h.closed = h.files.close() })
}

func testID(i int) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint64(id[:], uint64(i+1)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[8:], uint64(i+1))
	return id
}

func desk(party string) zhenni.Asker {
	return zhenni.Asker{Tenant: 1, Party: party, Service: "hotel", Purpose: "check-in"}
}

// all reads every page.
func all(t interface{ Fatal(...any) }, h *History, tenant zhenni.TenantID, id zhenni.CredentialID, limit int) (entries []zhenni.Asked, last zhenni.AskedPage) {
	var from zhenni.AskedCursor
	for {
		page, err := h.Asked(context.Background(), tenant, id, from, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Entries) > limit {
			t.Fatal("too long a page")
		}
		entries = append(entries, page.Entries...)
		if page.Next == (zhenni.AskedCursor{}) {
			return entries, page
		}
		from = page.Next
	}
}
