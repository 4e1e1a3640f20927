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

// keyFile holds the key of a ledger, wrapped.
const keyFile = "key"

// wrapContext binds the wrapping to its one use.
var wrapContext = []byte("zhenni ledger 1 key")

// OpenKey unwraps the key of the ledger in a folder, for [Options]. Where the folder holds no ledger it draws one, and
// makes it durable before it returns; entropy nil is crypto/rand. Errors are [zhenni.ErrWrongKey], [zhenni.ErrCorrupt]
// where the key is missing beside a ledger, [zhenni.ErrUnavailable] without entropy, and those of the operating system.
func OpenKey(dir string, by audit.Wrapper, entropy io.Reader) ([]byte, error) {
	files := audit.Folder(dir)
	wrapped, err := files.ReadFile(keyFile)
	if err == nil {
		key, err := by.Unwrap(wrapped, wrapContext)
		if err != nil {
			return nil, fmt.Errorf("%w: %s in %s belongs to another store or is damaged: put back a copy of it, or move the folder away; "+
				"then what was answered before can run again", err, keyFile, dir)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if _, err := files.ReadFile(endFile); err == nil {
		return nil, corrupt("there is a ledger in %s and no %s: restore it, or move the folder away", dir, keyFile)
	}
	if entropy == nil {
		entropy = rand.Reader
	}
	key := make([]byte, secretSize)
	if _, err := io.ReadFull(entropy, key); err != nil {
		return nil, fmt.Errorf("%w: no entropy to make a ledger: %w", zhenni.ErrUnavailable, err)
	}
	if wrapped, err = by.Wrap(key, wrapContext); err != nil {
		return nil, err
	}
	if err := files.Write(audit.Content{Name: keyFile, Data: wrapped}); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return key, nil
}
