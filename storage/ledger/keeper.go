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

	image []byte // of a new segment
	// wanting says that no segment is ready, spare that a dropped one lies there to become it.
	wanting, spare bool

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
			k.wanting = true
			l.close(<-k.closed)
			k.wanting = false
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

// nextSegment is makeSegment where there is room, or a spare that needs none. The first segment is made anyhow, so that a
// server which was restarted on a nearly full disk goes on when there is room.
func (l *Ledger) nextSegment(number uint32) readySegment {
	if err := l.opts.Room(); err != nil && !l.keeper.spare {
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
	var err error
	if k.spare {
		err, k.spare = l.reuse(name), false
	} else {
		err = l.replace(name, k.image)
	}
	if err != nil {
		return readySegment{err: unavailable("%w: no file for answers: %w", zhenni.ErrNoRoom, err)}
	}
	file, err := l.files.Open(name)
	if err != nil {
		return readySegment{err: unavailable("%w", err)}
	}
	return readySegment{file, number, nil}
}

// reuse makes the spare the segment of a name. What was dropped is gone before it has one.
func (l *Ledger) reuse(name string) error {
	file, err := l.files.Open(spareFile)
	if err != nil {
		return err
	}
	if err = disk.Clear(file.Through, l.opts.Segment); err == nil {
		err = file.Through(l.keeper.image[:align], 0)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return l.files.Rename(spareFile, name)
}

// close takes over a segment that is not written to any more. The first one never was.
func (l *Ledger) close(s closedSegment) {
	if s.written == nil {
		return
	}
	l.adopt(s.number, s.written, l.opts.Segment)
	l.index(s)
	l.complain("write the counts of failed attempts", l.writeCounts(s.number+1))
	l.tidy()
}

// adopt takes in a segment that is not written to any more.
func (l *Ledger) adopt(number uint32, places []place, bytes int64) {
	s := kept(number, places)
	s.bytes = bytes
	l.keeper.segments = append(l.keeper.segments, s)
}

// index writes the index of an adopted segment, and then gives back the room behind its end if that is an eighth or more:
// one that is full is used again as it is.
func (l *Ledger) index(c closedSegment) {
	err := l.writeIndex(c.number, c.written)
	if s := l.keeper.find(c.number); err == nil && c.end <= s.bytes-s.bytes/8 {
		if err = os.Truncate(filepath.Join(l.opts.Dir, numbered(segmentDir, c.number)), c.end); err == nil {
			s.bytes = c.end
		}
	}
	l.complain("write the index of a segment and cut it", err)
}

// find returns a segment that was adopted.
func (k *keeper) find(number uint32) *keptFile {
	at := slices.IndexFunc(k.segments, func(s keptFile) bool { return s.number == number })
	return &k.segments[at]
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

// tidy drops what is too old or too much, if the counts in it are kept elsewhere. Two segments more are being written to and ready.
func (l *Ledger) tidy() {
	k := &l.keeper
	bound := l.opts.Bytes - 2*l.opts.Segment
	for len(k.segments) > 0 && k.segments[0].number < l.counted.from && (k.bytes() > bound || !l.wanted(k.segments[0])) {
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

// wanted reports whether a segment has answers that may be given again, or was evicted from so lately that it is remembered.
func (l *Ledger) wanted(s keptFile) bool {
	switch {
	case !l.fresh(s.newest):
		return false
	case l.recent(s.newest):
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers.len() > 0 && l.answers.at(0).segment <= s.number
}

// bytes is what the segments take that are not written to.
func (k *keeper) bytes() (n int64) {
	for _, s := range k.segments {
		n += s.bytes
	}
	return n
}

// dropOldest removes the oldest segment, or sets it aside to be the next, and remembers of the transactions in it those
// that could be sent again.
func (l *Ledger) dropOldest() error {
	oldest := l.keeper.segments[0]
	if l.recent(oldest.newest) {
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
	return errors.Join(l.setAside(oldest), l.files.Remove(numbered(indexDir, oldest.number)))
}

// setAside takes a segment from its name: it is the spare where one is wanted and it is whole, or else removed.
func (l *Ledger) setAside(s keptFile) error {
	k, name := &l.keeper, numbered(segmentDir, s.number)
	if !k.wanting || k.spare || s.bytes != l.opts.Segment {
		return l.files.Remove(name)
	}
	err := l.files.Rename(name, spareFile)
	k.spare = err == nil
	return err
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
	for len(k.gone) > 0 && (!l.recent(k.gone[0].newest) || total-k.gone[0].count >= l.opts.Remembered) {
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
