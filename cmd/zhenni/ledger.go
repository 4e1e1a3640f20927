package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/storage/audit"
	"zhenni/storage/ledger"
)

// ledgerPlace says where the stored answers are.
type ledgerPlace struct {
	LedgerDir string `type:"path" env:"ZHENNI_LEDGER_DIR" placeholder:"DIR" help:"Folder of the stored answers. Default: ledger in the store's folder."`
}

// dir is the folder of the stored answers beside a store.
func (p ledgerPlace) dir(store string) string {
	if p.LedgerDir != "" {
		return p.LedgerDir
	}
	return filepath.Join(store, "ledger")
}

// ledgerFlags bound what is kept of answers, so that a transaction sent again gets its own.
type ledgerFlags struct {
	ledgerPlace
	Answers      int      `default:"0" env:"ZHENNI_ANSWERS" placeholder:"N" help:"Answers kept for 24 hours, with sessions for 31 days and an hour, 48 bytes of memory each; the oldest go first. 0 is 2097152."`
	AcceptLost   bool     `name:"accept-lost-answers" env:"ZHENNI_ACCEPT_LOST_ANSWERS" help:"Serve although answers were lost without a trace, by damage or by an older copy of the folder. Their transactions can run again, and the failed attempts counted in them are forgotten."`
	AnswersBytes byteSize `default:"0" env:"ZHENNI_ANSWERS_BYTES" placeholder:"SIZE" help:"Disk space for them: about 600 bytes a single verification, 17 an item of a batch. 0 is 8GiB."`
}

func (f ledgerFlags) config(store string) ledgerConfig {
	return ledgerConfig{dir: f.dir(store), answers: f.Answers, bytes: f.AnswersBytes, acceptLost: f.AcceptLost}
}

// ledgerConfig says where answers are kept, and how many. Without a folder none are, and nothing is recorded.
type ledgerConfig struct {
	dir        string
	answers    int
	bytes      byteSize
	acceptLost bool
	// keep is how long answers are kept, 0 for as long as where there are no sessions.
	keep time.Duration
	// attempts and attemptsHeld are those of the node.
	attempts     zhenni.AttemptRules
	attemptsHeld int
}

// openedLedger is a ledger with the lock of its folder.
type openedLedger struct {
	*ledger.Ledger
	lock interface{ Close() error }
}

// openLedger opens the ledger beside a store, or makes it, with a key that the store's root wraps.
func openLedger(c ledgerConfig, store *recordedStore, log *slog.Logger) (_ *openedLedger, err error) {
	l := &openedLedger{}
	if l.lock, err = audit.LockFolder(c.dir); err != nil {
		return nil, environment("--ledger-dir: %s: %w", c.dir, err)
	}
	key, err := ledger.Key.Open(c.dir, store.root, nil)
	if err == nil {
		l.Ledger, err = ledger.Open(ledger.Options{
			Dir: c.dir, Key: key, Log: store.audit, Answers: c.answers, Bytes: int64(c.bytes), AcceptLoss: c.acceptLost, Keep: c.keep, Logger: log,
			Room: audit.FolderRoom(c.dir), Rules: c.attempts, Counts: c.attemptsHeld,
		})
	}
	if errors.Is(err, zhenni.ErrCorrupt) {
		err = fmt.Errorf("%w (zhenni serve --accept-lost-answers, which forgets failed attempts with them)", err)
	}
	if errors.Is(err, zhenni.ErrBadValue) {
		return nil, errors.Join(usage("--answers, --answers-bytes: %w", err), l.lock.Close())
	}
	if err != nil {
		return nil, errors.Join(environment("--ledger-dir: %s: %w", c.dir, err), l.lock.Close())
	}
	return l, nil
}

// Close closes the ledger and gives its folder back.
func (l *openedLedger) Close() error { return errors.Join(l.Ledger.Close(), l.lock.Close()) }

// recordedNode is a node that is ready only while what it does can be recorded.
type recordedNode struct {
	servedNode
	audit  *auditLog     // nil where nothing is recorded
	ledger *openedLedger // nil where no answers are kept
}

// Ready implements gateway.Node.
func (n recordedNode) Ready() error {
	if err := n.Node.Ready(); err != nil {
		return err
	}
	if n.ledger != nil {
		if err := n.ledger.Err(); err != nil {
			return errors.Join(zhenni.ErrUnavailable, zhenni.ErrHalted, err)
		}
	}
	if n.audit == nil {
		return nil
	}
	return n.audit.changes.Ready()
}
