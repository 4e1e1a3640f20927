package ledger

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zhenni/storage/audit"
)

// Open opens the ledger of a folder, or makes one. The log is open, and everything acknowledged by it is in its newest
// checkpoint. Errors are [zhenni.ErrBadValue], [zhenni.ErrCorrupt] (transactions were lost without a trace, or an older
// copy was put back), [zhenni.ErrFormat] and those of the operating system.
func Open(o Options) (*Ledger, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Ledger{opts: o, opened: time.Now(), files: audit.Folder(o.Dir), inHand: map[key]struct{}{}, salt: make([]byte, saltSize)}
	l.scratch.New = func() any { return new(scratch) }
	if l.secrets, err = deriveSecrets(o.Key); err != nil {
		return nil, err
	}
	if _, err := rand.Read(l.salt); err != nil {
		return nil, unavailable("no salt: %w", err)
	}
	if l.aead, err = l.secrets.aead(l.salt); err != nil {
		return nil, err
	}
	l.answers.reserve(o.Answers)
	l.counted.make(o)
	last, err := l.load()
	if err != nil {
		return nil, err
	}
	return l, l.start(last + 1)
}

// start begins to write to a segment of the number given.
func (l *Ledger) start(number uint32) error {
	k, w := &l.keeper, &l.writer
	w.prior, w.from = unknown, l.opts.Log.Size()
	w.wake, w.quit, w.ended = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	k.ready, k.closed = make(chan readySegment), make(chan closedSegment, 1)
	k.quit, k.ended = make(chan struct{}), make(chan struct{})
	first := l.makeSegment(number)
	if first.err != nil {
		return first.err
	}
	w.file, w.number, w.offset, w.slot = first.file, number, align, 1
	if err := l.writeCounts(number); err != nil {
		return err
	}
	if err := l.writeEnd(number, stillOpen); err != nil {
		return err
	}
	for _, s := range k.recovered {
		l.index(s)
	}
	l.complain("remove a dropped segment", l.files.Remove(spareFile))
	l.tidy()
	k.stopBeat = l.opts.beat()
	go l.keep(number + 1)
	go l.write()
	return nil
}

// stillOpen stands in the end file for the size of the log while a ledger is open: whoever finds it was not closed.
const stillOpen = int64(-1)

// lose answers for loss without a trace: an error, unless the operator accepts it.
func (l *Ledger) lose(format string, args ...any) error {
	err := corrupt(format+"; restore "+l.opts.Dir+", or accept the loss: those transactions can run again", args...)
	if l.opts.AcceptLoss {
		l.opts.Logger.Error("transactions were lost, and that was accepted", "error", err)
		return nil
	}
	return err
}

// load reads what is in the folder and returns the highest number in use. Segments behind it hold nothing.
func (l *Ledger) load() (last uint32, err error) {
	files, err := l.list()
	if err != nil {
		return 0, err
	}
	number, size, found, err := l.readEnd()
	if err != nil {
		if err = l.lose("%v", err); err != nil {
			return 0, err
		}
	}
	if files.empty() && !found {
		if n := l.opts.Log.Size(); n > 0 {
			l.opts.Logger.Warn("a new ledger beside a log with leaves: what was answered before can run again", "leaves", n)
		}
		return 0, nil
	}
	if err := l.loadGone(files.gone); err != nil {
		return 0, err
	}
	if err := l.loadCounts(files); err != nil {
		return 0, err
	}
	if last, err = l.loadSegments(files); err != nil {
		return 0, err
	}
	return last, l.checkEnd(files, number, size, found)
}

// folder is the numbers of the files there are.
type folder struct{ segments, indexes, gone []uint32 }

func (f folder) empty() bool { return len(f.segments)+len(f.indexes)+len(f.gone) == 0 }

func (f folder) last() (n uint32) {
	for _, numbers := range [][]uint32{f.segments, f.indexes, f.gone} {
		if len(numbers) > 0 {
			n = max(n, numbers[len(numbers)-1])
		}
	}
	return n
}

func (l *Ledger) list() (f folder, err error) {
	for dir, numbers := range map[string]*[]uint32{segmentDir: &f.segments, indexDir: &f.indexes, goneDir: &f.gone} {
		names, err := l.files.List(dir)
		if err != nil {
			return f, err
		}
		for _, name := range names {
			if n, ok := numberOf(dir, name); ok {
				*numbers = append(*numbers, n)
			}
		}
		slices.Sort(*numbers)
	}
	return f, nil
}

func (l *Ledger) loadGone(numbers []uint32) error {
	for _, n := range numbers {
		newest, all, ok := l.readGone(n)
		if !ok {
			if err := l.lose("%s is damaged", numbered(goneDir, n)); err != nil {
				return err
			}
			continue
		}
		l.keeper.gone = append(l.keeper.gone, keptFile{number: n, newest: newest, count: len(all)})
		if l.recent(newest) {
			l.rememberAll(all, newest)
		}
	}
	return nil
}

func (l *Ledger) rememberAll(all []uint64, seconds uint32) {
	for _, f := range all {
		l.recall(memory{f, seconds})
	}
}

// loadSegments takes in the records of every segment, oldest first, and returns the highest number in use.
func (l *Ledger) loadSegments(files folder) (last uint32, err error) {
	if len(files.gone) > 0 {
		last = files.gone[len(files.gone)-1]
	}
	numbers := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(files.segments), files.indexes...))))
	for i, n := range numbers {
		if i > 0 {
			if err := l.checkGap(files, numbers[i-1]+1, n); err != nil {
				return 0, err
			}
		}
		there := slices.Contains(files.segments, n)
		places, err := l.loadSegment(n, there)
		switch {
		case err != nil:
			return 0, err
		case places == nil && there: // nothing was ever written to it: a new one takes its place
			last = max(last, n-1)
			return last, nil
		}
		last = max(last, n)
		if !there {
			err = l.loseCounts(n)
		} else if err = l.take(n, places); err == nil {
			err = l.foldSegment(n, places)
		}
		if err != nil {
			return 0, err
		}
	}
	return last, nil
}

// take takes in the places of a segment.
func (l *Ledger) take(n uint32, places []place) error {
	info, err := os.Stat(filepath.Join(l.opts.Dir, numbered(segmentDir, n)))
	if err != nil {
		return err
	}
	l.adopt(n, places, info.Size())
	for _, p := range places {
		l.remember(p)
	}
	return nil
}

// checkGap reports the segments from a number up to another as lost, unless they were dropped.
func (l *Ledger) checkGap(files folder, from, to uint32) error {
	for n := from; n < to; n++ {
		if !slices.Contains(files.gone, n) {
			return l.lose("segment %d is missing", n)
		}
	}
	return nil
}

// loadSegment returns the places of a segment, from its index if it has one; none where nothing was ever written.
func (l *Ledger) loadSegment(n uint32, there bool) ([]place, error) {
	places, ok := l.readIndex(n)
	switch {
	case ok && there:
		return places, nil
	case ok:
		return nil, l.loseSegment(n, places)
	case !there:
		return nil, l.lose("segment %d is missing and its index damaged", n)
	}
	places, end, err := l.recoverSegment(n)
	if err != nil || places == nil {
		return nil, err
	}
	l.keeper.recovered = append(l.keeper.recovered, closedSegment{n, places, end})
	return places, nil
}

// loseSegment takes a segment that is gone for one that was dropped.
func (l *Ledger) loseSegment(n uint32, places []place) error {
	l.opts.Logger.Error("a segment of answers is missing; its transactions are refused as evicted", "segment", n, "answers", len(places))
	s := kept(n, places)
	all, err := l.rememberGone(s, true)
	if err != nil {
		return err
	}
	l.rememberAll(all, s.newest)
	return l.files.Remove(numbered(indexDir, n))
}

// checkEnd holds the segments against what Close wrote, and the leaves of the log against the records.
func (l *Ledger) checkEnd(files folder, number uint32, size int64, found bool) error {
	if !found {
		return l.lose("%s is missing beside segments", endFile)
	}
	if last := files.last(); last < number || size == stillOpen && slices.Contains(files.indexes, last) {
		// While a ledger is open its last segment has no index.
		return l.lose("the last segment, %d or a later one, is missing", number)
	}
	allowed, from := int64(0), size
	if size == stillOpen {
		allowed, from = groupLeaves, -1
		for i := range l.answers.count {
			from = max(from, l.answers.at(i).index()+1)
		}
	}
	if from < 0 {
		return nil // nothing is kept that could be held against the log
	}
	orphans, err := l.leavesFrom(from, nil)
	if err != nil || orphans <= allowed {
		return err
	}
	return l.lose("the log has %d verifications that the ledger has not: an older copy was put back", orphans)
}

// leavesFrom counts the leaves of verifications from an index of the log on, and tells visit of each.
func (l *Ledger) leavesFrom(from int64, visit func(index int64, hash [32]byte)) (n int64, err error) {
	for i := max(from, 0); i < l.opts.Log.Size(); i++ {
		entry, err := l.opts.Log.Entry(i)
		if err != nil {
			return n, err
		}
		leaf, err := audit.ParseLeaf(entry)
		if err != nil {
			return n, err
		}
		if leaf.Kind == audit.KindChange {
			continue
		}
		n++
		if visit != nil {
			visit(i, leaf.Hash)
		}
	}
	return n, nil
}

var _ Log = (*audit.Log)(nil)
