package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
	"zhenni/storage/commandlog"
)

// openInMemory makes the view in memory, from the newest snapshot and every entry of the log behind it. The folder is
// only read, so it serves after a crash on a disk that is full or that nobody dares to write, with every acknowledged
// change that the log holds, and [Store.compareMark] refuses a log that ends too early. The view on the disk is not
// looked at: a log and a mark that were both put back go unseen, as a whole folder does.
func (s *Store) openInMemory() (err error) {
	s.machine = &machine{store: s}
	if s.log, err = commandlog.OpenReadOnly(s.path(logDir), s.opts.Logger); err != nil {
		return err
	}
	if need := s.logBytes(); s.opts.Memory > 0 && need > s.opts.Memory {
		return fmt.Errorf("%w: a view in memory needs about %d bytes, %d are allowed", zhenni.ErrUnavailable, need, s.opts.Memory)
	}
	opts := viewOptions(s.opts, &badgerLog{logger: s.opts.Logger}).WithReadOnly(false).WithInMemory(true)
	opts.Dir, opts.ValueDir = "", ""
	if s.db, err = badger.Open(opts); err != nil {
		return translate(err)
	}
	s.agreement.known = true // of an empty view
	if err := s.fillFromSnapshot(); err != nil {
		return err
	}
	first, last, err := s.log.Extent()
	if err != nil || first == 0 {
		return err
	}
	return s.log.Entries(max(first, s.log.SnapshotIndex()+1), last, func(e commandlog.Entry) error {
		if !e.Command() {
			return nil
		}
		if err := s.machine.Apply(e.Index, e.Data); err != nil && !errors.Is(err, errOvertaken) {
			return fmt.Errorf("entry %d of the command log: %w", e.Index, err)
		}
		return nil
	})
}

func (s *Store) fillFromSnapshot() error {
	snapshot, err := s.log.OpenSnapshot()
	if err == nil && snapshot == nil && s.base != nil {
		err = fmt.Errorf("%w: an import that no snapshot holds; open the store for writing once", zhenni.ErrUnavailable)
	}
	if err != nil || snapshot == nil {
		return err
	}
	defer snapshot.Close()
	return s.machine.Restore(snapshot)
}

// logBytes is what the log's files take, snapshots included: their lengths, for segments are made at full length.
func (s *Store) logBytes() int64 {
	var total int64
	for _, pattern := range []string{"*.wal", "snapshots/*/state.bin"} {
		paths, _ := filepath.Glob(filepath.Join(s.path(logDir), pattern))
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil {
				total += info.Size()
			}
		}
	}
	return total
}
