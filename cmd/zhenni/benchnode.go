package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench"
	"zhenni/bench/ingress"
	"zhenni/bench/population"
	"zhenni/gateway"
	"zhenni/storage"
)

// benchServer is a population being served in this process, from a temporary folder: with its answers recorded, without, with
// the store skipped, and as raw rows. Or it is somebody else's server, of which only the URL is known.
type benchServer struct {
	dir    string
	people population.Population
	keys   []string
	// devices are what credentials are on, in turns; without any they are nobody's.
	devices []ingress.KeyPair
	node    *node
	config  gateway.Config // of the recorded one, without what the node adds

	recorded, unrecorded, skipped, rows string // URLs, empty where there is none
	beside                              []*ingress.Served
	besideHistory                       besideHistory
}

// benchArena is the memory of a credential in the arena and its index, at most, beside its row.
const benchArena = 512

// start enrols the population of s and serves it, signing results by the algorithm of that word, or "none".
func (s *benchServer) start(ctx context.Context, out *output, name string, shards int, signed string) (_ *benchServer, err error) {
	if s.dir, err = os.MkdirTemp("", "zhenni-bench-"); err != nil {
		return nil, environment("%w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	profile, store, err := s.make(ctx, out, name, s.dir)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.NewTextHandler(out.notes, &slog.HandlerOptions{Level: slog.LevelWarn}))
	free := freeMemory()
	cfg := nodeConfig{
		arena:   min(arenaBudget(0, free), minArenaDefault+byteSize(s.people.Size)*byteSize(s.people.Dim+benchArena)),
		ledger:  ledgerConfig{dir: filepath.Join(s.dir, "ledger"), answers: demoAnswers, bytes: demoAnswerBytes},
		actors:  actors.Config{Shards: shardCount(shards), Logger: quiet},
		gateway: gateway.Config{Addr: "127.0.0.1:0", Profile: profile, Version: version, Logger: quiet, MaxConnsPerIP: 1024},
	}
	if signed != "none" {
		if cfg.gateway.Receipts, err = passingReceipts(signed); err != nil {
			return nil, err
		}
	}
	limitHeap(free, cfg.arena)
	s.config = cfg.gateway
	if s.node, err = startNode(ctx, cfg, store); err != nil {
		return nil, err
	}
	select {
	case <-s.node.shards.Warmed():
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.recorded = s.node.url()
	return s, s.serveBeside(cfg.gateway)
}

// make makes a store in dir with the population in it.
func (s *benchServer) make(ctx context.Context, out *output, name, dir string) (profile zhenni.Profile, _ *recordedStore, err error) {
	if profile, err = benchProfile(name, s.people); err != nil {
		return profile, nil, err
	}
	out.Note("Enrolling %d synthetic people, %d elements each …", s.people.Size, s.people.Dim)
	root, err := storage.CreateKeyFile(filepath.Join(dir, "root.key"), nil)
	if err != nil {
		return profile, nil, environment("%w", err)
	}
	folder, at := filepath.Join(dir, "store"), time.Now()
	options := storage.Options{Dir: folder, Model: profile.Model, Root: root, Created: at, ScrubRate: -1} // a walk in the background is another load
	store, err := openRecorded(options, auditOptions{dir: auditFlags{}.dir(folder)})
	if err != nil {
		return profile, nil, err
	}
	if s.keys, err = s.fillPeople(ctx, out, store, profile.Model, at); err != nil {
		return profile, nil, errors.Join(err, store.Close())
	}
	return profile, store, nil
}

// serveBeside starts what is measured beside the recorded gateway, on the same shards.
func (s *benchServer) serveBeside(config gateway.Config) error {
	config.Ledger, config.Audit = nil, nil
	for _, one := range []struct {
		url   *string
		serve func() (*ingress.Served, error)
	}{
		{&s.unrecorded, func() (*ingress.Served, error) { return ingress.ServeGateway(config, s.node.shards) }},
		{&s.skipped, func() (*ingress.Served, error) {
			return ingress.ServeGateway(config, ingress.Skipping{Node: s.node.shards})
		}},
		{&s.rows, func() (*ingress.Served, error) { return ingress.ServeRows(s.node.shards, s.people.Dim) }},
	} {
		served, err := one.serve()
		if err != nil {
			return environment("%w", err)
		}
		s.beside = append(s.beside, served)
		*one.url = served.URL
	}
	return nil
}

// Close stops everything and removes the folder.
func (s *benchServer) Close(ctx context.Context) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var errs []error
	for _, b := range s.beside {
		errs = append(errs, b.Close(stop))
	}
	if s.besideHistory.history != nil {
		errs = append(errs, s.besideHistory.history.Close())
	}
	if s.node != nil {
		errs = append(errs, s.node.stop(stop))
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// target asks one of the servers in a format.
func (s *benchServer) target(format ingress.Format, url string) ingress.Target {
	return ingress.Target{Format: format, Server: bench.Target{URL: url}, Keys: s.keys}
}

// disk returns the bytes of all files.
func (s *benchServer) disk() int64 {
	var total int64
	_ = filepath.WalkDir(s.dir, func(_ string, d fs.DirEntry, err error) error { // a file that goes meanwhile is no file
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// keep makes a store to be served by zhenni serve, with everything that takes, and does not serve it.
func (s *benchServer) keep(ctx context.Context, out *output, name, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return environment("--make: %w", err)
	}
	profile, store, err := s.make(ctx, out, name, dir)
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return environment("%w", err)
	}
	if err := writeFile(filepath.Join(dir, "profile.json"), profile.Write); err != nil {
		return err
	}
	lines := func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(s.keys, "\n")+"\n")
		return err
	}
	keys := filepath.Join(dir, "api.keys")
	if err := writeFile(keys, lines); err != nil {
		return err
	}
	if err := os.Chmod(keys, 0o600); err != nil {
		return environment("%w", err)
	}
	out.Note("Made. Serve it, and measure it with the same flags of people and --url:\n\n  zhenni serve --store %[1]s/store --key-file %[1]s/root.key --profile %[1]s/profile.json --allow-unsupported --max-connections-per-ip 1024\n  zhenni bench http --url http://127.0.0.1:8080 --api-keys-file %[1]s/api.keys …", dir)
	return nil
}

// readKeys reads the keys of the tenants, a line each.
func readKeys(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, environment("--api-keys-file: %w", err)
	}
	keys := strings.Fields(string(text))
	for _, key := range keys {
		if _, err := zhenni.ParseAPIKey(key); err != nil {
			return nil, usage("--api-keys-file: %w", err)
		}
	}
	return keys, nil
}
