package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/gateway/httpsig"
	"zhenni/gateway/webhook"
)

// noteBook is notes in a map, beside a book of sessions.
type noteBook struct {
	sessionBook
	notes sync.Map
}

func (b *noteBook) All() (all []zhenni.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range maps.Values(b.all) {
		all = append(all, s)
	}
	return all
}

func (b *noteBook) Note(_ context.Context, key string, value []byte) error {
	if b.notes.Store(key, value); len(value) == 0 {
		b.notes.Delete(key)
	}
	return nil
}

func (b *noteBook) Noted(key string) ([]byte, bool) {
	value, there := b.notes.Load(key)
	if !there {
		return nil, false
	}
	return value.([]byte), true
}

func (b *noteBook) Notes() map[string][]byte {
	all := map[string][]byte{}
	b.notes.Range(func(key, value any) bool { all[key.(string)] = value.([]byte); return true })
	return all
}

// mailroom is a courier whose messages come to a channel.
type mailroom struct {
	*webhook.Courier
	book *noteBook
	sent chan webhook.Message
}

func startMailroom(t testing.TB, parties map[string]zhenni.RelyingParty) *mailroom {
	t.Helper()
	m := &mailroom{book: &noteBook{sessionBook: sessionBook{all: map[zhenni.SessionID]zhenni.Session{}}}, sent: make(chan webhook.Message, 16)}
	var err error
	m.Courier, err = webhook.Open(webhook.Config{
		Sessions: m.book, Record: m.book, View: SessionView, Entropy: endless{}, Logger: slog.New(slog.DiscardHandler),
		Party: func(id string) (zhenni.RelyingParty, bool) { p, ok := parties[id]; return p, ok },
		Post:  func(_ context.Context, message webhook.Message) (int, error) { m.sent <- message; return 204, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Start()
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// endless is an entropy that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)
	}
	return len(p), nil
}

// tell keeps a session and has the courier hear of it.
func (m *mailroom) tell(t testing.TB, s zhenni.Session) zhenni.Session {
	t.Helper()
	before, _ := m.book.Session(s.ID)
	if err := m.book.Put(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	m.Changed(before, s)
	return s
}

var told = map[webhook.Event]string{
	webhook.EventOpened: "SessionOpened", webhook.EventReminder: "SessionReminder", webhook.EventEnded: "SessionEnded",
	webhook.EventWaiting: "SessionWaiting", webhook.EventTest: "WebhookTest",
}

// Every message is as the description says, which says of each what it is; what is told of a session is what who asks may see: an
// unusable credential is one that was not confirmed, and no code is sent.
//
// FAULTS: A9
func TestMessagesAreDescribed(t *testing.T) {
	doc := loadDescription(t)
	parties := map[string]zhenni.RelyingParty{"office": {ID: "office", Tenant: 1, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer}}
	m := startMailroom(t, parties)
	if _, err := m.Set(context.Background(), parties["office"], webhook.Registration{URL: "https://office.example/"}); err != nil {
		t.Fatal(err)
	}
	now, got := time.Now(), map[webhook.Event]int{}
	begin := func(s zhenni.Session) zhenni.Session {
		s.ID, s.Tenant, s.Party, s.Service, s.Purpose = zhenni.SessionID{byte(s.Kind), 1}, 1, "office", "open", "enter"
		s.Secret, s.Deadline, s.Code = [32]byte{1}, now.Add(s.Kind.Longest()), 42
		s, err := zhenni.NewSession(s, now)
		if err != nil {
			t.Fatal(err)
		}
		return m.tell(t, s)
	}
	next := func(s zhenni.Session, e zhenni.SessionEvent) zhenni.Session {
		after, err := s.Next(e, s.ChangedAt.Add(time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		return m.tell(t, after)
	}
	arrived := func() {
		message := <-m.sent
		var e struct {
			Type webhook.Event
			Data struct{ Outcome string }
		}
		if err := json.Unmarshal(message.Body, &e); err != nil {
			t.Fatal(err)
		}
		got[e.Type]++
		checkSchema(t, doc.Components.Schemas[told[e.Type]].Value, message.Body)
		if strings.Contains(string(message.Body), `"code":`) || strings.Contains(string(message.Body), "unusable") {
			t.Errorf("more is told than who asks may see: %s", message.Body)
		}
	}
	opened := zhenni.SessionEvent{Kind: zhenni.EventOpened, Credential: testID(2), Phone: sha256.Sum256([]byte("phone"))}
	person := begin(zhenni.Session{Kind: zhenni.SessionPerson, Asker: testID(1), Seats: make([]zhenni.Seat, 1)})
	person = next(person, opened)
	arrived()
	next(person, zhenni.SessionEvent{Kind: zhenni.EventUnusable})
	arrived()
	begin(zhenni.Session{Kind: zhenni.SessionLife, Due: now.Add(time.Hour), Seats: []zhenni.Seat{{Credential: testID(2)}}, Reminded: 0})
	arrived()
	life, _ := m.book.Session(zhenni.SessionID{byte(zhenni.SessionLife), 1})
	next(life, zhenni.SessionEvent{Kind: zhenni.EventReminded})
	arrived()
	if _, err := m.Test(context.Background(), "office"); err != nil {
		t.Fatal(err)
	}
	arrived()
	for event := range told {
		if got[event] != 1 {
			t.Errorf("%d messages of %s", got[event], event)
		}
	}
}

// heldWebhooks is one webhook without a courier, with one dead letter.
type heldWebhooks struct {
	endpoint webhook.Endpoint
	letters  []webhook.Letter
	again    []string
}

func (h *heldWebhooks) Endpoint(party string) (webhook.Endpoint, bool) {
	return h.endpoint, party == h.endpoint.Party
}
func (h *heldWebhooks) Letters(string) []webhook.Letter { return h.letters }
func (h *heldWebhooks) Stats() webhook.Stats            { return webhook.Stats{Delivered: 3, Queued: 2} }

func (h *heldWebhooks) Redeliver(_ context.Context, _, id string) error {
	if id != h.letters[0].ID {
		return zhenni.ErrNotFound
	}
	h.again = append(h.again, id)
	return nil
}

func (h *heldWebhooks) Move(_ context.Context, _ zhenni.RelyingParty, address string) (webhook.Endpoint, error) {
	switch {
	case strings.HasPrefix(address, "http:"):
		return webhook.Endpoint{}, zhenni.ErrBadValue
	case !strings.HasPrefix(address, "https://hotel.example/"):
		return webhook.Endpoint{}, webhook.ErrHost
	}
	h.endpoint.URL = address
	return h.endpoint, nil
}

// A party sees its webhook without its secret, moves it with a signature and is told another secret once, and has its dead letters sent
// again; a party without one is told that there is none.
//
// FAULTS: Z9
func TestPartyKeepsItsWebhook(t *testing.T) {
	secret, err := webhook.NewSecret(io.LimitReader(endless{}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &heldWebhooks{
		endpoint: webhook.Endpoint{
			Party: "hotel", Tenant: 1, URL: "https://hotel.example/a", Hosts: []string{"hotel.example"},
			Events: []webhook.Event{webhook.EventEnded}, Secret: secret, Since: testNow(),
		},
		letters: []webhook.Letter{{
			ID: "msg_" + strings.Repeat("0", 32), Event: webhook.EventEnded, Session: zhenni.SessionID{1}, At: testNow(), Died: testNow(), Tries: 8, Status: 500,
		}},
	}
	var logged syncBuffer
	f := startSigning(t, func(c *Config) { c.Webhooks, c.Logger = w, slog.New(slog.NewTextHandler(&logged, nil)) })
	doc := loadDescription(t)
	ask := func(by *httpsig.Signer, method, path, body string) answer {
		t.Helper()
		var fields []httpsig.Field
		if body != "" {
			fields = []httpsig.Field{{Name: "content-type", Value: []byte(mediaJSON)}}
		}
		a := f.send(signMessage(t, by, f.stamp(), signedRequest{method: method, path: path, host: "x", body: body}, fields...))
		checkDescribed(t, doc, method, strings.ReplaceAll(path, w.letters[0].ID, "{message}"), a)
		return a
	}
	const path = "/v1/party/webhook"
	for _, by := range []string{"GET " + path, "GET " + path + "/dead-letters", "POST " + path + "/dead-letters/" + w.letters[0].ID + "/redeliver"} {
		method, target, _ := strings.Cut(by, " ")
		if a := ask(f.registry, method, target, ""); a.code() != "webhook_not_found" {
			t.Errorf("%s of a party without a webhook: %d %s", by, a.status, a.body)
		}
	}
	if a := wantStatus(t, ask(f.hotel, "GET", path, ""), 200); bytes.Contains(a.body, []byte("secret")) || member[int](t, a, "dead_letters") != 1 {
		t.Errorf("%s", a.body)
	}
	for body, code := range map[string]string{
		`{"url":"https://evil.example/"}`: "webhook_host", `{"url":"http://hotel.example/"}`: "bad_item", `{}`: "bad_item", `{"url":1}`: "bad_item",
		`{"url":"https://hotel.example/b","hosts":["evil.example"]}`: "bad_item",
	} {
		if a := ask(f.hotel, "POST", path, body); a.code() != code {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := wantStatus(t, ask(f.hotel, "POST", path, `{"url":"https://hotel.example/b"}`), 200); member[string](t, a, "secret") != secret.Reveal() || member[string](t, a, "url") != "https://hotel.example/b" {
		t.Errorf("%s", a.body)
	}
	wantStatus(t, ask(f.hotel, "GET", path+"/dead-letters", ""), 200)
	wantStatus(t, ask(f.hotel, "POST", path+"/dead-letters/"+w.letters[0].ID+"/redeliver", ""), 202)
	if len(w.again) != 1 {
		t.Errorf("sent again: %q", w.again)
	}
	if strings.Contains(logged.String(), "whsec_") {
		t.Error("the log shows a secret")
	}
	if shown := f.metrics(); !strings.Contains(shown, `zhenni_webhook_messages_total{event="delivered"} 3`) || !strings.Contains(shown, "zhenni_webhook_queue 2") {
		t.Error("no metrics of webhooks")
	}
	w.endpoint.Tenant = 2
	if a := ask(f.hotel, "GET", path, ""); a.code() != "webhook_not_found" {
		t.Errorf("a webhook of another tenant's party of that id: %d %s", a.status, a.body)
	}
}

// What an operator does with webhooks on its socket: a secret is in the answer to who set one, and in no other.
func TestAdminOfWebhooks(t *testing.T) {
	desk := zhenni.RelyingParty{ID: "desk", Tenant: 1, Roles: zhenni.RoleVerifier}
	m := startMailroom(t, map[string]zhenni.RelyingParty{"desk": desk})
	operator, socket := startAdmin(t, func(a *Admin) { a.Tell(m) })
	operator.parties["desk"] = desk
	const path, good = "/admin/relying-parties/desk/webhook", `{"url":"https://desk.example/","grace_seconds":60}`
	for _, c := range []struct {
		method, path, body string
		status             int
		part               string
	}{
		{"GET", path, "", 404, "has no webhook"},
		{"PUT", "/admin/relying-parties/nobody/webhook", good, 404, "nobody"},
		{"PUT", path, `{"url":"https://10.0.0.1/"}`, 400, "not public"},
		{"PUT", path, `{"url":"https://desk.example/","grace_seconds":9223372036854775807}`, 400, "grace_seconds"},
		{"PUT", path, `{"url":"https://desk.example/","secret":"whsec_"}`, 400, "secret"},
		{"PUT", path, good, 200, `"secret":"whsec_`},
		{"GET", path, "", 200, `"events":["session.opened","session.reminder","session.ended"]`},
		{"POST", path + "/test", "", 200, `"status":204`},
		{"GET", path + "/dead-letters", "", 200, `"dead_letters":[]`},
		{"POST", path + "/dead-letters/msg_0/redeliver", "", 404, ""},
		{"DELETE", path, "", 200, "desk"},
		{"DELETE", path, "", 404, ""},
		{"POST", path + "/test", "", 404, ""},
	} {
		status, answer := adminCall(t, socket, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(answer, c.part) || c.method != "PUT" && strings.Contains(answer, "whsec_") {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, answer)
		}
	}
}
