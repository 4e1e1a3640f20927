package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/storage/audit"
	"zhenni/storage/history"
)

// historyPlace says where the history of who asked about a credential is.
type historyPlace struct {
	HistoryDir string `type:"path" env:"ZHENNI_HISTORY_DIR" placeholder:"DIR" help:"Folder of the history of who asked about a credential. Default: history in the store's folder."`
}

// dir is the folder of the history beside a store.
func (p historyPlace) dir(store string) string {
	if p.HistoryDir != "" {
		return p.HistoryDir
	}
	return filepath.Join(store, "history")
}

// historyFlags say whether it is kept who asked about a credential, and for how long.
type historyFlags struct {
	historyPlace
	History      string        `enum:"keep,make,none" default:"keep" env:"ZHENNI_HISTORY" help:"Who asked about a credential, for its holder: make a history where there is none; keep one that is there going; or none, which destroys it (default ${default}). With --verify-only it rests."`
	HistoryKeep  time.Duration `default:"0" env:"ZHENNI_HISTORY_KEEP" placeholder:"TIME" help:"How long it is kept, as 2160h; 0 is 400 days."`
	HistoryBytes byteSize      `default:"0" env:"ZHENNI_HISTORY_BYTES" placeholder:"SIZE" help:"Disk space for it, about 24 bytes an item; the oldest goes first. 0 is 16GiB."`
}

func (f historyFlags) config(store string) historyConfig {
	return historyConfig{dir: f.dir(store), create: f.History == "make", destroy: f.History == "none", keep: f.HistoryKeep, bytes: f.HistoryBytes}
}

// historyConfig says where a history is, and whether there is to be one. Without a folder there is none.
type historyConfig struct {
	dir             string
	create, destroy bool
	keep            time.Duration
	bytes           byteSize
}

// openedHistory is a history with the lock of its folder.
type openedHistory struct {
	*history.History
	lock io.Closer
}

// openHistory opens the history beside a store, with a key that the store's root wraps. It is nil where there is none, or is to
// be none: an erasure must reach one that is there, so none is left alone.
func openHistory(c historyConfig, store *recordedStore, log *slog.Logger) (_ *openedHistory, err error) {
	if c.destroy {
		return nil, wrapped("--history none", history.Destroy(c.dir))
	}
	if c.dir == "" || !c.create && !history.Exists(c.dir) {
		return nil, nil
	}
	h := &openedHistory{}
	if h.lock, err = audit.LockFolder(c.dir); err != nil {
		return nil, environment("--history-dir: %s: %w", c.dir, err)
	}
	key, err := history.Key.Open(c.dir, store.root, nil)
	if err == nil {
		h.History, err = history.Open(history.Options{
			Dir: c.dir, Key: key, Keep: c.keep, Bytes: int64(c.bytes), Room: audit.FolderRoom(c.dir), Logger: log,
		})
	}
	if errors.Is(err, zhenni.ErrBadValue) {
		return nil, errors.Join(usage("--history-keep, --history-bytes: %w", err), h.lock.Close())
	}
	if errors.Is(err, zhenni.ErrCorrupt) {
		err = fmt.Errorf("%w (zhenni serve --history none destroys it)", err)
	}
	if err != nil {
		return nil, errors.Join(environment("--history-dir: %s: %w", c.dir, err), h.lock.Close())
	}
	return h, nil
}

// Close closes the history and gives its folder back.
func (h *openedHistory) Close() error { return errors.Join(h.History.Close(), h.lock.Close()) }
