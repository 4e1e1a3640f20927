package main

import (
	"context"
	"errors"

	"zhenni"
	"zhenni/storage"
)

// keysCommand is keys.
type keysCommand struct {
	RotateRoot   keysRotateRoot   `cmd:"" help:"Wrap every key of a stopped store by a new root key."`
	RotateTenant keysRotateTenant `cmd:"" help:"Give a tenant of a stopped store a new key."`
	Identity     keysIdentity     `cmd:"" help:"Make the secrets by which credentials are issued to subjects, and print the public key."`
	Adopt        keysAdopt        `cmd:"" help:"Take an older key file, or none, where the newest is lost."`

	NewResultKey     keysNewResultKey     `cmd:"" help:"Make a key that signs results."`
	ResultJWKS       keysResultJWKS       `cmd:"" name:"result-jwks" help:"Print the public keys of results."`
	NewPepper        keysNewPepper        `cmd:"" help:"Make the key without which what is kept of PINs is of no use."`
	Peppers          keysPeppers          `cmd:"" help:"Show how many PINs of a stopped store are under each pepper."`
	NewPseudonymRoot keysNewPseudonymRoot `cmd:"" help:"Make the root of the names that relying parties know persons by."`
}

type keysRotateRoot struct {
	storeFlags
	ledgerPlace
	historyPlace
	sessionsPlace
	NewKeyFile        string `required:"" type:"path" placeholder:"FILE" help:"The new root key; it is made where the file does not exist."`
	NewPassphraseFile string `type:"path" placeholder:"FILE" help:"File with the passphrase that seals the new root key."`
}

// Help is shown by zhenni keys rotate-root --help.
func (keysRotateRoot) Help() string {
	return `At every moment one of the two keys opens everything, the store, its audit log, its stored answers and its history: until the store's header is replaced the old one, then the new one. Interrupted, it is called again with the same two, and with the same --audit-dir, --ledger-dir and --history-dir that serve has. Older copies of the store's files still open with the old key.

Example:

    zhenni keys rotate-root --store zhenni-data --key-file zhenni-data.key --new-key-file zhenni-data.key2`
}

// Run rotates the root key.
func (c *keysRotateRoot) Run(out *output) error {
	old, err := c.root(c.Store, false, out)
	if err != nil {
		return err
	}
	next, err := keyFlags{KeyFile: c.NewKeyFile, PassphraseFile: c.NewPassphraseFile}.root(c.Store, true, out)
	if err != nil {
		return err
	}
	log, err := c.auditFlags.options(c.Store)
	if err != nil {
		return err
	}
	r := rootRotation{store: storage.Options{Dir: c.Store, Keys: c.Keys, Root: old}, next: next, log: log, ledger: c.ledgerPlace.dir(c.Store), history: c.historyPlace.dir(c.Store), sessions: c.sessionsPlace.dir(c.Store)}
	if err := r.run(); err != nil {
		return err
	}
	return out.Print("The root key of %s is now %s.", c.Store, c.NewKeyFile)
}

type keysRotateTenant struct {
	storeFlags
	Tenant zhenni.TenantID `required:"" placeholder:"N" help:"Tenant that gets the new key."`
}

// Help is shown by zhenni keys rotate-tenant --help.
func (keysRotateTenant) Help() string {
	return `Every record of the tenant is brought under the new key, and the old key is dropped once a walk has met no user of it. Interrupted, it is called again and goes on where it ended; the store may serve in between.

Example:

    zhenni keys rotate-tenant --store zhenni-data --tenant 1`
}

// Run rotates the tenant's key.
func (c *keysRotateTenant) Run(ctx context.Context, out *output) error {
	store, err := c.open(false, out)
	if err != nil {
		return err
	}
	bar := out.Progress("credentials", store.Count())
	err = store.RotateTenant(ctx, c.Tenant, func(done int64) { bar.Set(done) })
	bar.Done()
	if err := errors.Join(err, store.Close()); err != nil {
		return environment("%w", err)
	}
	return out.Print("Tenant %d has a new key.", c.Tenant)
}

type keysAdopt struct{ storeFlags }

// Help is shown by zhenni keys adopt --help.
func (keysAdopt) Help() string {
	return `For a store that is refused because its key file is missing or an older copy. What was erased since that copy is erased in it again. Credentials enrolled since have no template any more: they are refused until they are enrolled anew, and zhenni check lists them.

Example:

    zhenni keys adopt --store zhenni-data`
}

// Run opens the store with the key file there is.
func (c *keysAdopt) Run(out *output) error {
	store, err := c.openWith(storage.Options{AdoptKeys: true}, false, out)
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return environment("%w", err)
	}
	return out.Print("The key file is the store's. Run zhenni check to see what it lacks.")
}
