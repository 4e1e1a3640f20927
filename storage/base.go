package storage

import (
	"crypto/cipher"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

const (
	baseSealFile = "base.json"
	// maxBaseFile bounds a file of a base, which is read into memory to be held against its tag; Badger makes them of 64 MiB.
	maxBaseFile = 1 << 30
	baseUse     = "zhenni base 1"
)

// base is the lower layer of a view: the tables of one import, opened for reading only. It is immutable.
type base struct {
	tables tables
	seal   baseSeal
	held   *tallies
	// walked says that every record was found as tallied since Open.
	walked atomic.Bool
}

// baseSeal is the content of the file that says what a base is. Its MAC is over the JSON of the other fields.
type baseSeal struct {
	ID    string     `json:"id"`
	Held  []byte     `json:"tallies"`
	Files []baseFile `json:"files"`
	MAC   []byte     `json:"mac,omitempty"`
}

// baseFile is one file of a base. Its tag is AES-256-GMAC under a key of the base's own, the nonce its number in the list.
type baseFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Tag   []byte `json:"tag"`
}

func (b baseSeal) mac(key []byte) ([]byte, error) {
	b.MAC = nil
	return formMAC(b, key)
}

// damagedBase is damage of a base, whose bytes are nowhere else in the store.
func damagedBase(what string) error {
	return fmt.Errorf("%w: %s of the folder %s is damaged or missing, and nothing in the store has it again: put back that file from a backup "+
		"(table-…-%s), or make the store again with zhenni restore", zhenni.ErrCorrupt, what, baseDir, what)
}

// isBaseTable reports whether a file of Badger's is part of a base.
func isBaseTable(name string) bool { return strings.HasSuffix(name, ".sst") }

// makeBase makes the view, which an import has just written, the base of a new and empty one, and writes what is no
// credential's over it. A crash on the way is put right by the next Open, which finds the import half done.
func (s *Store) makeBase(held *tallies, over []record) error {
	if err := translate(s.db.Close()); err != nil {
		return err
	}
	s.step()
	if err := os.Rename(s.path(viewDir), s.path(baseDir)); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	s.step()
	seal, err := s.sealBase(held)
	if err != nil {
		return err
	}
	s.step()
	s.label.Base, s.label.Format = seal.ID, baseFormat
	if err := s.rewriteLabel(); err != nil {
		return err
	}
	s.step()
	if err := errors.Join(s.openBase(), s.reopenView(), syncDir(s.opts.Dir)); err != nil {
		return err
	}
	s.step()
	return s.writeRecords(over)
}

// reopenView opens the view in the place of one that was closed.
func (s *Store) reopenView() error {
	db, err := openBadger(s.opts, true)
	if err == nil {
		s.db = db
	}
	return err
}

// sealBase removes from the folder of a base what no reader needs, and seals the rest.
func (s *Store) sealBase(held *tallies) (baseSeal, error) {
	dir := s.path(baseDir)
	var id [chunkIDSize]byte
	if _, err := io.ReadFull(s.opts.Entropy, id[:]); err != nil {
		return baseSeal{}, fmt.Errorf("%w: no entropy for a base: %w", zhenni.ErrUnavailable, err)
	}
	seal := baseSeal{ID: hex.EncodeToString(id[:]), Held: appendPlaced(nil, held.list())}
	files, err := os.ReadDir(dir)
	if err != nil {
		return seal, fmt.Errorf("storage: %w", err)
	}
	for _, f := range files {
		if isBaseTable(f.Name()) {
			seal.Files = append(seal.Files, baseFile{Name: f.Name()})
		} else if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
			return seal, fmt.Errorf("storage: %w", err)
		}
	}
	aead, err := seal.aead(s.keys)
	if err != nil {
		return seal, err
	}
	if err := inParallel(len(seal.Files), func(n int) error {
		f := &seal.Files[n]
		content, err := readBaseFile(filepath.Join(dir, f.Name))
		f.Bytes, f.Tag = int64(len(content)), aead.Seal(nil, chunkNonce(uint64(n), true), nil, content)
		return err
	}); err != nil {
		return seal, err
	}
	if seal.MAC, err = seal.mac(s.keys.log); err != nil {
		return seal, err
	}
	text, err := json.MarshalIndent(seal, "", " ")
	if err != nil {
		return seal, fmt.Errorf("storage: %w", err)
	}
	return seal, errors.Join(writeFile(filepath.Join(dir, baseSealFile), append(text, '\n')), syncDir(s.opts.Dir))
}

// aead makes the key of the tags.
func (b baseSeal) aead(keys storeKeys) (cipher.AEAD, error) {
	var id [chunkIDSize]byte
	if n, err := hex.Decode(id[:], []byte(b.ID)); err != nil || n != len(id) {
		return nil, fmt.Errorf("%w: %s names no base", zhenni.ErrCorrupt, baseSealFile)
	}
	return newChunkAEAD(keys.log, baseUse, id)
}

// inParallel calls do for every number below n, on all cores.
func inParallel(n int, do func(i int) error) error {
	var next atomic.Int64
	workers := min(n, runtime.GOMAXPROCS(0))
	failed := make([]error, workers)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed[worker] == nil; i = next.Add(1) - 1 {
				failed[worker] = do(int(i))
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// readBaseFile reads a file of a base from the disk.
func readBaseFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	defer f.Close()
	forget(f)
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	if info.Size() > maxBaseFile {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", zhenni.ErrCorrupt, filepath.Base(path), maxBaseFile)
	}
	content := make([]byte, info.Size())
	if _, err := io.ReadFull(f, content); err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return content, nil
}

// readBaseSeal reads what says what the base in a folder is: [zhenni.ErrCorrupt].
func readBaseSeal(dir string, keys storeKeys) (seal baseSeal, err error) {
	text, err := readBaseFile(filepath.Join(dir, baseSealFile))
	if err != nil || json.Unmarshal(text, &seal) != nil {
		return seal, damagedBase(baseSealFile)
	}
	mac, err := seal.mac(keys.log)
	if err != nil || !hmac.Equal(mac, seal.MAC) {
		return seal, damagedBase(baseSealFile)
	}
	return seal, nil
}

// content reads one file of the base and holds it against its tag: [zhenni.ErrCorrupt].
func (b baseSeal) content(dir string, n int, aead cipher.AEAD) ([]byte, error) {
	f := b.Files[n]
	content, err := readBaseFile(filepath.Join(dir, f.Name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, damagedBase(f.Name)
	}
	if err != nil {
		return nil, err
	}
	if _, err := aead.Open(nil, chunkNonce(uint64(n), true), f.Tag, content); err != nil {
		return nil, damagedBase(f.Name)
	}
	return content, nil
}

// verify reads every file of the base where whole is set, else it looks whether each is there in its length.
func (b baseSeal) verify(dir string, keys storeKeys, whole bool) error {
	aead, err := b.aead(keys)
	if err != nil {
		return err
	}
	return inParallel(len(b.Files), func(n int) error {
		f := b.Files[n]
		if whole {
			_, err := b.content(dir, n, aead)
			return err
		}
		if info, err := os.Stat(filepath.Join(dir, f.Name)); err != nil || info.Size() != f.Bytes {
			return damagedBase(f.Name)
		}
		return nil
	})
}

// openBase opens the base that the header names, none where it names none. Its files are read whole where those of the
// view are, and where the view was found damaged: the damage may be here, where making the view anew is no help.
func (s *Store) openBase() error {
	if s.label.Base == "" {
		return s.refuseStrayBase()
	}
	dir := s.path(baseDir)
	seal, err := readBaseSeal(dir, s.keys)
	if err != nil {
		return err
	}
	if seal.ID != s.label.Base {
		return fmt.Errorf("%w: %s is not the base that %s names; restore the store", zhenni.ErrCorrupt, baseDir, headerFile)
	}
	held, _, err := decodePlaced(seal.Held)
	if err != nil {
		return damagedBase(baseSealFile)
	}
	if err := seal.verify(dir, s.keys, s.verifyFirst() || s.isMarked()); err != nil {
		return err
	}
	b := &base{seal: seal, held: new(tallies)}
	b.held.add(held)
	if b.tables, err = openTables(dir, seal.names()); err != nil {
		return err
	}
	s.base = b
	return nil
}

func (b baseSeal) names() (names []string) {
	for _, f := range b.Files {
		names = append(names, f.Name)
	}
	return names
}

// refuseStrayBase refuses a header that is older than the base beside it. While an import is half done there may be one
// that no header names yet.
func (s *Store) refuseStrayBase() error {
	_, half := os.Stat(s.path(importFile))
	if _, err := os.Stat(filepath.Join(s.path(baseDir), baseSealFile)); err == nil && half != nil {
		return fmt.Errorf("%w: %s is an older copy, which does not name the base in %s; put back the newest", zhenni.ErrCorrupt, headerFile, baseDir)
	}
	return nil
}

// close closes the base, which may be none.
func (b *base) close() error {
	if b == nil {
		return nil
	}
	return b.tables.close()
}

// dropBase removes the base of an import that is put back. The header ceases to name it first.
func (s *Store) dropBase() error {
	if err := s.base.close(); err != nil {
		return err
	}
	s.base = nil
	if s.label.Base != "" {
		s.label.Base, s.label.Format = "", format
		if err := s.rewriteLabel(); err != nil {
			return err
		}
	}
	s.step()
	if err := os.RemoveAll(s.path(baseDir)); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return syncDir(s.opts.Dir)
}

// baseID is the id of the base that the view lies over, "" for none.
func (s *Store) baseID() string {
	if s.base == nil {
		return ""
	}
	return s.base.seal.ID
}

// walkBase reads every record of the base, once since Open, and holds them against their tallies: [zhenni.ErrCorrupt]. No
// snapshot rests on a base, and no log is cut behind it, before that.
func (s *Store) walkBase() error {
	b := s.base
	if b == nil || b.walked.Load() {
		return nil
	}
	var mu sync.Mutex
	all := new(tallies)
	if err := inParallel(len(b.tables), func(n int) error {
		sums, err := s.sumTable(b.tables[n : n+1])
		mu.Lock()
		defer mu.Unlock()
		all.add(sums)
		return err
	}); err != nil {
		return err
	}
	if *all != *b.held {
		return damagedBase("a table")
	}
	b.walked.Store(true)
	return nil
}

// sumTable tallies the records of tables.
func (s *Store) sumTable(t tables) (_ []placed, err error) {
	defer damagePanics(&err, "a table of the base")
	sums, d := new(tallies), s.digest
	it := t.newCursor(nil)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		r := it.Item()
		if err := r.Value(func(value []byte) error { d.count(sums, r.Key(), value); return nil }); err != nil {
			return nil, err
		}
	}
	return sums.list(), nil
}

// overlay tallies the records that lie over a base, each in the place of the one that it hides: what the view holds.
type overlay struct {
	digest digester
	base   tables // nil without a base
	sums   *tallies
}

func (s *Store) newOverlay(onBase bool) *overlay {
	o := &overlay{digest: s.digest, sums: new(tallies)}
	if onBase && s.base != nil {
		*o.sums, o.base = *s.base.held, s.base.tables
	}
	return o
}

// take tallies one record.
func (o *overlay) take(r record) error {
	o.digest.count(o.sums, r.key, r.value)
	if o.base == nil {
		return nil
	}
	hidden, err := o.base.Get(r.key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return translate(err)
	}
	return hidden.Value(func(value []byte) error {
		place, t := o.digest.one(r.key, value)
		o.sums[place].subtract(t)
		return nil
	})
}
