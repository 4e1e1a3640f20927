package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"zhenni"
	"zhenni/storage/audit"
)

// keyFile holds the key of a ledger, wrapped; nextKeyFile the same key by the next wrapper, while that changes. One left
// over by a crash is of the wrapper of today.
const (
	keyFile     = "key"
	nextKeyFile = "key.next"
)

// wrapContext binds the wrapping to its one use.
var wrapContext = []byte("zhenni ledger 1 key")

// OpenKey unwraps the key of the ledger in a folder, for [Options]. Where the folder holds no ledger it draws one, and
// makes it durable before it returns; entropy nil is crypto/rand. Errors are [zhenni.ErrWrongKey], [zhenni.ErrCorrupt]
// where the key is missing beside a ledger, [zhenni.ErrUnavailable] without entropy, and those of the operating system.
func OpenKey(dir string, by audit.Wrapper, entropy io.Reader) ([]byte, error) {
	files := audit.Folder(dir)
	key, err := readKey(files, by)
	switch {
	case errors.Is(err, zhenni.ErrWrongKey):
		return nil, fmt.Errorf("%w: %s in %s belongs to another store or is damaged: put back a copy of it, or move the folder away; "+
			"then what was answered before can run again", err, keyFile, dir)
	case !errors.Is(err, fs.ErrNotExist):
		return key, err
	}
	if _, err := files.ReadFile(endFile); err == nil {
		return nil, corrupt("there is a ledger in %s and no %s: restore it, or move the folder away", dir, keyFile)
	}
	if entropy == nil {
		entropy = rand.Reader
	}
	key = make([]byte, secretSize)
	if _, err := io.ReadFull(entropy, key); err != nil {
		return nil, fmt.Errorf("%w: no entropy to make a ledger: %w", zhenni.ErrUnavailable, err)
	}
	return key, writeKey(files, keyFile, key, by)
}

// readKey opens whichever of the two files is of this wrapper: [fs.ErrNotExist] without the first.
func readKey(files audit.FS, by audit.Wrapper) ([]byte, error) {
	wrapped, err := files.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	key, refused := by.Unwrap(wrapped, wrapContext)
	if !errors.Is(refused, zhenni.ErrWrongKey) {
		return key, refused
	}
	wrapped, err = files.ReadFile(nextKeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return by.Unwrap(wrapped, wrapContext)
}

func writeKey(files audit.FS, name string, key []byte, by audit.Wrapper) error {
	wrapped, err := by.Wrap(key, wrapContext)
	if err != nil {
		return err
	}
	if err := files.Write(audit.Content{Name: name, Data: wrapped}); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// ShareKey has the key of the ledger in a folder, which by opens, wrapped by next as well. A folder without a key is left
// alone. Whoever calls it has the folder locked. Errors are those of [OpenKey].
func ShareKey(dir string, by, next audit.Wrapper) error {
	_, err := rewrapKey(audit.Folder(dir), nextKeyFile, by, next)
	return err
}

// HandOverKey has the key wrapped by next alone, in the same way.
func HandOverKey(dir string, by, next audit.Wrapper) error {
	files := audit.Folder(dir)
	found, err := rewrapKey(files, keyFile, by, next)
	if err != nil || !found {
		return err
	}
	if err := files.Remove(nextKeyFile); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// rewrapKey writes the key, which by opens, to a file of its own under next. Found is false where there is no key.
func rewrapKey(files audit.FS, name string, by, next audit.Wrapper) (found bool, err error) {
	key, err := readKey(files, by)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer clear(key)
	return true, writeKey(files, name, key, next)
}
