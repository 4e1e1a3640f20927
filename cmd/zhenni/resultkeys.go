package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"

	"zhenni"
	"zhenni/receipt"
	"zhenni/storage"
)

// The purposes of the secret files that results are made with.
const (
	resultPurpose    = "result-key-" // and the word of its algorithm
	pseudonymPurpose = "pseudonym-root"
)

// secretFlags name the passphrase over the secret files of results and of PINs.
type secretFlags struct {
	ResultPassphraseFile string `type:"path" env:"ZHENNI_RESULT_PASSPHRASE_FILE" placeholder:"FILE" help:"File with the passphrase that seals the keys of results, the root of the pseudonyms and the peppers of PINs. Without it the files hold them themselves."`
}

// passphrase reads the passphrase, or nil where none is used.
func (f secretFlags) passphrase() ([]byte, error) {
	return readPassphrase("--result-passphrase-file", f.ResultPassphraseFile)
}

// create writes a new secret file. From then on the process leaves no core file.
func (f secretFlags) create(path, purpose string, secret []byte) error {
	passphrase, err := f.passphrase()
	if err != nil {
		return err
	}
	if err := errors.Join(forbidCoreDumps(), storage.CreateSecret(path, purpose, secret, passphrase, nil)); err != nil {
		return environment("%w", err)
	}
	return nil
}

// open reads the secret of a file whose purpose begins with want, and returns the rest of that.
func (f secretFlags) open(flag, path, want string) (rest string, secret []byte, err error) {
	passphrase, err := f.passphrase()
	if err != nil {
		return "", nil, err
	}
	if err := forbidCoreDumps(); err != nil {
		return "", nil, environment("%w", err)
	}
	purpose, secret, err := storage.OpenSecret(path, passphrase)
	if err != nil {
		return "", nil, environment("%s: %w", flag, err)
	}
	rest, found := strings.CutPrefix(purpose, want)
	if !found {
		return "", nil, usage("%s: %s is a %s", flag, path, purpose)
	}
	return rest, secret, nil
}

// signer opens a key of results.
func (f secretFlags) signer(flag, path string) (receipt.Signer, error) {
	word, secret, err := f.open(flag, path, resultPurpose)
	if err != nil {
		return nil, err
	}
	algorithm, err := receipt.ParseAlgorithm(word)
	if err != nil {
		return nil, environment("%s: %s: %w", flag, path, err)
	}
	signer, err := receipt.NewSigner(algorithm, secret)
	if err != nil {
		return nil, environment("%s: %s: %w", flag, path, err)
	}
	return signer, nil
}

type keysNewResultKey struct {
	File      string `arg:"" type:"path" help:"File to write the private key to; it must not exist."`
	Algorithm string `enum:"ed25519,es256,sm2" default:"ed25519" help:"ed25519, es256 (ECDSA on P-256) or sm2 (with SM3) (default ${default})."`
	secretFlags
}

// Help is shown by zhenni keys new-result-key --help.
func (keysNewResultKey) Help() string {
	return `Prints the public key as a JSON Web Key Set. To rotate: publish the new key before it signs, with --result-jwks; then sign with it, with the old one as --result-key-before for as long as answers are kept, a day, or 31 days and an hour where there are sessions, so that answers given again stay as they were, and with each older one of which that long is not over as another --result-key-before, at most five in all; then keep the old one's public key in --result-jwks for as long as its results are to be checked.

Examples:

    zhenni keys new-result-key result.key > result.jwks
    zhenni keys new-result-key result2.key --algorithm es256 > result2.jwks
    zhenni serve … --result-key result3.key --result-key-before result2.key --result-key-before result.key`
}

// Run makes the key.
func (c *keysNewResultKey) Run(out *output) error {
	algorithm, err := receipt.ParseAlgorithm(c.Algorithm)
	if err != nil {
		return usage("--algorithm: %w", err)
	}
	secret, err := receipt.NewSecret(algorithm, nil)
	if err != nil {
		return environment("%w", err)
	}
	signer, err := receipt.NewSigner(algorithm, secret)
	if err != nil {
		return environment("%w", err)
	}
	if err := c.create(c.File, resultPurpose+algorithm.String(), secret); err != nil {
		return err
	}
	out.Note("Made the key %s. Its public key, by which results are checked, follows.", c.File)
	return printJWKS(receipt.Keys{signer.Key()}, out)
}

func printJWKS(keys receipt.Keys, out *output) error {
	return out.Print("%s", bytes.TrimSuffix(keys.JWKS(), []byte("\n")))
}

type keysResultJWKS struct {
	Files []string `arg:"" type:"path" help:"Private keys of results, and JSON Web Key Sets."`
	secretFlags
}

// Help is shown by zhenni keys result-jwks --help.
func (keysResultJWKS) Help() string {
	return `Prints the public keys of all the files as one JSON Web Key Set, each key once.

Example:

    zhenni keys result-jwks result2.key result.jwks > all.jwks`
}

// Run prints the set.
func (c *keysResultJWKS) Run(out *output) error {
	var keys receipt.Keys
	for _, path := range c.Files {
		text, err := readSmall(path)
		if err != nil {
			return environment("%w", err)
		}
		if found, err := receipt.ParseKeys(text); err == nil {
			keys = keys.Add(found...)
			continue
		}
		signer, err := c.signer("result-jwks", path)
		if err != nil {
			return err
		}
		keys = keys.Add(signer.Key())
	}
	return printJWKS(keys, out)
}

type keysNewPseudonymRoot struct {
	File string `arg:"" type:"path" help:"File to write the root to; it must not exist."`
	secretFlags
}

// Help is shown by zhenni keys new-pseudonym-root --help.
func (keysNewPseudonymRoot) Help() string {
	return `Under this root, persons have a name of their own in each sector, which no two sectors can compare. Keep a copy elsewhere, apart from that of the store's key: under another root everybody is new to every relying party, and nothing leads back.

Example:

    zhenni keys new-pseudonym-root pseudonyms.key`
}

// Run makes the root.
func (c *keysNewPseudonymRoot) Run(out *output) error {
	root := make([]byte, receipt.PseudonymRootSize)
	if _, err := rand.Read(root); err != nil {
		return environment("%w", err)
	}
	if err := c.create(c.File, pseudonymPurpose, root); err != nil {
		return err
	}
	out.Note("Made the root %s. Keep a copy elsewhere: under another one everybody is new to every relying party.", c.File)
	return nil
}

// readResultKeys reads a set of public keys of results.
func readResultKeys(flag, path string) (receipt.Keys, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, environment("%s: %w", flag, err)
	}
	keys, err := receipt.ParseKeys(text)
	if errors.Is(err, zhenni.ErrBadValue) {
		return nil, usage("%s %s: %w", flag, path, err)
	}
	return keys, err
}
