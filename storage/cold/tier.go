package cold

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"zhenni"
	"zhenni/storage/disk"
)

// Tier is an open cold tier. Read may be called from several goroutines; the methods that change it take turns with each
// other and run beside reads.
type Tier struct {
	opts Options
	keys keys
	layout

	// rows and ids are written by whoever holds turn. Reads of records go through direct, around the page cache where the
	// file system has that.
	rows, ids, direct *os.File

	turn   sync.Mutex
	opener opener
	record []byte
	sector sector
	next   uint32 // the first place not given out
	room   uint32 // the places that the files have room for

	// mu guards what follows. It is write-locked for moments only.
	mu     sync.RWMutex
	index  index
	failed error

	mark atomic.Uint64
	// idle holds the sessions that no call uses; closed when the tier is.
	idle   chan *session
	counts counts
}

type counts struct{ pages, damaged, doubted atomic.Uint64 }

// Stats describes a tier now.
type Stats struct {
	Records int   // that the index knows
	Index   int64 // bytes of memory that the index takes
	Disk    int64 // bytes of rows and ids
	// Pages is how many pages were read, Damaged how many records failed their seal, Doubted how many were of another
	// generation than the index, each since Open.
	Pages, Damaged, Doubted uint64
}

// Open opens the tier in o.Dir and reads its ids. The caller brings it up from [Tier.Commit] before it believes it.
// Errors: [zhenni.ErrBadValue] for options out of range and for another model; [zhenni.ErrNotFound] where there is none;
// [zhenni.ErrWrongKey], [zhenni.ErrFormat]; [zhenni.ErrCorrupt] for one that was changed. Whatever it is, [Build] makes
// another.
func Open(o Options) (_ *Tier, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	t := &Tier{opts: o.withDefaults(), layout: newLayout(o.Model.Dim)}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.release())
		}
	}()
	m, k, err := readManifest(t.opts)
	if err != nil {
		return nil, err
	}
	t.keys = k
	marked, err := t.openFiles()
	if err != nil {
		return nil, err
	}
	if err := t.loadIndex(m.Records); err != nil {
		return nil, err
	}
	if err := t.clearFrom(marked.next); err != nil {
		return nil, err
	}
	t.mark.Store(marked.commit)
	t.idle = make(chan *session, t.opts.Calls)
	for range t.opts.Calls {
		t.idle <- newSession(t)
	}
	return t, nil
}

func (t *Tier) openFiles() (mark, error) {
	text, err := os.ReadFile(filepath.Join(t.opts.Dir, markFile))
	if err != nil {
		return mark{}, missingIsCorrupt(err)
	}
	marked, err := openMark(text, &t.keys)
	if err != nil {
		return marked, err
	}
	for name, file := range map[string]**os.File{rowsFile: &t.rows, idsFile: &t.ids} {
		if *file, err = os.OpenFile(filepath.Join(t.opts.Dir, name), os.O_RDWR, 0); err != nil {
			return marked, missingIsCorrupt(err)
		}
	}
	t.direct, err = openPages(t.rows, t.opts.noDirect)
	return marked, err
}

// missingIsCorrupt is for a file that the manifest says is there.
func missingIsCorrupt(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: the cold tier lacks a file: %w", zhenni.ErrCorrupt, err)
	}
	return fmt.Errorf("cold: %w", err)
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("cold: %w", err)
	}
	return info.Size(), nil
}

// Commit returns the commit up to which the tier was marked true. Later ones may be in it in part.
func (t *Tier) Commit() uint64 { return t.mark.Load() }

// Stats may be called from any goroutine.
func (t *Tier) Stats() Stats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := Stats{
		Records: t.index.live, Index: t.index.bytes(),
		Pages: t.counts.pages.Load(), Damaged: t.counts.damaged.Load(), Doubted: t.counts.doubted.Load(),
	}
	for _, f := range []*os.File{t.rows, t.ids} {
		if size, err := fileSize(f); err == nil {
			s.Disk += size
		}
	}
	return s
}

var errClosed = fmt.Errorf("%w: the cold tier is closed", zhenni.ErrUnavailable)

// Close waits for the calls under way and closes the tier, whose mark stays where it is. Later calls are refused:
// [zhenni.ErrUnavailable]. A second Close does nothing.
func (t *Tier) Close() error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.breakBy(errClosed) {
		return nil
	}
	for range t.opts.Calls {
		(<-t.idle).close()
	}
	close(t.idle)
	return t.release()
}

// breakBy refuses every later call because of err. It reports whether the tier was closed before.
func (t *Tier) breakBy(err error) (closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == errClosed {
		return true
	}
	t.failed = err
	return false
}

func (t *Tier) release() error {
	var errs []error
	for _, f := range []*os.File{t.rows, t.ids, t.direct} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// readEntry reads the entry of a place.
func (t *Tier) readEntry(place uint32, entry *[entryBytes]byte) error {
	at := sectorOf(place)*sectorBytes + int64(place)%entriesPerSector*int64(entryBytes)
	if _, err := t.ids.ReadAt(entry[:], at); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cold: %w", err)
	}
	return nil
}

// locate returns what the index holds of id, 0 for nothing. The caller holds turn, or the tier is not open yet.
func (t *Tier) locate(id *zhenni.CredentialID) (uint64, error) {
	var entry [entryBytes]byte
	for n := 0; ; n++ {
		candidate := t.index.candidate(id, n)
		if candidate == 0 {
			return 0, nil
		}
		if err := t.readEntry(placeIn(candidate), &entry); err != nil {
			return 0, err
		}
		if zhenni.CredentialID(entry[:idBytes]) == *id {
			return candidate, nil
		}
	}
}

// syncRows makes what was written to the rows durable.
func (t *Tier) syncRows() error {
	if err := t.opts.fault("sync"); err != nil {
		return err
	}
	return disk.SyncData(t.rows)
}
