package main

import (
	"cmp"
	"log/slog"
	"path/filepath"
	"time"

	"zhenni/storage/nonce"
)

// openNonces gives the gateway what signed requests are known again by, and who may sign. Where the disk does not take
// it, or is not to be written, nonces are remembered in memory: then what may have come before a restart is refused after
// it, for seconds.
func (n *node) openNonces(cfg *nodeConfig) (err error) {
	options := nonce.Options{
		Dir: filepath.Join(n.store.dir, "nonces"), Boot: nonce.BootID(), Fresh: n.store.fresh, Now: time.Now(), Logger: cfg.gateway.Logger,
	}
	if n.store.verifyOnly {
		options.Dir = ""
	}
	if n.nonces, err = nonce.Open(options); err != nil && options.Dir != "" {
		cmp.Or(cfg.gateway.Logger, slog.Default()).Error("nonces are not kept on the disk", "error", err)
		options.Dir = ""
		n.nonces, err = nonce.Open(options)
	}
	if err != nil {
		return environment("nonces: %w", err)
	}
	cfg.gateway.Nonces, cfg.gateway.Directory = n.nonces, n.store
	return nil
}
