package main

import (
	"errors"
	"log/slog"
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

// open opens a store that exists.
func (f storeFlags) open(readOnly bool, out *output) (*storage.Store, error) {
	return f.openWith(storage.Options{ReadOnly: readOnly}, false, out)
}

// openOrCreate opens the store of the model, or makes it where there is none; createKey lets it make the root key too.
// scrub is the bytes a second read in the background, as [storage.Options] has it. A nil log is silent.
func (f storeFlags) openOrCreate(model zhenni.Model, createKey bool, scrub int64, log *slog.Logger, out *output) (*storage.Store, error) {
	return f.openWith(storage.Options{Model: model, Created: time.Now().UTC(), ScrubRate: scrub, Logger: log}, createKey, out)
}

func (f storeFlags) openWith(options storage.Options, createKey bool, out *output) (_ *storage.Store, err error) {
	if options.Root, err = f.root(f.Store, createKey, out); err != nil {
		return nil, err
	}
	options.Dir, options.Keys = f.Store, f.Keys
	store, err := storage.Open(options)
	switch {
	case errors.Is(err, zhenni.ErrLocked):
		return nil, environment("--store: %s is in use by another process: stop it, or ask it over its admin socket: %w", f.Store, err)
	case errors.Is(err, zhenni.ErrNotFound), errors.Is(err, zhenni.ErrBadValue) && options.Model == zhenni.Model{}:
		return nil, environment("--store: %s holds no store: zhenni serve makes one on its first start: %w", f.Store, err)
	case errors.Is(err, zhenni.ErrBadValue):
		return nil, usage("--store: %w", err)
	case err != nil:
		return nil, environment("--store: %w", err)
	}
	return store, nil
}

// adminSocket is where the server of the store in dir listens to its operator, unless told otherwise.
func adminSocket(dir string) string { return filepath.Join(dir, "admin.sock") }
