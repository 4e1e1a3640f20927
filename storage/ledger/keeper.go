package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zhenni"
	"zhenni/storage/audit"
	"zhenni/storage/disk"
)

// keeper makes segments ready before they are needed, notes what is in closed ones, and drops the oldest. Its goroutine
// owns segments and gone.
type keeper struct {
	ready       chan readySegment
	closed      chan closedSegment
	quit, ended chan struct{}
	stopBeat    func()

	image    []byte     // of a new segment
	segments []keptFile // oldest first, those still written to left out
	gone     []keptFile // oldest first
	// recovered are the segments that Open found without an index.
	recovered []closedSegment
}

type readySegment struct {
	file   audit.File
	number uint32
	err    error
}

type closedSegment struct {
	number  uint32
	written []place
	end     int64
}

// keptFile is a segment, or a file of fingerprints with how many it has, and the time of the newest record in it.
type keptFile struct {
	number uint32
	newest uint32
	count  int
	bytes  int64
}

func (l *Ledger) replace(name string, data []byte) error {
	return l.files.Write(audit.Content{Name: name, Data: data})
}

func (l *Ledger) keep(number uint32) {
	k := &l.keeper
	defer close(k.ended)
	defer k.stopBeat()
	for {
		next := l.nextSegment(number)
		if !l.hand(next) {
			if next.err == nil {
				l.complain("remove an unused segment", errors.Join(next.file.Close(), l.files.Remove(numbered(segmentDir, number))))
			}
			return
		}
		if next.err == nil {
			number++
			l.close(<-k.closed)
		}
	}
}

// hand gives the segment to the writer when it asks for one, and looks after what is too old until then.
func (l *Ledger) hand(next readySegment) bool {
	k := &l.keeper
	for {
		select {
		case k.ready <- next:
			return true
		case <-l.opts.Beat:
			l.tidy()
		case <-k.quit:
			return false
		}
	}
}

// nextSegment is makeSegment where there is room. The first segment is made anyhow, so that a server which was restarted
// on a nearly full disk goes on when there is room.
func (l *Ledger) nextSegment(number uint32) readySegment {
	if err := l.opts.Room(); err != nil {
		return readySegment{err: unavailable("%w: %w", zhenni.ErrNoRoom, err)}
	}
	return l.makeSegment(number)
}

func (l *Ledger) makeSegment(number uint32) readySegment {
	k := &l.keeper
	if k.image == nil {
		k.image = disk.Grow(nil, int(l.opts.Segment))[:l.opts.Segment]
	}
	clear(k.image[:align])
	putSegmentHeader(k.image, number, l.salt)
	name := numbered(segmentDir, number)
	if err := l.replace(name, k.image); err != nil {
		return readySegment{err: unavailable("%w: no file for answers: %w", zhenni.ErrNoRoom, err)}
	}
	file, err := l.files.Open(name)
	if err != nil {
		return readySegment{err: unavailable("%w", err)}
	}
	return readySegment{file, number, nil}
}

// close takes over a segment that is not written to any more. The first one never was.
func (l *Ledger) close(s closedSegment) {
	if s.written == nil {
		return
	}
	l.cut(s.number, s.end, l.writeIndex(s.number, s.written))
	l.adopt(s.number, s.written, s.end)
	l.tidy()
}

// adopt takes in a segment that is not written to any more.
func (l *Ledger) adopt(number uint32, places []place, end int64) {
	s := kept(number, places)
	s.bytes = end
	l.keeper.segments = append(l.keeper.segments, s)
}

// cut gives back the room behind the end of a segment, if its index was written.
func (l *Ledger) cut(number uint32, end int64, indexed error) {
	if indexed == nil {
		indexed = os.Truncate(filepath.Join(l.opts.Dir, numbered(segmentDir, number)), end)
	}
	l.complain("write the index of a segment and cut it", indexed)
}

// newest is the number of the newest segment that is not written to, or 0.
func (k *keeper) newest() uint32 {
	if n := len(k.segments); n > 0 {
		return k.segments[n-1].number
	}
	return 0
}

func kept(number uint32, places []place) keptFile {
	newest := uint32(0)
	for _, p := range places {
		newest = max(newest, p.seconds)
	}
	return keptFile{number: number, newest: newest, count: len(places)}
}

// tidy drops what is too old or too much. Two segments more are being written to and ready.
func (l *Ledger) tidy() {
	k := &l.keeper
	bound := l.opts.Bytes - 2*l.opts.Segment
	for len(k.segments) > 0 && (k.bytes() > bound || !l.fresh(k.segments[0].newest)) {
		if err := l.dropOldest(); err != nil {
			l.complain("drop the oldest segment", err)
			break
		}
	}
	l.tidyGone()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.answers.len() > 0 && !l.fresh(l.answers.at(0).seconds) {
		l.forget()
	}
	l.stats.Bytes = k.bytes() + 2*l.opts.Segment
}

// bytes is what the segments take that are not written to.
func (k *keeper) bytes() (n int64) {
	for _, s := range k.segments {
		n += s.bytes
	}
	return n
}

// dropOldest removes the oldest segment, and remembers of the transactions in it those that could be sent again.
func (l *Ledger) dropOldest() error {
	oldest := l.keeper.segments[0]
	if l.fresh(oldest.newest) {
		if _, err := l.rememberGone(oldest, false); err != nil {
			return err
		}
	}
	l.mu.Lock()
	for l.answers.len() > 0 && l.answers.at(0).segment <= oldest.number {
		l.forget()
	}
	l.mu.Unlock()
	l.keeper.segments = l.keeper.segments[1:]
	return errors.Join(l.files.Remove(numbered(segmentDir, oldest.number)), l.files.Remove(numbered(indexDir, oldest.number)))
}

// rememberGone writes the fingerprints of a segment, beside those that were lost in it before, and returns them. Where
// there are none it writes a file only if it must.
func (l *Ledger) rememberGone(s keptFile, must bool) ([]uint64, error) {
	_, all, _ := l.readGone(s.number)
	places, ok := l.readIndex(s.number)
	if !ok {
		places = l.placesOf(s.number)
	}
	for _, p := range places {
		if p.named() {
			all = append(all, p.key.fingerprint())
		}
	}
	if len(all) == 0 && !must {
		return nil, nil
	}
	return all, l.noteGone(s.number, s.newest, all)
}

// placesOf finds the places of a segment without its index.
func (l *Ledger) placesOf(number uint32) (places []place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.answers.count {
		if p := *l.answers.at(i); p.segment == number {
			places = append(places, p)
		}
	}
	return places
}

// noteGone writes the file of fingerprints of a segment, in place of one that was there.
func (l *Ledger) noteGone(number, newest uint32, all []uint64) error {
	k := &l.keeper
	if err := l.writeGone(number, newest, all); err != nil {
		return err
	}
	k.gone = slices.DeleteFunc(k.gone, func(g keptFile) bool { return g.number == number })
	k.gone = append(k.gone, keptFile{number: number, newest: newest, count: len(all)})
	return nil
}

// tidyGone removes the fingerprints that are too old, or beyond the bound.
func (l *Ledger) tidyGone() {
	k := &l.keeper
	total := 0
	for _, g := range k.gone {
		total += g.count
	}
	for len(k.gone) > 0 && (!l.fresh(k.gone[0].newest) || total-k.gone[0].count >= l.opts.Remembered) {
		l.complain("remove old fingerprints", l.files.Remove(numbered(goneDir, k.gone[0].number)))
		total -= k.gone[0].count
		k.gone = k.gone[1:]
	}
}

// complain tells the operator of what failed beside the way of a request.
func (l *Ledger) complain(doing string, err error) {
	if err != nil {
		l.opts.Logger.Warn("the ledger could not "+doing, "folder", filepath.Base(l.opts.Dir), "error", err)
	}
}

// beat is a ticker where nobody gives another.
func (o *Options) beat() (stop func()) {
	if o.Beat != nil {
		return func() {}
	}
	ticker := time.NewTicker(time.Minute)
	o.Beat = ticker.C
	return ticker.Stop
}
