package storage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"zhenni"
	"zhenni/storage/commandlog"
)

// gateStride is how many bytes of a backup are written between two looks at the free space.
const gateStride = 16 << 20

// BackupOptions configure [Store.Backup].
type BackupOptions struct {
	// Dir is the folder of the backup: absent, empty, or holding an earlier backup of this store. Required.
	Dir string
	// KeysCopy is the file that the key file is copied to, outside of Dir: absent, or an earlier copy of it. Empty copies
	// no keys. To be kept apart and for a stated number of days.
	KeysCopy string
	// At is written in the manifest, for people; zero leaves it out.
	At time.Time
}

// Backup copies the state into a folder while the store is in use, up to a commit no older than the last one
// acknowledged before the call. What it copies is the log, with the snapshot that the log begins behind. A folder that
// holds a backup gets the entries since; where the log was cut past its end, or was not there, it is filled anew.
// Whatever is written is read back and followed to its end, seals and counts included, before the manifest that makes it
// the backup is replaced: one that is interrupted or fails leaves the backup as it was. Of the files that are there
// already it looks at names and sizes; [VerifyBackup] reads them. Snapshots wait until it is done.
//
// A backup holds sealed records and the store key as the root key wraps it. It does not hold the root key, nor the keys of
// templates, without which it is worth little: they go into o.KeysCopy, after the rest and before the manifest, so that a
// copy of them is never older than the backup that it was made with.
//
// Errors: [zhenni.ErrBadValue] for a folder of something else, and for a copy of the keys inside of it; [zhenni.ErrExists]
// for a backup of another store or of another history of this one, and for another file in the place of the keys; [zhenni.ErrLocked] while another backup writes there; [zhenni.ErrCorrupt] for a backup,
// or a log, that is damaged; [zhenni.ErrUnavailable] when the disk under the folder has no room, and for a store that is
// read-only, importing or closed; [zhenni.ErrDeadline] when ctx ends.
func (s *Store) Backup(ctx context.Context, o BackupOptions) (zhenni.Backup, error) {
	if s.log == nil || s.opts.ReadOnly {
		return zhenni.Backup{}, fmt.Errorf("%w: the store is open read-only", zhenni.ErrUnavailable)
	}
	ctx, release, err := s.holdLog(ctx)
	if err != nil {
		return zhenni.Backup{}, err
	}
	defer release()
	b := &backup{store: s, ctx: ctx, options: o}
	if err := b.checkKeysCopy(); err != nil {
		return zhenni.Backup{}, err
	}
	if err := b.open(); err != nil {
		return zhenni.Backup{}, err
	}
	defer b.lock.Close()
	done, err := b.run(b.held)
	if errors.Is(err, errImported) {
		if err := s.snapshot(); err != nil {
			return zhenni.Backup{}, err
		}
		done, err = b.run(b.held)
	}
	if err != nil {
		return zhenni.Backup{}, errors.Join(err, b.sweep(b.held))
	}
	return done, nil
}

// holdLog keeps the log from being cut until release. The context it returns ends with the store too.
func (s *Store) holdLog(ctx context.Context) (context.Context, func(), error) {
	if err := s.enter(); err != nil {
		return nil, nil, err
	}
	s.truncation.running.Add(1)
	s.gate.RUnlock()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ending, func() { cancel(errClosed) })
	release := func() {
		stop()
		cancel(nil)
		s.truncation.running.Done()
	}
	select {
	case s.truncation.busy <- struct{}{}:
		return ctx, func() { <-s.truncation.busy; release() }, nil
	case <-ctx.Done():
		defer release()
		return nil, nil, interrupted(ctx)
	}
}

// interrupted is why a context ended, nil while it has not.
func interrupted(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case cause == nil, errors.Is(cause, zhenni.ErrUnavailable):
		return cause
	default:
		return fmt.Errorf("%w: %w", zhenni.ErrDeadline, cause)
	}
}

// backup is one run of Backup, by one goroutine.
type backup struct {
	store   *Store
	ctx     context.Context
	options BackupOptions
	lock    *os.File
	// held is the backup that the folder has, nil without one.
	held *backupManifest
	// entries and bytes were written by this run.
	entries uint64
	bytes   int64
}

// open takes the folder for this backup, reads what it holds and removes what an interrupted one left.
func (b *backup) open() (err error) {
	dir := b.options.Dir
	if dir == "" {
		return fmt.Errorf("%w: the folder of the backup is not given", zhenni.ErrBadValue)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if b.lock, err = lockDir(dir, false); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.lock.Close()
		}
	}()
	held, err := readBackupManifest(dir)
	switch {
	case errors.Is(err, zhenni.ErrNotFound):
	case err != nil:
		return err
	default:
		if err := b.accept(held); err != nil {
			return err
		}
		b.held = &held
	}
	return b.sweep(b.held)
}

// accept refuses a backup that is not this store's to add to.
func (b *backup) accept(held backupManifest) error {
	if held.Header.Store != b.store.label.Store {
		return fmt.Errorf("%w: %s holds a backup of another store", zhenni.ErrExists, b.options.Dir)
	}
	if err := held.check(b.store.keys); err != nil {
		return err
	}
	for _, p := range held.parts() {
		info, err := os.Stat(filepath.Join(b.options.Dir, p.Name))
		if err != nil || info.Size() != p.Bytes {
			return fmt.Errorf("%w: %s of the backup is missing or has not %d bytes; make a new backup in another folder",
				zhenni.ErrCorrupt, p.Name, p.Bytes)
		}
	}
	return nil
}

// sweep removes every file of a backup that is not part of m, and refuses a folder with anything else in it.
func (b *backup) sweep(m *backupManifest) error {
	keep := map[string]bool{}
	if m != nil {
		keep[manifestFile] = true
		for _, p := range m.parts() {
			keep[p.Name] = true
		}
	}
	files, err := os.ReadDir(b.options.Dir)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	for _, f := range files {
		if !isBackupPart(f.Name()) {
			return fmt.Errorf("%w: %s in %s is no file of a backup; name a folder of its own", zhenni.ErrBadValue, f.Name(), b.options.Dir)
		}
	}
	for _, f := range files {
		if keep[f.Name()] {
			continue
		}
		if err := removeFile(filepath.Join(b.options.Dir, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// run writes, verifies and commits what the folder lacks.
func (b *backup) run(held *backupManifest) (zhenni.Backup, error) {
	first, last, err := b.store.log.Extent()
	if err != nil {
		return zhenni.Backup{}, err
	}
	fresh, err := b.begins(held, first, last)
	if err != nil {
		return zhenni.Backup{}, err
	}
	b.entries, b.bytes = 0, 0
	next := backupManifest{Format: backupFormat, Header: b.store.label, Made: normalTime(b.options.At)}
	if err = b.writeTables(&next, held); err == nil && fresh {
		err = b.writeBase(&next)
	}
	if !fresh {
		next.Base, next.Tail, next.End = held.Base, held.Tail[:len(held.Tail):len(held.Tail)], held.End
	}
	if err == nil {
		err = b.writeTail(&next, last)
	}
	if err != nil {
		return zhenni.Backup{}, err
	}
	if fresh && held != nil && next.End.Sequence < held.End.Sequence {
		return zhenni.Backup{}, b.otherHistory(held)
	}
	keys, err := b.copyKeys()
	if err != nil {
		return zhenni.Backup{}, err
	}
	if err := next.write(b.options.Dir, b.store.keys); err != nil {
		return zhenni.Backup{}, err
	}
	b.held = &next
	return zhenni.Backup{
		Base: fresh, Entries: b.entries, Bytes: b.bytes, Files: 1 + len(next.parts()), TotalBytes: next.bytes(),
		Commit: next.End.Sequence, Credentials: next.End.Credentials, KeysBytes: keys,
	}, b.sweep(&next)
}

// begins reports whether the folder is filled anew: the log no longer has the entry that the backup ends at.
func (b *backup) begins(held *backupManifest, first, last uint64) (fresh bool, err error) {
	if held == nil {
		return true, nil
	}
	end := held.End
	switch {
	case end.Index > last:
		return false, b.otherHistory(held)
	case len(held.Tail) >= maxBackupParts:
		return true, nil
	case len(end.SHA256) == 0:
		same, err := b.sameBase(held)
		return !same, err
	case first == 0 || end.Index < first:
		return true, nil
	}
	err = b.store.log.Entries(end.Index, end.Index, func(e commandlog.Entry) error {
		if !bytes.Equal(digestEntry(e), end.SHA256) {
			return b.otherHistory(held)
		}
		return nil
	})
	return false, err
}

// sameBase reports whether the log still begins behind the snapshot that the backup consists of.
func (b *backup) sameBase(held *backupManifest) (bool, error) {
	snapshot, err := b.store.log.OpenSnapshot()
	if err != nil || snapshot == nil || held.Base == nil {
		return false, err
	}
	defer snapshot.Close()
	if snapshot.Index != held.Base.Last {
		return false, nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, snapshot); err != nil {
		return false, fmt.Errorf("storage: snapshot: %w", err)
	}
	return bytes.Equal(hash.Sum(nil), held.Base.SHA256), nil
}

func (b *backup) otherHistory(held *backupManifest) error {
	return fmt.Errorf("%w: %s ends at commit %d of another history of this store, as one restored since has; name another folder",
		zhenni.ErrExists, b.options.Dir, held.End.Sequence)
}

// writeBase copies the newest snapshot, where the log has one.
func (b *backup) writeBase(m *backupManifest) error {
	snapshot, err := b.store.log.OpenSnapshot()
	if err != nil || snapshot == nil {
		return err
	}
	defer snapshot.Close()
	if info, err := snapshot.Stat(); err == nil {
		if err := b.store.roomFor(b.options.Dir, info.Size()); err != nil {
			return err
		}
	}
	p := backupPart{Name: fmt.Sprintf(basePattern, snapshot.Index), Last: snapshot.Index, Term: snapshot.Term}
	if err := b.write(&p, func(w io.Writer) error {
		_, err := io.Copy(w, snapshot)
		return err
	}); err != nil {
		return err
	}
	m.Base = &p
	m.End, err = verifyPart(b.options.Dir, p, b.store.recount(backupEnd{}))
	return err
}

// writeTail copies the entries behind what m has, up to last.
func (b *backup) writeTail(m *backupManifest, last uint64) error {
	first := m.End.Index + 1
	if first > last {
		return nil
	}
	p := backupPart{Name: fmt.Sprintf(tailPattern, first, last), First: first, Last: last}
	err := b.write(&p, func(w io.Writer) error {
		if _, err := io.WriteString(w, tailMagic); err != nil {
			return err
		}
		var buf []byte
		return b.store.log.Entries(first, last, func(e commandlog.Entry) error {
			buf, p.Term = appendTailEntry(buf[:0], e), e.Term
			_, err := w.Write(buf)
			return err
		})
	})
	if err != nil {
		return err
	}
	b.entries += last - first + 1
	m.End, err = verifyPart(b.options.Dir, p, b.store.recount(m.End))
	m.Tail = append(m.Tail, p)
	return err
}

func (s *Store) recount(from backupEnd) *recount {
	return &recount{keys: s.keys, vault: s.vault, end: from, templates: from.Credentials}
}

// write makes one file of the backup durable and fills in its size and digest.
func (b *backup) write(p *backupPart, content func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(b.options.Dir, p.Name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	gated := &gatedWriter{to: f, hash: sha256.New(), backup: b}
	w := bufio.NewWriterSize(gated, backupsBuffer)
	err = content(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("storage: %s: %w", p.Name, err)
	}
	p.Bytes, p.SHA256 = gated.bytes, gated.hash.Sum(nil)
	b.bytes += p.Bytes
	return syncDir(b.options.Dir)
}

// gatedWriter writes while the disk has room and the context lasts.
type gatedWriter struct {
	to       io.Writer
	hash     hash.Hash
	backup   *backup
	bytes    int64
	unlooked int64
}

func (w *gatedWriter) Write(b []byte) (int, error) {
	if err := interrupted(w.backup.ctx); err != nil {
		return 0, err
	}
	if w.unlooked -= int64(len(b)); w.unlooked < 0 {
		if err := w.backup.store.roomFor(w.backup.options.Dir, gateStride); err != nil {
			return 0, err
		}
		w.unlooked = gateStride
	}
	n, err := w.to.Write(b)
	w.hash.Write(b[:n])
	w.bytes += int64(n)
	return n, err
}

// roomFor reports that the disk under a folder can not take n bytes more and keep the reserve.
func (s *Store) roomFor(dir string, n int64) error {
	free, err := s.opts.free(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", zhenni.ErrUnavailable, err)
	}
	if free < n+s.opts.Reserve {
		return fmt.Errorf("%w: %d bytes of disk are free under %s, %d and the reserve of %d are needed",
			zhenni.ErrUnavailable, free, dir, n, s.opts.Reserve)
	}
	return nil
}

// verifyPart reads one file of a backup from the disk and follows it from where c stands.
func verifyPart(dir string, p backupPart, c *recount) (backupEnd, error) {
	f, err := openPart(dir, p)
	if err != nil {
		return c.end, err
	}
	defer f.Close()
	if err := c.part(f, p); err != nil {
		return c.end, fmt.Errorf("the backup's %s: %w", p.Name, err)
	}
	return c.end, nil
}

// openPart opens a file of a backup, so that it is read from the disk and not from memory.
func openPart(dir string, p backupPart) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, p.Name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing from the backup; use another backup", zhenni.ErrCorrupt, p.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	forget(f)
	return f, nil
}

// part follows one file. A digest that does not match comes before what its content may look like.
func (c *recount) part(from io.Reader, p backupPart) error {
	m := &measured{from: from, hash: sha256.New()}
	var err error
	switch {
	case p.baseName() != "":
		return m.matches(p)
	case p.First == 0:
		err = c.base(m, p.Last, p.Term)
	default:
		err = readTail(m, c.entry)
	}
	if damage := m.matches(p); damage != nil {
		return damage
	}
	if err == nil && (c.end.Index != p.Last || c.end.Term != p.Term) {
		err = fmt.Errorf("%w: it ends at entry %d, not at %d", zhenni.ErrCorrupt, c.end.Index, p.Last)
	}
	return err
}
