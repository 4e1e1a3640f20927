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
	of map[zhenni.SessionID][]chan struct{}
	n  int
}

// Watch returns a channel on which something lies whenever a session has changed since it was last received from; stop is to be
// called when nobody waits any more. Whoever watches first and looks then misses nothing: [zhenni.ErrOverloaded].
func (h *Sessions) Watch(id zhenni.SessionID) (changed <-chan struct{}, stop func(), err error) {
	w := &h.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.of[id]) >= w.each || w.n >= w.all {
		return nil, nil, fmt.Errorf("%w: %d wait for this session, %d for any", zhenni.ErrOverloaded, len(w.of[id]), w.n)
	}
	c := make(chan struct{}, 1)
	w.of[id] = append(w.of[id], c)
	w.n++
	return c, sync.OnceFunc(func() { w.leave(id, c) }), nil
}

func (w *watchers) leave(id zhenni.SessionID, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
	if w.of[id] = slices.DeleteFunc(w.of[id], func(other chan struct{}) bool { return other == c }); len(w.of[id]) == 0 {
		delete(w.of, id)
	}
}

func (w *watchers) wake(id zhenni.SessionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.of[id] {
		select {
		case c <- struct{}{}:
		default: // it has not looked at the last change yet
		}
	}
}
