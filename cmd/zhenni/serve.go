package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"zhenni"
	"zhenni/actors"
	"zhenni/gateway"
	"zhenni/receipt"
	"zhenni/simd"
	"zhenni/statuslist"
	"zhenni/storage"
	"zhenni/storage/history"
	"zhenni/storage/ledger"
	"zhenni/storage/sessions"
)

// serveCommand is serve. Its fields are the settings, from flag, environment, file or default.
type serveCommand struct {
	settings
	storeFlags
	ledgerFlags
	receiptFlags
	identityFlags
	referenceFlags
	pinFlags
	historyFlags
	sessionsFlags
	webhookFlags
	cibaFlags
	attemptFlags
	statusListFlags
	Sandbox          bool     `env:"ZHENNI_SANDBOX" help:"Serve a sandbox, in which nobody is real: subjects that end in every way in which something can, for who writes a client. It takes neither keys nor a profile; without --store it is in a folder that goes with it. See docs/sandbox.md."`
	CreateKey        bool     `env:"ZHENNI_CREATE_KEY" help:"Make the key file where it does not exist, as on the first start."`
	Profile          []string `type:"path" env:"ZHENNI_PROFILE" placeholder:"FILE" help:"Frozen threshold to serve with, as zhenni calibrate writes it. Given again it is of a further model; requests that name no model are of the first. Required."`
	VerifyOnly       bool     `env:"ZHENNI_VERIFY_ONLY" help:"Change nothing in the store and take no changes, with the audit log and the stored answers on another disk (--audit-dir, --ledger-dir) or --unrecorded: the state is made in memory from snapshot and log, all of it or nothing. For a store that crashed on a full or failing disk."`
	Unrecorded       bool     `env:"ZHENNI_UNRECORDED" help:"With --verify-only: answer although nothing is recorded, neither in the audit log nor for a transaction sent again. Every answer says so in the header Unrecorded."`
	ExitWhenFull     bool     `env:"ZHENNI_EXIT_WHEN_FULL" help:"End with exit code 3 once a disk has had no room to record answers for 2 s, so that a service manager can go on with --verify-only. Otherwise they are refused until there is room."`
	Catalogue        string   `type:"path" env:"ZHENNI_CATALOGUE" placeholder:"FILE" help:"Services that relying parties may be granted, with what each takes. Default: those that zhenni catalogue list shows."`
	AllowUnsupported bool     `env:"ZHENNI_ALLOW_UNSUPPORTED" help:"Serve a profile whose data do not support its false match rate. Every result says so."`

	Listen        string `env:"ZHENNI_LISTEN" placeholder:"HOST:PORT" help:"Public address. Default 127.0.0.1:8443 with TLS, 127.0.0.1:8080 without."`
	TLSCert       string `name:"tls-cert" type:"path" env:"ZHENNI_TLS_CERT" placeholder:"FILE" help:"Certificate chain in PEM. With --tls-key, TLS 1.3 and nothing else is spoken."`
	TLSKey        string `name:"tls-key" type:"path" env:"ZHENNI_TLS_KEY" placeholder:"FILE" help:"Private key of --tls-cert in PEM."`
	ClientCA      string `name:"client-ca" type:"path" env:"ZHENNI_CLIENT_CA" placeholder:"FILE" help:"With --tls-cert: authorities in PEM of client certificates, which are then asked for. A party that zhenni rp add was given the certificate of is known by it."`
	MetricsListen string `env:"ZHENNI_METRICS_LISTEN" placeholder:"HOST:PORT" help:"Address of GET /metrics for Prometheus, in plain HTTP, for the operator alone: who reads the counters while others ask learns their verdicts. Default: only on the operator's socket."`
	AdminSocket   string `type:"path" env:"ZHENNI_ADMIN_SOCKET" placeholder:"FILE" help:"Unix socket for zhenni rp and zhenni shards. Default: admin.sock in the store's folder."`

	OperatorListen string `env:"ZHENNI_OPERATOR_LISTEN" placeholder:"HOST:PORT" help:"Address on which operators keep relying parties over HTTP, each by a public key or a client certificate, with --tls-cert as on the public address, which never shows these routes. Default: only the operator's socket."`

	AuditRetention retention `default:"0" env:"ZHENNI_AUDIT_RETENTION" placeholder:"TIME|SIZE" help:"How much of the audit log's entries is kept, as 90d, 2160h or 500GiB; 0 keeps all. What is deleted stays provable to who kept his proof."`

	Shards   int           `default:"0" env:"ZHENNI_SHARDS" placeholder:"N" help:"Shards at start; 0 is one a core. It can be changed while serving: zhenni shards."`
	Arena    byteSize      `default:"0" env:"ZHENNI_ARENA" placeholder:"SIZE" help:"Memory for opened templates, as 8GiB or 512MiB; 0 is half of what is free, at most 16GiB."`
	InFlight int           `default:"0" env:"ZHENNI_IN_FLIGHT" placeholder:"N" help:"Items admitted to a shard and not yet answered; beyond them requests are refused with 503. 0 is 131072."`
	Scrub    byteSize      `default:"0" env:"ZHENNI_SCRUB" placeholder:"SIZE" help:"Bytes a second read in the background, to find what the disk has damaged; 0 is all of the store in a day, at least 4MiB."`
	Cold     string        `enum:"keep,make,none" default:"keep" env:"ZHENNI_COLD" help:"Second, fast copy of the sealed templates on disk, for stores far larger than --arena: make it where there is none, before serving; keep one that is there up to date; or none, which destroys it (default ${default})."`
	Drain    time.Duration `default:"10s" env:"ZHENNI_DRAIN" help:"How long requests in hand may take after SIGTERM (default ${default})."`

	MessageItems int `default:"0" env:"ZHENNI_MESSAGE_ITEMS" placeholder:"N" help:"Most items of one message to a shard, 1–65536; 0 is 1024."`

	BulkFirst bool `env:"ZHENNI_BULK_FIRST" help:"Let requests in bulk have all processors. Otherwise they leave some idle while single verifications take much longer than alone."`

	MaxConnections      int           `default:"${max_connections}" env:"ZHENNI_MAX_CONNECTIONS" placeholder:"N" help:"Connections served at once (default ${default})."`
	MaxConnectionsPerIP int           `name:"max-connections-per-ip" default:"${max_connections_per_ip}" env:"ZHENNI_MAX_CONNECTIONS_PER_IP" placeholder:"N" help:"Connections of one address (default ${default})."`
	MaxHeld             byteSize      `default:"${max_held}" env:"ZHENNI_MAX_HELD" placeholder:"SIZE" help:"Memory for the bodies of all requests in hand (default ${default})."`
	HeaderTimeout       time.Duration `default:"${header_timeout}" env:"ZHENNI_HEADER_TIMEOUT" help:"Time for the head of a request (default ${default})."`
	BodyTimeout         time.Duration `default:"${body_timeout}" env:"ZHENNI_BODY_TIMEOUT" help:"Time for a body or an answer, on top of its size at 1 MiB/s (default ${default})."`
	IdleTimeout         time.Duration `default:"${idle_timeout}" env:"ZHENNI_IDLE_TIMEOUT" help:"Silence allowed between two requests of a connection (default ${default})."`
	VerifyTimeout       time.Duration `default:"${verify_timeout}" env:"ZHENNI_VERIFY_TIMEOUT" help:"Time for one verification (default ${default})."`
	UnprobedTime        time.Duration `default:"${unprobed_time}" env:"ZHENNI_UNPROBED_TIME" help:"Step of time, 1 ms to 5 s, in which what is verified by a PIN and without a face is answered, so that its work is not seen: more than that takes, Argon2id and two writes to the disk (default ${default})."`
	BatchTimeout        time.Duration `default:"${batch_timeout}" env:"ZHENNI_BATCH_TIMEOUT" help:"Time for one batch (default ${default})."`

	LogLevel slog.Level `default:"info" env:"ZHENNI_LOG_LEVEL" placeholder:"LEVEL" help:"Least level logged to standard error: debug, info, warn or error."`
	LogJSON  bool       `name:"log-json" env:"ZHENNI_LOG_JSON" help:"Log as JSON lines."`
	JSON     bool       `help:"With --print-config, print JSON."`
}

// coldTiers are the values of --cold.
var coldTiers = map[string]storage.Cold{"keep": storage.ColdKept, "make": storage.ColdMade, "none": storage.ColdNone}

// serveVars are the defaults of the gateway, shown in the help as they are.
func serveVars() kong.Vars {
	d := gateway.Config{}.WithDefaults()
	vars := kong.Vars{
		"max_connections": fmt.Sprint(d.MaxConns), "max_connections_per_ip": fmt.Sprint(d.MaxConnsPerIP),
		"max_held": byteSize(d.MaxHeldBytes).String(), "header_timeout": d.HeaderTimeout.String(),
		"body_timeout": d.BodyTimeout.String(), "idle_timeout": d.IdleTimeout.String(),
		"verify_timeout": d.VerifyTimeout.String(), "batch_timeout": d.BatchTimeout.String(), "unprobed_time": d.UnprobedTime.String(),
		"max_keys_before": fmt.Sprint(maxKeysBefore),
	}
	for name, value := range attemptVars() {
		vars[name] = fmt.Sprint(value)
	}
	return vars
}

// Help is shown by zhenni serve --help.
func (*serveCommand) Help() string {
	return `A setting comes from its flag, else from the environment variable named with it, else from the file of --config, else it is the default; --print-config shows which. Secrets are never flags: keys and passphrases are read from files.

Examples:

    zhenni serve --profile profile.json --create-key          # the first start
    zhenni rp add desk --tenant 1 --role verifier             # prints an API key, once
    zhenni serve --config zhenni.yaml --print-config
    zhenni serve --profile profile.json --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, out *output) error {
	if c.PrintConfig {
		return c.print(out, c.JSON, c.derived())
	}
	if c.Issuer == receipt.SandboxIssuer {
		return usage("--issuer: %s is the name of every sandbox, whose results nobody takes for real: name your service", c.Issuer)
	}
	if !c.Sandbox {
		return c.serve(ctx, out, nil)
	}
	box, err := c.enterSandbox()
	if err != nil {
		return err
	}
	return errors.Join(c.serve(ctx, out, box), box.leave())
}

// serve serves until ctx ends. The box is that of a sandbox, nil of a real server.
func (c *serveCommand) serve(ctx context.Context, out *output, box *sandboxServer) error {
	profiles, err := c.profiles()
	if err != nil {
		return err
	}
	profile := profiles[0]
	catalogue, err := catalogueOf(c.Catalogue)
	if err != nil {
		return err
	}
	free, log := freeMemory(), c.logger(out)
	cfg := c.nodeConfig(profile, arenaBudget(c.Arena, free), log)
	cfg.gateway.Catalogue, cfg.gateway.Beside = catalogue, profiles[1:]
	cfg.gateway.IssueService, cfg.gateway.TerminalIssueService = c.IssueService, c.TerminalIssueService
	if cfg.gateway.References, err = c.tenants(); err != nil {
		return err
	}
	if cfg.sessions.webhooks, err = c.webhookFlags.config(); err != nil {
		return err
	}
	if err := errors.Join(cfg.gateway.WithDefaults().Validate(), cfg.actors.Validate(), c.checkUnprobedTime()); err != nil {
		return usage("%w", err)
	}
	if err := c.checkRecord(); err != nil {
		return err
	}
	if c.Unrecorded {
		c.unrecord(&cfg, out)
	}
	if cfg.identities, err = c.identityFlags.open(); err != nil {
		return err
	}
	if cfg.pins, err = c.openPINs(cfg.identities); err != nil {
		return err
	}
	limitHeap(free, cfg.arena)
	store, err := c.openStore(profile.Model, free, log, out)
	if err != nil {
		return err
	}
	if err := c.sign(&cfg, store); err != nil {
		return errors.Join(err, store.Close())
	}
	if cfg.ciba, err = c.ciba(c.Issuer, cfg.sessions.webhooks); err != nil {
		return errors.Join(err, store.Close())
	}
	if box != nil {
		cfg.gateway.Sandbox, cfg.sessions.changed = box, box.changed
		if err := box.fill(ctx, store, cfg.identities); err != nil {
			return errors.Join(err, store.Close())
		}
	}
	started := time.Now()
	n, err := startNode(ctx, cfg, store)
	if err != nil {
		return err
	}
	if box != nil {
		if err := box.open(n, log); err != nil {
			return errors.Join(err, n.stop(context.WithoutCancel(ctx)))
		}
	}
	c.announce(n, cfg, profiles, out)
	if box != nil {
		box.announce(n.url(), out)
	}
	return c.untilStopped(ctx, n, started, out)
}

// announce says what is served, and where.
func (c *serveCommand) announce(n *node, cfg nodeConfig, profiles []zhenni.Profile, out *output) {
	profile := profiles[0]
	if n.operators != nil {
		out.Note("Operators keep relying parties on %s://%s.", n.scheme, n.operators.Addr())
	}
	if n.metrics != nil {
		out.Note("Metrics on http://%s/metrics.", n.metrics.addr)
	}
	out.Note("Serving %d credentials of %s on %s with profile %s.", n.store.Count(), profile.Model.ID, n.url(), profile.ID)
	out.Note("%s, %d shards, arena of %s for %d rows. Operator's socket: %s.", simd.Tier(),
		len(n.shards.Stats().Shards), cfg.arena, n.shards.Stats().Arena.Capacity, cfg.adminSocket)
	for _, p := range profiles {
		if !p.Supported {
			out.Note("The profile's data do not support its false match rate: %s. Every result says so.", p.Reason)
		}
	}
}

// checkUnprobedTime refuses a step in which nothing could be hidden. 0 is the default.
func (c *serveCommand) checkUnprobedTime() error {
	if c.UnprobedTime != 0 && c.UnprobedTime < time.Millisecond {
		return fmt.Errorf("%w: --unprobed-time %v: want 1ms to 5s", zhenni.ErrBadValue, c.UnprobedTime)
	}
	return nil
}

// sign has results and status lists signed, where there is a key to sign them with.
func (c *serveCommand) sign(cfg *nodeConfig, store *recordedStore) (err error) {
	if err := c.signResults(&cfg.gateway, c.Store, c.VerifyOnly); err != nil {
		return err
	}
	cfg.statusLists, err = c.statusListFlags.config(c.receiptFlags, store)
	if c.VerifyOnly {
		cfg.statusLists = statuslist.Config{}
	}
	return err
}

// openStore opens the store to serve, or makes one for a model. A view in memory may take half of what is free.
func (c *serveCommand) openStore(model zhenni.Model, free byteSize, log *slog.Logger, out *output) (*recordedStore, error) {
	if storage.Exists(c.Store) {
		model = zhenni.Model{} // it says itself which it holds templates of
	}
	if c.VerifyOnly {
		out.Note("Verify-only: no change is taken.")
		options := storage.Options{Model: model, VerifyOnly: true, Memory: int64(free) / 2, Logger: log}
		if c.Unrecorded {
			return c.openUnrecorded(options, out)
		}
		return c.openWith(options, false, out)
	}
	return c.openWith(storage.Options{
		Model: model, Created: time.Now().UTC(), ScrubRate: int64(c.Scrub), Cold: coldTiers[c.Cold], Logger: log, Sandbox: c.Sandbox,
	}, c.CreateKey, out)
}

// derived are the defaults that depend on other settings or on the machine.
func (c *serveCommand) derived() map[string]string {
	addr := gateway.Config{Addr: c.Listen, TLSCert: c.TLSCert}.WithDefaults().Addr
	derived := map[string]string{
		"catalogue": "shipped",
		"key-file":  c.keyPath(c.Store), "keys": storage.Options{Dir: c.Store, Keys: c.Keys}.KeysPath(),
		"audit-dir": c.auditFlags.dir(c.Store), "ledger-dir": c.ledgerFlags.config(c.Store).dir,
		"history-dir": c.historyFlags.dir(c.Store), "sessions-dir": c.sessionsFlags.dir(c.Store), "sessions-live": fmt.Sprint(sessions.DefaultLive), "history-keep": history.DefaultKeep.String(), "history-bytes": byteSize(history.DefaultBytes).String(),
		"answers": fmt.Sprint(ledger.DefaultAnswers), "answers-bytes": byteSize(ledger.DefaultBytes).String(),
		"admin-socket": adminSocket(c.Store), "listen": addr,
		"shards": fmt.Sprint(shardCount(c.Shards)), "arena": arenaBudget(c.Arena, freeMemory()).String(),
		"in-flight": fmt.Sprint(2 * zhenni.MaxBatchItems), "message-items": "1024", "attempts-held": fmt.Sprint(1 << 20),
	}
	for name, value := range serveVars() { // what is set to 0 is the default too
		derived[strings.ReplaceAll(name, "_", "-")] = value
	}
	return derived
}

// untilStopped waits for the end of ctx, or of a listener, and drains. It says when the arena is warm.
func (c *serveCommand) untilStopped(ctx context.Context, n *node, started time.Time, out *output) error {
	var failure error
	for stopped, warmed := false, n.shards.Warmed(); !stopped; {
		select {
		case <-warmed:
			out.Note("Ready: the arena is warm after %.1f s.", time.Since(started).Seconds())
			warmed = nil
			continue
		case <-ctx.Done():
			out.Note("Draining; at most %v.", c.Drain)
		case failure = <-n.failed:
		}
		stopped = true
	}
	patience := c.Drain
	if errors.Is(failure, errRecord) {
		patience = min(patience, failedDrain)
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := errors.Join(failure, n.stop(drain)); err != nil {
		return environment("%w", err)
	}
	return nil
}

func readProfile(path string) (zhenni.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return zhenni.Profile{}, environment("--profile: %w", err)
	}
	defer f.Close()
	profile, err := zhenni.ReadProfile(f)
	if err != nil {
		return profile, usage("--profile %s: %w", path, err)
	}
	return profile, nil
}

func (c *serveCommand) nodeConfig(profile zhenni.Profile, arena byteSize, log *slog.Logger) nodeConfig {
	socket := c.AdminSocket
	if socket == "" {
		socket = adminSocket(c.Store)
	}
	return nodeConfig{
		arena:         arena,
		metricsListen: c.MetricsListen, operatorListen: c.OperatorListen,
		adminSocket: socket, adminOptional: c.VerifyOnly && c.AdminSocket == "", unchanging: c.VerifyOnly,
		retention: c.AuditRetention, exitWhenFull: c.ExitWhenFull,
		ledger: c.ledgerFlags.config(c.Store), history: c.history(), sessions: c.sessions(),
		actors: actors.Config{Attempts: c.attemptRules(), AttemptsHeld: c.AttemptsHeld, Shards: shardCount(c.Shards), InFlightItems: c.InFlight, MessageItems: c.MessageItems, Logger: log},
		gateway: gateway.Config{
			Addr: c.Listen, TLSCert: c.TLSCert, TLSKey: c.TLSKey, ClientCA: c.ClientCA, Limits: c.partyRules(), Profile: profile, Version: version, Logger: log,
			BulkFirst: c.BulkFirst, MaxConns: c.MaxConnections, MaxConnsPerIP: c.MaxConnectionsPerIP, MaxHeldBytes: int64(c.MaxHeld),
			HeaderTimeout: c.HeaderTimeout, BodyTimeout: c.BodyTimeout, IdleTimeout: c.IdleTimeout,
			VerifyTimeout: c.VerifyTimeout, BatchTimeout: c.BatchTimeout, UnprobedTime: c.UnprobedTime,
		},
	}
}

// history is the history to serve with: none where nothing is to be written beside the store.
func (c *serveCommand) history() historyConfig {
	if c.VerifyOnly {
		return historyConfig{}
	}
	return c.historyFlags.config(c.Store)
}

// sessions are the sessions to serve: none where nothing is to be written beside the store.
func (c *serveCommand) sessions() sessionsConfig {
	if c.VerifyOnly {
		return sessionsConfig{}
	}
	return c.sessionsFlags.config(c.Store)
}

// shardCount resolves 0 to one shard a core; what is out of range is left for the node to refuse.
func shardCount(n int) int {
	if n != 0 {
		return n
	}
	return min(runtime.GOMAXPROCS(0), actors.MaxShards)
}

func (c *serveCommand) logger(out *output) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(out.notes, options))
	}
	return slog.New(slog.NewTextHandler(out.notes, options))
}
