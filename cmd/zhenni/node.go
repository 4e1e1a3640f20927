package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/engine"
	"zhenni/gateway"
	"zhenni/statuslist"
	"zhenni/storage/meter"
	"zhenni/storage/nonce"
)

// nodeConfig is what it takes to serve a store.
type nodeConfig struct {
	actors  actors.Config
	gateway gateway.Config
	// arena is the budget for opened rows in bytes.
	arena byteSize
	// retention is how much of the audit log is kept.
	retention retention
	ledger    ledgerConfig
	history   historyConfig
	sessions  sessionsConfig
	// ciba is what clients of OpenID Connect are offered, where it can be.
	ciba cibaConfig
	// statusLists are published where they have a folder.
	statusLists statuslist.Config
	// exitWhenFull ends the node where a disk has no room for the record of answers.
	exitWhenFull bool
	// adminSocket is the path of the operator's socket; none where it is empty. Where it is optional and can not be made
	// the node serves without.
	adminSocket   string
	adminOptional bool
	// metricsListen is the address of the metrics, beside the operator's socket; none where it is empty.
	metricsListen string
	// operatorListen is the address of the operator's routes; none where it is empty.
	operatorListen string
	// unchanging is of a store that takes no changes: nothing sweeps it.
	unchanging bool
	// identities opens sealed identities; nil where no credentials are issued to subjects.
	identities *identities
	// pins keeps the PINs of credentials; nil where they have none.
	pins *storedPINs
}

// node is a store being served. Its parts are stopped in the order they are asked by others: first the listeners,
// then the shards, then what they read from.
type node struct {
	store *recordedStore
	// arenas are one for each model that is compared by.
	arenas []*engine.Arena
	shards *actors.Node
	// sweeper expires credentials past their end; none where the store takes no changes.
	sweeper *actors.Sweeper
	ledger  *openedLedger
	// history is nil where there is none.
	history *openedHistory
	// sessions are nil where there are none.
	sessions *openedSessions
	// pings are nil where no client is pinged.
	pings *gateway.Pings
	// lists are the status lists, nil where none are published.
	lists  *openedLists
	nonces *nonce.Store
	meters *meter.Store
	server *gateway.Server
	// registry is what relying parties are changed by, over the socket and over HTTP.
	registry *gateway.Registry

	scheme string
	public net.Listener
	// operators is nil where operators have no address.
	operators net.Listener
	admin     *gateway.Admin
	// metrics is nil where they have no address of their own.
	metrics *metricsServer
	// failed receives the error of a listener that ended by itself, or of a record that takes nothing any more.
	failed chan error
	// upkeep deletes old entries of the audit log, and watches it, until stopUpkeep is called.
	upkeep     sync.WaitGroup
	stopUpkeep context.CancelFunc
}

// startNode serves store, which it owns from then on, and returns once the listener is open. The arena fills meanwhile:
// what is asked is answered, and the node becomes ready.
func startNode(ctx context.Context, cfg nodeConfig, store *recordedStore) (_ *node, err error) {
	n := &node{store: store, failed: make(chan error, 5)}
	upkeep, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.stopUpkeep = stop
	defer func() {
		if err != nil {
			err = errors.Join(err, n.stop(context.WithoutCancel(ctx)))
		}
	}()
	profile := cfg.gateway.Profile
	if err = n.compare(&cfg, store); err != nil {
		return nil, err
	}
	if err = n.openRecord(&cfg); err != nil {
		return nil, err
	}
	if err = n.publishLists(upkeep, &cfg); err != nil {
		return nil, err
	}
	if err = errors.Join(n.openNonces(&cfg), n.openMeters(&cfg)); err != nil {
		return nil, err
	}
	if err = n.bindPeople(ctx, &cfg); err != nil {
		return nil, err
	}
	cfg.gateway.Devices, cfg.gateway.Migrations = store, store
	if err = n.openTalks(&cfg); err != nil {
		return nil, err
	}
	if cfg.actors.Counted, err = n.counted(); err != nil {
		return nil, err
	}
	if n.shards, err = actors.Start(cfg.actors, profile.Model, profile.Threshold, n.arenas[0], store); err != nil {
		return nil, usage("%w", err)
	}
	n.registry = gateway.NewRegistry(operator{servedNode{n.shards, store}}, nil)
	cfg.gateway.Registry = n.registry
	if n.server, err = gateway.New(cfg.gateway, recordedNode{servedNode{n.shards, store}, store.audit, n.ledger}); err != nil {
		return nil, usage("%w", err)
	}
	n.upkeep.Go(func() { n.server.WatchMigrations(upkeep, migrationPause) })
	n.upkeep.Go(func() { n.server.WatchPINs(upkeep, migrationPause) })
	if store.audit != nil {
		n.upkeep.Go(func() { n.watchRecord(upkeep, cfg.exitWhenFull) })
		n.upkeep.Go(func() { cfg.retention.retain(upkeep, store.audit.Log, cmp.Or(cfg.gateway.Logger, slog.Default())) })
	}
	if !cfg.unchanging {
		if n.sweeper, err = actors.StartSweeper(actors.SweeperConfig{Logger: cfg.gateway.Logger}, n.shards, store); err != nil {
			return nil, err
		}
	}
	return n, n.listen(cfg)
}

// bindPeople gives the gateway what opens identities, rotation keys and PINs, where the store takes changes.
func (n *node) bindPeople(ctx context.Context, cfg *nodeConfig) (err error) {
	if cfg.identities == nil || cfg.unchanging {
		return nil
	}
	if err := cfg.identities.bind(ctx, n.store); err != nil {
		return err
	}
	cfg.gateway.Identities, cfg.gateway.Subjects = cfg.identities, n.store
	cfg.gateway.RotationKeys = cfg.identities.opener
	if cfg.gateway.SealingKeys, err = cfg.identities.opener.JWKS(); err != nil || cfg.pins == nil {
		return err
	}
	cfg.pins.log = cmp.Or(cfg.gateway.Logger, slog.Default())
	cfg.gateway.PINs, cfg.gateway.PINCounts = cfg.pins, cfg.pins
	return cfg.pins.bind(ctx, n.store)
}

// openTalks gives the gateway the sessions, and what tells parties of them.
func (n *node) openTalks(cfg *nodeConfig) (err error) {
	n.openPings(cfg)
	cfg.gateway.HolderApp = cfg.sessions.app
	logger := cmp.Or(cfg.gateway.Logger, slog.Default())
	if n.sessions, err = openSessions(cfg.sessions, n.store, logger); err != nil {
		return err
	}
	n.noteAbsent(cfg.sessions.persons, logger)
	if n.sessions != nil {
		cfg.gateway.Sessions, cfg.gateway.Webhooks, cfg.gateway.Arrivals = n.sessions, n.sessions.courier, n.sessions
		cfg.gateway.Persons = n.sessions.persons(*cfg)
	}
	n.offerCIBA(cfg)
	return nil
}

// errRecord ends a node. What its disk still takes is not worth waiting for.
var errRecord = errors.New("the record of answers has failed")

const (
	// recordBeat is how often a node looks whether its record still takes anything.
	recordBeat = 250 * time.Millisecond
	// crampedLimit is how long there may be no room for it, where that ends the node.
	crampedLimit = 2 * time.Second
	// failedDrain is how long a node with a failed record takes to end: nothing more can be answered.
	failedDrain = 500 * time.Millisecond
)

// watchRecord ends the node once a write to the audit log or the ledger has failed. Nothing can be decided from there on,
// and only the next start tells what of it the disk has.
func (n *node) watchRecord(ctx context.Context, exitWhenFull bool) {
	beat := time.NewTicker(recordBeat)
	defer beat.Stop()
	for {
		err := n.store.audit.Log.Err()
		if err == nil && n.ledger != nil {
			err = n.ledger.Err()
			if exitWhenFull && n.ledger.Cramped() > crampedLimit {
				err = zhenni.ErrNoRoom
			}
		}
		if err != nil {
			n.failed <- fmt.Errorf("%w; start again, or with --verify-only where the disk takes no writes: %w", errRecord, err)
			return
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
	}
}

// answers says how answers are kept: with the counts of the node, and for as long as sessions ask for them.
func (c *nodeConfig) answers() ledgerConfig {
	kept := c.ledger
	kept.attempts, kept.attemptsHeld, kept.keep = c.actors.Attempts, c.actors.AttemptsHeld, c.sessions.recordKept()
	return kept
}

// openRecord gives the gateway what answers are recorded in. A store without an audit log is served without.
func (n *node) openRecord(cfg *nodeConfig) (err error) {
	if n.store.audit == nil {
		return nil
	}
	shown := servedLog{auditLog: n.store.audit, profiles: cfg.gateway.ProfileIDs()}
	if cfg.ledger.dir != "" {
		if n.ledger, err = openLedger(cfg.answers(), n.store, cfg.gateway.Logger); err != nil {
			return err
		}
		cfg.gateway.Ledger, shown.proofs = n.ledger, n.ledger
		if n.history, err = openHistory(cfg.history, n.store, cmp.Or(cfg.gateway.Logger, slog.Default())); err != nil {
			return err
		}
		if n.history != nil {
			cfg.gateway.History = n.history
		}
	}
	cfg.gateway.Audit = shown
	return nil
}

func (n *node) listen(cfg nodeConfig) (err error) {
	if n.public, err = net.Listen("tcp", cfg.gateway.WithDefaults().Addr); err != nil {
		return environment("--listen: %w", err)
	}
	n.scheme = "http"
	if cfg.gateway.TLSCert != "" {
		n.scheme = "https"
	}
	go func() { n.failed <- n.server.Serve(n.public) }()
	if cfg.operatorListen != "" {
		if n.operators, err = net.Listen("tcp", cfg.operatorListen); err != nil {
			return environment("--operator-listen: %w", err)
		}
		go func() { n.failed <- n.server.ServeOperator(n.operators) }()
	}
	if n.metrics, err = n.serveMetrics(cfg.metricsListen, cmp.Or(cfg.gateway.Logger, slog.Default())); err != nil {
		return err
	}
	if cfg.adminSocket == "" {
		return nil
	}
	ln, err := gateway.ListenAdmin(cfg.adminSocket)
	if err != nil && cfg.adminOptional {
		cmp.Or(cfg.gateway.Logger, slog.Default()).Warn("no operator's socket: --admin-socket names one elsewhere", "error", err)
		return nil
	}
	if err != nil {
		return environment("--admin-socket: %w", err)
	}
	kept := operator{servedNode{n.shards, n.store}}
	n.admin = gateway.NewAdmin(kept, nil, cfg.gateway.Logger)
	n.admin.Register(n.registry)
	n.admin.Keep(kept)
	n.admin.Count(n.server)
	n.admin.Limit(n.server)
	n.admin.Model(n.store, n.server)
	if n.sessions != nil {
		n.admin.Tell(n.sessions.courier)
		n.admin.Persons(n.sessions)
	}
	n.admin.Expose(n.server.Metrics())
	go func() { n.failed <- n.admin.Serve(ln) }()
	return nil
}

// url is where clients find the node.
func (n *node) url() string { return n.scheme + "://" + n.public.Addr().String() }

// stop drains and closes the node: requests in hand are answered until ctx ends. It is for one goroutine, once.
func (n *node) stop(ctx context.Context) error {
	var errs []error
	n.stopUpkeep()
	if n.admin != nil {
		errs = append(errs, wrapped("shut the admin socket", n.admin.Shutdown(ctx)))
	}
	if n.metrics != nil {
		errs = append(errs, wrapped("shut the metrics", n.metrics.Shutdown(ctx)))
	}
	if n.public != nil {
		errs = append(errs, wrapped("shut the listener", n.server.Shutdown(ctx)))
	}
	if n.sweeper != nil {
		n.sweeper.Close()
	}
	if n.sessions != nil {
		errs = append(errs, wrapped("let the sessions rest", n.sessions.Close(ctx)))
	}
	if n.pings != nil {
		n.pings.Close()
	}
	if n.shards != nil {
		if err := n.shards.Drain(ctx); err != nil {
			// Shards that still run may read the arena and the store: leave both to the end of the process.
			return errors.Join(append(errs, wrapped("drain the shards", err))...)
		}
	}
	for _, arena := range n.arenas {
		errs = append(errs, arena.Close())
	}
	n.upkeep.Wait()
	return errors.Join(append(errs, within(ctx, n.closeState))...)
}

func (n *node) closeState() error {
	var err error
	if n.ledger != nil {
		err = wrapped("close the ledger", n.ledger.Close())
	}
	if n.nonces != nil {
		err = errors.Join(err, wrapped("close the nonces", n.nonces.Close()))
	}
	if n.meters != nil {
		err = errors.Join(err, wrapped("close the meters", n.meters.Close()))
	}
	if n.history != nil {
		err = errors.Join(err, wrapped("close the history", n.history.Close()))
	}
	if n.lists != nil {
		err = errors.Join(err, n.lists.lock.Close())
	}
	return errors.Join(err, wrapped("close the store", n.store.Close()))
}

// within waits for a call until ctx ends, and leaves it to the end of the process then: Badger never gives up closing on a
// full disk. Everything acknowledged is durable, and the next start applies it.
func within(ctx context.Context, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the state was not closed in time: %w", context.Cause(ctx))
	}
}

func wrapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
