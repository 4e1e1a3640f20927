package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/receipt"
	"zhenni/statuslist"
	"zhenni/storage"
	"zhenni/storage/audit"
)

// statusListFlags say whether token status lists are published, and how.
type statusListFlags struct {
	StatusLists     string        `type:"path" env:"ZHENNI_STATUS_LISTS" placeholder:"DIR" help:"Publish which credentials stand, as token status lists: as files in this folder and at /status-lists/N, signed with --result-key. It takes --status-list-uri. With --verify-only they rest."`
	StatusListURI   string        `name:"status-list-uri" env:"ZHENNI_STATUS_LIST_URI" placeholder:"URI" help:"What the lists are found under by whoever is shown a credential, as https://id.example.org/status-lists. It is in every list and with every holder, so it is for good."`
	StatusListEvery time.Duration `default:"10s" env:"ZHENNI_STATUS_LIST_EVERY" placeholder:"TIME" help:"Shortest time between two publications: a change is in the lists that much later at most (default ${default})."`
	StatusListTTL   time.Duration `name:"status-list-ttl" default:"1m" env:"ZHENNI_STATUS_LIST_TTL" placeholder:"TIME" help:"For how long a list may be kept by who fetched it, before which a change may go unseen (default ${default})."`
	StatusListLife  time.Duration `default:"1h" env:"ZHENNI_STATUS_LIST_LIFE" placeholder:"TIME" help:"When a list expires. Until then an old one may be put before somebody in the place of a newer one (default ${default})."`
}

// config says how the lists of a store are published, and opens the key that signs them. Without a folder there are none.
func (f statusListFlags) config(results receiptFlags, store *recordedStore) (c statuslist.Config, err error) {
	if f.StatusLists == "" && f.StatusListURI == "" {
		return c, nil
	}
	if f.StatusLists == "" || f.StatusListURI == "" || results.ResultKey == "" {
		return c, usage("--status-lists, --status-list-uri and --result-key are given together")
	}
	signer, err := results.signer("--result-key", results.ResultKey)
	if err != nil {
		return c, err
	}
	if signer.Key().Algorithm() == receipt.SM2 {
		return c, usage("--status-lists: --result-key is of SM2, by which no token status list is signed")
	}
	c = statuslist.Config{
		Dir: f.StatusLists, URI: f.StatusListURI, Signer: listSigner{signer}, Cover: statuslist.NewCover(store.SpareIndices, store.Created()),
		Every: f.StatusListEvery, TTL: f.StatusListTTL, Life: f.StatusListLife,
	}
	if err := c.Validate(); err != nil {
		return c, usage("--status-list-uri, --status-list-every, --status-list-ttl, --status-list-life: %w", err)
	}
	return c, nil
}

// listSigner signs lists with the key of results. What is signed says that it is a list, and no result reads as one.
type listSigner struct{ receipt.Signer }

// Algorithm implements statuslist.Signer.
func (s listSigner) Algorithm() string {
	if s.Key().Algorithm() == receipt.ES256 {
		return "ES256"
	}
	return "EdDSA"
}

// KeyID implements statuslist.Signer.
func (s listSigner) KeyID() string { return s.Key().ID() }

// changeTap tells the status lists, once there are some, of the changes that are recorded, in their order. A change that a
// crash kept from it is found when the lists are filled.
type changeTap struct {
	storage.Recorder
	lists atomic.Pointer[statuslist.Publisher]
}

// Record implements storage.Recorder.
func (t *changeTap) Record(commit uint64, changes []zhenni.Change) error {
	if err := t.Recorder.Record(commit, changes); err != nil {
		return err
	}
	lists := t.lists.Load()
	if lists == nil {
		return nil
	}
	for _, c := range changes {
		if c.StatusIndex != 0 {
			_ = lists.Put(c.StatusIndex, c.Status) // which counts what it can not take
		}
	}
	return nil
}

// openedLists are the lists of a store with the lock of their folder.
type openedLists struct {
	*statuslist.Publisher
	lock io.Closer
	log  *slog.Logger
	// filled says that the store was read to its end. It belongs to run.
	filled bool
}

// refill is how long it takes until a store that could not be read is read again.
const refill = time.Minute

// openStatusLists takes the folder of the lists and has the store tell of every change from then on. What the folder has
// from before is served until the store was read.
func openStatusLists(c statuslist.Config, store *recordedStore, log *slog.Logger) (l *openedLists, err error) {
	if c.Dir == "" {
		return nil, nil
	}
	l = &openedLists{log: log}
	if l.Publisher, err = statuslist.NewPublisher(c); err != nil {
		return nil, environment("--status-lists: %s: %w", c.Dir, err)
	}
	if l.lock, err = audit.LockFolder(c.Dir); err != nil {
		return nil, environment("--status-lists: %s: %w", c.Dir, err)
	}
	if err := l.Resume(time.Now()); err != nil {
		return nil, errors.Join(environment("--status-lists: %s: %w", c.Dir, err), l.lock.Close())
	}
	store.tap.lists.Store(l.Publisher)
	return l, nil
}

// publishLists fills and publishes the lists of the node until upkeep ends, and gives them to the gateway.
func (n *node) publishLists(upkeep context.Context, cfg *nodeConfig) (err error) {
	if n.lists, err = openStatusLists(cfg.statusLists, n.store, cmp.Or(cfg.gateway.Logger, slog.Default())); err != nil || n.lists == nil {
		return err
	}
	cfg.gateway.StatusLists = n.lists
	n.upkeep.Go(func() { n.lists.run(upkeep, n.store) })
	return nil
}

// run fills the lists from the store, and publishes them until ctx ends.
func (l *openedLists) run(ctx context.Context, store statuslist.Source) {
	for {
		next := time.NewTimer(l.turn(ctx, store))
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return
		}
	}
}

// turn does what is due, and returns how long it is until something is again. Lists from which a credential may be missing
// are not published, for they would say that it stands.
func (l *openedLists) turn(ctx context.Context, store statuslist.Source) time.Duration {
	if !l.filled {
		err := l.Fill(ctx, store)
		if ctx.Err() != nil {
			return 0
		}
		if err != nil {
			l.log.Error("no status list is published: the store could not be read; those of before expire", "cause", err)
			return refill
		}
		l.filled = true
	}
	next, err := l.Publish(time.Now())
	if err != nil {
		l.log.Warn("status lists are late", "cause", err)
	}
	return time.Until(next)
}
