package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"zhenni"
)

// viewOptions is how the view is opened. Every setting that is not Badger's default has its reason here.
func viewOptions(o Options, log *badgerLog) badger.Options {
	return badger.DefaultOptions(filepath.Join(o.Dir, viewDir)).
		WithReadOnly(o.ReadOnly).
		WithLogger(log).
		WithSyncWrites(false).         // the command log is synced, and applied again from where the view was last
		WithNumVersionsToKeep(1).      // no reader looks back
		WithDetectConflicts(false).    // the committer is the only writer
		WithCompression(options.None). // sealed bytes do not compress
		WithBlockCacheSize(0).         // over uncompressed data it costs 10–25 % of the reads
		WithIndexCacheSize(0).         // table indexes stay in memory: about 1 % of the data
		WithMetricsEnabled(false).
		WithMemTableSize(o.MemTable).
		WithValueLogFileSize(2 * o.MemTable). // nothing is in it, and Badger flushes a memtable whose log is longer
		WithNumMemtables(5).
		WithNumCompactors(2).
		WithChecksumVerificationMode(options.OnBlockRead) // whole tables are checked here: verifyTables, scrub
	// Values stay inline: Badger's threshold is 1 MiB and the largest record, of a relying party with every service, about 35 KiB.
}

// openBadger opens the view on the disk, whose tables it reads first where whole is set.
func openBadger(o Options, whole bool) (*badger.DB, error) {
	log := &badgerLog{logger: o.Logger}
	opts := viewOptions(o, log)
	manifest, err := readManifest(opts.Dir, opts)
	if err != nil {
		return nil, err
	}
	last, err := verifyTables(opts.Dir, manifest, whole)
	if err := errors.Join(err, verifyLogs(opts.Dir, last), keepOrphans(o, manifest)); err != nil {
		return nil, err
	}
	db, err := badger.Open(opts)
	if err != nil {
		return nil, openDamage(err)
	}
	if log.ignored.Load() {
		return nil, errors.Join(fmt.Errorf("%w: Badger left a table out; restore the store", zhenni.ErrCorrupt), db.Close())
	}
	return db, nil
}

// translate turns an error of Badger into one of ours, once, where it enters. Badger's own wrapping cuts the chain
// that errors.Is follows, so some kinds are known by their text.
func translate(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		return zhenni.ErrNotFound
	case strings.Contains(text, "Cannot acquire directory lock"):
		return fmt.Errorf("%w: %w", zhenni.ErrLocked, err)
	case strings.Contains(text, "hecksum mismatch") || strings.Contains(text, "CHECKSUM_MISMATCH"):
		return fmt.Errorf("%w: %w", zhenni.ErrCorrupt, err)
	case strings.Contains(text, badger.ErrTruncateNeeded.Error()):
		return fmt.Errorf("%w: the store was not closed in order, as after a kill: open it for writing once, as a start of the server does", zhenni.ErrUnavailable)
	case errors.Is(err, badger.ErrDBClosed) || errors.Is(err, badger.ErrBlockedWrites):
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	return fmt.Errorf("storage: %w", err)
}

// notDamage is what a disk or a process lacks, by the text of its error.
var notDamage = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EACCES, syscall.EPERM, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
}

// openDamage is translate for a view that does not open: but for what the disk or the process lacks, a file of it is
// damaged, [zhenni.ErrCorrupt]. Badger's text goes on to dump keys; its first words say what it met.
func openDamage(err error) error {
	translated, text := translate(err), err.Error()
	known := errors.Is(translated, zhenni.ErrCorrupt) || errors.Is(translated, zhenni.ErrLocked) || errors.Is(translated, zhenni.ErrUnavailable)
	if known || slices.ContainsFunc(notDamage, func(e syscall.Errno) bool { return strings.Contains(text, e.Error()) }) {
		return translated
	}
	text, _, _ = strings.Cut(text, "\n")
	if strings.HasPrefix(text, "Level validation err") {
		text = "its tables do not fit together"
	}
	return fmt.Errorf("%w: the view does not open: %s", zhenni.ErrCorrupt, text)
}

// badgerLog passes Badger's reports on, one level down: they tell of files and levels, not of records.
type badgerLog struct {
	logger *slog.Logger
	// ignored is set when Badger says that it goes on without a damaged table.
	ignored atomic.Bool
}

func (l *badgerLog) Errorf(format string, args ...any) {
	if strings.HasPrefix(format, "Ignoring table") {
		l.ignored.Store(true)
	}
	l.logger.Warn("badger", "report", fmt.Sprintf(format, args...))
}

func (l *badgerLog) Warningf(format string, args ...any) {
	l.logger.Info("badger", "report", fmt.Sprintf(format, args...))
}

func (l *badgerLog) Infof(format string, args ...any) {
	l.logger.Debug("badger", "report", fmt.Sprintf(format, args...))
}

func (l *badgerLog) Debugf(string, ...any) {}
