package gateway

import (
	"errors"
	"sync"
	"time"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/identity"
)

// RotationKeys opens the rotation keys that phones seal. Its methods may be called from several goroutines.
type RotationKeys interface {
	// OpenRotation opens a key that was sealed under a name. What is wrong with it is an [identity.Fault].
	OpenRotation(sealed, name string) ([identity.RotationKeySize]byte, error)
}

// kindRotationKey is told to a phone whose rotation key is none, or not that of its credential.
var kindRotationKey = &kind{422, "rotation_key_refused", "The rotation key can not be used.", "Bring the key that the credential was enrolled under, and none where it was under none, sealed anew to the current key for this arrival.", false, false}

// rotationKey is the key by which a phone has rotated what its person was enrolled with. Whoever has it and the template has the
// face: it is in memory as long as its session is live, and nowhere else.
type rotationKey rotation.Key

// forget overwrites a key; nil is none.
func (k *rotationKey) forget() {
	if k != nil {
		*k = rotationKey{}
	}
}

// maxRotations bounds the keys in memory.
const maxRotations = 1 << 16

// rotations are the keys of live sessions. They are not stored: after a restart the phone sends its own again. They may be used from
// several goroutines.
type rotations struct {
	mu   sync.Mutex
	keys map[zhenni.SessionID]*heldRotation // guarded by mu
}

type heldRotation struct {
	key  rotationKey
	over *time.Timer
}

// keep holds a copy of a key for so long, or until the session is forgotten; false is no room.
func (r *rotations) keep(id zhenni.SessionID, key *rotationKey, left time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := r.keys[id]
	if held == nil {
		if len(r.keys) >= maxRotations {
			return false
		}
		if r.keys == nil {
			r.keys = map[zhenni.SessionID]*heldRotation{}
		}
		held = &heldRotation{over: time.AfterFunc(left, func() { r.forget(id) })}
		r.keys[id] = held
	}
	held.key = *key
	return true
}

// has reports whether there is a key of a session.
func (r *rotations) has(id zhenni.SessionID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[id] != nil
}

// rotation derives the rotation of a session for a model; ok is false where its key is not there.
func (r *rotations) rotation(id zhenni.SessionID, model zhenni.Model) (_ *rotation.Rotation, ok bool, err error) {
	r.mu.Lock()
	held := r.keys[id]
	if held == nil {
		r.mu.Unlock()
		return nil, false, nil
	}
	key := held.key
	r.mu.Unlock()
	defer key.forget()
	derived, err := rotation.New(rotation.Key(key), model)
	return derived, true, err
}

// forget overwrites the key of a session.
func (r *rotations) forget(id zhenni.SessionID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if held := r.keys[id]; held != nil {
		held.over.Stop()
		held.key.forget()
		delete(r.keys, id)
	}
}

// wipe overwrites all keys.
func (r *rotations) wipe() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, held := range r.keys {
		held.over.Stop()
		held.key.forget()
		delete(r.keys, id)
	}
}

// takeRotationKey opens the key that a phone brings, nil where it brings none. It is sealed for the party and the arrival, and so
// of no use to anybody who sees it pass.
func (s *Server) takeRotationKey(rq *request, sealed *field, name string) (*rotationKey, error) {
	if sealed.value == nil {
		return nil, nil
	}
	switch {
	case sealed.number:
		return nil, refuse(kindItem, "rotation_key is not a sealed text")
	case s.config.RotationKeys == nil:
		return nil, refuse(kindRotationKey, "this server opens none")
	}
	opened, err := s.config.RotationKeys.OpenRotation(string(sealed.value), name)
	if fault := identity.Fault(0); errors.As(err, &fault) {
		return nil, refuse(kindRotationKey, fault.Error())
	}
	if err != nil {
		return nil, refuse(kindUnavailable, "no rotation key can be opened")
	}
	key := rotationKey(opened)
	clear(opened[:])
	sealing, err := identity.Sealing(string(sealed.value))
	if err == nil {
		err = s.claimSealing(rq, sealed.value, sealing)
	}
	if err != nil {
		key.forget()
		return nil, err
	}
	return &key, nil
}

// readCommitment reads the commitment to the key that a template was rotated by; absent it was by none.
func readCommitment(f *field) (r zhenni.RotationCommitment, err error) {
	if f.value == nil {
		return r, nil
	}
	decoded, ok := base64Bytes(f.value, len(r))
	if !ok || f.number || copy(r[:], decoded) != len(r) || r.IsZero() {
		return r, refuse(kindItem, f.name+" is not base64 of 32 bytes, the commitment to a rotation key")
	}
	return r, nil
}

// compares refuses the phone of a guest whose capture could never be compared: without the key that the credential was enrolled under, or
// with another one. It is told to whoever has the credential's device alone, before there is a session, and costs no try.
func (k *rotationKey) compares(c zhenni.Credential) error {
	switch {
	case k == nil && c.Rotation.IsZero():
		return nil
	case k == nil:
		return refuse(kindRotationKey, "rotation_key is missing: the credential is rotated")
	case c.Rotation.IsZero():
		return refuse(kindRotationKey, "the credential was enrolled under no rotation key, or before it kept which: bring none, or enrol it anew")
	case rotation.Key(*k).Commitment() != c.Rotation:
		return refuse(kindRotationKey, "the credential was enrolled under another rotation key")
	}
	return nil
}

// mayCapture refuses a capture by a hotel that has not claimed the guest.
func (s *Server) mayCapture(session *zhenni.Session) error {
	if session.Kind == zhenni.SessionHotel && session.End == zhenni.SessionLive && !session.Seats[0].CodeRight {
		return refuse(kindSessionStep, "the arrival is claimed by its code first")
	}
	return nil
}

// rotationWanted reports whether a session lacks the key that its phone brought.
func (s *Server) rotationWanted(session *zhenni.Session) bool {
	return session.Keyed && session.End == zhenni.SessionLive && !s.rotations.has(session.ID)
}

// atHotel makes of a capture by a hotel's device what is compared. The device is not told whose credential it is: its terminals sign
// for the session instead. Of a guest who brought a key the probe is rotated by it, once; evidence is about the probe that was sent.
func (s *Server) atHotel(rq *request, session *zhenni.Session, batch *zhenni.Batch) error {
	if rq.terms.unprobed {
		return refuse(kindEvidence, "at a hotel something is captured: send a probe")
	}
	rq.terms.subject, rq.terms.sent = zhenni.CredentialID(session.ID), captureOf(batch)
	if !session.Keyed {
		return nil
	}
	derived, there, err := s.rotations.rotation(session.ID, s.by(rq).profile.Model)
	if err != nil {
		return err
	}
	if !there {
		return refuse(kindSessionStep, "the phone has to send its rotation key again")
	}
	defer derived.Destroy()
	if derived.Dim() != batch.Dim {
		return refuse(kindRotationKey, "the model's dimension is no power of two: it is the capture side that rotates")
	}
	if batch.Int8 != nil {
		batch.Float32 = asFloat32(rq.lease.take(4 * batch.Dim))
		for i, x := range batch.Int8 {
			batch.Float32[i] = float32(x)
		}
		batch.Int8 = nil
	}
	return derived.Apply(batch.Float32, batch.Float32)
}
