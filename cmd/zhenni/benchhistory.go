package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/bench/ingress"
)

// besideHistory is the node of a benchmark served twice more, for parties that are not of evaluation, of whose questions a history
// is kept: with it and without. Both record.
type besideHistory struct {
	history       *openedHistory
	with, without string // URLs
	keys          []string
}

// mostNonMatches is a cap that no benchmark reaches: captures that are poor find nobody millions of times a minute.
const mostNonMatches = 1 << 40

// checkHistory reports flags that do not go with a history.
func (c *benchHTTP) checkHistory() error {
	if c.History && (c.URL != "" || c.Mated != 1 || c.Unknown != 0 || c.Revoked != 0) {
		return usage("--history: it takes its own server, and --mated 1 without unknown or revoked credentials: attempts are counted")
	}
	return nil
}

// keepHistory serves the node beside a history.
func (c *benchHTTP) keepHistory(ctx context.Context, s *benchServer) (err error) {
	b := &s.besideHistory
	log := cmp.Or(s.config.Logger, slog.Default())
	if b.history, err = openHistory(historyConfig{dir: filepath.Join(s.dir, "history"), create: true}, s.node.store, log); err != nil {
		return err
	}
	for tenant := range max(s.people.Tenants, 1) {
		key, party, err := newParty(zhenni.RelyingParty{
			ID: fmt.Sprintf("bench-desk-%d", tenant+1), Name: "Benchmark", Tenant: zhenni.TenantID(tenant + 1),
			Roles: zhenni.RoleVerifier, CreatedAt: time.Now().UTC(),
		})
		if err == nil {
			_, err = applyOne(ctx, s.node.shards, zhenni.PutRelyingParty{Party: party})
		}
		if err != nil {
			return err
		}
		b.keys = append(b.keys, key.String())
	}
	node := recordedNode{servedNode{s.node.shards, s.node.store}, s.node.store.audit, s.node.ledger}
	config := s.config
	config.Ledger, config.Limits.PerMinute = s.node.ledger, mostNonMatches
	if b.without, err = s.serveToo(config, node); err != nil {
		return err
	}
	config.History = b.history
	b.with, err = s.serveToo(config, node)
	return err
}

// historyPeaks adds a format with and without a history beside.
func (s *benchServer) historyPeaks(b *ingress.Bench, ring *ingress.Ring, format ingress.Format, name, bare string) error {
	if s.besideHistory.history == nil {
		return nil
	}
	for _, one := range []struct{ name, limit, url string }{
		{name + ingress.SuffixRegular, bare, s.besideHistory.without},
		{name + ingress.SuffixHistory, name + ingress.SuffixRegular, s.besideHistory.with},
	} {
		target := s.target(format, one.url)
		target.Keys = s.besideHistory.keys
		if err := b.Peak(ring, ingress.Case{Name: one.name, Limit: one.limit, Target: target}); err != nil {
			return err
		}
	}
	return nil
}
