package zhenni

import (
	"fmt"
	"unicode/utf8"
)

// Bounds of a [Remote].
const (
	MaxRemoteMessage = 64   // characters, in at most 255 bytes
	MaxRemoteNotify  = 1024 // bytes
)

// Remote is what a [SessionRemote] is begun with beside its one seat: a relying party asks a person who is with it over the
// network, and whose credential it was told.
type Remote struct {
	// Message is on the screen of the party and on the phone, so that the person sees that both are of one thing: at most
	// [MaxRemoteMessage] characters of printable text, or empty.
	Message string
	// Notify is the bearer token by which the party knows who tells it that the session has ended, empty where it asks itself.
	Notify string
}

// Validate reports the first field that is out of range, as [ErrBadValue].
func (r *Remote) Validate() error {
	if r.Message != "" && (!validText(r.Message, 255) || utf8.RuneCountInString(r.Message) > MaxRemoteMessage) {
		return fmt.Errorf("%w: remote message: want at most %d characters of printable text", ErrBadValue, MaxRemoteMessage)
	}
	if len(r.Notify) > MaxRemoteNotify {
		return fmt.Errorf("%w: remote notify: want at most %d bytes", ErrBadValue, MaxRemoteNotify)
	}
	for i := range len(r.Notify) {
		if c := r.Notify[i]; c <= ' ' || c > '~' {
			return fmt.Errorf("%w: remote notify: want visible ASCII", ErrBadValue)
		}
	}
	return nil
}

// RequestToken is what whoever began a [SessionRemote] comes back with to collect what became of it.
func (s *Session) RequestToken() SessionToken { return s.key("zhenni session request", 0) }

// IsRequest reports whether t is the token of the request, in constant time.
func (s *Session) IsRequest(t SessionToken) bool { return same(t, s.RequestToken()) }

// collectable reports whether e hands out the yes of a session: the one change after the end, which leaves the end as it is.
func (s *Session) collectable(e SessionEvent) bool {
	return e.Kind == EventCollected && s.Kind == SessionRemote && s.Confirmed() && !s.Collected
}
