package history

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

// Wrapper keeps the key of a history under a key of somebody else's, bound to context: storage.RootKey is one.
type Wrapper interface {
	Wrap(key, context []byte) ([]byte, error)
	// Unwrap is the reverse: [zhenni.ErrWrongKey] for any other key or context, [zhenni.ErrUnavailable].
	Unwrap(wrapped, context []byte) ([]byte, error)
}

// wrapContext binds the wrapping to its one use.
var wrapContext = []byte("zhenni history 1 key")

// OpenKey unwraps the key of the history in a folder, for [Options]. Where the folder holds no history it draws one, and
// makes it durable before it returns; entropy nil is crypto/rand. Errors are [zhenni.ErrWrongKey], [zhenni.ErrCorrupt]
// where the key is missing beside a history, [zhenni.ErrUnavailable] without entropy, and those of the operating system.
func OpenKey(dir string, by Wrapper, entropy io.Reader) ([]byte, error) {
	key, err := readKey(dir, by)
	switch {
	case errors.Is(err, zhenni.ErrWrongKey):
		return nil, fmt.Errorf("%w: %s in %s belongs to another store or is damaged: put back a copy of it, or move the folder away; "+
			"then the history begins anew", err, keyFile, dir)
	case !errors.Is(err, fs.ErrNotExist):
		return key, err
	}
	if _, err := os.Lstat(filepath.Join(dir, stateFile)); err == nil {
		return nil, corrupt("there is a history in %s and no %s: restore it, or move the folder away", dir, keyFile)
	}
	if entropy == nil {
		entropy = rand.Reader
	}
	key = make([]byte, secretSize)
	if _, err := io.ReadFull(entropy, key); err != nil {
		return nil, unavailable("no entropy for a key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return key, writeKey(dir, keyFile, key, by)
}

// readKey opens whichever of the two files is of this wrapper: [fs.ErrNotExist] without the first.
func readKey(dir string, by Wrapper) ([]byte, error) {
	wrapped, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	key, refused := by.Unwrap(wrapped, wrapContext)
	if !errors.Is(refused, zhenni.ErrWrongKey) {
		return key, refused
	}
	wrapped, err = os.ReadFile(filepath.Join(dir, nextKeyFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("history: %w", err)
	}
	return by.Unwrap(wrapped, wrapContext)
}

func writeKey(dir, name string, key []byte, by Wrapper) error {
	wrapped, err := by.Wrap(key, wrapContext)
	if err != nil {
		return err
	}
	if err := disk.Replace(filepath.Join(dir, name), wrapped); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// ShareKey has the key of the history in a folder, which by opens, wrapped by next as well. A folder without a key is left
// alone. Whoever calls it sees to it that nobody else has the folder. Errors are those of [OpenKey].
func ShareKey(dir string, by, next Wrapper) error {
	_, err := rewrapKey(dir, nextKeyFile, by, next)
	return err
}

// HandOverKey has the key wrapped by next alone, in the same way.
func HandOverKey(dir string, by, next Wrapper) error {
	found, err := rewrapKey(dir, keyFile, by, next)
	if err != nil || !found {
		return err
	}
	if err := os.Remove(filepath.Join(dir, nextKeyFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// rewrapKey writes the key, which by opens, to a file of its own under next. Found is false where there is no key.
func rewrapKey(dir, name string, by, next Wrapper) (found bool, err error) {
	key, err := readKey(dir, by)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer clear(key)
	return true, writeKey(dir, name, key, next)
}
