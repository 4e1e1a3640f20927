package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"zhenni"
	"zhenni/storage"
	"zhenni/storage/audit"
)

// auditFlags say where the audit log of a store is, and what its witness says of it.
type auditFlags struct {
	AuditDir    string `type:"path" env:"ZHENNI_AUDIT_DIR" placeholder:"DIR" help:"Folder of the audit log, best on a disk of its own. Default: audit in the store's folder."`
	WitnessKey  string `type:"path" env:"ZHENNI_WITNESS_KEY" placeholder:"FILE" help:"Public key of the witness of the audit log, as zhenni witness keygen prints it."`
	WitnessSeen string `type:"path" env:"ZHENNI_WITNESS_SEEN" placeholder:"FILE" help:"With --witness-key: the checkpoint that the witness cosigned last, from its folder. An audit log that is shorter, or another, is refused."`
}

// dir is the audit folder of the store in a folder.
func (f auditFlags) dir(store string) string {
	if f.AuditDir != "" {
		return f.AuditDir
	}
	return filepath.Join(store, "audit")
}

// options returns how the audit log of the store in a folder is opened, but for its keys.
func (f auditFlags) options(store string) (auditOptions, error) {
	o := auditOptions{dir: f.dir(store)}
	if f.WitnessKey == "" {
		if f.WitnessSeen != "" {
			return o, usage("--witness-seen: it takes --witness-key to check it")
		}
		return o, nil
	}
	line, err := readLine(f.WitnessKey)
	if err != nil {
		return o, usage("--witness-key: %w", err)
	}
	if o.witness, err = audit.NewCosignatureVerifier(line); err != nil {
		return o, usage("--witness-key: %w", err)
	}
	if f.WitnessSeen != "" {
		if o.seen, err = readSmall(f.WitnessSeen); err != nil {
			return o, usage("--witness-seen: %w", err)
		}
	}
	return o, nil
}

// auditOptions say where an audit log is and who its witness is, if it has one, with what that has seen.
type auditOptions struct {
	dir     string
	witness note.Verifier
	seen    []byte
	// none is of a store that is served without a record.
	none bool
	// room is asked for room on the disk in place of [audit.FolderRoom]; tests fill the disk with it.
	room func() error
}

// auditLog is an open audit log with its keys. The folder is locked by itself, wherever it lies: a second process is
// refused before it reads anything.
type auditLog struct {
	*audit.Log
	secrets audit.Secrets
	changes *audit.Changes
	// hasWitness says that cosignatures are taken.
	hasWitness bool
	files      audit.FS
	lock       interface{ Close() error }
}

// openAuditLog opens a log, or makes one where there is none, with keys that root wraps.
func openAuditLog(o auditOptions, root storage.RootKey) (_ *auditLog, err error) {
	dir := o.dir
	if o.room == nil {
		o.room = audit.FolderRoom(dir)
	}
	a := &auditLog{files: audit.Folder(dir), hasWitness: o.witness != nil}
	if a.lock, err = audit.LockFolder(dir); err != nil {
		return nil, auditFailure(dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.secrets, err = audit.OpenSecrets(a.files, root, nil); err != nil {
		return nil, auditFailure(dir, err)
	}
	if a.Log, err = audit.Open(audit.Options{
		Files: a.files, Signer: a.secrets.Signer, Key: a.secrets.Key, Witness: o.witness, Seen: o.seen,
		Room: o.room,
	}); err != nil {
		return nil, auditFailure(dir, err)
	}
	if o.seen != nil {
		if err = a.Witnessed(o.seen); err != nil {
			return nil, auditFailure(dir, err)
		}
	}
	if a.changes, err = audit.OpenChanges(a.Log, a.secrets); err != nil {
		return nil, auditFailure(dir, err)
	}
	return a, nil
}

// pinnedKey is the file in a store's folder that holds the public key of its audit log, so that another log, or a new one
// where --audit-dir was forgotten or a disk is not mounted, is not taken for it.
const pinnedKey = "audit.pub"

// pinned returns the public key that a store's audit log has, "" for a store without one.
func pinned(store string) (string, error) {
	key, err := readLine(filepath.Join(store, pinnedKey))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", environment("--store: %w", err)
	}
	return key, nil
}

// checkPinned refuses a folder that does not hold the store's audit log.
func checkPinned(store, dir string) error {
	want, err := pinned(store)
	if err != nil || want == "" {
		return err
	}
	have, err := audit.PublicKey(audit.Folder(dir))
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
		return environment("--audit-dir: %s does not hold the audit log of the store: name its folder, or restore it from its copy", dir)
	case err != nil:
		return auditFailure(dir, err)
	case have != want:
		return environment("--audit-dir: %s holds another log than that of the store, whose key is in %s: name its folder, or put back a copy of that file", dir, filepath.Join(store, pinnedKey))
	}
	return nil
}

// pin writes the key of the store's audit log down, once the store is made.
func pin(store, dir string) error {
	if known, err := pinned(store); err != nil || known != "" {
		return err
	}
	key, err := audit.PublicKey(audit.Folder(dir))
	if err != nil {
		return auditFailure(dir, err)
	}
	if err := audit.Folder(store).Write(audit.Content{Name: pinnedKey, Data: []byte(key + "\n")}); err != nil {
		return environment("--store: %w", err)
	}
	return nil
}

func auditFailure(dir string, err error) error {
	if errors.Is(err, zhenni.ErrLocked) {
		return environment("--audit-dir: %s is in use by another process: stop it, or ask it over its admin socket: %w", dir, err)
	}
	return environment("--audit-dir: %s: %w", dir, err)
}

// Close signs what was appended and gives the folder back, in any state of opening.
func (a *auditLog) Close() error {
	var errs []error
	if a.changes != nil {
		errs = append(errs, a.changes.Close())
	}
	if a.Log != nil {
		errs = append(errs, a.Log.Close())
	}
	return errors.Join(append(errs, a.lock.Close())...)
}

// recordedStore is a store with the audit log of its changes. A store that is open for reading has none.
type recordedStore struct {
	*storage.Store
	audit *auditLog
	// root wraps the keys of what lies beside the store.
	root storage.RootKey
	// tap is between the store and its audit log.
	tap changeTap
	// dir is the store's folder. Fresh says that it was made by this process, verifyOnly that nothing is written there.
	dir               string
	fresh, verifyOnly bool
}

// Accepting reports why no change is taken now: the store takes none, or none can be recorded.
func (s *recordedStore) Accepting() error {
	if err := s.Store.Accepting(); err != nil || s.audit == nil {
		return err
	}
	return s.audit.changes.Ready()
}

// Close closes the store, then the log, which takes the store's last changes.
func (s *recordedStore) Close() error {
	err := s.Store.Close()
	if s.audit != nil {
		err = errors.Join(err, wrapped("close the audit log", s.audit.Close()))
	}
	return err
}
