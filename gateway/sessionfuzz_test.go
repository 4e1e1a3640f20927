package gateway

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// sessionSeeds are documents of sessions, good ones and those that nearly are.
var sessionSeeds = []string{
	counterDocument, `{}`, `[`, ``, `{"kind":"group","service":"open","purpose":"enter","quorum":2,"credentials":["` + strings.Repeat("0", 31) + `1","x"]}`,
	`{"kind":"payment","service":"open","purpose":"enter","payee":"\u6c34","amount":-1,"currency":"CNY","reference":"r","expires_in_s":10}`,
	`{"kind":"life","service":"open","purpose":"enter","credential":"` + strings.Repeat("0", 31) + `1","due":"2090-01-01T00:00:00Z","every":12}`,
	`{"kind":"life","service":"s","purpose":"p","credential":"` + strings.Repeat("0", 31) + `1","due":"0001-01-01T00:00:00Z","every":9223372036854775808}`,
	`{"kind":"counter","kind":"hotel","service":7,"transaction":"session.x"}`,
}

// A document that begins a session is one whose session is as its kind has to be, or is refused as a document.
//
// FAULTS: L2 L4 L10
func FuzzSessionDocument(f *testing.F) {
	for _, seed := range sessionSeeds {
		f.Add([]byte(seed))
	}
	s := looseServer(f)
	s.config.Sessions = noSessionBegun{hostedSessions{nil, &sessionBook{}}}
	f.Fuzz(func(t *testing.T, body []byte) {
		rq := looseRequest(s)
		rq.party = zhenni.RelyingParty{ID: "hotel", Tenant: 1}
		fields := [beginFields]field{
			{name: "kind"}, {name: "service"}, {name: "purpose"}, {name: "credential"}, {name: "credentials", list: true}, {name: "quorum"},
			{name: "expires_in_s"}, {name: "payee"}, {name: "amount"}, {name: "currency"}, {name: "reference"}, {name: "due"}, {name: "every"},
			{name: "transaction"},
		}
		err := parseDocument(bytes.Clone(body), fields[:])
		if err == nil {
			err = s.takeNames(rq, &fields[beginTransaction], &field{})
		}
		var session zhenni.Session
		if err == nil {
			session, err = s.readSession(rq, &fields)
		}
		if err != nil {
			if told := refusalOf(err); told.kind == kindInternal {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		session.Secret = [32]byte{1}
		begun, err := zhenni.NewSession(session, session.CreatedAt)
		if err != nil {
			return
		}
		if begunByOthers[begun.Kind] || strings.HasPrefix(rq.transaction, zhenni.SessionTransactions) || len(begun.Seats) > zhenni.MaxSeats ||
			!begun.Deadline.After(begun.CreatedAt) {
			t.Errorf("%q begins %+v", body, begun)
		}
	})
}

// noSessionBegun has no session.
type noSessionBegun struct{ hostedSessions }

func (noSessionBegun) Session(zhenni.SessionID) (zhenni.Session, error) {
	return zhenni.Session{}, zhenni.ErrNotFound
}

// What a phone or a terminal shows of a person is a capture of the credential in the seat, with nothing decided, or is refused; what is
// shared is consented to, between persons alone.
//
// FAULTS: L2 L3 L4 N6
func FuzzCapture(f *testing.F) {
	for _, seed := range []string{
		mated, `{}`, `{"pin":"x"}`, `{"probe_int8":"="}`, `{"probe_float32":"AAAA"}`, `{"probe_int8":"fwAAAAAAAAA=","share":["name","selfie"],"name":"李四","selfie":"="}`,
		`{"probe_int8":"fwAAAAAAAAA=","share":["name"],"name":"\u674e\u56db"}`, `{"probe_int8":"fwAAAAAAAAA=","evidence":["","x"],"captured_at":"2026-01-01T00:00:00Z"}`,
		`{"also_model":"test-model","also_probe_int8":"=","probe_int8":"fwAAAAAAAAA="}`, `{"share":[],"name":null}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	s := looseServer(f)
	f.Fuzz(func(t *testing.T, body []byte, person bool) {
		rq := looseRequest(s)
		defer rq.lease.end()
		rq.party, rq.terms.service, rq.terms.purpose = zhenni.RelyingParty{ID: "hotel", Tenant: 1}, "open", "enter"
		if person {
			rq.consent = &consent{}
		}
		batch, err := s.decodeCapture(rq, testID(1), 0, bytes.Clone(body))
		if err != nil {
			if told := refusalOf(err); told.kind == kindInternal {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if batch.Len() != 1 || batch.IDs[0] != testID(1) || batch.Outcomes[0] != zhenni.Pending || person && rq.terms.unprobed {
			t.Errorf("%q is %+v", body, batch)
		}
		if c := rq.consent; c != nil && (c.what&zhenni.ShareSelfie != 0) != (c.selfie != nil) {
			t.Errorf("%q: a picture without consent, or consent without one", body)
		}
	})
}

// What phones send where no account asks, to each of their routes: it is refused as what it is, and nothing else comes of it.
//
// FAULTS: L2 L3 L4 Z2
func FuzzPhoneDocument(f *testing.F) {
	c := startCircle(f)
	b := c.ask(credentialA, "")
	s := c.server
	s.config.Arrivals = noArrivals{}
	routes := []func(*request) error{s.arrive, s.beginPerson, s.inbox, s.openSeat, s.enterCode, s.decline, s.answerAsked, s.askBack, s.seeSeat}
	good := c.asking(credentialA, "person.fuzz", `,"name":"李四"`)
	for route := range routes {
		for _, seed := range []string{strings.Replace(good, "person.fuzz", "person.none", 1), `{}`, `{"also":["report","block"]}`, `{"code":"0x"}`, `{"phone":"="}`} {
			f.Add(uint8(route), []byte(b.token), []byte(seed))
		}
	}
	f.Add(uint8(3), []byte("="), []byte(`{}`))
	f.Add(uint8(3), []byte(strings.Repeat("A", 22)), []byte(`{}`))
	f.Fuzz(func(t *testing.T, route uint8, token, body []byte) {
		rq := looseRequest(s)
		defer rq.lease.end()
		rq.server = s
		rq.ctx.SetUserValue("id", b.id)
		rq.ctx.SetUserValue("seat", "0")
		rq.ctx.Request.Header.SetContentType(mediaJSON)
		rq.ctx.Request.Header.SetBytesV(tokenField, token)
		rq.ctx.Request.SetBodyStream(bytes.NewReader(body), len(body))
		rq.bodyRead = len(body) == 0
		at := int(route) % len(routes)
		err := routes[at](rq)
		if err != nil && refusalOf(err).kind == kindInternal {
			t.Fatalf("route %d, %q: %v", at, body, err)
		}
		if err == nil && string(token) != b.token {
			t.Fatalf("route %d, %q: let in by %q", at, body, token)
		}
	})
}

// noArrivals is a hotel where nobody waits.
type noArrivals struct{}

func (noArrivals) Arrivals(string) []zhenni.Session { return nil }
func (noArrivals) WatchArrivals(string) (<-chan struct{}, func(), error) {
	return make(chan struct{}), func() {}, nil
}

// What is shown lets into a session where it is a token of it, or what its screen showed a moment ago, and is written in the one way.
//
// FAULTS: L3 A9
func FuzzShown(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	session := zhenni.Session{ID: zhenni.SessionID{1}, Secret: [32]byte{2}, Seats: []zhenni.Seat{{State: zhenni.SeatWaiting}}}
	s := looseServer(f)
	s.config.Now = func() time.Time { return now }
	lets := map[string]bool{session.SeatToken(0).String(): true}
	for ago := range int64(zhenni.SessionQRSeconds) {
		proof := zhenni.SessionQR(session.QRKey(), now.Unix()-ago)
		lets[base64.RawURLEncoding.EncodeToString(proof[:])] = true
	}
	for shown := range lets {
		f.Add([]byte(shown))
		f.Add([]byte(shown[:len(shown)-1] + "="))
	}
	f.Add([]byte(session.AskerToken().String()))
	f.Add([]byte("="))
	f.Fuzz(func(t *testing.T, shown []byte) {
		rq := looseRequest(s)
		rq.ctx.Request.Header.SetBytesV(tokenField, shown)
		if got := s.letIn(rq, session, 0); got != lets[string(rq.ctx.Request.Header.Peek(tokenField))] {
			t.Errorf("%q: %v", shown, got)
		}
	})
}
