package storage

import (
	"errors"
	"fmt"

	"zhenni"
)

// openView opens the view and puts back what a half-done import left. A view that is damaged or has lost a table is
// moved aside, and the log makes a new one where it holds everything; where it does not, the damage is the answer.
func (s *Store) openView() error {
	damage := s.tryView()
	if !errors.Is(damage, zhenni.ErrCorrupt) {
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
	aside, err := s.quarantine()
	if err != nil {
		return errors.Join(damage, err)
	}
	s.opts.Logger.Error("the view is damaged; it is rebuilt from the command log", "kept", aside, "cause", damage)
	return s.tryView()
}

func (s *Store) tryView() (err error) {
	if s.db, err = openBadger(s.opts); err != nil {
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
