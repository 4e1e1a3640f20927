package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeTables copies the files of the base, each held against its tag as it is read. They never change: those of an
// earlier backup stay as they are.
func (b *backup) writeTables(m, held *backupManifest) error {
	base, dir := b.store.base, b.store.path(baseDir)
	if base == nil {
		return nil
	}
	id := base.seal.ID
	if held != nil && len(held.Tables) > 0 && held.Tables[0].Name == tablePart(id, baseSealFile) {
		m.Tables = held.Tables
		return nil
	}
	if err := b.store.roomFor(b.options.Dir, diskBytes(dir)); err != nil {
		return err
	}
	aead, err := base.seal.aead(b.store.keys)
	if err != nil {
		return err
	}
	sealed, err := readBaseFile(filepath.Join(dir, baseSealFile))
	if err == nil {
		err = b.writeTable(m, tablePart(id, baseSealFile), sealed)
	}
	for n := 0; n < len(base.seal.Files) && err == nil; n++ {
		var content []byte
		if content, err = base.seal.content(dir, n, aead); err == nil {
			err = b.writeTable(m, tablePart(id, base.seal.Files[n].Name), content)
		}
	}
	return err
}

// writeTable writes one file and reads it back.
func (b *backup) writeTable(m *backupManifest, name string, content []byte) error {
	p := backupPart{Name: name}
	if err := b.write(&p, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}); err != nil {
		return err
	}
	m.Tables = append(m.Tables, p)
	_, err := verifyPart(b.options.Dir, p, b.store.recount(backupEnd{}))
	return err
}

// layTable copies one file of a base to where the new store has it.
func (r *restore) layTable(name string, from io.Reader) error {
	dir := filepath.Join(r.options.Dir, baseDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	_, err = io.Copy(f, from)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("storage: %s: %w", name, err)
	}
	return errors.Join(syncDir(dir), syncDir(r.options.Dir))
}
