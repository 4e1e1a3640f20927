package main

import (
	"errors"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/storage"
)

// storeFlags name a store and its root key.
type storeFlags struct {
	Store string `type:"path" default:"zhenni-data" env:"ZHENNI_STORE" placeholder:"DIR" help:"Folder of the store (default ${default})."`
	keyFlags
	auditFlags
}

// open opens a store that exists.
func (f storeFlags) open(readOnly bool, out *output) (*recordedStore, error) {
	return f.openWith(storage.Options{ReadOnly: readOnly}, false, out)
}

// openOrCreate opens the store of the model, or makes it where there is none; createKey lets it make the root key too.
// It reads nothing in the background.
func (f storeFlags) openOrCreate(model zhenni.Model, createKey bool, out *output) (*recordedStore, error) {
	return f.openWith(storage.Options{Model: model, Created: time.Now().UTC(), ScrubRate: -1}, createKey, out)
}

func (f storeFlags) openWith(options storage.Options, createKey bool, out *output) (_ *recordedStore, err error) {
	if options.Root, err = f.root(f.Store, createKey, out); err != nil {
		return nil, err
	}
	options.Dir, options.Keys = f.Store, f.Keys
	log, err := f.auditFlags.options(f.Store)
	if err != nil {
		return nil, err
	}
	return openRecorded(options, log)
}

// openUnrecorded opens a store for verification only, without its audit log.
func (f storeFlags) openUnrecorded(options storage.Options, out *output) (_ *recordedStore, err error) {
	if options.Root, err = f.root(f.Store, false, out); err != nil {
		return nil, err
	}
	options.Dir, options.Keys = f.Store, f.Keys
	return openRecorded(options, auditOptions{none: true})
}

// openRecorded opens a store and, unless it is only read or served without a record, its audit log first: what lies in the store's folder is then
// locked before the store is looked at.
func openRecorded(options storage.Options, log auditOptions) (_ *recordedStore, err error) {
	s := &recordedStore{root: options.Root, dir: options.Dir, fresh: !storage.Exists(options.Dir), verifyOnly: options.VerifyOnly}
	if !options.ReadOnly && !log.none && (options.Model != zhenni.Model{} || storage.Exists(options.Dir)) {
		if err := checkPinned(options.Dir, log.dir); err != nil {
			return nil, err
		}
		if s.audit, err = openAuditLog(log, options.Root); err != nil {
			return nil, err
		}
		s.tap.Recorder = s.audit.changes
		options.Recorder = &s.tap
	}
	if s.Store, err = openStore(options); err != nil {
		if s.audit != nil {
			err = errors.Join(err, s.audit.Close())
		}
		return nil, err
	}
	if s.audit != nil && !options.VerifyOnly {
		err = pin(options.Dir, log.dir)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openStore(options storage.Options) (*storage.Store, error) {
	store, err := storage.Open(options)
	switch {
	case errors.Is(err, zhenni.ErrLocked):
		return nil, environment("--store: %s is in use by another process: stop it, or ask it over its admin socket: %w", options.Dir, err)
	case errors.Is(err, zhenni.ErrNotFound), errors.Is(err, zhenni.ErrBadValue) && options.Model == zhenni.Model{}:
		return nil, environment("--store: %s holds no store: zhenni serve makes one on its first start: %w", options.Dir, err)
	case errors.Is(err, zhenni.ErrBadValue):
		return nil, usage("--store: %w", err)
	case err != nil:
		return nil, environment("--store: %w", err)
	}
	return store, nil
}

// adminSocket is where the server of the store in dir listens to its operator, unless told otherwise.
func adminSocket(dir string) string { return filepath.Join(dir, "admin.sock") }
