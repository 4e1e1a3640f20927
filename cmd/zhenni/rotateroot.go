package main

import (
	"errors"
	"io/fs"
	"os"

	"zhenni"
	"zhenni/storage"
	"zhenni/storage/audit"
	"zhenni/storage/history"
	"zhenni/storage/ledger"
	"zhenni/storage/sessions"
)

// eitherRoot opens what either of two root keys wrapped, while one takes the place of the other.
type eitherRoot struct{ old, next storage.RootKey }

// Wrap implements storage.RootKey.
func (e eitherRoot) Wrap(key, context []byte) ([]byte, error) { return e.old.Wrap(key, context) }

// Unwrap implements storage.RootKey.
func (e eitherRoot) Unwrap(wrapped, context []byte) ([]byte, error) {
	key, err := e.old.Unwrap(wrapped, context)
	if errors.Is(err, zhenni.ErrWrongKey) {
		return e.next.Unwrap(wrapped, context)
	}
	return key, err
}

// rootRotation gives a store, its audit log, its ledger, its history and its sessions another root key.
//
// What lies beside the store is first wrapped by both keys, then the store goes over, and then the rest is wrapped by the
// next key alone. So the old key opens everything until the store's header is replaced, and the next one does from then
// on. Each step can be taken again.
type rootRotation struct {
	store           storage.Options // Root is the old key
	next            storage.RootKey
	log             auditOptions
	ledger, history string
	sessions        string
	// step, if not nil, is called after each step: a crash is to be survived there.
	step func()
}

// run rotates. Nobody else has any of them open.
func (r rootRotation) run() (err error) {
	if !storage.Exists(r.store.Dir) {
		return environment("--store: %s holds no store", r.store.Dir)
	}
	if err := checkPinned(r.store.Dir, r.log.dir); err != nil {
		return err
	}
	both := eitherRoot{r.store.Root, r.next}
	log, err := openAuditLog(r.log, both)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wrapped("close the audit log", log.Close())) }()
	for flag, dir := range map[string]string{"--ledger-dir": r.ledger, "--history-dir": r.history, "--sessions-dir": r.sessions} {
		unlock, err := lockBeside(flag, dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	r.store.Recorder = log.changes
	for _, step := range []func() error{
		func() error { return audit.RewrapSecrets(log.files, both, both.old, both.next) },
		func() error {
			return errors.Join(ledger.Key.Share(r.ledger, both, both.next), history.Key.Share(r.history, both, both.next),
				sessions.Key.Share(r.sessions, both, both.next))
		},
		func() error { return storage.RotateRoot(r.store, both.next) },
		func() error { return audit.RewrapSecrets(log.files, both, both.next) },
		func() error {
			return errors.Join(ledger.Key.HandOver(r.ledger, both, both.next), history.Key.HandOver(r.history, both, both.next),
				sessions.Key.HandOver(r.sessions, both, both.next))
		},
		func() error { return pin(r.store.Dir, r.log.dir) },
	} {
		if err := step(); err != nil {
			return environment("%w", err)
		}
		if r.step != nil {
			r.step()
		}
	}
	return nil
}

// lockBeside locks a folder beside a store, which a flag names, if there is one.
func lockBeside(flag, dir string) (unlock func() error, err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil
	}
	lock, err := audit.LockFolder(dir)
	if err != nil {
		return nil, environment("%s: %s: %w", flag, dir, err)
	}
	return lock.Close, nil
}
