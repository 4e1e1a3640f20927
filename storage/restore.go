package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"zhenni"
	"zhenni/storage/commandlog"
)

// RestoreOptions configure [Restore]: the store to make, as by [Open], and what to make it from.
type RestoreOptions struct {
	Options
	// From is the folder of the backup. Required.
	From string
	// KeysCopy is a copy of the key file, as new as the backup or newer, that is copied to where Keys says. Without it the
	// file at Keys is the store's from now on, and written; a restore that may be repeated takes a copy. AdoptKeys takes an
	// older one, or none.
	KeysCopy string
	// Log is the folder log of the store that was lost, where it still reads. It is not changed.
	Log string
}

// Restored is what a restore made.
type Restored struct {
	// Commit is the last commit of the store, Backup the one that the backup ends at.
	Commit      uint64 `json:"commit"`
	Backup      uint64 `json:"backup_commit"`
	Credentials int64  `json:"credentials"`
	// Keyless is how many of the credentials have no key: those erased after the backup, where the keys are newer, and
	// those that adopted keys lack. They are refused.
	Keyless int64 `json:"keyless"`
	// Stopped says why the log given was not followed to its end.
	Stopped string `json:"stopped,omitempty"`
	// Report is the check of the new store.
	Report Report `json:"check"`
}

// Restore makes a new store of a backup. The whole backup is read and verified first; then its log is laid down, taken
// further by what the lost store's log has beyond it, the keys are put beside it, and it is opened as after the loss of a
// view, and checked. Until all of that is done a file marks the folder, Open refuses it, and Restore starts over in it.
//
// The store is as it was at a commit of the past: what was acknowledged after it, revocations among them, is gone. Not so
// an erasure: a credential that is erased in the data or in the keys stays without its template.
//
// Errors: [zhenni.ErrExists] for a folder that is not empty; [zhenni.ErrNotFound] for no backup or no keys;
// [zhenni.ErrBadValue] where no keys are given; [zhenni.ErrWrongKey]; [zhenni.ErrCorrupt] for a damaged backup, naming the
// file, for keys older than the data, and for a store that fails its check; [zhenni.ErrFormat];
// [zhenni.ErrUnavailable] when the disk has no room; [zhenni.ErrDeadline] when ctx ends.
func Restore(ctx context.Context, o RestoreOptions) (Restored, error) {
	if err := o.Validate(); err != nil {
		return Restored{}, err
	}
	o.Options = o.withDefaults()
	r := &restore{ctx: ctx, options: o}
	if err := r.verify(); err != nil {
		return Restored{}, err
	}
	if err := r.findKeys(); err != nil {
		return Restored{}, err
	}
	if err := r.take(); err != nil {
		return Restored{}, err
	}
	if err := errors.Join(r.lay(), r.lock.Close()); err != nil {
		return Restored{}, err
	}
	return r.done, r.open()
}

// VerifyBackup reads a whole backup and follows it to its end, as [Restore] does before it writes anything.
func VerifyBackup(ctx context.Context, dir string, root RootKey) (zhenni.Backup, error) {
	r := &restore{ctx: ctx, options: RestoreOptions{From: dir, Options: Options{Root: root}}}
	if err := r.verify(); err != nil {
		return zhenni.Backup{}, err
	}
	return zhenni.Backup{
		Files: 1 + len(r.manifest.parts()), TotalBytes: r.manifest.bytes(),
		Commit: r.manifest.End.Sequence, Credentials: r.manifest.End.Credentials,
	}, nil
}

// restore is one run of Restore, by one goroutine.
type restore struct {
	ctx      context.Context
	options  RestoreOptions
	manifest backupManifest
	keys     storeKeys
	vault    vault
	lock     *os.File
	done     Restored
}

// verify reads the manifest and then every file that it names.
func (r *restore) verify() (err error) {
	if r.manifest, err = readBackupManifest(r.options.From); err != nil {
		return err
	}
	header := r.manifest.Header
	if r.keys, err = header.unlock(r.options.Root); err != nil {
		return fmt.Errorf("%s: %w", manifestFile, err)
	}
	if err := r.manifest.check(r.keys); err != nil {
		return err
	}
	r.vault = vault{model: header.Model.ID}
	var end backupEnd
	for _, p := range r.manifest.parts() {
		if err := interrupted(r.ctx); err != nil {
			return err
		}
		if end, err = verifyPart(r.options.From, p, r.recount(end)); err != nil {
			return err
		}
	}
	r.done.Backup = end.Sequence
	if want := r.manifest.End; end.Index != want.Index || end.Sequence != want.Sequence || end.Credentials != want.Credentials {
		return fmt.Errorf("%w: the backup ends at commit %d of %d credentials, its manifest says %d of %d; use another backup",
			zhenni.ErrCorrupt, end.Sequence, end.Credentials, want.Sequence, want.Credentials)
	}
	return nil
}

func (r *restore) recount(from backupEnd) *recount {
	return &recount{keys: r.keys, vault: r.vault, end: from, templates: from.Credentials}
}

// take locks and marks the folder of the new store, which is empty or what an earlier restore left.
func (r *restore) take() (err error) {
	dir := r.options.Dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if r.lock, err = lockDir(dir, false); err != nil {
		return err
	}
	if err := r.clear(); err != nil {
		return errors.Join(err, r.lock.Close())
	}
	need := r.manifest.bytes() * 2 // once as log and snapshot, once as view
	for _, p := range r.manifest.Tables {
		need -= p.Bytes // those of a base once
	}
	s := &Store{opts: r.options.Options}
	if err := s.roomFor(dir, need); err != nil {
		return errors.Join(err, r.lock.Close())
	}
	return nil
}

// restorable are the files that a restore leaves half done.
var restorable = []string{
	headerFile, headerFile + ".new", markFile, markFile + ".new", slotsFile, slotsFile + ".new", restoreFile + ".new",
	damagedFile, verifyingFile, keysFile, keysFile + ".new", logDir, viewDir, baseDir, orphanDir, quarantineDir,
}

func (r *restore) clear() error {
	dir := r.options.Dir
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	_, err = os.Stat(filepath.Join(dir, restoreFile))
	again := err == nil
	for _, f := range files {
		ours := f.Name() == restoreFile || slices.Contains(restorable, f.Name())
		if !again && f.Name() != restoreFile+".new" || !ours {
			return fmt.Errorf("%w: %s is not empty (%s): restore into a new folder", zhenni.ErrExists, dir, f.Name())
		}
	}
	if err := writeFile(filepath.Join(dir, restoreFile), []byte("A restore is under way, or was left half done.\n")); err != nil {
		return err
	}
	for _, name := range restorable {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	return syncDir(dir)
}

// lay makes the log of the backup and of what the lost log has beyond it, the mark and the header.
func (r *restore) lay() error {
	dir := r.options.Dir
	seed, err := commandlog.NewSeed(filepath.Join(dir, logDir), r.options.Logger)
	if err != nil {
		return err
	}
	end, err := r.layParts(seed)
	if err == nil && r.options.Log != "" {
		end, err = r.roll(seed, end)
	}
	if err = errors.Join(err, seed.Close()); err != nil {
		return err
	}
	r.done.Commit, r.done.Credentials = end.Sequence, end.Credentials
	if err := r.layKeys(); err != nil {
		return err
	}
	if err := createMark(dir, r.keys.mark); err != nil {
		return err
	}
	return r.manifest.Header.write(dir)
}

// layParts copies the backup, whose files are held against their digests once more.
func (r *restore) layParts(seed *commandlog.Seed) (end backupEnd, err error) {
	for _, p := range r.manifest.parts() {
		if err := interrupted(r.ctx); err != nil {
			return end, err
		}
		if err := r.layPart(seed, p); err != nil {
			return end, fmt.Errorf("the backup's %s: %w", p.Name, err)
		}
	}
	return r.manifest.End, nil
}

func (r *restore) layPart(seed *commandlog.Seed, p backupPart) error {
	f, err := os.Open(filepath.Join(r.options.From, p.Name))
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	defer f.Close()
	m := &measured{from: f, hash: sha256.New()}
	switch name := p.baseName(); {
	case name != "":
		err = r.layTable(name, m)
	case p.First == 0:
		err = seed.Snapshot(p.Last, p.Term, m)
	default:
		err = readTail(m, seed.Append)
	}
	return errors.Join(err, m.matches(p))
}

// roll follows the lost store's log from where the backup ends, as far as it reads and belongs to it.
func (r *restore) roll(seed *commandlog.Seed, end backupEnd) (backupEnd, error) {
	old, err := commandlog.OpenReadOnly(r.options.Log, r.options.Logger)
	if err != nil {
		return end, fmt.Errorf("%s: %w; restore without it", r.options.Log, err)
	}
	defer old.Close()
	first, last, err := old.Extent()
	switch {
	case err != nil:
		return end, err
	case last <= end.Index:
		r.done.Stopped = fmt.Sprintf("the log ends at entry %d, the backup at %d", last, end.Index)
		return end, nil
	case first == 0 || first > end.Index+1:
		return end, fmt.Errorf("%w: %s begins behind entry %d, where the backup ends; restore without it", zhenni.ErrUnavailable, r.options.Log, end.Index)
	}
	if first <= end.Index {
		if err := sameEntry(old, end); err != nil {
			return end, err
		}
	}
	c := r.recount(end)
	err = old.Entries(end.Index+1, last, func(e commandlog.Entry) error {
		if err := interrupted(r.ctx); err != nil {
			return err
		}
		if err := c.entry(e); err != nil {
			r.done.Stopped = err.Error()
			return errEnough
		}
		return seed.Append(e)
	})
	if errors.Is(err, zhenni.ErrCorrupt) {
		r.done.Stopped, err = err.Error(), nil
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return c.end, err
}

// errEnough ends a walk over a log that can not be followed further.
var errEnough = errors.New("storage: enough")

// sameEntry refuses a log that has another entry where the backup ends.
func sameEntry(log *commandlog.Log, end backupEnd) error {
	if len(end.SHA256) == 0 {
		return nil
	}
	return log.Entries(end.Index, end.Index, func(e commandlog.Entry) error {
		if !bytes.Equal(digestEntry(e), end.SHA256) {
			return fmt.Errorf("%w: the log given is not the one that was backed up; restore without it", zhenni.ErrBadValue)
		}
		return nil
	})
}

// open opens the new store, checks it and removes the file that marks it.
func (r *restore) open() error {
	o := r.options.Options
	o.restoring = true
	s, err := Open(o)
	if err != nil {
		return fmt.Errorf("the restored store does not open: %w", err)
	}
	err = r.check(s)
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	return removeFile(filepath.Join(o.Dir, restoreFile))
}

func (r *restore) check(s *Store) error {
	report, keyless, err := s.checkRestored(r.ctx)
	if err != nil {
		return err
	}
	r.done.Report, r.done.Keyless = report, keyless
	reached := s.committer.reached
	if !r.done.Report.OK() || reached != (water{r.done.Commit, r.done.Credentials}) {
		return fmt.Errorf("%w: the restored store is at commit %d with %d credentials, want commit %d with %d, and is wrong in %d ways; use another backup",
			zhenni.ErrCorrupt, reached.sequence, reached.credentials, r.done.Commit, r.done.Credentials, len(r.done.Report.Problems))
	}
	r.options.Logger.Info("the store is restored", slog.Uint64("commit", r.done.Commit))
	return s.committer.mark.write(reached)
}
