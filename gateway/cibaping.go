package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"zhenni"
)

// Pinger tells a client that a request has ended. Its method may be called from several goroutines.
type Pinger interface {
	// Ping posts body, a JSON document, to an endpoint with a bearer token. It follows no redirection, ends with ctx, and
	// returns nil for an answer of 2xx.
	Ping(ctx context.Context, endpoint, bearer string, body []byte) error
}

// Bounds of [Pings]: those in hand at once, the time of each, and the pauses before the tries.
const (
	maxPings    = 256
	pingTimeout = 10 * time.Second
)

var pingPauses = [...]time.Duration{0, 2 * time.Second, 15 * time.Second}

// Pings tells the clients that have an endpoint of each request that has ended (CIBA Core 1.0 §10.2). One that hears nothing, for
// there are too many in hand or its endpoint does not answer, polls as it would without. It is safe for concurrent use.
type Pings struct {
	endpoints map[string]string
	pinger    Pinger
	log       *slog.Logger
	stopped   context.Context
	stop      context.CancelFunc
	inHand    chan struct{}
	done      sync.WaitGroup
}

// NewPings makes pings to the endpoints of relying parties.
func NewPings(endpoints map[string]string, pinger Pinger, log *slog.Logger) *Pings {
	p := &Pings{endpoints: endpoints, pinger: pinger, log: log, inHand: make(chan struct{}, maxPings)}
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

func (p *Pings) tell(s *zhenni.Session) {
	if s.Kind != zhenni.SessionRemote || s.Remote.Notify == "" || p.endpoints[s.Party] == "" || p.stopped.Err() != nil {
		return
	}
	select {
	case p.inHand <- struct{}{}:
	default:
		p.log.Warn("a client is not pinged: too many pings are in hand", "party", s.Party)
		return
	}
	body, err := json.Marshal(map[string]string{"auth_req_id": requestID(s)})
	if err != nil {
		panic(err) // a text
	}
	endpoint, bearer, party := p.endpoints[s.Party], s.Remote.Notify, s.Party
	p.done.Go(func() {
		defer func() { <-p.inHand }()
		p.try(endpoint, bearer, party, body)
	})
}

// try pings until it is heard.
func (p *Pings) try(endpoint, bearer, party string, body []byte) {
	for _, pause := range pingPauses {
		select {
		case <-p.stopped.Done():
			return
		case <-time.After(pause):
		}
		ctx, cancel := context.WithTimeout(p.stopped, pingTimeout)
		err := p.pinger.Ping(ctx, endpoint, bearer, body)
		cancel()
		if err == nil {
			return
		}
		p.log.Warn("a client was not pinged", "party", party, "cause", err)
	}
}
