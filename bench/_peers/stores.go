package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"golang.org/x/sys/unix"

	"zhenni"
)

// stores are what a verifier could keep its int8 rows in, read in this process: no server, no network.
type stores struct {
	flat   []byte // mapped file
	index  map[zhenni.CredentialID]uint32
	pebble *pebble.DB
	badger *badger.DB
}

func badgerOptions(dir string) badger.Options {
	return badger.DefaultOptions(dir).WithLogger(nil).WithCompression(options.None).WithBlockCacheSize(0)
}

// openStores fills the three and opens them for reading.
func openStores(ctx context.Context, dir string, w *workload) (_ *stores, err error) {
	s := &stores{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err = s.openFlat(filepath.Join(dir, "rows"), w); err != nil {
		return nil, err
	}
	if err = s.openPebble(ctx, filepath.Join(dir, "pebble"), w); err != nil {
		return nil, err
	}
	folder := filepath.Join(dir, "badger")
	if err = fillBadger(ctx, folder, w, func(i int, _ []float32) []byte { return rawBytes(w.reference(i)) }); err != nil {
		return nil, err
	}
	s.badger, err = badger.Open(badgerOptions(folder))
	return s, err
}

// openFlat writes the rows one behind the other, maps the file, and keeps in memory which row is whose.
func (s *stores) openFlat(path string, w *workload) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriterSize(f, 1<<20)
	out.Write(rawBytes(w.references)) // its error stays until Flush
	if err := out.Flush(); err != nil {
		return err
	}
	s.index = make(map[zhenni.CredentialID]uint32, len(w.ids))
	for i, id := range w.ids {
		s.index[id] = uint32(i)
	}
	s.flat, err = unix.Mmap(int(f.Fd()), 0, len(w.references), unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	return err
}

func (s *stores) openPebble(ctx context.Context, dir string, w *workload) (err error) {
	cache := pebble.NewCache(int64(len(w.references)) * 3 / 2) // all of it fits
	defer cache.Unref()
	opts := &pebble.Options{Cache: cache, Logger: quiet{}}
	for i := range opts.Levels {
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	if s.pebble, err = pebble.Open(dir, opts); err != nil {
		return err
	}
	batch := s.pebble.NewBatch()
	for i, id := range w.ids {
		if err := batch.Set(id[:], rawBytes(w.reference(i)), nil); err != nil {
			return err
		}
		if batch.Count() == 4096 {
			if err := batch.Commit(pebble.NoSync); err != nil {
				return err
			}
			batch = s.pebble.NewBatch()
		}
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return err
	}
	if err := s.pebble.Flush(); err != nil {
		return err
	}
	return s.pebble.Compact(ctx, make([]byte, 1), []byte{0xff, 0xff}, true)
}

// quiet drops what a store logs, but for its end.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (s *stores) close() error {
	var errs []error
	if s.flat != nil {
		errs = append(errs, unix.Munmap(s.flat))
	}
	if s.pebble != nil {
		errs = append(errs, s.pebble.Close())
	}
	if s.badger != nil {
		errs = append(errs, s.badger.Close())
	}
	return errors.Join(errs...)
}

const flatName = "flat mapped file, index in memory"

// contenders reads with one goroutine a core.
func (s *stores) contenders(w *workload) []contender {
	way := func(about string, ask storeAsker) contender {
		return contender{peer: peerStores, kind: kindStore, about: about, clients: cores(), items: 1024,
			dial: func(context.Context, int, int) (asker, error) { return ask, nil }}
	}
	return []contender{
		way(flatName, func(first int, match []bool) error {
			for i := range match {
				at := int(s.index[w.claims[first+i]]) * w.dim()
				match[i] = w.decide(first+i, s.flat[at:at+w.dim()])
			}
			return nil
		}),
		way("Pebble Get", func(first int, match []bool) error {
			for i := range match {
				id := w.claims[first+i]
				value, closer, err := s.pebble.Get(id[:])
				if err != nil {
					return err
				}
				match[i] = w.decide(first+i, value)
				if err := closer.Close(); err != nil {
					return err
				}
			}
			return nil
		}),
		way("Badger Get", func(first int, match []bool) error {
			return s.badger.View(func(txn *badger.Txn) error { return getBadger(txn, w, first, match) })
		}),
	}
}

func getBadger(txn *badger.Txn, w *workload, first int, match []bool) error {
	for i := range match {
		id := w.claims[first+i]
		item, err := txn.Get(id[:])
		if err != nil {
			return err
		}
		if err := item.Value(func(value []byte) error {
			match[i] = w.decide(first+i, value)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// storeAsker reads in the caller's goroutine.
type storeAsker func(first int, match []bool) error

func (a storeAsker) ask(_ context.Context, first int, match []bool) error { return a(first, match) }
func (a storeAsker) close() error                                         { return nil }
