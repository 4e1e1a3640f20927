package layer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/storage/disk"
)

// pageBytes is what is read and written of the disk at a time.
const pageBytes = 4096

// rowsFile is the slab of the crowd as a file, mapped into memory.
type rowsFile struct {
	path    string
	rows    []int8
	release func() error
	sum     int8
}

// writeRows writes the rows of the crowd to a new file, durably: what waits to be written could not be dropped.
func writeRows(path string, c *crowd) (_ *rowsFile, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	_, err = f.Write(unsigned(c.rows))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	memory, release, err := mapFile(path, len(c.rows))
	if err != nil {
		return nil, err
	}
	return &rowsFile{path: path, rows: signed(memory), release: release}, nil
}

// Close gives the mapping back.
func (f *rowsFile) Close() error { return f.release() }

// touch reads a byte of every page.
func (f *rowsFile) touch() {
	for at := 0; at < len(f.rows); at += pageBytes {
		f.sum += f.rows[at]
	}
}

// diskCases measure the disk under the folder, and what is cold on it.
func (s *storeBench) diskCases(b *Bench) error {
	synced, err := newSyncedFile(filepath.Join(s.dir, "synced"))
	if err != nil {
		return err
	}
	b.atClose(synced.Close)
	b.add(rate("disk/sync", ""), func(ctx context.Context, about time.Duration) (result.Sample, error) {
		return Press(ctx, 1, about, func(int) (int, error) { return 1, synced.write() })
	})
	pages, err := OpenPages(s.file.path)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	} else if err != nil {
		return err
	}
	b.atClose(pages.Close)
	for _, depth := range []int{1, 32} {
		m := rate(fmt.Sprintf("disk/read/depth=%d", depth), "")
		m.Sweep, m.X = "depth", float64(depth)
		b.add(m, pages.Random(depth, s.Seed, s.checkPage))
	}
	g := s.getters(1)[0]
	b.add(rate("get/cold", "disk/read/depth=1"), s.cold(g.stored))
	b.add(rate("file/cold", "disk/read/depth=1"), s.cold(g.flat))
	return nil
}

// checkPage holds a page of the rows against the crowd's.
func (s *storeBench) checkPage(page int, content []byte) error {
	if [lineBytes]int8(signed(content)) != [lineBytes]int8(s.crowd.rows[page*pageBytes:]) {
		return fmt.Errorf("%w: page %d of the file is not what was written", zhenni.ErrCorrupt, page)
	}
	return nil
}

// cold measures single gets, before each of which what the system holds of the folder is dropped; that is not counted.
func (s *storeBench) cold(get func() (int, error)) func(context.Context, time.Duration) (result.Sample, error) {
	return func(ctx context.Context, about time.Duration) (result.Sample, error) {
		// The store trusts a slot after a walk of it, which is no part of a get.
		if err := s.full.References(0, zhenni.Slots-1, func(zhenni.Reference) error { return nil }); err != nil {
			return result.Sample{}, err
		}
		var took time.Duration
		gets := 0
		for begun := time.Now(); gets == 0 || time.Since(begun) < about; gets++ {
			if ctx.Err() != nil {
				return result.Sample{}, context.Cause(ctx)
			}
			if err := Forget(s.dir); err != nil {
				return result.Sample{}, err
			}
			start := time.Now()
			if _, err := get(); err != nil {
				return result.Sample{}, err
			}
			took += time.Since(start)
		}
		return result.Sample{Value: float64(gets) / took.Seconds(), Counts: map[string]int64{"gets": int64(gets)}}, nil
	}
}

// syncedFile is overwritten page by page, each durable before the next.
type syncedFile struct {
	*disk.InPlace
	page []byte
	next int
}

// syncedPages is its size.
const syncedPages = 1 << 10

func newSyncedFile(path string) (*syncedFile, error) {
	if err := os.WriteFile(path, make([]byte, syncedPages*pageBytes), 0o600); err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	f, err := disk.OpenInPlace(path)
	if err != nil {
		return nil, fmt.Errorf("layer: %w", err)
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(fmt.Errorf("layer: %w", err), f.Close())
	}
	return &syncedFile{InPlace: f, page: alignedPage()}, nil
}

func (f *syncedFile) write() error {
	f.page[0]++
	if err := f.Through(f.page, int64(f.next)*pageBytes); err != nil {
		return fmt.Errorf("layer: %w", err)
	}
	f.next = (f.next + 1) % syncedPages
	return nil
}

// alignedPage is memory that can be read and written around the page cache.
func alignedPage() []byte {
	raw := make([]byte, 2*pageBytes)
	skip := -int(uintptr(unsafe.Pointer(&raw[0]))) & (pageBytes - 1)
	return raw[skip:][:pageBytes]
}

// unsigned is memory as bytes.
func unsigned(memory []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(memory))), len(memory))
}
