package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/gateway"
	sdk "zhenni/holder"
	"zhenni/identity"
	"zhenni/receipt"
	"zhenni/sandbox"
	"zhenni/storage"
	"zhenni/storage/audit"
)

// What a sandbox serves with: a profile of people who do not exist, and services for each kind of session.
var (
	//go:embed profiles/synthetic-128.json
	sandboxProfile []byte
	//go:embed profiles/sandbox.services.json
	sandboxServices []byte
)

// sandboxSettings are the settings that a sandbox takes; it has its own of every other.
var sandboxSettings = []string{
	"sandbox", "store", "listen", "admin-socket", "metrics-listen", "shards", "arena", "in-flight", "drain", "log-level", "log-json",
	"max-connections", "max-connections-per-ip", "max-held", "header-timeout", "body-timeout", "idle-timeout", "verify-timeout", "batch-timeout",
}

// sandboxBegun is in the folder of a sandbox until everybody is in it: what a start finds with it, it makes anew.
const sandboxBegun = "begun"

// sandboxServer is what a server for rehearsal has beside any other.
type sandboxServer struct {
	*sandbox.Town
	dir       string
	lock      io.Closer // of dir, nil until it is taken: one sandbox at a time is in it
	temporary string    // removed at the end, empty where the store was named
	phones    atomic.Pointer[sandbox.Phones]

	// remote are the sessions in which somebody elsewhere is asked; players take from it until stop is called.
	remote  chan zhenni.Session
	players sync.WaitGroup
	stop    context.CancelFunc
}

// sandboxPlayers is how many phones play by themselves at once, sandboxRemote how many wait for that; beyond it they do not answer.
const (
	sandboxPlayers = 4
	sandboxRemote  = 1024
)

// enterSandbox makes a folder for a sandbox, or finds one, and has the command serve it. Nothing that is not a sandbox's is touched.
func (c *serveCommand) enterSandbox() (_ *sandboxServer, err error) {
	if err := c.refuseInSandbox(); err != nil {
		return nil, err
	}
	s := &sandboxServer{remote: make(chan zhenni.Session, sandboxRemote), stop: func() {}}
	if c.source("store") == "default" {
		if s.temporary, err = os.MkdirTemp("", "zhenni-sandbox-"); err != nil {
			return nil, environment("%w", err)
		}
		c.Store = filepath.Join(s.temporary, "store")
	}
	s.dir = filepath.Join(c.Store, "sandbox")
	c.serveFrom(s.dir)
	profile, err := s.furnish(c)
	if err != nil {
		return nil, errors.Join(err, s.leave())
	}
	s.Town = sandbox.NewTown(s.dir, profile.Model, sandboxProblems())
	return s, nil
}

// furnish has the folder hold what the command serves, once nothing but the people can be wrong with it.
func (s *sandboxServer) furnish(c *serveCommand) (profile zhenni.Profile, err error) {
	if profile, err = zhenni.ReadProfile(bytes.NewReader(sandboxProfile)); err != nil {
		return profile, environment("the profile of sandboxes: %w", err)
	}
	if err := c.checkServing(profile); err != nil {
		return profile, err
	}
	if err := errors.Join(forbidCoreDumps(), s.prepare(c.Store)); err != nil {
		return profile, err
	}
	return readProfile(c.Profile[0])
}

// checkServing refuses settings that no server serves with.
func (c *serveCommand) checkServing(profile zhenni.Profile) error {
	cfg := c.nodeConfig(profile, arenaBudget(c.Arena, freeMemory()), slog.New(slog.DiscardHandler))
	if err := errors.Join(cfg.gateway.WithDefaults().Validate(), cfg.actors.Validate()); err != nil {
		return usage("%w", err)
	}
	return nil
}

// leave ends the phones, gives the folder back and removes what nobody named a place for.
func (s *sandboxServer) leave() (err error) {
	s.stop()
	s.players.Wait()
	if s.lock != nil {
		err = s.lock.Close()
	}
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	return err
}

// refuseInSandbox refuses settings that a sandbox has its own of.
func (c *serveCommand) refuseInSandbox() error {
	for _, set := range c.list {
		if set.Source != "default" && !slices.Contains(sandboxSettings, set.Name) {
			return usage("--%s: a sandbox has its own; it is set by %s", set.Name, set.Source)
		}
	}
	return nil
}

// source says where a setting came from.
func (s *settings) source(name string) string {
	for _, set := range s.list {
		if set.Name == name {
			return set.Source
		}
	}
	return ""
}

// prepare makes the folder where the store's is empty or not there, and locks it. A sandbox that was not finished is begun anew.
func (s *sandboxServer) prepare(store string) error {
	if err := refuseReal(store); err != nil {
		return err
	}
	if err := s.enter(store); err != nil {
		return err
	}
	switch _, err := os.Stat(filepath.Join(s.dir, sandboxBegun)); {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Join(s.dir, "root.key")); err == nil {
			return nil
		}
	case err != nil:
		return environment("--store: %w", err)
	default:
		if err := s.clear(store); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, sandboxBegun), nil, 0o600); err != nil {
		return environment("--store: %w", err)
	}
	return s.draw()
}

// refuseReal refuses the folder of a store that is not known to be a sandbox's.
func refuseReal(store string) error {
	switch err := storage.CheckSandbox(store); {
	case errors.Is(err, storage.ErrSandbox):
		return usage("--store: %s holds a real store: name another folder, or none", store)
	case err != nil:
		return usage("--store: %s is not known to be a sandbox's: name another folder, or none: %w", store, err)
	}
	return nil
}

// enter locks the folder of a sandbox, which it makes where that of the store is empty or not there.
func (s *sandboxServer) enter(store string) error {
	entries, err := os.ReadDir(store)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return environment("--store: %w", err)
	}
	known := len(entries) == 0 || len(entries) == 1 && entries[0].Name() == filepath.Base(s.dir) && isEmpty(s.dir)
	for _, name := range []string{sandboxBegun, "root.key"} {
		_, err := os.Stat(filepath.Join(s.dir, name))
		known = known || err == nil
	}
	if !known {
		return usage("--store: %s is neither empty nor a sandbox's: name another folder, or none", store)
	}
	s.lock, err = audit.LockFolder(s.dir)
	return inSandboxFolder(store, err)
}

// isEmpty says that a folder is there and has nothing in it, as one is left that was killed before it was begun.
func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// inSandboxFolder says what is wrong with the folder of a sandbox.
func inSandboxFolder(store string, err error) error {
	switch {
	case errors.Is(err, zhenni.ErrLocked):
		return environment("--store: %s is in use by another process: stop it, or name another folder, or none: %w", store, err)
	case err != nil:
		return environment("--store: %w", err)
	}
	return nil
}

// sandboxBeside is what a server keeps in the folder of its store, beside what the store itself does.
var sandboxBeside = []string{"audit", pinnedKey, pinnedPseudonyms, "ledger", "history", "sessions", "meter", "nonces", "admin.sock"}

// clear removes a sandbox that was not finished, but for what says so. While a server begins with the folder, its audit log is locked.
func (s *sandboxServer) clear(store string) (err error) {
	log, err := audit.LockFolder(filepath.Join(store, "audit"))
	if err != nil {
		return inSandboxFolder(store, err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := storage.ClearSandbox(store, sandboxBeside...); err != nil {
		return inSandboxFolder(store, err)
	}
	entries, err := os.ReadDir(s.dir)
	for _, entry := range entries {
		if entry.Name() != sandboxBegun {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, entry.Name())))
		}
	}
	return inSandboxFolder(store, err)
}

// draw makes the secrets of a sandbox, and the documents that it serves with.
func (s *sandboxServer) draw() error {
	in := func(name string) string { return filepath.Join(s.dir, name) }
	if _, err := storage.CreateKeyFile(in("root.key"), nil); err != nil {
		return environment("%w", err)
	}
	ids := keysIdentity{identityFlags{IdentityRoot: in("identity.root"), IdentityKey: []string{in("identity.key")}}}
	result, err := receipt.NewSecret(receipt.Ed25519, nil)
	if err != nil {
		return environment("%w", err)
	}
	names, err := receipt.NewSecret(receipt.Ed25519, nil) // any random bytes
	if err != nil {
		return environment("%w", err)
	}
	if err := errors.Join(
		ids.create(ids.IdentityRoot, identity.RootSize), ids.create(ids.IdentityKey[0], identity.PrivateKeySize),
		storage.CreateSecret(in("result.key"), resultPurpose+receipt.Ed25519.String(), result, nil, nil),
		storage.CreateSecret(in("pseudonyms.key"), pseudonymPurpose, names, nil, nil),
		os.WriteFile(in("profile.json"), sandboxProfile, 0o600), os.WriteFile(in("services.json"), sandboxServices, 0o600),
	); err != nil {
		return environment("%w", err)
	}
	return nil
}

// serveFrom has the command serve what lies in the folder of a sandbox.
func (c *serveCommand) serveFrom(dir string) {
	in := func(name string) string { return filepath.Join(dir, name) }
	c.KeyFile, c.Profile, c.Catalogue = in("root.key"), []string{in("profile.json")}, in("services.json")
	c.IdentityRoot, c.IdentityKey = in("identity.root"), []string{in("identity.key")}
	c.ResultKey, c.PseudonymRoot, c.Issuer = in("result.key"), in("pseudonyms.key"), receipt.SandboxIssuer
	c.Sessions, c.History, c.PersonParty = "make", "make", sandbox.Persons
	c.PartyStop, c.PartySharedStop, c.NonMatchesAMinute = 101, 1<<40, 1<<40 // subjects play these
	if c.Arena == 0 {
		c.Arena = minArenaDefault
	}
}

// sandboxProblems are those of the API, as a sandbox tells of them.
func sandboxProblems() (all []sandbox.Problem) {
	for _, p := range gateway.ProblemCodes() {
		all = append(all, sandbox.Problem{Code: p.Code, Title: p.Title, Action: p.Action, Status: p.Status})
	}
	return all
}

// fill has everybody in a new store, and everything of the sandbox on disk.
func (s *sandboxServer) fill(ctx context.Context, store *recordedStore, known *identities) error {
	begun := filepath.Join(s.dir, sandboxBegun)
	if _, err := os.Stat(begun); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := known.bind(ctx, store); err != nil {
		return err
	}
	commands, err := s.Commands(sandboxPeople{known}, time.Now().UTC())
	if err != nil {
		return environment("%w", err)
	}
	results, err := store.Apply(ctx, commands)
	for i := range results {
		err = errors.Join(err, results[i].Err)
	}
	if err != nil {
		return environment("fill the sandbox: %w", err)
	}
	return os.Remove(begun)
}

// sandboxPeople are persons as the engine knows them.
type sandboxPeople struct{ *identities }

// Subject implements sandbox.People.
func (p sandboxPeople) Subject(who sandbox.Person) (subject zhenni.SubjectHandle, tag zhenni.NameTag, err error) {
	number, err := identity.ParseNumber([]byte(who.Number), time.Now())
	if err != nil {
		return subject, tag, err
	}
	name, err := identity.ParseName([]byte(who.Name))
	if err != nil {
		return subject, tag, err
	}
	handle, err := p.deriver.Handle(number)
	if err != nil {
		return subject, tag, err
	}
	named, err := p.deriver.NameTag(handle, name)
	return handle.Subject(), named.Stored(), err
}

// Play implements gateway.Sandbox: the phones play once the server listens.
func (s *sandboxServer) Play(ctx context.Context, subject string, document []byte) ([]byte, error) {
	phones := s.phones.Load()
	if phones == nil {
		return nil, zhenni.ErrUnavailable
	}
	return phones.Play(ctx, subject, document)
}

// changed has somebody who is asked elsewhere answer by themselves. It does not wait.
func (s *sandboxServer) changed(before, after zhenni.Session) {
	if before.Version == 0 {
		s.ring(after)
	}
}

// ring hands on a session in which somebody elsewhere is asked.
func (s *sandboxServer) ring(session zhenni.Session) {
	if session.Kind != zhenni.SessionRemote || session.End != zhenni.SessionLive {
		return
	}
	select {
	case s.remote <- session:
	default:
	}
}

// answerCalls plays the phones of those who are asked elsewhere, until ctx ends.
func (s *sandboxServer) answerCalls(ctx context.Context, phones *sandbox.Phones, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case session := <-s.remote:
			link := sdk.Invitation{Session: session.ID, Shown: session.SeatToken(0).String()}.String()
			err := phones.Asked(ctx, session.Seats[0].Credential, link)
			if err != nil && ctx.Err() == nil {
				log.Warn("a phone of the sandbox does not answer", "error", err)
			}
		}
	}
}

// open lets the phones play against the server, and writes down where it is.
func (s *sandboxServer) open(n *node, log *slog.Logger) error {
	url := n.url()
	phones, err := sandbox.NewPhones(s.Town, url)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for range sandboxPlayers {
		s.players.Go(func() { s.answerCalls(ctx, phones, log) })
	}
	for _, session := range n.sessions.store.All() {
		s.ring(session)
	}
	if err := s.Write(url, receipt.SandboxIssuer); err != nil {
		return environment("%w", err)
	}
	s.phones.Store(phones)
	return nil
}

// announce says where everything is, and what to do next.
func (s *sandboxServer) announce(url string, out *output) {
	out.Note("Sandbox: nobody in it is real. Parties, subjects and keys: %s", filepath.Join(s.dir, "sandbox.json"))
	out.Note("Try: echo \"Authorization: Bearer $(cat %s)\" | curl -s %s/v1/verifications -H @- -H 'Content-Type: application/json' -d @%s",
		filepath.Join(s.dir, "keys", "clerk.key"), url, filepath.Join(s.dir, "questions", "mated.json"))
}
