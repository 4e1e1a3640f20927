package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// The bounds of [sightings], of each owner.
const (
	sightWindow   = 10 * time.Minute
	mostSightings = 1 << 16
)

// sightings remember for a while what came with what, in keyed digests: that a thing which belongs to one only came with another.
// Each owner has its own, so that none uses up the memory of another; what is remembered is never given up early: whatever finds
// no room is refused. They are in memory only: a restart forgets them. They may be used from several goroutines.
type sightings[Owner comparable] struct {
	key [32]byte

	mu     sync.Mutex
	owners map[Owner]*sighted // guarded by mu
}

type digest [16]byte

// sighted are the things of one owner, and the order in which they came.
type sighted struct {
	with  map[digest]digest
	order []sighting
}

type sighting struct {
	thing digest
	at    time.Time
}

// A sight is what is known of a thing.
type sight uint8

const (
	// sightNew: it was not there, and is now.
	sightNew sight = iota
	// sightSame: it came with the same before.
	sightSame
	// sightOther: it came with another before.
	sightOther
	// sightFull: it was not there, and there is no room for it.
	sightFull
)

func newSightings[Owner comparable]() *sightings[Owner] {
	s := &sightings[Owner]{owners: map[Owner]*sighted{}}
	_, _ = rand.Read(s.key[:]) // it ends the program where it fails
	return s
}

// digest is half of HMAC-SHA256.
func (s *sightings[Owner]) digest(data []byte) digest {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(data)
	return digest(mac.Sum(nil)[:len(digest{})])
}

// see takes note of a thing of an owner that came with another, and says how they stand.
func (s *sightings[Owner]) see(owner Owner, thing, with []byte, now time.Time) sight {
	what, whose := s.digest(thing), s.digest(with)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.owners[owner]
	if known == nil {
		known = &sighted{with: map[digest]digest{}}
		s.owners[owner] = known
	}
	known.forget(now)
	before, seen := known.with[what]
	switch {
	case seen && before == whose:
		return sightSame
	case seen:
		return sightOther
	case len(known.with) == mostSightings:
		return sightFull
	}
	known.with[what] = whose
	known.order = append(known.order, sighting{what, now})
	return sightNew
}

// forget drops what came more than a window ago. A clock that is set back keeps it for longer.
func (s *sighted) forget(now time.Time) {
	n := 0
	for n < len(s.order) && now.Sub(s.order[n].at) >= sightWindow {
		delete(s.with, s.order[n].thing)
		n++
	}
	if s.order = s.order[n:]; len(s.order) == 0 {
		s.order = nil
	}
}
