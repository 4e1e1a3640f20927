package holder

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"zhenni"
	"zhenni/evidence"
)

// newSeats is a server that answers phones without a network, and a seat on it.
func newSeats(t *testing.T, s server) (*Seats, *Seat) {
	t.Helper()
	seats, err := NewSeats("http://zhenni.example", s)
	if err != nil {
		t.Fatal(err)
	}
	i, err := ParseInvitation(testSession + "." + scanProof)
	if err != nil {
		t.Fatal(err)
	}
	return seats, NewSeat(i)
}

func seatAnswer(more string) string {
	return `{"session":"` + testSession + `","seat":0,"party":"desk","state":"opened","outcome":"live"` + more + `}`
}

func refused(code string) string { return `{"code":"` + code + `"}` }

// A phone signs for the party that it was shown, for this session and the token that it drew. Where the answer was lost and the code
// has passed meanwhile, it is known by its token.
func TestOpening(t *testing.T) {
	taken, shown := false, []string{}
	seats, seat := newSeats(t, func(r *http.Request, body string) (int, string) {
		token := r.Header.Get("Session-Token")
		shown = append(shown, token)
		if r.URL.Path != "/v1/sessions/"+testSession+"/seats/0/open" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s as %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		if taken && token == scanProof {
			return 404, refused(CodeNoSession)
		}
		taken = true
		return 200, seatAnswer("")
	})
	phone := newPhone(t, zhenni.KeyEd25519)
	phone.Credential = own
	for range 2 {
		if v, err := seats.Open(t.Context(), seat, phone, "desk", testNow); err != nil || v.State != zhenni.SeatOpened {
			t.Errorf("%+v, %v", v, err)
		}
	}
	if want := []string{scanProof, scanProof, seat.token.String()}; fmt.Sprint(shown) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", shown, want)
	}
	q := seat.question(own, "desk")
	if q.Capture != sha256.Sum256(seat.token[:]) || q.Transaction != "session."+testSession+".0.open" || q.Party != "desk" {
		t.Errorf("%+v", q)
	}
	if claims := q.claims(evidence.Possession, testNow); claims.Subject != own {
		t.Errorf("%+v", claims)
	}
}

// A seat is declined by the token of the phone that took it; where none did, by the link that the seat is of. What else is refused is
// asked once.
func TestDeclining(t *testing.T) {
	for name, c := range map[string]struct {
		knows string // the token that the server knows, "phone" for the phone's
		code  string // by which it refuses all others
		shown []string
	}{
		"opened":        {"phone", CodeNoSession, []string{"phone"}},
		"not opened":    {linkToken, CodeNoSession, []string{"phone", linkToken}},
		"no such one":   {"", CodeNoSession, []string{"phone", linkToken}},
		"it has ended":  {"", CodeSessionEnded, []string{"phone"}},
		"another phone": {"", CodeSessionTaken, []string{"phone"}},
	} {
		phone, shown := "", []string{}
		seats, seat := newSeats(t, func(r *http.Request, body string) (int, string) {
			token := r.Header.Get("Session-Token")
			if token == phone {
				token = "phone"
			}
			shown = append(shown, token)
			if r.Method+" "+r.URL.Path != "POST /v1/sessions/"+testSession+"/seats/0/decline" || body != "" {
				t.Errorf("%s: %s %s %q", name, r.Method, r.URL.Path, body)
			}
			if token != c.knows {
				return 404, refused(c.code)
			}
			return 200, strings.Replace(seatAnswer(""), `"opened"`, `"declined"`, 1)
		})
		seat.Shown, phone = linkToken, seat.token.String()
		v, err := seats.Decline(t.Context(), seat, false, false)
		if fmt.Sprint(shown) != fmt.Sprint(c.shown) || (v.State == zhenni.SeatDeclined) != (c.knows != "") || IsRefused(err, c.code) != (c.knows == "") {
			t.Errorf("%s: by %v: %+v, %v", name, shown, v, err)
		}
	}
}

// An answer is sent for a try, and sent again it does not begin another one: what became of it is read.
//
// FAULTS: C11
func TestAnswerSentAgain(t *testing.T) {
	asked := []string{}
	seats, seat := newSeats(t, func(r *http.Request, body string) (int, string) {
		asked = append(asked, r.Method+" "+r.Header.Get("Transaction-Id"))
		if r.Method == http.MethodPost {
			return 409, refused(CodeSessionStep)
		}
		return 200, seatAnswer(`,"transaction":"try-1","tries_left":1`)
	})
	v, err := seats.Answer(t.Context(), seat, SeatView{Transaction: "try-0"}, Answer{Probe: probeOf(t, 1, 2)})
	if err != nil || v.TriesLeft != 1 || fmt.Sprint(asked) != "[POST try-0 GET ]" {
		t.Errorf("%+v, %v, %v", v, err, asked)
	}
	if _, err := seats.Answer(t.Context(), seat, SeatView{Transaction: "try-1"}, Answer{}); !IsRefused(err, CodeSessionStep) || Again(err) {
		t.Errorf("a refusal of the try itself: %v", err)
	}
	if _, err := seats.Answer(t.Context(), seat, SeatView{}, Answer{}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("no answer is waited for: %v", err)
	}
}

// A capture whose answer was lost and is sent again for its try is answered with the session, once that try is decided; for as long as it
// is not, a refusal is one.
func TestCaptureSentAgain(t *testing.T) {
	for name, one := range map[string]struct {
		code, next string
		taken      bool
	}{
		"the next try waits": {CodeSessionStep, "try-2", true}, "it has ended": {CodeSessionEnded, "", true},
		"it waits still": {CodeSessionStep, "try-1", false}, "something else": {CodeNoSession, "try-2", false},
	} {
		posts := 0
		c := newClient(t, func(r *http.Request, _ string) (int, string) {
			if r.Method == "POST" {
				if posts++; r.Header.Get("Transaction-Id") != "try-1" {
					t.Errorf("%s: sent for %q", name, r.Header.Get("Transaction-Id"))
				}
				return 409, refused(one.code)
			}
			return 200, `{"session":"` + testSession + `","outcome":"live","transaction":"` + one.next + `"}`
		})
		v, err := c.Capture(t.Context(), zhenni.SessionID{}, "try-1", Answer{}, "")
		if posts != 1 || (err == nil) != one.taken || one.taken && v.Transaction != one.next || !one.taken && !IsRefused(err, one.code) {
			t.Errorf("%s: %d requests, %+v, %v", name, posts, v, err)
		}
	}
}

// A stream goes on behind the last event that was read whole, over connections that break, up to the end of the session; a refusal
// that no repetition mends ends it.
//
// FAULTS: A16
func TestFollowing(t *testing.T) {
	event := func(id, more string) string {
		return "id: " + id + "\nevent: session\ndata: " + seatAnswer(more) + "\n\n"
	}
	connections := []string{
		"retry: 0\n\n: \n\n" + event("a", "") + "id: lost\ndata: " + seatAnswer(""), // cut within an event
		event("b", `,"code":"07"`),
		strings.Replace(event("c", ""), `"live"`, `"completed","confirmed":true`, 1),
	}
	last, at := []string{}, 0
	seats, seat := newSeats(t, func(r *http.Request, _ string) (int, string) {
		last = append(last, r.Header.Get("Last-Event-ID"))
		if at++; at == 2 {
			return 0, "" // no route
		}
		text := connections[0]
		connections = connections[1:]
		return 200, text
	})
	seen := []string{}
	for v, err := range seats.Follow(t.Context(), seat) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%v %v %s", v.Outcome, v.Confirmed, v.Code))
	}
	if strings.Join(seen, ", ") != "live false , live false 07, completed true " || fmt.Sprint(last) != "[ a a b]" {
		t.Errorf("%q over connections behind %q", seen, last)
	}

	seats, seat = newSeats(t, func(*http.Request, string) (int, string) { return 404, refused(CodeNoSession) })
	for _, err := range seats.Follow(t.Context(), seat) {
		if !IsRefused(err, CodeNoSession) {
			t.Error(err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	seats, seat = newSeats(t, func(*http.Request, string) (int, string) { return 0, "" })
	for _, err := range seats.Follow(ended, seat) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// An event without an end is not gathered without one: what is longer than an answer may be is as good as a connection that broke.
//
// FAULTS: L2 O8
func TestEndlessEvent(t *testing.T) {
	line := "data: " + strings.Repeat(" ", 1<<16) + "\n"
	s := &stream{scanner: bufio.NewScanner(strings.NewReader(strings.Repeat(line, 20) + "\n"))}
	s.scanner.Buffer(nil, maxAnswer)
	if data, there := s.event(); there {
		t.Errorf("%d bytes in one event", len(data))
	}
}

// Who asks is told by their key in every request of a session, and a document has what its kind has.
func TestAsking(t *testing.T) {
	var got string
	c := newClient(t, func(r *http.Request, body string) (int, string) {
		if r.Header.Get("Authorization") != "Bearer "+appKey.String() {
			t.Errorf("asked as %q", r.Header.Get("Authorization"))
		}
		got = strings.TrimSpace(r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1/sessions") + " " + r.Header.Get("Transaction-Id") + " " + body)
		return 200, `{"session":"` + testSession + `","outcome":"completed","confirmed":true,"links":["` + testSession + ".0." + linkToken + `"],"qr_key":"` + linkToken + `"}`
	})
	id, ctx := zhenni.SessionID{}, t.Context()
	begun, err := c.Begin(ctx, "t-1", Asking{Kind: zhenni.SessionGroup, Service: "vote", Purpose: "resolve", Credentials: []zhenni.CredentialID{own}, Quorum: 1, Longest: 60e9})
	if err != nil || got != `POST  t-1 {"credentials":["`+own.String()+`"],"expires_in_s":60,"kind":"group","purpose":"resolve","quorum":1,"service":"vote"}` {
		t.Errorf("%s: %v", got, err)
	}
	if code, err := begun.QR(testNow); err != nil || !strings.HasPrefix(code, testSession+".") {
		t.Errorf("%q, %v", code, err)
	}
	if _, err := c.Begin(ctx, "t-2", Asking{Kind: zhenni.SessionPayment, Payment: &zhenni.Payment{Payee: "p", Amount: 1, Currency: "CNY", Reference: "r"}}); err != nil || !strings.Contains(got, `"amount":1`) {
		t.Errorf("%s: %v", got, err)
	}
	of := "/" + id.String()
	for want, ask := range map[string]func() (SessionView, error){
		"GET " + of:                           func() (SessionView, error) { return c.Session(ctx, id) },
		"POST " + of + `/code  {"code":"07"}`: func() (SessionView, error) { return c.TypeCode(ctx, id, "07") },
		"POST " + of + "/cancel":              func() (SessionView, error) { return c.Cancel(ctx, id) },
		"POST " + of + "/capture  {}":         func() (SessionView, error) { return c.Capture(ctx, id, "", Answer{}, "") },
		"POST " + of + "/capture try {}":      func() (SessionView, error) { return c.Capture(ctx, id, "try", Answer{}, "") },
		"GET " + of + "/results":              func() (SessionView, error) { return c.Results(ctx, id) },
	} {
		v, err := ask()
		if err != nil || got != want || v.Outcome != zhenni.SessionCompleted || !v.Confirmed {
			t.Errorf("%q, want %q: %+v, %v", got, want, v, err)
		}
	}
}
