package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"time"

	"zhenni"
	pincode "zhenni/identity/pin"
)

// pepperPurpose begins the purpose of a pepper's secret file. The number of the pepper follows.
const pepperPurpose = "pin-pepper-"

// pinFlags name what PINs are kept with.
type pinFlags struct {
	PINPepper       string `name:"pin-pepper" type:"path" env:"ZHENNI_PIN_PEPPER" placeholder:"FILE" help:"Pepper of the PINs, as zhenni keys new-pepper makes it. With --identity-root and --identity-key, credentials have PINs; whoever loses it has everybody set theirs anew. Keep it apart from the store and its backups."`
	PINPepperBefore string `name:"pin-pepper-before" type:"path" env:"ZHENNI_PIN_PEPPER_BEFORE" placeholder:"FILE" help:"The pepper before, for PINs that were set under it."`
}

// open reads the peppers, none where none is given. The first is the current one.
func (f pinFlags) open(by secretFlags) ([]pincode.Pepper, error) {
	if f.PINPepper == "" {
		if f.PINPepperBefore != "" {
			return nil, usage("--pin-pepper-before takes --pin-pepper")
		}
		return nil, nil
	}
	current, err := by.pepper("--pin-pepper", f.PINPepper)
	if err != nil {
		return nil, err
	}
	if f.PINPepperBefore == "" {
		return []pincode.Pepper{current}, nil
	}
	before, err := by.pepper("--pin-pepper-before", f.PINPepperBefore)
	return []pincode.Pepper{current, before}, err
}

// newChecker compares PINs under peppers, the first of which is the current one.
func newChecker(peppers []pincode.Pepper) (*pincode.Checker, error) {
	held, err := pincode.NewPeppers(peppers[0], peppers[1:]...)
	if err != nil {
		return nil, usage("--pin-pepper-before: %w", err)
	}
	// Besides computing, a turn waits for the disk.
	atOnce := min(2*runtime.GOMAXPROCS(0), pincode.MaxConcurrent)
	return pincode.NewChecker(pincode.Config{Peppers: held, Params: pincode.DefaultParams(), Concurrent: atOnce}, rand.Reader)
}

// pepper opens a pepper, whose file knows its number.
func (f secretFlags) pepper(flag, path string) (pincode.Pepper, error) {
	written, secret, err := f.open(flag, path, pepperPurpose)
	if err != nil {
		return pincode.Pepper{}, err
	}
	defer clear(secret)
	number, err := strconv.ParseUint(written, 10, 32)
	if err != nil {
		return pincode.Pepper{}, usage("%s: %s is a %s%s", flag, path, pepperPurpose, written)
	}
	pepper, err := pincode.NewPepper(uint32(number), secret)
	if err != nil {
		return pincode.Pepper{}, environment("%s: %s: %w", flag, path, err)
	}
	return pepper, nil
}

// openPINs opens what PINs are kept with beside the identities, without which nobody could seal one.
func (c *serveCommand) openPINs(opened *identities) (*storedPINs, error) {
	peppers, err := c.pinFlags.open(c.secretFlags)
	switch {
	case err != nil || peppers == nil:
		return nil, err
	case opened == nil:
		return nil, usage("--pin-pepper takes --identity-root and --identity-key: PINs are sealed to that key")
	}
	checker, err := newChecker(peppers)
	if err != nil {
		return nil, err
	}
	return &storedPINs{identities: opened, Checker: checker, peppers: peppers}, nil
}

// storedPINs implements gateway.PINs. It is safe for concurrent use.
type storedPINs struct {
	*identities
	*pincode.Checker
	peppers []pincode.Pepper
	// store and log are set before the first PIN.
	store *recordedStore
	log   *slog.Logger
}

// bind holds each pepper against the one of its number that the store's PINs are sealed under; the first is the store's from
// then on.
func (p *storedPINs) bind(ctx context.Context, store *recordedStore) error {
	for _, pepper := range p.peppers {
		results, err := store.Apply(ctx, []zhenni.Command{zhenni.BindPepper{Version: pepper.Version(), Check: pepper.Check()}})
		if err != nil {
			return environment("--pin-pepper: %w", err)
		}
		if errors.Is(results[0].Err, zhenni.ErrWrongKey) {
			return environment("--pin-pepper: %w: the PINs of this store are sealed under another pepper %d; name the file of that", results[0].Err, pepper.Version())
		}
		if results[0].Err != nil {
			return results[0].Err
		}
	}
	p.store = store
	return nil
}

// OpenPIN opens a PIN that is sealed for "PARTY/TRANSACTION", as identities are.
func (p *storedPINs) OpenPIN(sealed []byte, party, transaction string) (pincode.Digits, error) {
	return p.opener.OpenPIN(string(sealed), party+"/"+transaction)
}

// Holder implements gateway.PINs.
func (p *storedPINs) Holder(sealed []byte, party, transaction string, today time.Time) (zhenni.SubjectHandle, time.Time, error) {
	person, err := p.opener.Open(string(sealed), party+"/"+transaction, today)
	if err != nil {
		return zhenni.SubjectHandle{}, time.Time{}, err
	}
	defer person.Forget()
	handle, err := p.deriver.Handle(person.Number)
	return handle.Subject(), person.Number.Birth(), err
}

// Salt implements gateway.PINs: half of it is a keyed digest of the transaction, half of that and the sealed text. That text is
// another for every sealing, and so is the salt; the PIN that is in it does not follow from either.
func (p *storedPINs) Salt(sealed []byte, party, transaction string) (salt [pincode.SaltSize]byte) {
	half := copy(salt[:pincode.SaltSize/2], keyedDigest(p.salts, party, transaction))
	copy(salt[half:], keyedDigest(p.salts, party, transaction, string(sealed)))
	return salt
}

// PIN implements gateway.PINs.
func (p *storedPINs) PIN(id zhenni.CredentialID) (zhenni.PIN, error) { return p.store.PIN(id) }

type keysNewPepper struct {
	File   string `arg:"" type:"path" help:"File to write the pepper to; it must not exist."`
	Number uint32 `default:"1" placeholder:"N" help:"Number by which PINs name it: one more than that of the pepper before (default ${default})."`
	secretFlags
}

// Help is shown by zhenni keys new-pepper --help.
func (keysNewPepper) Help() string {
	return `What is kept of a PIN is of no use without the pepper. Keep it, and a copy elsewhere, apart from the store and its backups. To exchange it, serve with the new one as --pin-pepper and the old one as --pin-pepper-before: PINs are under the new one as they are set, or the next time they are right. How many are left under the old one, zhenni_pins{pepper="…"} on /metrics says while it serves, and zhenni keys peppers of a stopped store; once there is none, the old one may be dropped. Backups from before keep PINs under it.

Examples:

    zhenni keys new-pepper pins.key
    zhenni keys new-pepper pins2.key --number 2`
}

// Run makes the pepper.
func (c *keysNewPepper) Run(out *output) error {
	if c.Number == 0 {
		return usage("--number: want 1 or more")
	}
	secret := make([]byte, pincode.PepperSize)
	defer clear(secret)
	if _, err := rand.Read(secret); err != nil {
		return environment("%w", err)
	}
	if err := c.create(c.File, fmt.Sprint(pepperPurpose, c.Number), secret); err != nil {
		return err
	}
	out.Note("Made the pepper %s. Keep a copy elsewhere, apart from the store: without it everybody sets a new PIN.", c.File)
	return nil
}
