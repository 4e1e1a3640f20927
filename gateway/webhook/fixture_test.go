package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"zhenni"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// shelf is sessions and notes in maps. It outlives the couriers over it, as a disk does.
type shelf struct {
	mu       sync.Mutex
	sessions map[zhenni.SessionID]zhenni.Session
	notes    map[string][]byte
	broken   bool
}

func newShelf() *shelf {
	return &shelf{sessions: map[zhenni.SessionID]zhenni.Session{}, notes: map[string][]byte{}}
}

func (s *shelf) Session(id zhenni.SessionID) (zhenni.Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.sessions[id]
	return session, ok
}

func (s *shelf) All() (all []zhenni.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		all = append(all, session)
	}
	return all
}

func (s *shelf) Note(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("broken")
	}
	if s.notes[key] = bytes.Clone(value); len(value) == 0 {
		delete(s.notes, key)
	}
	return nil
}

func (s *shelf) Noted(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.notes[key]
	return value, ok
}

func (s *shelf) Notes() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.notes)
}

// put keeps a session, and returns the one before.
func (s *shelf) put(session zhenni.Session) (before zhenni.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.sessions[session.ID]
	s.sessions[session.ID] = session
	return before
}

// sending is one attempt at a message.
type sending struct {
	Message
	after time.Duration
}

// world is parties, endpoints and what came to them. It is for a bubble of synctest, in which its clock stands still.
type world struct {
	t       testing.TB
	shelf   *shelf
	courier *Courier
	parties map[string]zhenni.RelyingParty
	begun   time.Time

	mu     sync.Mutex
	sent   []sending
	answer func(Message) (int, error)
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, shelf: newShelf(), begun: time.Now(), parties: map[string]zhenni.RelyingParty{
		"office": {ID: "office", Tenant: 1, Roles: zhenni.RoleVerifier}, "bank": {ID: "bank", Tenant: 1, Roles: zhenni.RoleVerifier},
		"registry": {ID: "registry", Tenant: 1, Roles: zhenni.RoleIssuer}, "abroad": {ID: "abroad", Tenant: 2, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer},
	}}
	w.answer = func(Message) (int, error) { return 200, nil }
	return w
}

// start opens a courier over what is kept.
func (w *world) start() {
	w.t.Helper()
	var err error
	w.courier, err = Open(Config{
		Sessions: w.shelf, Record: w.shelf, Entropy: &counting{}, Logger: slog.New(slog.DiscardHandler), Post: w.post,
		View:   func(s zhenni.Session) any { return map[string]string{"outcome": s.ForAsker().End.String()} },
		Party:  w.party,
		Jitter: func(d time.Duration) time.Duration { return d },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.courier.Start()
}

// party finds a party, and become changes what there is of it.
func (w *world) party(id string) (zhenni.RelyingParty, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.parties[id]
	return p, ok
}

func (w *world) become(id string, p zhenni.RelyingParty) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.parties[id] = p; p.ID == "" {
		delete(w.parties, id)
	}
}

func (w *world) close() {
	w.t.Helper()
	if err := w.courier.Close(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// counting is an entropy that is different each time.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

func (w *world) post(_ context.Context, m Message) (int, error) {
	w.mu.Lock()
	w.sent = append(w.sent, sending{m, time.Since(w.begun)})
	answer := w.answer
	w.mu.Unlock()
	return answer(m)
}

// answers sets what endpoints answer.
func (w *world) answers(answer func(Message) (int, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

// take returns what was sent since it was called last.
func (w *world) take() []sending {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

// register gives a party an endpoint.
func (w *world) register(party string, events ...Event) Endpoint {
	w.t.Helper()
	e, err := w.courier.Set(context.Background(), w.parties[party], Registration{URL: "https://" + party + ".example/hook", Events: events})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func credential(n uint64) (id zhenni.CredentialID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// begin makes a session of a number, of who asks and of who is asked; 0 is whoever comes.
func (w *world) begin(n uint64, party string, asked ...uint64) zhenni.Session {
	w.t.Helper()
	s := zhenni.Session{
		Kind: zhenni.SessionGroup, Tenant: w.parties[party].Tenant, Party: party, Service: "registration", Purpose: "identify",
		Secret: [32]byte{1}, Deadline: time.Now().Add(time.Hour),
	}
	for _, c := range asked {
		s.Seats = append(s.Seats, zhenni.Seat{Credential: credential(c)})
	}
	if asked[0] == 0 {
		s.Kind, s.Deadline = zhenni.SessionCounter, time.Now().Add(time.Minute)
	}
	binary.BigEndian.PutUint64(s.ID[:], n)
	s.ID[15] = 1
	s, err := zhenni.NewSession(s, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.changed(s)
	return s
}

// changed keeps a session and tells of it.
func (w *world) changed(s zhenni.Session) zhenni.Session {
	before := w.shelf.put(s)
	w.courier.Changed(before, s)
	return s
}

// after is a session after an event.
func (w *world) after(s zhenni.Session, e zhenni.SessionEvent) zhenni.Session {
	w.t.Helper()
	next, err := s.Next(e, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return next
}

var cancelled = zhenni.SessionEvent{Kind: zhenni.EventCancelled}

func openedBy(n uint64, seat int) zhenni.SessionEvent {
	return zhenni.SessionEvent{Kind: zhenni.EventOpened, Seat: seat, Credential: credential(n), Phone: sha256.Sum256([]byte("phone"))}
}

// typeOf is what a message says it is.
func typeOf(t testing.TB, body []byte) Event {
	t.Helper()
	var e struct {
		Type Event `json:"type"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	return e.Type
}
