package meter

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
	"zhenni/storage/disk"
)

// Options say where a [Store] is kept.
type Options struct {
	// Path is the file, which is made where it does not exist. Empty is none: then nothing survives the process.
	Path string
	// Beat says when to sync what was changed: a ticker of a second.
	Beat <-chan time.Time
	// Logger hears of damage: slog.Default().
	Logger *slog.Logger
}

// A Store keeps numbers. It is safe for concurrent use. Its file belongs to one Store at a time, which is for the caller to see
// to.
type Store struct {
	file  *os.File // nil for none
	log   *slog.Logger
	dirty atomic.Bool
	quit  chan struct{}
	ended sync.WaitGroup

	// mu guards the rest, but not the numbers of a name, which are for one goroutine at a time.
	mu     sync.RWMutex
	places map[string]*place
	free   []int64
	end    int64 // of the file
	closed bool
}

// A place is where the numbers of a name lie.
type place struct {
	at      int64
	numbers []int64
	image   [placeSize]byte // the last that was written
}

// Open opens or makes the file. Errors are [zhenni.ErrFormat] of another version, [zhenni.ErrCorrupt], where its head is
// damaged or it is another's, and those of the operating system.
func Open(o Options) (*Store, error) {
	s := &Store{log: o.Logger, places: map[string]*place{}, quit: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	if o.Path == "" {
		return s, nil
	}
	var err error
	if s.file, err = os.OpenFile(o.Path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	beat, stop := o.Beat, func() {}
	if beat == nil {
		ticker := time.NewTicker(time.Second)
		beat, stop = ticker.C, ticker.Stop
	}
	s.ended.Go(func() { s.keep(beat, stop) })
	return s, nil
}

// keep syncs what was changed, at every beat.
func (s *Store) keep(beat <-chan time.Time, stop func()) {
	defer stop()
	for {
		select {
		case <-beat:
			if err := s.sync(); err != nil {
				s.log.Error("what relying parties have used is not durable", "error", err)
			}
		case <-s.quit:
			return
		}
	}
}

func (s *Store) sync() error {
	if !s.dirty.Swap(false) {
		return nil
	}
	return disk.SyncData(s.file)
}

// Kept returns the numbers under a name, or none. They are the caller's.
func (s *Store) Kept(name string) []int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p := s.places[name]; p != nil {
		return append([]int64(nil), p.numbers...)
	}
	return nil
}

// Keep has numbers outlive the process, in place of those under the name before. For one name it is called by one goroutine
// at a time. Errors are [zhenni.ErrBadValue] and [zhenni.ErrUnavailable], after which the next process may find either.
func (s *Store) Keep(name string, numbers []int64) error {
	if name == "" || len(name) > maxName || len(numbers) > maxNumbers {
		return fmt.Errorf("%w: meter: %d numbers under a name of %d bytes", zhenni.ErrBadValue, len(numbers), len(name))
	}
	p, err := s.place(name)
	if err != nil {
		return fmt.Errorf("%w: meter: %w", zhenni.ErrUnavailable, err)
	}
	p.numbers = append(p.numbers[:0], numbers...)
	if s.file == nil {
		return nil
	}
	p.encode(name)
	if _, err := s.file.WriteAt(p.image[:], p.at); err != nil {
		return fmt.Errorf("%w: meter: %w", zhenni.ErrUnavailable, err)
	}
	s.dirty.Store(true)
	return nil
}

// place returns that of a name, a free one where it has none.
func (s *Store) place(name string) (*place, error) {
	s.mu.RLock()
	p := s.places[name]
	s.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p = s.places[name]; p != nil {
		return p, nil
	}
	if s.closed {
		return nil, os.ErrClosed
	}
	p = &place{}
	if s.file != nil {
		if len(s.free) == 0 {
			if err := s.grow(); err != nil {
				return nil, err
			}
		}
		p.at = s.free[0]
		s.free = s.free[1:]
	}
	s.places[name] = p
	return p, nil
}

// Close syncs what was kept. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.quit)
	s.ended.Wait()
	if s.file == nil {
		return nil
	}
	return errors.Join(s.sync(), s.file.Close())
}
