package gateway

import (
	"bytes"
	"image"
	"image/jpeg"
	"sync"
	"time"

	"zhenni"
	"zhenni/identity"
)

// Bounds of what is shared.
const (
	maxSelfieBytes = 64 << 10
	maxSelfieSide  = 640
	selfieQuality  = 80
	// relayTime is how long something waits to be fetched, relayRoom how many sessions' are kept, of [maxPassedBytes] each.
	relayTime      = 2 * time.Minute
	relayRoom      = 1024
	maxPassedBytes = 2 * maxSelfieBytes
)

// relay has what persons shared until it was fetched, once, or has waited too long. It is in memory alone: nothing of it is
// written, and a restart forgets it.
type relay struct {
	mu sync.Mutex
	// waiting and order, the oldest first, are guarded by mu.
	waiting map[zhenni.SessionID]sharedOnce
	order   []zhenni.SessionID
}

type sharedOnce struct {
	name   string // masked
	selfie []byte
	until  time.Time
}

// put keeps what is shared in a session in the place of what was before, and reports whether there is room.
func (r *relay) put(id zhenni.SessionID, what sharedOnce, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	if _, there := r.waiting[id]; !there {
		if len(r.order) >= relayRoom {
			return false
		}
		r.order = append(r.order, id)
	}
	if r.waiting == nil {
		r.waiting = map[zhenni.SessionID]sharedOnce{}
	}
	what.until = now.Add(relayTime)
	r.waiting[id] = what
	return true
}

// take returns what waits, and has it no more.
func (r *relay) take(id zhenni.SessionID, now time.Time) (sharedOnce, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	what, there := r.waiting[id]
	delete(r.waiting, id)
	return what, there
}

// waits reports whether something can be fetched.
func (r *relay) waits(id zhenni.SessionID, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	_, there := r.waiting[id]
	return there
}

// forget drops what has waited too long. The caller has mu.
func (r *relay) forget(now time.Time) {
	n := 0
	for ; n < len(r.order); n++ {
		if what, there := r.waiting[r.order[n]]; there && now.Before(what.until) {
			break
		}
		delete(r.waiting, r.order[n])
	}
	if r.order = r.order[n:]; len(r.order) == 0 {
		r.order = nil
	}
}

// consent is what a person who was asked lets who asks see, once they are confirmed.
type consent struct {
	what   zhenni.Sharing
	name   identity.Name
	selfie []byte
}

// take reads share, name and selfie, which an answer between persons may have. It is called on nil in any other one.
func (c *consent) take(f []field) (err error) {
	share, name, selfie := &f[0], &f[1], &f[2]
	if c == nil {
		if share.value != nil || name.value != nil || selfie.value != nil {
			return refuse(kindItem, "it is persons who share something")
		}
		return nil
	}
	for _, word := range share.items {
		what, known := zhenni.ParseSharing(string(word))
		if !known {
			return refuse(kindItem, "share has something other than name and selfie")
		}
		c.what |= what
	}
	if (c.what&zhenni.ShareName != 0) != (name.value != nil) || (c.what&zhenni.ShareSelfie != 0) != (selfie.value != nil) || name.number || selfie.number {
		return refuse(kindItem, "name and selfie come where share has them, and not otherwise")
	}
	if name.value != nil {
		if c.name, err = identity.ParseName(name.value); err != nil {
			return refuse(kindItem, "name is not a name")
		}
	}
	if selfie.value != nil {
		if c.selfie, err = readSelfie(selfie.value); err != nil {
			return err
		}
	}
	return nil
}

// readSelfie reads a JPEG in base64, of at most [maxSelfieBytes] and [maxSelfieSide], and writes it anew: nothing but the picture
// goes on, neither where it was taken nor what another decoder might stumble over.
func readSelfie(written []byte) ([]byte, error) {
	bad := refuse(kindItem, "selfie is not base64 of a JPEG of at most 64 KiB and 640 by 640")
	raw, ok := base64Bytes(written, maxSelfieBytes)
	if !ok {
		return nil, bad
	}
	bounds, err := jpeg.DecodeConfig(bytes.NewReader(raw))
	if err != nil || bounds.Width < 1 || bounds.Height < 1 || bounds.Width > maxSelfieSide || bounds.Height > maxSelfieSide {
		return nil, bad
	}
	var picture image.Image
	if picture, err = jpeg.Decode(bytes.NewReader(raw)); err != nil {
		return nil, bad
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: selfieQuality}); err != nil || out.Len() > maxPassedBytes {
		return nil, bad
	}
	return out.Bytes(), nil
}

// pass keeps, to be fetched, what a person who is confirmed consented to, and says what that is: a name only where it is theirs.
func (s *Server) pass(session zhenni.Session, seat int, c *consent) (zhenni.Sharing, error) {
	what, once := c.what, sharedOnce{selfie: c.selfie}
	if what&zhenni.ShareName != 0 {
		named, err := s.isNamed(session.Seats[seat].Credential, c.name)
		if err != nil {
			return 0, err
		}
		if once.name = zhenni.MaskName(c.name.Reveal()); !named {
			what, once.name = what&^zhenni.ShareName, ""
		}
	}
	if what == 0 || !s.persons.relay.put(session.ID, once, s.config.Now()) {
		return 0, nil
	}
	return what, nil
}

// sharedDocument is what a person let who asks see, in the one answer in which it is shown.
type sharedDocument struct {
	Session string `json:"session"`
	Name    string `json:"name,omitempty"`
	Selfie  []byte `json:"selfie,omitempty"`
}

// showShared is GET /v1/sessions/{id}/shared, by the token of who asks: what was shared, once.
func (s *Server) showShared(rq *request) error {
	session, err := s.asking(rq)
	if err != nil {
		return err
	}
	if session.Introduction == nil || session.Introduction.Shared == 0 {
		return refuse(kindNoSession, "")
	}
	what, there := s.persons.relay.take(session.ID, s.config.Now())
	if !there {
		return refuse(kindSharedGone, "")
	}
	rq.writeSession(200, sharedDocument{session.ID.String(), what.name, what.selfie})
	return nil
}
