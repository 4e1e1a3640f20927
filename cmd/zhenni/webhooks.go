package main

import (
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"os"

	"zhenni/gateway"
	"zhenni/gateway/webhook"
	"zhenni/storage/sessions"
)

// webhookFlags say where parties may be told of their sessions.
type webhookFlags struct {
	WebhookAllow []string `env:"ZHENNI_WEBHOOK_ALLOW" placeholder:"CIDR" help:"Network that webhooks, and pings of CIBA, may be in beside the public internet, as 10.1.2.0/24; with 127.0.0.0/8 they may be of plain HTTP there. Repeatable. Default: none."`
	WebhookCA    string   `name:"webhook-ca" type:"path" env:"ZHENNI_WEBHOOK_CA" placeholder:"FILE" help:"Certificates in PEM that webhooks and pings of CIBA are to be certified by instead of the system's."`
}

func (f webhookFlags) config() (c webhook.ClientConfig, err error) {
	for _, text := range f.WebhookAllow {
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() {
			return c, usage("--webhook-allow %q: want a network as 10.1.2.0/24", text)
		}
		c.Allow = append(c.Allow, network)
	}
	if f.WebhookCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(f.WebhookCA)
	if err != nil {
		return c, environment("--webhook-ca: %w", err)
	}
	if c.Roots = x509.NewCertPool(); !c.Roots.AppendCertsFromPEM(pem) {
		return c, usage("--webhook-ca: %s holds no certificate in PEM", f.WebhookCA)
	}
	return c, nil
}

// openCourier opens what tells the parties of a store of its sessions. It sends nothing before it is started.
func openCourier(c webhook.ClientConfig, told *sessions.Store, store *recordedStore, log *slog.Logger) (*webhook.Courier, error) {
	return webhook.Open(webhook.Config{
		Sessions: told, Record: told, View: gateway.SessionView, Party: store.RelyingParty,
		Post: webhook.NewClient(c).Post, Allowed: c.Allow, Entropy: rand.Reader, Logger: log,
	})
}
