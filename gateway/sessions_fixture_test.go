package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/evidence"

	"github.com/getkin/kin-openapi/openapi3"
)

// sessionBook is sessions in a map.
type sessionBook struct {
	mu  sync.Mutex
	all map[zhenni.SessionID]zhenni.Session
	// slow is called before a session is put, where it is set.
	slow func()
}

func (b *sessionBook) Put(_ context.Context, s zhenni.Session) error {
	if b.slow != nil {
		b.slow()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all[s.ID].Version+1 != s.Version {
		return errors.New("overtaken")
	}
	b.all[s.ID] = s
	return nil
}

func (b *sessionBook) Session(id zhenni.SessionID) (zhenni.Session, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.all[id]
	return s, ok
}

func (b *sessionBook) All() []zhenni.Session                  { return nil }
func (b *sessionBook) Sweep(context.Context, time.Time) error { return nil }

func (b *sessionBook) Of(credential zhenni.CredentialID) (of []zhenni.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.all {
		if s.Asker == credential || slices.ContainsFunc(s.Seats, func(seat zhenni.Seat) bool { return seat.Credential == credential }) {
			of = append(of, s)
		}
	}
	return of
}

func (b *sessionBook) ID(party, txn string) (id zhenni.SessionID) {
	sum := sha256.Sum256([]byte(party + "\n" + txn))
	return zhenni.SessionID(sum[:16])
}

// hostedSessions are sessions with their book.
type hostedSessions struct {
	*actors.Sessions
	*sessionBook
}

func (h hostedSessions) Session(id zhenni.SessionID) (zhenni.Session, error) {
	return h.Sessions.Session(id)
}

// office is a desk with sessions, and a clock that can be moved.
type office struct {
	*desk
	book  *sessionBook
	doc   *openapi3.T
	moved atomic.Int64
}

func (o *office) now() time.Time { return testNow().Add(time.Duration(o.moved.Load())) }

// wait moves the clock.
func (o *office) wait(d time.Duration) { o.moved.Add(int64(d)) }

func startOffice(t testing.TB, change func(*Config)) *office {
	t.Helper()
	o := &office{doc: loadDescription(t), book: &sessionBook{all: map[zhenni.SessionID]zhenni.Session{}}}
	host, err := actors.StartSessions(actors.SessionConfig{Now: o.now, Logger: slog.New(slog.DiscardHandler)}, o.book)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	o.desk = startDesk(t, func(c *Config) {
		c.Sessions, c.Now = hostedSessions{host, o.book}, o.now
		if change != nil {
			change(c)
		}
	})
	return o
}

// begun is the answer to whoever began a session.
type begun struct {
	begunDocument
	id, link string
	// token is that of the first link.
	token string
}

func (o *office) begin(document string, extra ...string) begun {
	o.t.Helper()
	a := o.call("POST", "/v1/sessions", "hotel", mediaJSON, []byte(document), extra...)
	o.described("POST", "/v1/sessions", a)
	if a.status != 201 {
		o.t.Fatalf("%d %s", a.status, a.body)
	}
	var b begun
	if err := json.Unmarshal(a.body, &b.begunDocument); err != nil {
		o.t.Fatal(err)
	}
	b.id, b.link = b.Session, b.Links[0]
	b.token = b.link[strings.LastIndex(b.link, ".")+1:]
	return b
}

const counterDocument = `{"kind":"counter","service":"open","purpose":"enter"}`

// phoneToken is what the test's phone draws.
var phoneToken = zhenni.SessionToken(sha256.Sum256([]byte("phone")))

// opening is the document by which the phone of the first credential opens a seat.
func (o *office) opening(session, seat string, change func(*evidence.Claims)) string {
	o.t.Helper()
	claims := evidence.Claims{
		Kind: evidence.Possession, Subject: testID(1), Capture: sha256.Sum256(phoneToken[:]), Party: "hotel",
		Transaction: "session." + session + "." + seat + ".open", IssuedAt: o.now().Unix(),
	}
	if change != nil {
		change(&claims)
	}
	token, err := evidence.Sign(claims, o.device)
	if err != nil {
		o.t.Fatal(err)
	}
	return `{"credential":"` + testID(1).String() + `","phone":"` + phoneToken.String() + `","evidence":"` + string(token) + `"}`
}

// at calls a route of a session with a token.
func (o *office) at(method, session, tail, token, document string, extra ...string) answer {
	o.t.Helper()
	media := ""
	if document != "" {
		media = mediaJSON
	}
	a := o.call(method, "/v1/sessions/"+session+tail, "", media, []byte(document), append(extra, tokenField+": "+token)...)
	path := "/v1/sessions/{id}" + tail
	if seat, rest, found := strings.Cut(strings.TrimPrefix(tail, "/seats/"), "/"); strings.HasPrefix(tail, "/seats/") && len(seat) > 0 {
		if path = "/v1/sessions/{id}/seats/{seat}"; found {
			path += "/" + rest
		}
	}
	o.described(method, path, a)
	return a
}

// described holds an answer to the description.
func (o *office) described(method, path string, a answer) {
	o.t.Helper()
	checkDescribed(o.t, o.doc, method, path, a)
}

func (o *office) open(session, token string) answer {
	o.t.Helper()
	return o.at("POST", session, "/seats/0/open", token, o.opening(session, "0", nil))
}

// member reads a member of an answer.
func member[T any](t testing.TB, a answer, name string) (v T) {
	t.Helper()
	var document map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &document); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	if raw, there := document[name]; there {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	}
	return v
}

func wantStatus(t testing.TB, a answer, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("%d %s, want %d", a.status, a.body, status)
	}
	return a
}
