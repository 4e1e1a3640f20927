package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/labelled"
	"zhenni/engine"
	"zhenni/storage"
)

// enrolCommand is enrol.
type enrolCommand struct {
	In           string       `arg:"" type:"path" placeholder:"PATH" help:"Labelled embeddings: a folder of embeddings.f32, labels.csv and meta.json, or a .npy, .csv or .parquet file. With --sealed: a folder that has sealed.csv, of zhenni seal, in the place of labels.csv, or a .parquet file with the columns image_id, sealed_identity and embedding."`
	Map          string       `required:"" type:"path" placeholder:"FILE" help:"CSV to write: image_id, identity, credential. Images that it has already are left out, so an interrupted run can be taken up again. With --sealed it is made anew by every run, from what the store has, and names nobody."`
	Level        zhenni.Level `default:"lite" placeholder:"LEVEL" help:"Level of the credentials: lite or full."`
	OnePerPerson bool         `help:"Enrol the first image of each person only."`
	serverFlags
	Store   string          `type:"path" placeholder:"DIR" help:"Enrol into the store of a stopped server instead, which is faster. An empty store is filled by an import."`
	Tenant  zhenni.TenantID `placeholder:"N" help:"With --store: tenant of the credentials (default 1). With --sealed it is to be named: the tenant of references of serve --reference-tenant."`
	Profile string          `type:"path" placeholder:"FILE" help:"With --store: profile of the model, to make a store that does not exist."`
	keyFlags
	auditFlags
	CreateKey bool `help:"With --store: make the key file where it does not exist."`
	Base      bool `help:"With --store: make what fills an empty store its base, which snapshots refer to and do not hold once more. It takes half the disk, and the only other copy of it is the backup."`
	sealedFlags
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni enrol --help.
func (enrolCommand) Help() string {
	return `Examples:

    zhenni enrol faces/ --map credentials.csv --api-key-file issuer.key
    zhenni enrol faces.parquet --map credentials.csv --one-per-person --level full --url https://id.example:8443
    zhenni enrol faces/ --map credentials.csv --store zhenni-data --profile profile.json --create-key
    zhenni enrol photographs/ --sealed --tenant 9 --identity-root identity.root --identity-key identity.key --map references.csv --store zhenni-data`
}

// enrolled is what the command prints.
type enrolled struct {
	Enrolled int    `json:"enrolled"`
	LeftOut  int    `json:"left_out"`
	Refused  int    `json:"refused"`
	Map      string `json:"map"`
}

// Run enrols the set.
func (c *enrolCommand) Run(ctx context.Context, out *output) (err error) {
	if c.Sealed {
		return c.importSealed(ctx, out)
	}
	c.Tenant = cmp.Or(c.Tenant, 1)
	set, err := labelled.Read(ctx, c.In, nil)
	if err != nil {
		return environment("%w", err)
	}
	m, err := openMapping(c.Map)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	rows := c.choose(set, m)
	into := c.post
	if c.Store != "" {
		into = c.fill
	}
	bar := out.Progress("references", int64(len(rows)))
	refused, err := into(ctx, set, rows, m, bar, out)
	bar.Done()
	if err != nil {
		return err
	}
	return c.print(enrolled{len(rows) - refused, set.Len() - len(rows), refused, c.Map}, out)
}

func (c *enrolCommand) print(done enrolled, out *output) error {
	var err error
	if c.JSON {
		err = out.JSON(done)
	} else {
		err = out.Print("Enrolled %d, left out %d, refused %d. The credentials are in %s.", done.Enrolled, done.LeftOut, done.Refused, done.Map)
	}
	if err == nil && done.Refused > 0 {
		return notSo("%d references were refused", done.Refused)
	}
	return err
}

// choose returns the rows to enrol.
func (c *enrolCommand) choose(set *labelled.Set, m *mapping) []int {
	var rows []int
	for i := range set.Len() {
		label := set.Label(i)
		_, done := m.byImage[label.ImageID]
		second := c.OnePerPerson && (i > 0 && set.Label(i-1).Person == label.Person || len(m.byIdentity[label.Person]) > 0)
		if !done && !second {
			rows = append(rows, i)
		}
	}
	return rows
}

// enrolPart is the number of references of one request or one change of the store.
const enrolPart = 512

// post enrols over HTTP, part by part; the mapping follows each answer.
func (c *enrolCommand) post(ctx context.Context, set *labelled.Set, rows []int, m *mapping, bar *progress, out *output) (refused int, err error) {
	client, err := c.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if err := checkServed(client, set.Dim()); err != nil {
		return 0, err
	}
	var answers []bench.Enrolled
	for part := range slices.Chunk(rows, enrolPart) {
		references := bench.Vectors{Dim: set.Dim()}
		for _, row := range part {
			references.Float32 = append(references.Float32, set.Embedding(row)...)
		}
		err := patiently(ctx, func() (err error) {
			answers, err = client.EnrolLines(c.Level, references, answers[:0])
			return err
		})
		if err != nil {
			return refused, environment("enrol: %w", err)
		}
		for i, row := range part {
			if answers[i].Refused != zhenni.Pending {
				refused++
				out.Note("%s: refused: %s", set.Label(row).ImageID, answers[i].Refused.Reason())
			} else if err := m.add(set.Label(row), answers[i].ID); err != nil {
				return refused, environment("--map: %w", err)
			}
		}
		if err := m.sync(); err != nil {
			return refused, environment("--map: %w", err)
		}
		bar.Add(len(part))
	}
	return refused, nil
}

// fill enrols into the store of a stopped server.
func (c *enrolCommand) fill(ctx context.Context, set *labelled.Set, rows []int, m *mapping, bar *progress, out *output) (refused int, err error) {
	store, err := c.openStore(out)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if store.Model().Dim != set.Dim() {
		return 0, usage("%s has %d elements, the store's model %s has %d", c.In, set.Dim(), store.Model().ID, store.Model().Dim)
	}
	enrolments, err := c.enrolments(set, rows, store.Model())
	if err != nil {
		return 0, err
	}
	record := func(first, last int) error {
		for i := first; i < last; i++ {
			if err := m.add(set.Label(rows[i]), enrolments[i].ID); err != nil {
				return environment("--map: %w", err)
			}
		}
		return wrapped("--map", m.sync())
	}
	add := applyAll
	if store.Count() == 0 {
		add = c.importAll
	}
	if err := add(ctx, store, enrolments, bar, record); err != nil {
		return 0, environment("enrol: %w", err)
	}
	return 0, nil
}

func (c *enrolCommand) openStore(out *output) (*recordedStore, error) {
	flags := storeFlags{c.Store, c.keyFlags, c.auditFlags}
	if c.Profile == "" {
		return flags.open(false, out)
	}
	profile, err := readProfile(c.Profile)
	if err != nil {
		return nil, err
	}
	return flags.openOrCreate(profile.Model, c.CreateKey, out)
}

// enrolments prepares the commands; those for an import must ascend by id.
func (c *enrolCommand) enrolments(set *labelled.Set, rows []int, model zhenni.Model) ([]zhenni.Enrol, error) {
	ids, err := drawIDs(len(rows))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	list := make([]zhenni.Enrol, len(rows))
	for i, row := range rows {
		quantised := make([]int8, set.Dim())
		if _, err := engine.Prepare(quantised, set.Embedding(row)); err != nil {
			return nil, usage("%s: %w", set.Label(row).ImageID, err)
		}
		list[i] = zhenni.Enrol{ID: ids[i], Tenant: c.Tenant, Level: c.Level, Model: model.ID, Row: quantised, At: now}
	}
	return list, nil
}

// importAll fills an empty store, all at once, and then has it recorded.
func (c *enrolCommand) importAll(
	ctx context.Context, store *recordedStore, list []zhenni.Enrol, bar *progress, record func(first, last int) error,
) error {
	load, err := store.NewImport(ctx, storage.ImportOptions{Base: c.Base})
	if err != nil {
		return err
	}
	for _, enrolment := range list {
		if err := load.Add(enrolment); err != nil {
			return errors.Join(err, load.Abort())
		}
		bar.Add(1)
	}
	if err := load.Commit(); err != nil {
		return err
	}
	return record(0, len(list))
}

// applyAll adds to a store part by part, each recorded once it is durable.
func applyAll(ctx context.Context, store *recordedStore, list []zhenni.Enrol, bar *progress, record func(first, last int) error) error {
	done := 0
	for part := range slices.Chunk(list, enrolPart) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		commands := make([]zhenni.Command, len(part))
		for i, enrolment := range part {
			commands[i] = enrolment
		}
		if err := applyPart(ctx, store, commands); err != nil {
			return err
		}
		if err := record(done, done+len(part)); err != nil {
			return err
		}
		done += len(part)
		bar.Add(len(part))
	}
	return nil
}

// drawIDs draws n distinct credential ids in ascending order.
func drawIDs(n int) ([]zhenni.CredentialID, error) {
	ids := make([]zhenni.CredentialID, n)
	for i := range ids {
		var err error
		if ids[i], err = drawID(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ids, func(a, b zhenni.CredentialID) int { return bytes.Compare(a[:], b[:]) })
	return ids, nil
}
