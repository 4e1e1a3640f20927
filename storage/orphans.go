package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"

	"zhenni"
)

// A table that the manifest does not name is an orphan. A crash in the middle of a flush or of a compaction leaves one
// whose records are all in the view as well. A manifest that was cut short leaves one whose records are lost: and
// Badger removes both as it opens. So orphans are linked aside first, and afterwards every record of theirs must be in
// the view, as it is or newer. While one is not, the store stays refused and the tables stay where they are.

// badgerPrefix begins the keys that Badger keeps for itself.
var badgerPrefix = []byte("!badger!")

// keepOrphans links the orphans of a view that is about to be opened into their folder.
func keepOrphans(o Options, manifest badger.Manifest) error {
	view, kept := filepath.Join(o.Dir, viewDir), filepath.Join(o.Dir, orphanDir)
	paths, err := filepath.Glob(filepath.Join(view, "*.sst"))
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	for _, path := range paths {
		id, ok := table.ParseFileID(path)
		if _, named := manifest.Tables[id]; named || !ok {
			continue
		}
		if err := os.MkdirAll(kept, 0o700); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
		if err := os.Link(path, filepath.Join(kept, filepath.Base(path))); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("storage: %w", err)
		}
		if err := errors.Join(syncDir(kept), syncDir(o.Dir)); err != nil {
			return err
		}
	}
	return nil
}

// settleOrphans compares the orphans kept with the view and removes them when nothing of theirs is missing from it:
// [zhenni.ErrCorrupt]. A read-only store notes it for Check instead.
func (s *Store) settleOrphans() error {
	paths, err := filepath.Glob(filepath.Join(s.path(orphanDir), "*.sst"))
	if err != nil || len(paths) == 0 {
		return err
	}
	for _, path := range paths {
		missing, err := s.missingFromView(path)
		switch {
		case err != nil:
			return err
		case missing && s.opts.ReadOnly:
			s.tablesLost = true
		case missing:
			return fmt.Errorf("%w: the view has lost table %s, which is kept in %s; restore the store",
				zhenni.ErrCorrupt, filepath.Base(path), orphanDir)
		}
	}
	if s.opts.ReadOnly {
		return nil
	}
	return s.dropOrphans()
}

func (s *Store) dropOrphans() error {
	if err := os.RemoveAll(s.path(orphanDir)); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return syncDir(s.opts.Dir)
}

// missingFromView reports whether a table holds a record that the view has not, or only in an older version. A table
// that does not open was being written at the crash, so nothing was taken out of the log on its account.
func (s *Store) missingFromView(path string) (bool, error) {
	orphan, err := openTable(path, options.OnTableAndBlockRead)
	if err != nil {
		return false, nil
	}
	defer orphan.Close(-1)
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	it := orphan.NewIterator(0)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		key, version := y.ParseKey(it.Key()), y.ParseTs(it.Key())
		if bytes.HasPrefix(key, badgerPrefix) {
			continue
		}
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) || err == nil && item.Version() < version {
			return true, nil
		}
		if err != nil {
			return false, translate(err)
		}
	}
	return false, nil
}
