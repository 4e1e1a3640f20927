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
}

// open opens the store with its key. A zero model opens what is there.
func (f storeFlags) open(model zhenni.Model, readOnly bool, out *output) (*storage.Store, error) {
	root, err := f.root(f.Store, out)
	if err != nil {
		return nil, err
	}
	store, err := storage.Open(storage.Options{Dir: f.Store, Model: model, Root: root, ReadOnly: readOnly, Created: time.Now().UTC()})
	switch {
	case errors.Is(err, zhenni.ErrLocked):
		return nil, environment("--store: %s is in use by another process: stop it, or ask it over its admin socket: %w", f.Store, err)
	case errors.Is(err, zhenni.ErrBadValue):
		return nil, usage("--store: %w", err)
	case err != nil:
		return nil, environment("--store: %w", err)
	}
	return store, nil
}

// adminSocket is where the server of the store in dir listens to its operator, unless told otherwise.
func adminSocket(dir string) string { return filepath.Join(dir, "admin.sock") }
