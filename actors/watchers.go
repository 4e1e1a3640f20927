package actors

import (
	"fmt"
	"slices"
	"sync"

	"zhenni"
)

// watchers are those that wait for changes of sessions.
type watchers struct {
	each, all int

	mu sync.Mutex
	of map[zhenni.SessionID][]watcher
	n  int
}

// watcher is one that waits, on a side of a session.
type watcher struct {
	side    int
	changed chan struct{}
}

// AskersSide is the side of who asks; that of a seat is its index.
const AskersSide = -1

// Watch returns a channel on which something lies whenever a session has changed since it was last received from; stop is to be
// called when nobody waits any more. Each side has its own bound, so that whoever has a link keeps nobody else from following. Whoever
// watches first and looks then misses nothing: [zhenni.ErrOverloaded].
func (h *Sessions) Watch(id zhenni.SessionID, side int) (changed <-chan struct{}, stop func(), err error) {
	w := &h.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	beside := 0
	for _, other := range w.of[id] {
		if other.side == side {
			beside++
		}
	}
	if beside >= w.each || w.n >= w.all {
		return nil, nil, fmt.Errorf("%w: %d wait for this side of the session, %d for any", zhenni.ErrOverloaded, beside, w.n)
	}
	c := make(chan struct{}, 1)
	w.of[id] = append(w.of[id], watcher{side, c})
	w.n++
	return c, sync.OnceFunc(func() { w.leave(id, c) }), nil
}

func (w *watchers) leave(id zhenni.SessionID, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
	if w.of[id] = slices.DeleteFunc(w.of[id], func(other watcher) bool { return other.changed == c }); len(w.of[id]) == 0 {
		delete(w.of, id)
	}
}

func (w *watchers) wake(id zhenni.SessionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, waiting := range w.of[id] {
		select {
		case waiting.changed <- struct{}{}:
		default: // it has not looked at the last change yet
		}
	}
}
