package main

import (
	"cmp"
	"log/slog"
	"path/filepath"

	"zhenni/storage/meter"
)

// openMeters gives the gateway what keeps the quotas and windows of relying parties over a restart. A store that takes no
// changes keeps them in memory.
func (n *node) openMeters(cfg *nodeConfig) (err error) {
	options := meter.Options{Path: filepath.Join(n.store.dir, "meter"), Logger: cmp.Or(cfg.gateway.Logger, slog.Default())}
	if n.store.verifyOnly {
		options.Path = ""
	}
	if n.meters, err = meter.Open(options); err != nil {
		return environment("what relying parties have used: %w", err)
	}
	cfg.gateway.Meters, cfg.gateway.Stopped = n.meters, n.stoppedParties
	return nil
}

// stoppedParties are the relying parties whose records say that they are stopped.
func (n *node) stoppedParties() (ids []string) {
	for _, p := range n.store.RelyingParties() {
		if !p.Stopped.IsZero() {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
