package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"zhenni"
	"zhenni/gateway"
)

// cibaFlags say which clients of OpenID Connect are pinged. CIBA itself is offered wherever it can be.
type cibaFlags struct {
	CIBAPing []string `name:"ciba-ping" env:"ZHENNI_CIBA_PING" placeholder:"PARTY=URL" help:"Tell this relying party at its https URL when a request of OpenID CIBA has ended; without it a party polls. CIBA is offered where --issuer is an https URL, results are signed by Ed25519 or P-256, and there are sessions. Repeatable."`
}

// cibaConfig is what it takes to offer CIBA; without an issuer it is not offered.
type cibaConfig struct {
	issuer string
	ping   map[string]string
	pinger gateway.Pinger
}

// ciba is what is offered under the name of an issuer.
func (f cibaFlags) ciba(issuer string) (c cibaConfig, err error) {
	if !gateway.CIBAIssuer(issuer) {
		if len(f.CIBAPing) > 0 {
			return c, usage("--ciba-ping takes --issuer with an https URL")
		}
		return c, nil
	}
	c = cibaConfig{issuer: issuer, ping: map[string]string{}, pinger: newPlainPinger()}
	for _, written := range f.CIBAPing {
		party, endpoint, _ := strings.Cut(written, "=")
		if _, twice := c.ping[party]; twice || !zhenni.ValidName(party) || !strings.HasPrefix(endpoint, "https://") {
			return c, usage("--ciba-ping %s: want PARTY=URL with https, each party once", written)
		}
		c.ping[party] = endpoint
	}
	return c, nil
}

// openPings makes what tells clients that their requests have ended, nil where nobody is told.
func (n *node) openPings(cfg *nodeConfig) {
	if len(cfg.ciba.ping) == 0 || cfg.sessions.dir == "" {
		return
	}
	n.pings = gateway.NewPings(cfg.ciba.ping, cfg.ciba.pinger, cmp.Or(cfg.gateway.Logger, slog.Default()))
	cfg.sessions.changed = n.pings.Changed
}

// offerCIBA has the gateway offer it where there are sessions to make of it, a record, and a key that clients know.
func (n *node) offerCIBA(cfg *nodeConfig) {
	tokens, makes := cfg.gateway.Receipts.(gateway.IDTokens)
	if cfg.ciba.issuer == "" || n.sessions == nil || cfg.gateway.Ledger == nil || !makes || tokens.IDTokenAlgorithm() == "" {
		return
	}
	cfg.gateway.CIBA = &gateway.CIBA{Issuer: cfg.ciba.issuer, Tokens: tokens, Ping: cfg.ciba.ping}
	if n.pings != nil {
		n.pings.Resume(n.sessions.store.All(), time.Now())
	}
}

// plainPinger pings over HTTPS the endpoints that the operator named. A client chooses none.
type plainPinger struct{ client *http.Client }

func newPlainPinger() plainPinger {
	return plainPinger{&http.Client{
		Transport:     &http.Transport{MaxConnsPerHost: 8, MaxIdleConns: 64, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 5 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// errPing is an answer of a client that is none of 2xx.
var errPing = errors.New("the endpoint answered otherwise than 2xx")

// Ping implements gateway.Pinger.
func (p plainPinger) Ping(ctx context.Context, endpoint, bearer string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%w: %d", errPing, response.StatusCode)
	}
	return nil
}
