package main

import (
	"context"
	"encoding/csv"
	"errors"
	"time"
)

// sealedFlags make of an enrolment the import of an issuer's references, the identities of whose people come sealed.
type sealedFlags struct {
	Sealed bool `help:"With --store: import the references of people whose identities are sealed to the key of --identity-key. Each becomes the reference of its person in --tenant. A run that ended early is run again as it was: what the store has is left out."`
	identityFlags
	Replace bool `help:"With --sealed: put a reference in the place of the live one of the same person, also of one further up in the file. Without it the one that is there stays."`
}

// Where the sealed identities of a set lie.
const (
	sealedFile   = "sealed.csv"
	sealedColumn = "sealed_identity"
)

// sealedFor is for what the identity of an image's person is sealed: the image, so that no sealed text does for another. No
// party can send such a text on, for what a party sends is sealed for its own id, which is not empty, and a transaction.
func sealedFor(image string) string { return "/" + image }

// importedReferences is what the command prints of an import: what became of the rows, each counted once.
type importedReferences struct {
	Enrolled int `json:"enrolled"`
	// Replaced took the place of a live reference of the same person.
	Replaced int `json:"replaced"`
	// LeftOut are there from an earlier run, or were until another took their place.
	LeftOut int `json:"left_out"`
	// Duplicates are of people who have another live reference, and were refused for it.
	Duplicates int `json:"duplicates"`
	// Refused could not be read, or may not follow what became of an earlier reference of the person.
	Refused int    `json:"refused"`
	Map     string `json:"map"`
}

// importSealed imports references into the store of a stopped server.
func (c *enrolCommand) importSealed(ctx context.Context, out *output) (err error) {
	if c.Store == "" || c.Tenant == 0 || c.IdentityRoot == "" || len(c.IdentityKey) == 0 || c.OnePerPerson || c.Base {
		return usage("--sealed wants --store, --tenant, --identity-root and --identity-key, and goes with neither --one-per-person nor --base")
	}
	source, err := openSealed(c.In)
	if err != nil {
		return err
	}
	who, err := c.identityFlags.open()
	if err != nil {
		return err
	}
	store, err := c.openStore(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := who.bind(ctx, store); err != nil {
		return err
	}
	file, err := newWholeFile(c.Map, 0o600)
	if err != nil {
		return err
	}
	defer file.discard()
	im := &sealedImport{
		ctx: ctx, out: out, who: who, store: store, model: store.Model(), at: time.Now().UTC(), replace: c.Replace,
		tenant: c.Tenant, level: c.Level, told: csv.NewWriter(file), done: importedReferences{Map: c.Map},
		bar: out.Progress("references", source.total),
	}
	err = im.run(source)
	im.bar.Done()
	if err != nil {
		return err
	}
	if err := file.keep(); err != nil {
		return err
	}
	return im.done.print(c.JSON, out)
}

// openSealed finds out how to read a set with sealed identities, which is streamed.
func openSealed(path string) (probeSource, error) {
	if isParquet(path) {
		return openParquet(path, sealedColumn), nil
	}
	return openFolderOf(path, sealedFile, sealedColumn)
}

func (d importedReferences) print(asJSON bool, out *output) error {
	var err error
	if asJSON {
		err = out.JSON(d)
	} else {
		err = out.Print("Enrolled %d, replaced %d, left out %d, refused %d duplicates and %d others. The references are in %s.",
			d.Enrolled, d.Replaced, d.LeftOut, d.Duplicates, d.Refused, d.Map)
	}
	if refused := d.Duplicates + d.Refused; err == nil && refused > 0 {
		return notSo("%d references were refused", refused)
	}
	return err
}
