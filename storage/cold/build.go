package cold

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"zhenni"
	"zhenni/storage/disk"
)

// buildBuffer is the memory between a build and each of its files, in bytes.
const buildBuffer = 1 << 20

// maxPlaces keeps place + 1 within 32 bits.
const maxPlaces = math.MaxUint32 - 1

// Build makes a tier in o.Dir, true at a commit, of what references visits: credentials with a template, in strictly
// ascending order of id. A tier that is there is replaced. It is made in a folder beside, which counts for nothing and
// which the next Build starts over; when Build returns, the tier is durable. Errors: [zhenni.ErrBadValue] for options
// and references out of range; that of references; that of the file system.
func Build(o Options, commit uint64, references func(visit func(zhenni.Reference) error) error) error {
	if err := o.Validate(); err != nil {
		return err
	}
	o = o.withDefaults()
	beside := o
	beside.Dir += building
	if err := os.RemoveAll(beside.Dir); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	if err := os.MkdirAll(beside.Dir, 0o700); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	if err := fill(beside, commit, references); err != nil {
		return errors.Join(err, os.RemoveAll(beside.Dir))
	}
	return swapIn(o, beside.Dir)
}

// swapIn gives a complete tier its name.
func swapIn(o Options, from string) error {
	if err := o.fault("swap"); err != nil {
		return err
	}
	if err := errors.Join(destroyKey(filepath.Join(o.Dir, manifestFile)), os.RemoveAll(o.Dir)); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	if err := o.fault("rename"); err != nil {
		return err
	}
	if err := errors.Join(os.Rename(from, o.Dir), disk.SyncDir(filepath.Dir(o.Dir))); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	return nil
}

// fill writes every file of a tier, the manifest last.
func fill(o Options, commit uint64, references func(visit func(zhenni.Reference) error) error) error {
	m, k, err := newManifest(o)
	if err != nil {
		return err
	}
	b := &builder{layout: newLayout(o.Model.Dim), keys: &k, entropy: bufio.NewReaderSize(o.Entropy, pageBytes)}
	if err := b.create(o.Dir); err != nil {
		return err
	}
	err = references(b.add)
	if err == nil {
		err = b.finish(o.fault)
	}
	if err = errors.Join(err, b.rowsFile.Close(), b.idsFile.Close()); err != nil {
		return err
	}
	m.Records = b.place
	if err := o.fault("mark"); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(o.Dir, markFile), mark{commit, b.place}.seal(&k)); err != nil {
		return err
	}
	if err := o.fault("manifest"); err != nil {
		return err
	}
	return m.write(o.Dir, k)
}

// builder writes records one behind the other.
type builder struct {
	layout
	keys    *keys
	entropy io.Reader

	rowsFile, idsFile *os.File
	rows, ids         *bufio.Writer

	opener opener
	random [randomBytes]byte
	page   []byte // the page being filled
	sector sector // the sector being filled
	place  uint32
	last   zhenni.CredentialID
}

func (b *builder) create(dir string) (err error) {
	if b.rowsFile, err = os.Create(filepath.Join(dir, rowsFile)); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	if b.idsFile, err = os.Create(filepath.Join(dir, idsFile)); err != nil {
		return errors.Join(fmt.Errorf("cold: %w", err), b.rowsFile.Close())
	}
	b.rows, b.ids = bufio.NewWriterSize(b.rowsFile, buildBuffer), bufio.NewWriterSize(b.idsFile, buildBuffer)
	b.page = make([]byte, 0, pageBytes)
	return nil
}

// add takes one reference.
func (b *builder) add(r zhenni.Reference) error {
	if err := checkReference(&r, b.dim); err != nil {
		return err
	}
	if b.place > 0 && bytes.Compare(r.ID[:], b.last[:]) <= 0 {
		return fmt.Errorf("%w: credential %s does not follow %s", zhenni.ErrBadValue, r.ID, b.last)
	}
	if b.place == maxPlaces {
		return fmt.Errorf("%w: more than %d records", zhenni.ErrBadValue, uint32(maxPlaces))
	}
	if _, err := io.ReadFull(b.entropy, b.random[:]); err != nil {
		return fmt.Errorf("%w: no entropy to seal a record: %w", zhenni.ErrUnavailable, err)
	}
	b.last = r.ID
	b.page = b.opener.seal(b.page, b.keys, b.place, &r, b.random[:])
	appendEntry(b.sector.entry(int(b.place) % entriesPerSector)[:0], &r.ID, r.Generation)
	b.place++
	return b.flush(false)
}

// flush writes page and sector when they are full, or at the end.
func (b *builder) flush(end bool) error {
	if filled := int(b.place) % b.perPage; filled == 0 && len(b.page) > 0 || end && len(b.page) > 0 {
		if _, err := b.rows.Write(append(b.page, make([]byte, pageBytes-len(b.page))...)); err != nil {
			return fmt.Errorf("cold: %w", err)
		}
		b.page = b.page[:0]
	}
	if used := int(b.place) % entriesPerSector; b.place > 0 && (used == 0) != end {
		b.sector.seal(b.keys, sectorOf(b.place-1))
		if _, err := b.ids.Write(b.sector[:]); err != nil {
			return fmt.Errorf("cold: %w", err)
		}
		b.sector = sector{}
	}
	return nil
}

// finish makes the files durable.
func (b *builder) finish(fault func(string) error) error {
	if err := b.flush(true); err != nil {
		return err
	}
	for _, f := range []struct {
		step   string
		writer *bufio.Writer
		file   *os.File
	}{{"rows", b.rows, b.rowsFile}, {"ids", b.ids, b.idsFile}} {
		if err := fault(f.step); err != nil {
			return err
		}
		if err := errors.Join(f.writer.Flush(), f.file.Sync()); err != nil {
			return fmt.Errorf("cold: %w", err)
		}
	}
	return nil
}

// checkReference refuses what can not be the reference of a credential with a template.
func checkReference(r *zhenni.Reference, dim int) error {
	known := zhenni.StatusActive <= r.Status && r.Status <= zhenni.StatusExpired
	if known && r.Tenant != 0 && r.Generation != 0 && r.Norm > 0 && len(r.Row) == dim {
		return nil
	}
	return fmt.Errorf("%w: no reference of a credential", zhenni.ErrBadValue)
}
