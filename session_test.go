package zhenni_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"zhenni"
)

const sessionsGolden = "testdata/sessions.golden"

var (
	sessionNow = time.Unix(1_800_000_000, 0).UTC()
	holderA    = zhenni.CredentialID{1}
	holderB    = zhenni.CredentialID{2}
	holderC    = zhenni.CredentialID{3}
	phoneA     = zhenni.SessionToken{1}
	phoneB     = zhenni.SessionToken{2}
)

// sessionOf is a session of a kind as an issue would make it, for seats held by the credentials.
func sessionOf(kind zhenni.SessionKind, seats ...zhenni.CredentialID) zhenni.Session {
	s := zhenni.Session{
		ID: zhenni.SessionID{9}, Kind: kind, Tenant: 1, Party: "office", Service: "registration", Purpose: "identify",
		Tries: 2, Code: 42, Secret: [32]byte{7}, Deadline: sessionNow.Add(time.Minute), Seats: make([]zhenni.Seat, max(1, len(seats))),
	}
	for i, id := range seats {
		s.Seats[i].Credential = id
	}
	switch kind {
	case zhenni.SessionPerson:
		s.Asker = zhenni.CredentialID{200}
	case zhenni.SessionPayment:
		s.Payment = &zhenni.Payment{Payee: "水务局", Reference: "2026-11", Amount: 12_30, Currency: "CNY"}
	case zhenni.SessionRemote:
		s.Remote = &zhenni.Remote{Message: "4711"}
	case zhenni.SessionLife:
		s.Due = sessionNow.Add(30 * time.Second)
	}
	return s
}

// named are the kinds of which it is said beforehand who is asked.
var named = map[zhenni.SessionKind]bool{
	zhenni.SessionGroup: true, zhenni.SessionLife: true, zhenni.SessionKiosk: true, zhenni.SessionRemote: true,
}

// begun is sessionOf as it begins.
func begun(t interface{ Fatal(...any) }, kind zhenni.SessionKind, seats ...zhenni.CredentialID) zhenni.Session {
	if len(seats) == 0 && named[kind] {
		seats = []zhenni.CredentialID{holderA}
	}
	s, err := zhenni.NewSession(sessionOf(kind, seats...), sessionNow)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sessionEvent is a named event, made for the state that it befalls.
type sessionEvent struct {
	name string
	make func(zhenni.Session) zhenni.SessionEvent
	at   time.Duration
}

func plain(e zhenni.SessionEvent) func(zhenni.Session) zhenni.SessionEvent {
	return func(zhenni.Session) zhenni.SessionEvent { return e }
}

func openedBy(seat int, id zhenni.CredentialID, phone zhenni.SessionToken) zhenni.SessionEvent {
	return zhenni.SessionEvent{Kind: zhenni.EventOpened, Seat: seat, Credential: id, Phone: sha256.Sum256(phone[:])}
}

func answered(seat int, o zhenni.Outcome) func(zhenni.Session) zhenni.SessionEvent {
	return func(s zhenni.Session) zhenni.SessionEvent {
		return zhenni.SessionEvent{Kind: zhenni.EventAnswered, Seat: seat, Outcome: o, Transaction: s.Transaction(seat)}
	}
}

// seatEvents are the events that a seat can bring.
func seatEvents(seat int, id zhenni.CredentialID) []sessionEvent {
	of := func(e zhenni.SessionEvent) func(zhenni.Session) zhenni.SessionEvent {
		e.Seat = seat
		return plain(e)
	}
	return []sessionEvent{
		{"open", plain(openedBy(seat, id, phoneA)), 0},
		{"open elsewhere", plain(openedBy(seat, zhenni.CredentialID{100}, phoneB)), 0},
		{"right code", of(zhenni.SessionEvent{Kind: zhenni.EventCode, Code: 42}), 0},
		{"wrong code", of(zhenni.SessionEvent{Kind: zhenni.EventCode, Code: 24}), 0},
		{"match", answered(seat, zhenni.Match), 0},
		{"no match", answered(seat, zhenni.NoMatch), 0},
		{"decline", of(zhenni.SessionEvent{Kind: zhenni.EventDeclined}), 0},
		{"unusable", of(zhenni.SessionEvent{Kind: zhenni.EventUnusable}), 0},
	}
}

var askerEvents = []sessionEvent{
	{"cancel", plain(zhenni.SessionEvent{Kind: zhenni.EventCancelled}), 0},
	{"too late", answered(0, zhenni.Match), 24 * 500 * time.Hour},
}

// stateName says of a session what its events can tell apart.
func stateName(s zhenni.Session) string {
	if s.End != zhenni.SessionLive {
		name := s.End.String()
		if s.Confirmed() {
			name += " confirmed"
		}
		if s.Collected {
			name += ", collected"
		}
		return name
	}
	var seats []string
	for _, seat := range s.Seats {
		name := seat.State.String()
		if seat.CodeRight {
			name += "+code"
		}
		if seat.Tried > 0 {
			name += fmt.Sprintf("+%d tried", seat.Tried)
		}
		seats = append(seats, name)
	}
	return strings.Join(seats, ", ")
}

// writeSessions writes every state that a session can come to by the events, and what each of them makes of it.
func writeSessions(t *testing.T, w *bytes.Buffer, title string, first zhenni.Session, events []sessionEvent) {
	fmt.Fprintf(w, "%s:\n%-32s", title, "")
	for _, e := range events {
		fmt.Fprintf(w, " %-28s", e.name)
	}
	states, seen := []zhenni.Session{first}, map[string]bool{stateName(first): true}
	for i := 0; i < len(states); i++ {
		s := states[i]
		fmt.Fprintf(w, "\n%-32s", stateName(s))
		for _, e := range events {
			next, err := s.Next(e.make(s), sessionNow.Add(e.at))
			fmt.Fprintf(w, " %-28s", sessionCell(t, s, next, err))
			if name := stateName(next); !seen[name] {
				seen[name], states = true, append(states, next)
			}
		}
	}
	w.WriteString("\n\n")
}

func sessionCell(t *testing.T, before, after zhenni.Session, err error) string {
	switch same := after.Version == before.Version && stateName(after) == stateName(before); {
	case err != nil && !same:
		t.Errorf("%s: changed with an error: %s, %v", stateName(before), stateName(after), err)
	case errors.Is(err, zhenni.ErrSessionEnded):
		return "ended"
	case errors.Is(err, zhenni.ErrSessionTaken):
		return "taken"
	case errors.Is(err, zhenni.ErrSessionStep):
		return "-"
	case err != nil:
		t.Errorf("%s: %v", stateName(before), err)
	case same:
		return "="
	}
	return stateName(after)
}

// Every state of every kind and what each event makes of it is as the golden file says.
//
// FAULTS: C11 C12
func TestSessions(t *testing.T) {
	var b bytes.Buffer
	for kind := zhenni.SessionCounter; kind <= zhenni.SessionRemote; kind++ {
		if kind == zhenni.SessionGroup {
			continue
		}
		events := append(seatEvents(0, holderA), askerEvents...)
		if kind == zhenni.SessionRemote {
			events = append(events, sessionEvent{"collect", plain(collected), 0})
		}
		writeSessions(t, &b, kind.String(), begun(t, kind), events)
	}
	for quorum := uint8(1); quorum <= 2; quorum++ {
		group := sessionOf(zhenni.SessionGroup, holderA, holderB)
		group.Quorum, group.Tries = quorum, 1
		group, err := zhenni.NewSession(group, sessionNow)
		if err != nil {
			t.Fatal(err)
		}
		events := append(seatEvents(0, holderA), seatEvents(1, holderB)...)
		for i := range events {
			events[i].name = fmt.Sprintf("%d %s", i/8, events[i].name)
		}
		writeSessions(t, &b, fmt.Sprintf("group, %d of 2", quorum), group, append(events, askerEvents...))
	}
	text := strings.ReplaceAll(b.String(), "\n\n\n", "\n\n")
	for strings.Contains(text, " \n") {
		text = strings.ReplaceAll(text, " \n", "\n")
	}
	if *rewrite {
		if err := os.WriteFile(sessionsGolden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(sessionsGolden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the sessions are not those of %s; -rewrite writes them anew", sessionsGolden)
	}
}

// What was recorded of a session is there for as long as the session can be asked for it: whenever its first yes came, and
// however late it ended after that.
//
// FAULTS: C11
func TestRecordOutlivesItsSession(t *testing.T) {
	for kind := zhenni.SessionCounter; kind.Longest() > 0; kind++ {
		var seats []zhenni.CredentialID
		if kind == zhenni.SessionGroup {
			seats = []zhenni.CredentialID{holderA, holderB}
		} else if named[kind] {
			seats = []zhenni.CredentialID{holderA}
		}
		s := sessionOf(kind, seats...)
		s.Quorum = uint8(len(s.Seats))
		if s.Deadline = sessionNow.Add(kind.Longest()); kind == zhenni.SessionLife {
			s.Due = s.Deadline.Add(-time.Second)
		}
		s, err := zhenni.NewSession(s, sessionNow)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		yes := sessionNow
		for _, step := range []func(zhenni.Session) zhenni.SessionEvent{
			plain(openedBy(0, holderA, phoneA)), plain(zhenni.SessionEvent{Kind: zhenni.EventCode, Code: 42}), answered(0, zhenni.Match),
		} {
			if next, err := s.Next(step(s), yes); err == nil {
				s = next
			}
		}
		if s.Seats[0].State != zhenni.SeatConfirmed {
			t.Fatalf("%s has no yes: %+v", kind, s)
		}
		if s = s.Passed(s.Deadline); s.ChangedAt.Add(zhenni.SessionKept).Sub(yes) >= zhenni.SessionRecordKept {
			t.Errorf("%s is asked for until %s after its yes", kind, s.ChangedAt.Add(zhenni.SessionKept).Sub(yes))
		}
	}
}
