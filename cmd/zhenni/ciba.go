package main

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/gateway/webhook"
)

// cibaFlags say which clients of OpenID Connect are pinged. CIBA itself is offered wherever it can be.
type cibaFlags struct {
	CIBAPing []string `name:"ciba-ping" env:"ZHENNI_CIBA_PING" placeholder:"PARTY=URL" help:"Tell this relying party at its https URL when a request of OpenID CIBA has ended; without it a party polls. It is reached as webhooks are: not inside but where --webhook-allow says, certified as --webhook-ca says. CIBA is offered where --issuer is an https URL, results are signed by Ed25519 or P-256, and there are sessions. Repeatable."`
}

// cibaConfig is what it takes to offer CIBA; without an issuer it is not offered.
type cibaConfig struct {
	issuer string
	ping   map[string]string
	// pinger goes where webhooks may go, and nowhere else. A client chooses no endpoint.
	pinger *webhook.Client
}

// ciba is what is offered under the name of an issuer, and pinged where webhooks may be.
func (f cibaFlags) ciba(issuer string, reach webhook.ClientConfig) (c cibaConfig, err error) {
	if !gateway.CIBAIssuer(issuer) {
		if len(f.CIBAPing) > 0 {
			return c, usage("--ciba-ping takes --issuer with an https URL")
		}
		return c, nil
	}
	c = cibaConfig{issuer: issuer, ping: map[string]string{}, pinger: webhook.NewClient(reach)}
	for _, written := range f.CIBAPing {
		party, endpoint, _ := strings.Cut(written, "=")
		if _, twice := c.ping[party]; twice || !zhenni.ValidName(party) || !strings.HasPrefix(endpoint, "https://") {
			return c, usage("--ciba-ping %s: want PARTY=URL with https, each party once", written)
		}
		if err := c.pinger.Check(endpoint); err != nil {
			return c, usage("--ciba-ping %s: %w", written, err)
		}
		c.ping[party] = endpoint
	}
	if len(c.ping) > gateway.MaxPingEndpoints {
		return c, usage("--ciba-ping: %d endpoints, want at most %d", len(c.ping), gateway.MaxPingEndpoints)
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
