// Package wrappedkey keeps the one key of a folder in it, wrapped under a key of somebody else's.
//
// The key lies in the file "key"; in "key.next" it lies under the next wrapper while that changes, and one left over by a crash
// is of the wrapper of today. A file is replaced whole and is durable before the call that writes it returns. Whoever shares a
// key or hands it over sees to it that nobody else has the folder.
package wrappedkey

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"zhenni"
	"zhenni/storage/disk"
)

// Size is the length of a key, in bytes.
const Size = 32

// The files of a folder: the key, and the same by the next wrapper.
const (
	File     = "key"
	NextFile = "key.next"
)

// Wrapper keeps keys under a key of its own, bound to context: storage.RootKey is one.
type Wrapper interface {
	Wrap(key, context []byte) ([]byte, error)
	// Unwrap is the reverse: [zhenni.ErrWrongKey] for any other key or context, [zhenni.ErrUnavailable].
	Unwrap(wrapped, context []byte) ([]byte, error)
}

// Kind is what folders of one kind have in common.
type Kind struct {
	// Of is what the folder is of, for the text of errors.
	Of string
	// Context binds the wrapping to its one use.
	Context string
	// Beside is a file or folder that is there only where a key was made before.
	Beside string
	// Without is what follows from moving the folder away, for the text of errors.
	Without string
}

// Open unwraps the key of a folder. Where neither a key nor what is beside one is there it draws one, and makes it durable
// before it returns; entropy nil is crypto/rand. Errors are [zhenni.ErrWrongKey], [zhenni.ErrCorrupt] where the key is missing
// beside what it opens, [zhenni.ErrUnavailable] without entropy, and those of the operating system.
func (k Kind) Open(dir string, by Wrapper, entropy io.Reader) ([]byte, error) {
	key, err := k.read(dir, by)
	switch {
	case errors.Is(err, zhenni.ErrWrongKey):
		return nil, fmt.Errorf("%w: %s in %s belongs to another store or is damaged: put back a copy of it, or move the folder away; "+
			"then %s", err, File, dir, k.Without)
	case !errors.Is(err, fs.ErrNotExist):
		return key, err
	}
	if _, err := os.Lstat(filepath.Join(dir, k.Beside)); err == nil {
		return nil, fmt.Errorf("%w: %s: there is %s in %s and no %s: restore it, or move the folder away",
			zhenni.ErrCorrupt, k.Of, k.Beside, dir, File)
	}
	if entropy == nil {
		entropy = rand.Reader
	}
	key = make([]byte, Size)
	if _, err := io.ReadFull(entropy, key); err != nil {
		return nil, fmt.Errorf("%w: %s: no entropy for a key: %w", zhenni.ErrUnavailable, k.Of, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%s: %w", k.Of, err)
	}
	return key, k.write(dir, File, key, by)
}

// Read is Open for whoever only looks: it draws no key, and without one it is [zhenni.ErrCorrupt].
func (k Kind) Read(dir string, by Wrapper) ([]byte, error) {
	key, err := k.read(dir, by)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s: there is no %s in %s: restore it, or move the folder away", zhenni.ErrCorrupt, k.Of, File, dir)
	}
	return key, err
}

// Share has the key of a folder, which by opens, wrapped by next as well. A folder without a key is left alone. Errors are those
// of Open.
func (k Kind) Share(dir string, by, next Wrapper) error {
	_, err := k.rewrap(dir, NextFile, by, next)
	return err
}

// HandOver has the key wrapped by next alone, in the same way.
func (k Kind) HandOver(dir string, by, next Wrapper) error {
	found, err := k.rewrap(dir, File, by, next)
	if err != nil || !found {
		return err
	}
	if err := os.Remove(filepath.Join(dir, NextFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", k.Of, err)
	}
	return nil
}

// read opens whichever of the two files is of this wrapper: [fs.ErrNotExist] without the first.
func (k Kind) read(dir string, by Wrapper) ([]byte, error) {
	wrapped, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Of, err)
	}
	key, refused := by.Unwrap(wrapped, []byte(k.Context))
	if !errors.Is(refused, zhenni.ErrWrongKey) {
		return key, refused
	}
	wrapped, err = os.ReadFile(filepath.Join(dir, NextFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("%s: %w", k.Of, err)
	}
	return by.Unwrap(wrapped, []byte(k.Context))
}

func (k Kind) write(dir, name string, key []byte, by Wrapper) error {
	wrapped, err := by.Wrap(key, []byte(k.Context))
	if err != nil {
		return err
	}
	if err := disk.Replace(filepath.Join(dir, name), wrapped); err != nil {
		return fmt.Errorf("%s: %w", k.Of, err)
	}
	return nil
}

// rewrap writes the key, which by opens, to a file of its own under next. Found is false where there is no key.
func (k Kind) rewrap(dir, name string, by, next Wrapper) (found bool, err error) {
	key, err := k.read(dir, by)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer clear(key)
	return true, k.write(dir, name, key, next)
}
