package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"zhenni"
)

// Pinger tells a client that a request has ended. Its method may be called from several goroutines.
type Pinger interface {
	// Ping posts body, a JSON document, to an endpoint with a bearer token. It follows no redirect, goes to no address inside, and
	// ends with ctx. Nil is an answer of 2xx, [zhenni.ErrUnavailable] what another attempt may better.
	Ping(ctx context.Context, endpoint, bearer string, body []byte) error
}

// Bounds of [Pings]. What waits and what is in hand is shared out among the endpoints beforehand, so that one of them that is slow
// takes nothing from the others.
const (
	MaxPingEndpoints     = 256
	maxPings             = 256 // attempts in hand at once, of all; of one endpoint maxPingsOfOne
	maxPingsOfOne        = 8
	maxPingsWaiting      = 1 << 14 // pings that wait or are in hand, of all; of one endpoint maxPingsWaitingOfOne
	maxPingsWaitingOfOne = 1024
	pingTimeout          = 10 * time.Second
)

// pingPauses are the longest pauses before the attempts at a ping; at least half of each is waited.
var pingPauses = [...]time.Duration{0, 2 * time.Second, 15 * time.Second}

// Pings tells the clients that have an endpoint of each request that has ended (CIBA Core 1.0 §10.2). One that hears nothing, for
// too many wait for its endpoint or that does not answer, polls as it would without. It is safe for concurrent use.
type Pings struct {
	endpoints map[string]*pingEndpoint
	pinger    Pinger
	log       *slog.Logger
	stopped   context.Context
	stop      context.CancelFunc
	done      sync.WaitGroup
}

// pingEndpoint is where one party is told, with its share.
type pingEndpoint struct {
	party, url      string
	waiting, inHand chan struct{}
}

// NewPings makes pings to the endpoints of relying parties, at most [MaxPingEndpoints].
func NewPings(endpoints map[string]string, pinger Pinger, log *slog.Logger) *Pings {
	p := &Pings{endpoints: map[string]*pingEndpoint{}, pinger: pinger, log: log}
	share := func(all, ofOne int) chan struct{} {
		return make(chan struct{}, max(1, min(ofOne, all/max(1, len(endpoints)))))
	}
	for party, url := range endpoints {
		p.endpoints[party] = &pingEndpoint{party, url, share(maxPingsWaiting, maxPingsWaitingOfOne), share(maxPings, maxPingsOfOne)}
	}
	p.stopped, p.stop = context.WithCancel(context.Background())
	return p
}

// Changed is told of every change of a session, and does not wait.
func (p *Pings) Changed(before, after zhenni.Session) {
	if before.Version > 0 && before.End == zhenni.SessionLive && after.End != zhenni.SessionLive {
		p.tell(&after)
	}
}

// Resume tells of the requests that ended and are not collected, as of a time: whether it was told before a restart is not known, and
// to be told twice harms nobody.
func (p *Pings) Resume(all []zhenni.Session, now time.Time) {
	for i := range all {
		if s := &all[i]; s.End != zhenni.SessionLive && !s.Collected && s.Kind == zhenni.SessionRemote && now.Before(requestOver(s)) {
			p.tell(s)
		}
	}
}

// Close gives up the pings in hand and waits for them. Nobody is told of anything any more.
func (p *Pings) Close() {
	p.stop()
	p.done.Wait()
}

// tell begins a ping where the client of a session has an endpoint, and does not wait.
func (p *Pings) tell(s *zhenni.Session) {
	e := p.endpoints[s.Party]
	if s.Kind != zhenni.SessionRemote || s.Remote.Notify == "" || e == nil || p.stopped.Err() != nil {
		return
	}
	select {
	case e.waiting <- struct{}{}:
	default:
		p.log.Warn("a client is not pinged: too many pings wait for its endpoint", "party", e.party)
		return
	}
	body, err := json.Marshal(map[string]string{"auth_req_id": requestID(s)})
	if err != nil {
		panic(err) // a text
	}
	bearer, over := s.Remote.Notify, requestOver(s)
	p.done.Go(func() {
		defer func() { <-e.waiting }()
		p.try(e, bearer, body, over)
	})
}

// try pings until it is heard, refused, or of no use any more: what was asked is over.
func (p *Pings) try(e *pingEndpoint, bearer string, body []byte, over time.Time) {
	alive, cancel := context.WithDeadline(p.stopped, over)
	defer cancel()
	for _, longest := range pingPauses {
		pause := longest / 2
		if longest > 0 {
			pause += rand.N(longest / 2)
		}
		select {
		case <-alive.Done():
			return
		case <-time.After(pause):
		}
		if alive.Err() != nil { // both may have come
			return
		}
		err := p.attempt(alive, e, bearer, body)
		if err == nil || alive.Err() != nil {
			return
		}
		p.log.Warn("a client was not pinged", "party", e.party, "cause", err)
		if !errors.Is(err, zhenni.ErrUnavailable) {
			return
		}
	}
}

// attempt pings once, when the endpoint has an attempt to spare.
func (p *Pings) attempt(alive context.Context, e *pingEndpoint, bearer string, body []byte) error {
	select {
	case e.inHand <- struct{}{}:
	case <-alive.Done():
		return alive.Err()
	}
	defer func() { <-e.inHand }()
	ctx, cancel := context.WithTimeout(alive, pingTimeout)
	defer cancel()
	return p.pinger.Ping(ctx, e.url, bearer, body)
}
