package actors

import (
	"context"
	"crypto/sha256"
	"time"

	"zhenni"
)

// followed reports whether the session that follows one that has ended is there, or there is to be none.
func (h *Sessions) followed(s zhenni.Session) bool {
	id, _, more := s.Following()
	if !more {
		return true
	}
	_, there := h.state.Session(id)
	return there
}

// follow begins the session that follows one that has ended, unless that was done. Its id is of the one before alone: whatever
// was cut off, there is one of it.
func (h *Sessions) follow(s zhenni.Session, now time.Time) error {
	if h.followed(s) {
		return nil
	}
	next, more := s.Successor(now)
	if !more {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.config.Patience)
	defer cancel()
	return h.Begin(ctx, next)
}

// WatchArrivals is [Sessions.Watch] of all sessions of kind hotel of a party.
func (h *Sessions) WatchArrivals(party string) (changed <-chan struct{}, stop func(), err error) {
	return h.Watch(arrivalsOf(party), AskersSide)
}

// arrivalsOf is what the arrivals of a party are watched by, in the place of the id of a session.
func arrivalsOf(party string) zhenni.SessionID {
	sum := sha256.Sum256([]byte("arrivals of " + party))
	return zhenni.SessionID(sum[:len(zhenni.SessionID{})])
}
