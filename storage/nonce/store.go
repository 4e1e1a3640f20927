package nonce

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"zhenni"
)

const (
	// span is the time of a segment, in seconds; held is how many there are.
	span = 10
	held = 9
	// maxAhead is how far ahead of the clock a signature may have been created, maxLeft how long it may then be good.
	maxAhead = 5 * time.Second
	maxLeft  = 65 * time.Second

	shards = 16
)

// DefaultCapacity is how many digests a segment takes: 52,000 requests a second, in at most 10 MiB of disk and about 20 MiB
// of memory each.
const DefaultCapacity = 1 << 19

// Options say where a [Store] is kept.
type Options struct {
	// Dir is the folder of its files, which is made where it does not exist. Empty is none: then nothing survives the
	// process.
	Dir string
	// Boot names the run of the machine, see [BootID]. Empty is unknown, and no file is believed.
	Boot string
	// Fresh says that nobody can have signed anything before: a folder that is not there lacks nothing.
	Fresh bool
	// Capacity is how many digests a segment takes, 1 to 2²⁴: [DefaultCapacity].
	Capacity int
	// Now is when it is opened.
	Now time.Time
	// Logger is told of what is refused because it can not be known: slog.Default().
	Logger *slog.Logger
}

// A Store remembers. It is safe for concurrent use. Its files belong to one Store at a time, which is for the caller to see
// to.
type Store struct {
	capacity int64
	files    *folder // nil for none
	log      *slog.Logger
	behind   atomic.Bool // the clock stepped back, and the log has it

	// making is held to make a segment, while those that are there are used; it is taken before turning.
	making sync.Mutex
	ready  *segment // owned by making: empty, of noSegment or of the number after the newest, nil for none

	// turning is held to put one segment in the place of another, and shared to use them.
	turning  sync.RWMutex
	segments [held]*segment
	newest   int64 // number of the newest segment; it changes under both locks
	floor    int64 // the least number that is taken
	after    int64 // the least time of creation that is taken
	closed   bool  // it changes under both locks
}

// Open opens or makes the files. Where they do not say everything that was remembered before, it takes nothing that might
// have come then.
func Open(o Options) (*Store, error) {
	if o.Capacity == 0 {
		o.Capacity = DefaultCapacity
	}
	if o.Capacity < 1 || o.Capacity > 1<<24 || o.Now.IsZero() {
		return nil, fmt.Errorf("%w: nonces: want a time, and a capacity of 1 to %d", zhenni.ErrBadValue, 1<<24)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Store{capacity: int64(o.Capacity), log: o.Logger, newest: noSegment, after: noSegment, ready: new(segment)}
	for slot := range s.segments {
		s.segments[slot] = new(segment)
	}
	lost := "nothing is kept on the disk"
	if o.Dir != "" {
		var err error
		if s.files, err = openFolder(o); err != nil {
			return nil, err
		}
		if lost, err = s.load(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if lost != "" {
		return s, s.startOver(lost, o)
	}
	return s, nil
}

// startOver begins without what was remembered.
func (s *Store) startOver(lost string, o Options) error {
	s.floor = s.newest + 1
	if !o.Fresh || s.newest != noSegment {
		s.after = max(s.after, o.Now.Add(maxAhead).Unix()+1)
		s.log.Warn("what signed requests came before is not known: those that may have are refused",
			"reason", lost, "created_before", time.Unix(s.after, 0).UTC())
	}
	for slot := range s.segments {
		if err := s.begin(slot, noSegment); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return nil
}

// Remember takes a request that was verified. Of all calls with one digest one succeeds; the others fail with
// [zhenni.ErrReplayed]. It fails with [zhenni.ErrOverloaded] where there is no room, and with [zhenni.ErrUnavailable] where it
// can not be known whether the request came before, or it could not be kept: then it counts as come. Created and until are
// when the signature was made and ends; it was in time when the head of the request was read, and may not be any more.
func (s *Store) Remember(digest [16]byte, created, until, now time.Time) error {
	number := until.Unix() / span
	if until.Sub(now) > maxLeft {
		return fmt.Errorf("%w: a signature that is good for more than %v", zhenni.ErrBadValue, maxLeft)
	}
	s.turning.RLock()
	for number > s.newest {
		s.turning.RUnlock()
		if err := s.turn(number); err != nil {
			return err
		}
		s.turning.RLock()
	}
	defer s.turning.RUnlock()
	if err := s.knows(number, created, now); err != nil {
		return err
	}
	return s.segments[number%held].keep(digest, s.capacity)
}

// knows reports why it can not be known whether a request came before.
func (s *Store) knows(number int64, created, now time.Time) error {
	switch {
	case s.closed:
		return fmt.Errorf("%w: nonces are closed", zhenni.ErrUnavailable)
	case created.Unix() < s.after:
		return fmt.Errorf("%w: nonces from before the start are not known", zhenni.ErrUnavailable)
	case number < s.floor || number <= s.newest-held:
		// A body may have taken longer than its signature was good for, on a clock that is as it should be.
		if s.newest*span > now.Add(maxLeft).Unix() && !s.behind.Swap(true) {
			s.log.Error("the clock is behind what was remembered: signed requests are refused until it is there again",
				"remembered", time.Unix(s.newest*span, 0).UTC())
		}
		return fmt.Errorf("%w: nonces of that time are forgotten", zhenni.ErrUnavailable)
	}
	if s.behind.Load() {
		s.behind.Store(false)
	}
	return nil
}

// turn makes the segment of a number the newest, with those between. Those that are there are used meanwhile, and who waits
// finds the next one's file made.
func (s *Store) turn(number int64) error {
	s.making.Lock()
	defer s.making.Unlock()
	if s.closed {
		return fmt.Errorf("%w: nonces are closed", zhenni.ErrUnavailable)
	}
	for next := max(s.newest+1, number-held+1); next <= number; next++ {
		if err := s.begin(int(next%held), next); err != nil {
			return fmt.Errorf("%w: nonces: %w", zhenni.ErrUnavailable, err)
		}
	}
	_ = s.prepare(int((s.newest+1)%held), s.newest+1) // whoever needs it tries again
	return nil
}

// prepare empties a segment and makes its file, under another name. The caller holds making.
func (s *Store) prepare(slot int, number int64) error {
	if s.ready.number == number && number != noSegment && s.ready.isMade(s.files) {
		return nil
	}
	_ = s.ready.close() // it was of another number
	var file *os.File
	if s.files != nil {
		var err error
		if file, err = s.files.create(slot, header{number: number, floor: s.floor, after: s.after}); err != nil {
			return err
		}
	}
	s.ready.reset(number, file)
	return nil
}

// begin puts a new segment into a place. The caller holds making. The file takes its place before the segment does: killed
// between the two, the next process takes nothing of the time of the segment before, which is over.
func (s *Store) begin(slot int, number int64) error {
	if err := s.prepare(slot, number); err != nil {
		return err
	}
	if s.files != nil {
		if err := s.files.settle(slot); err != nil {
			_ = s.ready.close() // nobody knows where it is now
			return err
		}
	}
	s.turning.Lock()
	s.segments[slot], s.ready = s.ready, s.segments[slot]
	if number != noSegment {
		s.newest = number
	}
	s.turning.Unlock()
	_ = s.ready.close() // nothing in it is needed
	return nil
}

// Len returns how many digests are held, also of those whose time is over.
func (s *Store) Len() (n int) {
	s.turning.RLock()
	defer s.turning.RUnlock()
	for i := range s.segments {
		n += int(s.segments[i].count.Load())
	}
	return n
}

// Close closes the files. What is remembered afterwards is refused.
func (s *Store) Close() error {
	s.making.Lock()
	defer s.making.Unlock()
	s.turning.Lock()
	defer s.turning.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	errs := []error{s.ready.close()}
	for _, g := range s.segments {
		errs = append(errs, g.close())
	}
	return errors.Join(errs...)
}
