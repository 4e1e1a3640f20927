package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"

	"zhenni"
)

// verifyAtOnce is the size in bytes of the tables that Open reads whole before it goes on: it takes no time worth saving.
// Those of a larger view are read once it serves, see [Store.Scrubbed].
const verifyAtOnce = 256 << 20

// verifyTables opens every table of a view that is about to be opened, and reads all of each where whole is set. Badger
// does too, but in goroutines of its own, where a damaged table is a panic that ends the process; and a view without its
// manifest it takes for a new one, whose tables it removes. Either is [zhenni.ErrCorrupt] here, before anything is
// changed. It returns the number of the last commit in them.
func verifyTables(dir string, manifest badger.Manifest, whole bool) (last uint64, err error) {
	paths := make(chan string, len(manifest.Tables))
	for id := range manifest.Tables {
		paths <- table.NewFilename(id, dir)
	}
	close(paths)
	mode := options.OnBlockRead
	if whole {
		mode = options.OnTableAndBlockRead
	}
	workers := runtime.GOMAXPROCS(0)
	damage, lasts := make([]error, workers), make([]uint64, workers)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for path := range paths {
				last, err := verifyTable(path, mode)
				damage[worker], lasts[worker] = errors.Join(damage[worker], err), max(lasts[worker], last)
			}
		})
	}
	wg.Wait()
	return slices.Max(lasts), errors.Join(damage...)
}

// readManifest returns the manifest of a view, an empty one for a view that is not there yet.
func readManifest(dir string, opts badger.Options) (badger.Manifest, error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return badger.Manifest{}, refuseData(dir)
	}
	if err != nil {
		return badger.Manifest{}, fmt.Errorf("storage: %w", err)
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, opts.ExternalMagicVersion, opts)
	if err != nil {
		return manifest, fmt.Errorf("%w: the view's manifest: %w", zhenni.ErrCorrupt, err)
	}
	return manifest, nil
}

// refuseData refuses a view without a manifest that holds tables or logs; Badger makes those after its manifest.
func refuseData(dir string) error {
	for _, pattern := range []string{"*.sst", "*.mem"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) > 0 {
			return fmt.Errorf("%w: the view has lost its manifest; restore the store", zhenni.ErrCorrupt)
		}
	}
	return nil
}

func verifyTable(path string, mode options.ChecksumVerificationMode) (last uint64, err error) {
	opened, err := openTable(path, mode)
	if err != nil {
		return 0, err
	}
	last = opened.MaxVersion()
	if err := opened.Close(-1); err != nil {
		return 0, fmt.Errorf("storage: table %s: %w", path, err)
	}
	return last, nil
}

// openTable opens one table, after reading as much of it against its checksums as mode says: [zhenni.ErrCorrupt].
func openTable(path string, mode options.ChecksumVerificationMode) (_ *table.Table, err error) {
	defer damagePanics(&err, path)
	file, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: table %s: %w", zhenni.ErrCorrupt, path, err)
	}
	opened, err := table.OpenTable(file, table.Options{ReadOnly: true, ChkMode: mode})
	if err != nil {
		return nil, fmt.Errorf("%w: table %s: %w", zhenni.ErrCorrupt, path, err)
	}
	return opened, nil
}

// damagePanics, deferred, turns the panic in which Badger's table code ends on damaged input into [zhenni.ErrCorrupt].
func damagePanics(err *error, what string) {
	if recover() != nil {
		*err = fmt.Errorf("%w: %s is damaged", zhenni.ErrCorrupt, what)
	}
}

// tableFiles returns the tables of an open view, each whole by now.
func (s *Store) tableFiles() []string {
	var paths []string
	for _, info := range s.db.Tables() {
		paths = append(paths, table.NewFilename(info.ID, s.path(viewDir)))
	}
	return paths
}

// verifyOpenTable reads a table of an open view against its checksums and returns its size: [zhenni.ErrCorrupt]. It reads
// a copy: a compaction that removes the table cuts it first, and a mapping of it would end the process.
func verifyOpenTable(path string) (size int, err error) {
	defer damagePanics(&err, path)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, gone(path, err)
	}
	id, _ := table.ParseFileID(path)
	opened, err := table.OpenInMemoryTable(b, id, &table.Options{ReadOnly: true, ChkMode: options.OnBlockRead})
	if err == nil {
		err = opened.VerifyChecksum()
	}
	if err != nil {
		return len(b), gone(path, fmt.Errorf("%w: table %s: %w", zhenni.ErrCorrupt, path, err))
	}
	return len(b), nil
}

// gone is nil where the file was removed meanwhile, else err.
func gone(path string, err error) error {
	if info, missing := os.Stat(path); missing != nil || info.Size() == 0 {
		return nil
	}
	return err
}

// verifyChecksums checks the tables of an open view.
func (s *Store) verifyChecksums() (err error) {
	defer damagePanics(&err, "a table")
	err = translate(s.db.VerifyChecksum())
	if err == nil && s.base != nil {
		err = s.base.seal.verify(s.path(baseDir), s.keys, true)
	}
	return err
}
