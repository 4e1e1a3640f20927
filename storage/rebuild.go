package storage

import (
	"errors"
	"fmt"
	"os"

	"zhenni"
)

// openView opens the view and puts back what a half-done import left. A view that is damaged or has lost a table is
// moved aside, and the log makes a new one where it holds everything; where it does not, the damage is the answer.
func (s *Store) openView() error {
	damage := s.tryMarked()
	if !errors.Is(damage, zhenni.ErrCorrupt) || errors.Is(damage, errLogShort) {
		return damage
	}
	if err := s.rebuildable(); err != nil {
		return errors.Join(damage, err)
	}
	if s.db != nil {
		if err := translate(s.db.Close()); err != nil {
			return errors.Join(damage, err)
		}
		s.db = nil
	}
	if _, err := os.Stat(s.path(importFile)); err == nil { // which the log has not, or it could not be rebuilt
		if err := s.dropBase(); err != nil {
			return errors.Join(damage, err)
		}
	}
	aside, err := s.quarantine()
	if err != nil {
		return errors.Join(damage, err)
	}
	s.opts.Logger.Error("the view is damaged; it is rebuilt from the command log", "kept", aside, "cause", damage)
	return s.tryView()
}

// tryMarked is tryView for a view that no walk has found damaged.
func (s *Store) tryMarked() error {
	if s.isMarked() {
		return fmt.Errorf("%w: slots of the view were not what the log says", zhenni.ErrCorrupt)
	}
	return s.tryView()
}

// unmark ends the rebuilding of a view that was marked as damaged: what is there now has agreed or will be held against
// the log again.
func (s *Store) unmark() error {
	if s.opts.ReadOnly || !s.isMarked() {
		return nil
	}
	if err := s.machine.settle(); err != nil {
		return err
	}
	return removeFile(s.path(damagedFile))
}

func (s *Store) tryView() (err error) {
	if s.db, err = openBadger(s.opts, s.verifyFirst()); err != nil {
		return err
	}
	for _, step := range []func() error{s.recoverImport, s.settleOrphans, s.locate} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// rebuildable reports why the log does not hold the whole state.
func (s *Store) rebuildable() error {
	if s.machine.imported != 0 {
		return fmt.Errorf("%w: no snapshot holds the import since the last one", zhenni.ErrCorrupt)
	}
	return s.log.Complete()
}
