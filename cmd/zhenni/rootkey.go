package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"zhenni/storage"
)

// keyFlags say where the root key is, and the file of the keys below it that can be destroyed. The root key itself, and the passphrase over it, are never flags.
type keyFlags struct {
	KeyFile        string `type:"path" env:"ZHENNI_KEY_FILE" placeholder:"FILE" help:"Root key of the store, mode 0600. Default: the store's folder with .key appended. Whoever loses it loses the store; keep a copy elsewhere."`
	PassphraseFile string `type:"path" env:"ZHENNI_PASSPHRASE_FILE" placeholder:"FILE" help:"File with the passphrase that seals the root key. Without it the key file holds the key itself."`
	Keys           string `type:"path" env:"ZHENNI_KEYS" placeholder:"FILE" help:"File of the templates' keys, to be backed up apart from the rest, by copies that expire. Default: keys in the store's folder."`
}

// noKeyError says that there is no key file where a root key is looked for.
type noKeyError string

func (path noKeyError) Error() string {
	return string(path) + " does not exist: name the file that holds the key; serve --create-key makes it on the first start"
}

// root opens the root key of the store in dir. Where there is none it is made, if create says so. From then on the
// process leaves no core file.
func (k keyFlags) root(dir string, create bool, out *output) (storage.RootKey, error) {
	if err := forbidCoreDumps(); err != nil {
		return nil, environment("%w", err)
	}
	path := k.keyPath(dir)
	passphrase, err := k.passphrase()
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(path)
	switch {
	case err == nil:
		return openRoot(path, passphrase)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, environment("--key-file: %w", err)
	case !create:
		return nil, usage("--key-file: %w", noKeyError(path))
	}
	root, err := createRoot(path, passphrase)
	if err != nil {
		return nil, environment("--key-file: %w", err)
	}
	out.Note("Made the root key %s. Keep a copy elsewhere: without it the store can not be opened.", path)
	return root, nil
}

// keyPath is the key file of the store in dir: beside it, so that a copy of the folder is no copy of the key.
func (k keyFlags) keyPath(dir string) string {
	if k.KeyFile != "" {
		return k.KeyFile
	}
	return dir + ".key"
}

func openRoot(path string, passphrase []byte) (storage.RootKey, error) {
	open := storage.OpenKeyFile
	if passphrase != nil {
		open = func(path string) (storage.RootKey, error) { return storage.OpenPassphraseFile(path, passphrase) }
	}
	root, err := open(path)
	if err != nil {
		return nil, environment("--key-file: %w", err)
	}
	return root, nil
}

func createRoot(path string, passphrase []byte) (storage.RootKey, error) {
	if passphrase != nil {
		return storage.CreatePassphraseFile(path, passphrase, nil)
	}
	return storage.CreateKeyFile(path, nil)
}

// passphrase reads the passphrase without its line end, or nil where none is used.
func (k keyFlags) passphrase() ([]byte, error) {
	return readPassphrase("--passphrase-file", k.PassphraseFile)
}

// readPassphrase reads the file of a flag without its line end; no path is no passphrase.
func readPassphrase(flag, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, environment("%s: %w", flag, err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 {
		return nil, usage("%s: %s is empty", flag, path)
	}
	return text, nil
}
