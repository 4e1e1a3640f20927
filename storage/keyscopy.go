package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zhenni"
	"zhenni/storage/keyfile"
)

// checkKeysCopy refuses a place for the copy of the keys that is no good, before anything is written.
func (b *backup) checkKeysCopy() error {
	to := b.options.KeysCopy
	if to == "" || b.options.Dir == "" {
		return nil
	}
	for _, dir := range []string{b.options.Dir, b.store.opts.Dir} {
		within, err := inside(dir, to)
		if err != nil {
			return err
		}
		if within {
			return fmt.Errorf("%w: %s lies in %s: a copy of the keys is kept apart from what they open", zhenni.ErrBadValue, to, dir)
		}
	}
	held, err := os.Stat(to)
	if errors.Is(err, os.ErrNotExist) {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if held == nil {
		return nil
	}
	if own, err := os.Stat(b.store.opts.KeysPath()); err != nil || os.SameFile(own, held) {
		return errors.Join(fmt.Errorf("%w: %s is the key file itself; name another file for its copy", zhenni.ErrBadValue, to), err)
	}
	copied, err := keyfile.Open(to, b.store.label.keysID(), b.store.keys.file, true)
	if err != nil {
		return fmt.Errorf("%w: %s is no copy of the key file of this store; name another: %w", zhenni.ErrExists, to, err)
	}
	return copied.Close()
}

// inside reports whether a file is to lie in dir or below it, by whatever links.
func inside(dir, file string) (bool, error) {
	dir, err := realPath(dir)
	if err != nil {
		return false, err
	}
	folder, err := realPath(filepath.Dir(file))
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(dir, folder)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// realPath resolves the links of a path as far as it is there.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("storage: %w", err)
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		parent := filepath.Dir(path)
		if !errors.Is(err, os.ErrNotExist) || parent == path {
			return "", fmt.Errorf("storage: %w", err)
		}
		path, rest = parent, filepath.Join(filepath.Base(path), rest)
	}
}

// copyKeys copies the key file. Every key that what is in the backup names is in the file by now.
func (b *backup) copyKeys() (int64, error) {
	to := b.options.KeysCopy
	if to == "" {
		return 0, nil
	}
	return b.store.copyKeysTo(to, b.store.vault.keys, func() error { return interrupted(b.ctx) })
}

// copyKeysTo copies a key file to a disk that has room for it.
func (s *Store) copyKeysTo(path string, keys *keyfile.File, pace func() error) (int64, error) {
	if err := s.roomFor(filepath.Dir(path), int64(keys.Places())*keyfile.SlotSize); err != nil {
		return 0, err
	}
	size, err := keys.Copy(path, pace)
	if err != nil {
		return 0, fmt.Errorf("storage: %w", err)
	}
	return size, nil
}

// findKeys looks, before anything is written, whether there are keys for what is restored: a copy that opens, or a file in
// its place.
func (r *restore) findKeys() error {
	o, header := r.options, r.manifest.Header
	path := o.KeysCopy
	switch {
	case header.Format < format:
		return nil // the keys lie in its records
	case path == "" && o.Keys == "" && o.AdoptKeys:
		return nil
	case path == "" && o.Keys == "":
		return fmt.Errorf("%w: a backup holds no keys of templates; give the copy of the key file that was made with it or since (--keys-copy), "+
			"or the key file of the lost store where it still reads", zhenni.ErrBadValue)
	case path == "":
		path = o.Keys
	case r.foreignKeys():
		return fmt.Errorf("%w: key file %s is there already; take it away, or restore with it and without a copy", zhenni.ErrExists, o.Keys)
	}
	file, err := keyfile.Open(path, header.keysID(), r.keys.file, true)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s: no key file is there", zhenni.ErrNotFound, path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return file.Close()
}

// foreignKeys reports whether a key file lies where the copy is to go and no restore has put it there.
func (r *restore) foreignKeys() bool {
	if r.options.Keys == "" {
		return false
	}
	_, err := os.Stat(r.options.Keys)
	return err == nil
}

// layKeys puts the copy of the keys where the new store has its key file. The copy stays as it is.
func (r *restore) layKeys() error {
	if r.options.KeysCopy == "" || r.manifest.Header.Format < format {
		return nil
	}
	from, err := keyfile.Open(r.options.KeysCopy, r.manifest.Header.keysID(), r.keys.file, true)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	s := &Store{opts: r.options.Options}
	_, err = s.copyKeysTo(r.options.KeysPath(), from, func() error { return interrupted(r.ctx) })
	return errors.Join(err, from.Close())
}
