package gateway

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zhenni"
)

// fakePinger remembers what it was told, and fails so often first.
type fakePinger struct {
	mu    sync.Mutex
	fails int
	heard []string
	stuck bool
}

func (p *fakePinger) Ping(ctx context.Context, endpoint, bearer string, body []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stuck {
		p.mu.Unlock()
		<-ctx.Done()
		p.mu.Lock()
		return ctx.Err()
	}
	if p.fails > 0 {
		p.fails--
		return errors.New("not heard")
	}
	p.heard = append(p.heard, endpoint+" "+bearer+" "+string(body))
	return nil
}

func (p *fakePinger) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.heard)
}

func pinged(pinger Pinger) *Pings {
	return NewPings(map[string]string{"bank": "https://bank.example/ping"}, pinger, slog.New(slog.DiscardHandler))
}

// remoteSession is one that the bank began, as it begins and as it ended.
func remoteSession(t *testing.T) (begun, ended zhenni.Session) {
	t.Helper()
	begun, err := zhenni.NewSession(zhenni.Session{
		ID: zhenni.SessionID{1}, Kind: zhenni.SessionRemote, Tenant: 1, Party: "bank", Service: "open", Purpose: "enter", Secret: [32]byte{1},
		Seats: []zhenni.Seat{{Credential: testID(1)}}, Remote: &zhenni.Remote{Notify: "token"}, Deadline: testNow().Add(time.Minute),
	}, testNow())
	if err != nil {
		t.Fatal(err)
	}
	if ended, err = begun.Next(zhenni.SessionEvent{Kind: zhenni.EventDeclined}, testNow()); err != nil {
		t.Fatal(err)
	}
	return begun, ended
}

// A client with an endpoint is told once of each request that has ended, until it hears; no other change is told, and nobody else.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pinger := &fakePinger{fails: 2}
		p := pinged(pinger)
		defer p.Close()
		begun, ended := remoteSession(t)
		p.Changed(zhenni.Session{}, begun)
		p.Changed(begun, begun)
		p.Changed(ended, ended) // as it is collected
		polling, counter := ended, ended
		polling.Remote, counter.Kind, counter.Remote = &zhenni.Remote{}, zhenni.SessionCounter, nil
		p.Changed(begun, polling)
		p.Changed(begun, counter)
		other := ended
		other.Party = "hotel"
		p.Changed(begun, other)
		p.Changed(begun, ended)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := `https://bank.example/ping token {"auth_req_id":"` + requestID(&ended) + `"}`
		if pinger.count() != 1 || pinger.heard[0] != want {
			t.Errorf("%q, want %q", pinger.heard, want)
		}
	})
}

// After a restart the clients are told again of what they may not have heard, and of nothing that is over or was collected.
func TestPingsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pinger := &fakePinger{}
		p := pinged(pinger)
		defer p.Close()
		begun, ended := remoteSession(t)
		collected := ended
		collected.Collected = true
		p.Resume([]zhenni.Session{begun, ended, collected}, testNow())
		p.Resume([]zhenni.Session{ended}, requestOver(&ended))
		synctest.Wait()
		if pinger.count() != 1 {
			t.Errorf("%q", pinger.heard)
		}
	})
}

// Endpoints that do not answer hold up no more than their share, and nothing once it ends.
func TestPingsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pinger := &fakePinger{stuck: true}
		p := pinged(pinger)
		begun, ended := remoteSession(t)
		for range maxPings + 10 {
			p.Changed(begun, ended)
		}
		if len(p.inHand) != maxPings {
			t.Errorf("%d in hand", len(p.inHand))
		}
		began := time.Now()
		p.Close()
		if took := time.Since(began); took > time.Second || len(p.inHand) != 0 {
			t.Errorf("closing took %v, %d left", took, len(p.inHand))
		}
		p.Changed(begun, ended)
		if strings.Join(pinger.heard, "") != "" || len(p.inHand) != 0 {
			t.Error("pinged after the end")
		}
	})
}
