package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni/storage/disk"
)

// Every file of a log, in its folder.
const (
	checkpointFile = "checkpoint"           // the newest signed checkpoint
	witnessedFile  = "checkpoint.witnessed" // the newest checkpoint that carries a witness' cosignature
	secretsFile    = "keys"                 // signed: the log's keys, wrapped, and its public key
	changesFile    = "changes"              // the newest change of state
	prunedFile     = "pruned"               // signed: below which index the entries were deleted
	epochDir       = "epoch/"               // epoch/<n>: the checkpoint of size (n+1)·EpochSize
	journalDir     = "journal/"             // journal/<16 hexadecimal digits>: segments
	spareFile      = "journal/spare.new"    // a segment on its way to be used again
	tileDir        = "tile/"                // tile/<level>/<n>, tile/entries/<n>
	entriesDir     = "tile/entries/"
	temporary      = ".new" // ends the name of a file being replaced; a crash may leave one, which means nothing
)

// tileHeight is the height C2SP tlog-tiles prescribes: a full tile has 256 hashes, a full bundle 256 entries.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// entriesLevel is the level tlog gives to bundles of entries.
const entriesLevel = -1

// tilePath is the name of a tile, or of a bundle where t.L is entriesLevel.
func tilePath(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), "tile/"+strconv.Itoa(tileHeight)+"/")
	if t.L == entriesLevel {
		return entriesDir + strings.TrimPrefix(rest, "data/")
	}
	return tileDir + rest
}

// partialDir is the folder of the partial forms of a tile.
func partialDir(t tlog.Tile) string {
	t.W = tileWidth
	return tilePath(t) + ".p/"
}

// parseTilePath reads a name written by tilePath, in that spelling only: [zhenni.ErrBadValue].
func parseTilePath(name string) (tlog.Tile, error) {
	rest, ok := strings.CutPrefix(name, tileDir)
	if entries, is := strings.CutPrefix(name, entriesDir); is {
		rest = "data/" + entries
	}
	t, err := tlog.ParseTilePath("tile/" + strconv.Itoa(tileHeight) + "/" + rest)
	if !ok || err != nil || tilePath(t) != name {
		return tlog.Tile{}, badValue("%q is not the path of a tile", name)
	}
	return t, nil
}

func epochFile(n int64) string       { return epochDir + strconv.FormatInt(n, 10) }
func segmentFile(n uint64) string    { return journalDir + fmt.Sprintf("%016x", n) }
func isTemporary(name string) bool   { return strings.HasSuffix(name, temporary) }
func isPartial(name string) bool     { return strings.Contains(name, ".p/") }
func notExist(err error) bool        { return errors.Is(err, fs.ErrNotExist) }
func numbered(name string) int64     { return decimal(strings.TrimPrefix(name, epochDir)) }
func ioError(err error) error        { return fmt.Errorf("audit: %w", err) }
func under(name, folder string) bool { return strings.HasPrefix(name, folder) }

// decimal reads a number in its one spelling, or returns -1.
func decimal(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return -1
	}
	return n
}

// FS is the folder of a log. Names are slash-separated and relative. One log or checker uses it at a time, from
// several goroutines.
type FS interface {
	// Open opens an existing file for writing in place.
	Open(name string) (File, error)
	// ReadFile returns a whole file; an absent one is [fs.ErrNotExist].
	ReadFile(name string) ([]byte, error)
	// Write replaces files whole, making their folders: after a crash each has its old content or its new one, and all
	// are durable when Write returns.
	Write(files ...Content) error
	// Remove removes a file; an absent one is no error. It need not be durable.
	Remove(name string) error
	// Rename gives a file another name in its folder, whose file it replaces. It is durable when Rename returns.
	Rename(from, to string) error
	// List names every file below a folder ("" is all), sorted. An absent folder has none.
	List(folder string) ([]string, error)
}

// Content is a file to write.
type Content struct {
	Name string
	Data []byte
}

// File is a file that keeps its size and is written in place by one goroutine.
type File interface {
	// WriterAt writes what survives the process at once, and a power failure some time later or with the next Sync.
	io.WriterAt
	// Through writes b and returns nil when it is durable; what WriteAt wrote elsewhere need not be.
	Through(b []byte, at int64) error
	// Sync makes everything durable that was written.
	Sync() error
	io.Closer
}

// Folder is the [FS] of a folder of the operating system. It is made when it does not exist.
func Folder(dir string) FS { return folder(dir) }

type folder string

func (d folder) path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

func (d folder) Open(name string) (File, error) {
	f, err := disk.OpenInPlace(d.path(name))
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d folder) ReadFile(name string) ([]byte, error) { return os.ReadFile(d.path(name)) }

// Remove removes the folder of a tile's partial forms with the last of them.
func (d folder) Remove(name string) error {
	path := d.path(name)
	if err := os.Remove(path); err != nil && !notExist(err) {
		return err
	}
	if isPartial(name) {
		_ = os.Remove(filepath.Dir(path)) // which fails where there are others
	}
	return nil
}

func (d folder) Rename(from, to string) error {
	if err := os.Rename(d.path(from), d.path(to)); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(d.path(to)))
}

// Write writes, syncs and renames each step for all files: the syncs run side by side and share what they cost the
// file system, and a folder is synced once.
func (d folder) Write(files ...Content) error {
	var work together
	folders := map[string]bool{}
	for _, file := range files {
		path := d.path(file.Name)
		folders[filepath.Dir(path)] = true
		f, err := create(path + temporary)
		if err != nil {
			return errors.Join(err, work.wait())
		}
		work.run(func() error {
			err := disk.Fill(f, file.Data)
			return errors.Join(err, f.Sync(), f.Close())
		})
	}
	if err := work.wait(); err != nil {
		return err
	}
	for _, file := range files {
		path := d.path(file.Name)
		if err := os.Rename(path+temporary, path); err != nil {
			return err
		}
	}
	for dir := range folders {
		if err := disk.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// together runs functions side by side and joins their errors. The zero value is ready.
type together struct {
	running sync.WaitGroup
	mu      sync.Mutex
	err     error
}

func (g *together) run(f func() error) {
	g.running.Go(func() {
		err := f()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.err = errors.Join(g.err, err)
	})
}

func (g *together) wait() error {
	g.running.Wait()
	return g.err
}

// create makes the file at path and, where it has to, the folders above it, each durable in the one above.
func create(path string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	f, err := os.OpenFile(path, flags, 0o600)
	if !notExist(err) {
		return f, err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return os.OpenFile(path, flags, 0o600)
}

func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if notExist(err) {
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return disk.SyncDir(filepath.Dir(dir))
}

func (d folder) List(below string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(d.path(below), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(string(d), path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if notExist(err) {
		return nil, nil
	}
	return names, err
}
