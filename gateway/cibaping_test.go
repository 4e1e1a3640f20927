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
	cause error
	heard []string
	// stuck is an endpoint that answers nothing; in hand are attempts, and were the most at once, of all.
	stuck        string
	inHand, most int
}

func (p *fakePinger) Ping(ctx context.Context, endpoint, bearer string, body []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inHand++
	p.most = max(p.most, p.inHand)
	defer func() { p.inHand-- }()
	if p.stuck == endpoint {
		p.mu.Unlock()
		<-ctx.Done()
		p.mu.Lock()
		return ctx.Err()
	}
	if p.fails > 0 {
		p.fails--
		return p.cause
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
	return remoteSessionAt(t, testNow())
}

func remoteSessionAt(t *testing.T, now time.Time) (begun, ended zhenni.Session) {
	t.Helper()
	begun, err := zhenni.NewSession(zhenni.Session{
		ID: zhenni.SessionID{1}, Kind: zhenni.SessionRemote, Tenant: 1, Party: "bank", Service: "open", Purpose: "enter", Secret: [32]byte{1},
		Seats: []zhenni.Seat{{Credential: testID(1)}}, Remote: &zhenni.Remote{Notify: "token"}, Deadline: now.Add(time.Minute),
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	if ended, err = begun.Next(zhenni.SessionEvent{Kind: zhenni.EventDeclined}, now); err != nil {
		t.Fatal(err)
	}
	return begun, ended
}

// A client with an endpoint is told once of each request that has ended, until it hears; no other change is told, and nobody else.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pinger := &fakePinger{fails: 2, cause: zhenni.ErrUnavailable}
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

// An endpoint that does not answer has its share of what is in hand and of what waits, and no more; nothing is left once it ends.
func TestPingsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pinger := &fakePinger{stuck: "https://bank.example/ping"}
		p := pinged(pinger)
		begun, ended := remoteSession(t)
		for range maxPingsWaitingOfOne + 10 {
			p.Changed(begun, ended)
		}
		synctest.Wait()
		bank := p.endpoints["bank"]
		if len(bank.waiting) != maxPingsWaitingOfOne || pinger.most != maxPingsOfOne {
			t.Errorf("%d wait, %d at once", len(bank.waiting), pinger.most)
		}
		began := time.Now()
		p.Close()
		if took := time.Since(began); took > time.Second || len(bank.waiting) != 0 || pinger.inHand != 0 {
			t.Errorf("closing took %v, %d left", took, len(bank.waiting))
		}
		p.Changed(begun, ended)
		if strings.Join(pinger.heard, "") != "" || len(bank.waiting) != 0 {
			t.Error("pinged after the end")
		}
	})
}

// However many endpoints there are, no more attempts are in hand than the bound of all.
func TestPingsOfManyEndpoints(t *testing.T) {
	for _, n := range []int{1, 3, 32, 100, MaxPingEndpoints} {
		endpoints := map[string]string{}
		for i := range n {
			endpoints["p"+itoa(i)] = "https://p.example"
		}
		p := NewPings(endpoints, &fakePinger{}, slog.New(slog.DiscardHandler))
		e := p.endpoints["p0"]
		if inHand, waiting := cap(e.inHand), cap(e.waiting); inHand < 1 || n*inHand > maxPings || waiting < inHand || n*waiting > maxPingsWaiting {
			t.Errorf("%d endpoints: %d in hand, %d wait", n, inHand, waiting)
		}
		p.Close()
	}
}

// A slow endpoint with all that can wait for it holds up none of the others: they are told at once.
//
// FAULTS: O3
func TestSlowEndpointHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pinger := &fakePinger{stuck: "https://slow.example/ping"}
		p := NewPings(map[string]string{"slow": pinger.stuck, "bank": "https://bank.example/ping"}, pinger, slog.New(slog.DiscardHandler))
		defer p.Close()
		begun, ended := remoteSession(t)
		slow := ended
		slow.Party = "slow"
		for range 2 * maxPingsWaitingOfOne {
			p.Changed(begun, slow)
		}
		synctest.Wait()
		began := time.Now()
		for range maxPingsOfOne {
			p.Changed(begun, ended)
		}
		synctest.Wait()
		if pinger.count() != maxPingsOfOne || !time.Now().Equal(began) {
			t.Errorf("%d of %d told, after %v", pinger.count(), maxPingsOfOne, time.Since(began))
		}
	})
}

// What the endpoint does not take is not sent again; what it could not take just then is, three times at most; and nothing is sent
// of a request that is over.
func TestPingsAreTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		cause error
		life  time.Duration
		left  int
	}{
		"unavailable": {zhenni.ErrUnavailable, time.Hour, 10 - len(pingPauses)},
		"refused":     {errors.New("400"), time.Hour, 10 - 1},
		"over":        {zhenni.ErrUnavailable, -time.Hour, 10},
		"soon over":   {zhenni.ErrUnavailable, -time.Minute - pickupTime + 3*time.Second, 10 - 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			pinger := &fakePinger{fails: 10, cause: c.cause}
			p := pinged(pinger)
			defer p.Close()
			begun, ended := remoteSessionAt(t, time.Now().Add(c.life))
			p.Changed(begun, ended)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if pinger.fails != c.left || pinger.count() != 0 {
				t.Errorf("%s: %d attempts, want %d", name, 10-pinger.fails, 10-c.left)
			}
		})
	}
}
