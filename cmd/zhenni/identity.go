package main

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"zhenni"
	"zhenni/gateway"
	"zhenni/identity"
)

// identityFlags name the two secrets by which credentials are issued to subjects. Both or neither are given.
type identityFlags struct {
	IdentityRoot string   `type:"path" env:"ZHENNI_IDENTITY_ROOT" placeholder:"FILE" help:"Root of the subject handles, mode 0600, as zhenni keys identity makes it. It can not be rotated; whoever loses it parts everybody from their credentials. Keep it apart from the store and its backups."`
	IdentityKey  []string `type:"path" env:"ZHENNI_IDENTITY_KEY" placeholder:"FILE" help:"Key that sealed identities are opened with, mode 0600, as zhenni keys identity makes it. With --identity-root, credentials are issued to subjects. Given again, or behind a comma, a key of before that is still opened with, for clients that have it; the first is the one to seal to."`
}

// identities opens sealed identities and makes of them what is kept. It is safe for concurrent use.
type identities struct {
	opener  *identity.Opener
	deriver *identity.Deriver
	// ids makes the ids of credentials, absent those that stand for subjects without a reference, salts the salts of PINs.
	ids, absent, salts []byte
}

// idsLabel derives the key of the ids from the root. It is frozen: under another a repeated issue is a new one.
const idsLabel = "zhenni issue v1 credential id"

// absentLabel derives the key of the ids that stand for subjects without a reference.
const absentLabel = "zhenni issue v1 absent reference"

// saltsLabel derives the key of the salts. Under another a PIN that is set again under its transaction is a new one.
const saltsLabel = "zhenni PIN v1 salt"

// open reads the two files, nil where none is given.
func (f identityFlags) open() (*identities, error) {
	if f.IdentityRoot == "" && len(f.IdentityKey) == 0 {
		return nil, nil
	}
	if f.IdentityRoot == "" || len(f.IdentityKey) == 0 {
		return nil, usage("--identity-root and --identity-key are given together")
	}
	var keys []*identity.PrivateKey
	for _, path := range f.IdentityKey {
		key, err := readSealingKey(path)
		if err != nil {
			return nil, environment("--identity-key: %w", err)
		}
		keys = append(keys, key)
	}
	root, err := readSecret(f.IdentityRoot, identity.RootSize)
	if err != nil {
		return nil, environment("--identity-root: %w", err)
	}
	defer clear(root)
	opened, err := newIdentities(root, keys[0], keys[1:]...)
	if errors.Is(err, zhenni.ErrBadValue) {
		return nil, usage("--identity-key: %w", err)
	}
	return opened, err
}

func readSealingKey(path string) (*identity.PrivateKey, error) {
	scalar, err := readSecret(path, identity.PrivateKeySize)
	if err != nil {
		return nil, err
	}
	defer clear(scalar)
	key, err := identity.ParsePrivateKey(scalar)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// newIdentities opens with the key that is published as the one to seal to, and with those of before.
func newIdentities(root []byte, key *identity.PrivateKey, before ...*identity.PrivateKey) (*identities, error) {
	opener, err := identity.NewOpener(key, before...)
	if err != nil {
		return nil, err
	}
	deriver, err := identity.NewDeriver(root)
	if err != nil {
		return nil, err
	}
	ids, err := hkdf.Key(sha256.New, root, nil, idsLabel, sha256.Size)
	if err != nil {
		return nil, err
	}
	absent, err := hkdf.Key(sha256.New, root, nil, absentLabel, sha256.Size)
	if err != nil {
		return nil, err
	}
	salts, err := hkdf.Key(sha256.New, root, nil, saltsLabel, sha256.Size)
	return &identities{opener, deriver, ids, absent, salts}, err
}

// bind holds the root against the one that the store's subjects are known under; the first is the store's from then on.
func (i *identities) bind(ctx context.Context, store *recordedStore) error {
	results, err := store.Apply(ctx, []zhenni.Command{zhenni.BindIdentityRoot{Check: i.deriver.Check()}})
	if err != nil {
		return environment("--identity-root: %w", err)
	}
	if errors.Is(results[0].Err, zhenni.ErrWrongKey) {
		return environment("--identity-root: %w: the subjects of this store are known under another root; name that", results[0].Err)
	}
	return results[0].Err
}

// Identify implements gateway.Identities. The identity is sealed for "PARTY/TRANSACTION", so that no party can send on
// what another one sealed.
func (i *identities) Identify(sealed []byte, party, transaction string, today time.Time) (who gateway.Identified, err error) {
	person, err := i.opener.Open(string(sealed), party+"/"+transaction, today)
	if err != nil {
		return who, err
	}
	defer person.Forget()
	handle, err := i.deriver.Handle(person.Number)
	if err != nil {
		return who, err
	}
	tag, err := i.deriver.NameTag(handle, person.Name)
	if err != nil {
		return who, err
	}
	sealing, err := identity.Sealing(string(sealed))
	if err != nil {
		return who, err
	}
	subject := handle.Subject()
	return gateway.Identified{
		Subject: subject, NameTag: tag.Stored(), Credential: i.credential(party, transaction),
		Sealing: sealing,
		Absent:  zhenni.NewCredentialID([16]byte(keyedDigest(i.absent, string(subject[:])))),
	}, nil
}

// credential is the id of what a transaction of a party issues: 16 bytes of the keyed digest of both.
func (i *identities) credential(party, transaction string) zhenni.CredentialID {
	return zhenni.NewCredentialID([16]byte(keyedDigest(i.ids, party, transaction)))
}

// keyedDigest is HMAC-SHA256 over the fields, each behind its length in two bytes.
func keyedDigest(key []byte, fields ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, field := range fields {
		mac.Write(binary.BigEndian.AppendUint16(nil, uint16(len(field))))
		_, _ = io.WriteString(mac, field)
	}
	return mac.Sum(nil)
}

// createSecret writes random bytes in hexadecimal to a file that must not exist, for its owner alone.
func createSecret(path string, secret []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	text := append(hex.AppendEncode(nil, secret), '\n')
	defer clear(text)
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// readSecret reads what createSecret wrote. A file that others may read, or of another size, is [zhenni.ErrWrongKey].
func readSecret(path string, size int) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s is readable by others; make it 0600", zhenni.ErrWrongKey, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	secret, line := make([]byte, size), bytes.TrimSuffix(text, []byte("\n"))
	if len(line) != hex.EncodedLen(size) {
		return nil, fmt.Errorf("%w: %s does not hold %d hexadecimal digits", zhenni.ErrWrongKey, path, hex.EncodedLen(size))
	}
	if _, err := hex.Decode(secret, line); err != nil {
		return nil, fmt.Errorf("%w: %s does not hold %d hexadecimal digits", zhenni.ErrWrongKey, path, hex.EncodedLen(size))
	}
	return secret, nil
}

type keysIdentity struct {
	identityFlags
}

// Help is shown by zhenni keys identity --help.
func (keysIdentity) Help() string {
	return `Makes what is missing of the two files and prints the public key, as a JWK, that clients seal identities to. Give serve the same two flags. To exchange the key, make another one under a new name and give serve both, the new one first, until clients have it; they find both, and which to use, at /.well-known/identity-keys.json.

Examples:

    zhenni keys identity --identity-root identity.root --identity-key identity.key > identity.jwk
    zhenni keys identity --identity-root identity.root --identity-key identity2.key --identity-key identity.key > identity2.jwk`
}

// Run makes the files that do not exist and prints the public key.
func (c *keysIdentity) Run(out *output) error {
	if c.IdentityRoot == "" || len(c.IdentityKey) == 0 {
		return usage("--identity-root and --identity-key are needed")
	}
	if err := forbidCoreDumps(); err != nil {
		return environment("%w", err)
	}
	for path, size := range map[string]int{c.IdentityRoot: identity.RootSize, c.IdentityKey[0]: identity.PrivateKeySize} {
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := c.create(path, size); err != nil {
			return environment("%w", err)
		}
		out.Note("Made %s. Keep a copy elsewhere, apart from the store.", path)
	}
	opened, err := c.open()
	if err != nil {
		return err
	}
	jwk, err := json.Marshal(opened.opener.Current())
	if err != nil {
		return err
	}
	return out.Print("%s", jwk)
}

// create draws one of the two secrets.
func (c *keysIdentity) create(path string, size int) error {
	secret := make([]byte, size)
	defer func() { clear(secret) }()
	if path == c.IdentityKey[0] {
		key, err := identity.NewPrivateKey(rand.Reader)
		if err != nil {
			return err
		}
		if secret, err = key.Bytes(); err != nil {
			return err
		}
	} else if _, err := rand.Read(secret); err != nil {
		return err
	}
	return createSecret(path, secret)
}
