package gateway

import (
	"sync/atomic"
	"testing"

	"zhenni"
)

// outdated shows a session once as it was.
type outdated struct {
	Sessions
	was atomic.Pointer[zhenni.Session]
}

func (o *outdated) Session(id zhenni.SessionID) (zhenni.Session, error) {
	if was := o.was.Swap(nil); was != nil {
		return *was, nil
	}
	return o.Sessions.Session(id)
}

// A phone that arrives again while the hotel's device captures reads what became of it, whichever comes first.
//
// FAULTS: C11
func TestArrivesAgainAtTheEnd(t *testing.T) {
	sessions := &outdated{}
	o := startLobby(t, func(c *Config) { sessions.Sessions, c.Sessions = c.Sessions, sessions })
	g := o.guest(11)
	session, _ := o.claimed(g)
	id, err := zhenni.ParseSessionID(session)
	if err != nil {
		t.Fatal(err)
	}
	live, _ := o.book.Session(id)
	wantStatus(t, o.capture(session, mated), 200)
	want := o.arrive(g)
	sessions.was.Store(&live)
	if a := o.arrive(g); a.status != want.status || member[string](t, a, "outcome") != "completed" || string(a.body) != string(want.body) {
		t.Errorf("%d %s, want %d %s", a.status, a.body, want.status, want.body)
	}
}
