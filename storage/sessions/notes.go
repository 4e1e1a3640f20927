package sessions

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"zhenni"
)

// Bounds of the notes.
const (
	MaxNotes    = 1 << 20
	MaxNote     = 8 << 10
	maxNoteName = 128
)

// note is what is kept under a key. One that says nothing is forgotten.
type note struct {
	key   string
	value []byte
}

func (n note) append(b []byte) []byte { return append(appendText(b, n.key), n.value...) }

func decodeNote(body []byte) (note, error) {
	r := reader{rest: body}
	n := note{key: r.text(), value: r.rest}
	if r.short || n.key == "" || len(n.key) > maxNoteName || len(n.value) > MaxNote {
		return note{}, corrupt("a note is not as it was written")
	}
	return n, nil
}

// take takes a note.
func (m *machine) take(n note) {
	if len(n.value) == 0 {
		delete(m.notes, n.key)
		return
	}
	m.notes[n.key] = n.value
}

// Note keeps a value of at most [MaxNote] bytes under a key of 1–128, in the place of the one that was there, and returns once it is
// durable; an empty one forgets. The value is copied. [zhenni.ErrBadValue] beyond those bounds, [zhenni.ErrOverloaded] beyond
// [MaxNotes]; on [zhenni.ErrDeadline] and [zhenni.ErrUnavailable] it may be kept all the same.
func (s *Store) Note(ctx context.Context, key string, value []byte) error {
	if key == "" || len(key) > maxNoteName || len(value) > MaxNote {
		return fmt.Errorf("%w: sessions: a note of %d bytes under a key of %d", zhenni.ErrBadValue, len(value), len(key))
	}
	s.machine.mu.RLock()
	_, there := s.machine.notes[key]
	kept := len(s.machine.notes)
	s.machine.mu.RUnlock()
	switch {
	case !there && len(value) == 0:
		return nil
	case !there && kept >= MaxNotes:
		return fmt.Errorf("%w: %d notes are kept beside the sessions", zhenni.ErrOverloaded, kept)
	}
	return s.propose(ctx, change{note: &note{key, bytes.Clone(value)}})
}

// Noted returns what is kept under a key. It is the store's: nobody changes it.
func (s *Store) Noted(key string) ([]byte, bool) {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	value, there := s.machine.notes[key]
	return value, there
}

// Notes returns all that is kept, by key. The map is the caller's, the values are the store's.
func (s *Store) Notes() map[string][]byte {
	s.machine.mu.RLock()
	defer s.machine.mu.RUnlock()
	return maps.Clone(s.machine.notes)
}
