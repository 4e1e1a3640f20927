package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/ristretto/v2/z"

	"zhenni"
)

// A template of format 1 or 2 has its key in its record, so the log, the snapshots and every table that ever held it keep
// it. An upgrade therefore makes a new view beside the old, in which every key lies in the key file, and then takes the
// old view and its log away: the new view is adopted as one that was written before there was a log.

// upgradeBlock is the number of templates resealed and written together.
const upgradeBlock = 1024

// upgrade makes the view of the newest format, puts it in place of the old, and opens the store anew. A crash before the
// header says that the new view is complete starts over; one after it is taken up by finishUpgrade.
func (s *Store) upgrade() (*Store, error) {
	s.opts.Logger.Info("the store is upgraded", "from", s.label.Format, "to", format)
	if err := errors.Join(s.refuseNewer(), s.roomForCopy()); err != nil {
		return nil, err
	}
	if err := s.writeUpgraded(); err != nil {
		return nil, err
	}
	s.label.Format, s.label.Upgraded = format, true
	if err := s.rewriteLabel(); err != nil {
		return nil, err
	}
	opts := s.opts
	if err := s.release(); err != nil {
		return nil, err
	}
	*s = Store{} // nothing is left to release
	return Open(opts)
}

// refuseNewer refuses a view that has keys in the key file already, beside a header that was put back: an upgrade starts
// with an empty key file.
func (s *Store) refuseNewer() error {
	return s.look(func(txn reading) error {
		state, err := s.loadKeyState(txn)
		if err == nil && state.places > 0 {
			err = fmt.Errorf("%w: %s is an older copy, of format %d; put back the newest", zhenni.ErrCorrupt, headerFile, s.label.Format)
		}
		return err
	})
}

// rewriteLabel replaces the header by s.label, sealed anew.
func (s *Store) rewriteLabel() (err error) {
	if s.label.MAC, err = s.label.mac(s.keys.header); err != nil {
		return err
	}
	return s.label.write(s.opts.Dir)
}

func (s *Store) writeUpgraded() error {
	if err := os.RemoveAll(s.path(upgradeDir)); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if err := errors.Join(s.vault.keys.Trim(0), os.MkdirAll(s.path(upgradeDir), 0o700)); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	opts := s.opts
	opts.Dir = s.path(upgradeDir)
	db, err := openBadger(opts, true)
	if err != nil {
		return err
	}
	u := &upgrading{store: s, writer: db.NewStreamWriter(), sums: new(tallies), digest: s.digest}
	err = u.run()
	if err != nil {
		u.writer.Cancel()
	}
	return errors.Join(err, translate(db.Close()), syncView(filepath.Join(opts.Dir, viewDir)), syncDir(opts.Dir), syncDir(s.opts.Dir))
}

// upgrading is one pass over the old view.
type upgrading struct {
	store  *Store
	writer *badger.StreamWriter
	sc     scratch
	keyChanges
	out  *z.Buffer
	held int // in out
	rest []record
	// sums tally the old view, statuses count its credentials.
	sums     *tallies
	digest   digester
	statuses int64
}

func (u *upgrading) run() error {
	if err := translate(u.writer.Prepare()); err != nil {
		return err
	}
	u.out = z.NewBuffer(1<<20, "upgrade")
	defer func() { _ = u.out.Release() }()
	if err := u.store.viewScan(nil, u.take); err != nil {
		return err
	}
	if err := u.agree(); err != nil {
		return err
	}
	state, err := u.store.sealKeyState(u.keys, &u.sc)
	if err != nil {
		return err
	}
	u.rest = append(u.rest, state)
	slices.SortFunc(u.rest, func(a, b record) int { return bytes.Compare(a.key, b.key) })
	for _, r := range u.rest {
		stage(u.out, streamRest, r)
	}
	if err := errors.Join(u.flush(), translate(u.writer.Flush())); err != nil {
		return err
	}
	return u.store.vault.keys.Sync()
}

// agree holds the old view against what is known of it: its tallies, or the number of its credentials.
func (u *upgrading) agree() error {
	s := u.store
	if s.agreement.known {
		return s.compareAll(u.sums, &s.agreement.held)
	}
	if reached := s.committer.reached; reached.credentials != u.statuses {
		return fmt.Errorf("%w: the view has %d credentials of %d; restore the store", zhenni.ErrCorrupt, u.statuses, reached.credentials)
	}
	return nil
}

// take passes one record on. The position stays behind, as the log does.
func (u *upgrading) take(key, value []byte) error {
	u.digest.count(u.sums, key, value)
	if _, kind, ok := parseCredentialKey(key, u.digest.factor); ok && kind == kindStatus {
		u.statuses++
	}
	switch {
	case bytes.Equal(key, progressKey) || bytes.Equal(key, keyStateKey):
		return nil
	case key[0] != prefixCredential:
		u.rest = append(u.rest, record{bytes.Clone(key), bytes.Clone(value)})
		return nil
	}
	if key[len(key)-1] == byte(u.store.label.Model.Factor) && len(key) == templateKeySize {
		var err error
		if value, err = u.reseal(key, value); err != nil {
			return err
		}
	}
	stage(u.out, streamCredentials, record{bytes.Clone(key), value})
	if u.held++; u.held < upgradeBlock {
		return nil
	}
	return u.flush()
}

// reseal returns a template as a record of version 2. One that does not open stays as it is, to be found by Check.
func (u *upgrading) reseal(key, value []byte) ([]byte, error) {
	s := u.store
	ring := *s.ring.Load()
	h, body, err := s.vault.open(ring, key, value, &u.sc)
	if err != nil {
		return bytes.Clone(value), nil
	}
	h.place = u.keys.places
	value, err = s.vault.sealKeyed(ring[h.tenant], h, key, body, &u.sc)
	clear(u.sc.recordKey[:])
	if err != nil {
		return nil, err
	}
	u.keep(&u.sc.slot)
	return value, nil
}

func (u *upgrading) flush() error {
	u.store.step()
	err := u.store.vault.keys.Write(u.firstNew(), u.slots)
	if err == nil {
		err = translate(u.writer.Write(u.out))
	}
	u.out.Reset()
	u.held, u.slots = 0, u.slots[:0]
	return err
}

// finishUpgrade puts the new view in place of the old one and its log, to be taken over by takeOver. It may be called again
// after a crash anywhere.
func (s *Store) finishUpgrade() error {
	if !s.label.Upgraded {
		return nil
	}
	if s.opts.ReadOnly {
		return fmt.Errorf("%w: an upgrade was left half done; open the store for writing once", zhenni.ErrUnavailable)
	}
	fresh := filepath.Join(s.path(upgradeDir), viewDir)
	if _, err := os.Stat(fresh); err == nil {
		for _, old := range []string{logDir, orphanDir, importFile, slotsFile, damagedFile, viewDir} {
			if err := os.RemoveAll(s.path(old)); err != nil {
				return fmt.Errorf("storage: %w", err)
			}
		}
		if err := os.Rename(fresh, s.path(viewDir)); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	if err := errors.Join(os.RemoveAll(s.path(upgradeDir)), syncDir(s.opts.Dir)); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if _, err := os.Stat(s.path(quarantineDir)); err == nil {
		s.opts.Logger.Warn("damaged views in quarantine hold templates of the old format, which no erasure reaches; remove them",
			"folder", quarantineDir)
	}
	return nil
}

// roomForCopy reports whether the disk has room for one more copy of the view.
func (s *Store) roomForCopy() error {
	free, err := s.opts.free(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	if need := s.opts.Reserve + diskBytes(s.path(viewDir)); free < need {
		return fmt.Errorf("%w: %d bytes of disk are free, a copy of the view needs %d", zhenni.ErrUnavailable, free, need)
	}
	return nil
}
