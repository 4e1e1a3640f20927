package audit

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Open opens the log in a folder, or starts one in an empty folder.
//
// The journal may end in a group that a crash cut. It is dropped if none of its leaves was acknowledged, which the mark
// beside it tells; damage to anything that was acknowledged is [zhenni.ErrCorrupt], as is a log that is shorter than, or
// not a continuation of, its newest checkpoint, an epoch's, or one that a witness cosigned. The texts say how to repair.
func Open(opts Options) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Log{opts: opts, stopBeat: func() {}}
	l.publisher = publisher{log: l, work: make(chan publication, unwritten), ended: make(chan struct{})}
	l.sequencer = sequencer{
		log: l, journal: journal{files: opts.Files, length: opts.Segment}, opened: time.Now(),
		lead: make(chan struct{}, 1), behind: make(chan struct{}, 1), flush: make(chan chan error),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	if err := l.recover(); err != nil {
		return nil, err
	}
	l.lookForRoom()
	beat := opts.Beat
	if beat == nil {
		ticker := time.NewTicker(CheckpointEvery)
		beat, l.stopBeat = ticker.C, ticker.Stop
	}
	go l.publisher.run()
	go l.sequencer.run(beat)
	return l, nil
}

// recover brings the log to where the journal ends. It runs before the goroutines.
func (l *Log) recover() error {
	tree, fresh, err := l.lastCheckpoint()
	if err != nil {
		return err
	}
	below, err := readPruned(l.opts.Files, l.opts.Origin, l.opts.Key)
	if err != nil {
		return err
	}
	l.pruned.Store(below)
	h, err := readJournal(l.opts.Files, tree.N/tileWidth*tileWidth)
	if err != nil {
		return err
	}
	switch {
	case fresh && h.end() > 0:
		return corrupt("there is a journal of %d entries and no checkpoint: %s", h.end(), repairHint)
	case !fresh && len(h.segments) == 0:
		return corrupt("the journal is missing: acknowledged leaves may be lost: %s", repairHint)
	}
	if err := l.replay(h, tree); err != nil {
		return err
	}
	return l.restart(h)
}

// lastCheckpoint reads the newest checkpoint. A fresh folder, with nothing but the journal that Open makes first, has
// none and is the empty tree.
func (l *Log) lastCheckpoint() (tree tlog.Tree, fresh bool, err error) {
	signed, err := l.opts.Files.ReadFile(checkpointFile)
	if notExist(err) {
		var empty edge
		return empty.tree(), true, l.mustBeFresh()
	}
	if err != nil {
		return tlog.Tree{}, false, ioError(err)
	}
	tree, err = ReadCheckpoint(signed, l.opts.Origin, l.opts.Key)
	if err != nil {
		return tlog.Tree{}, false, fmt.Errorf("%w: %s", err, repairHint)
	}
	l.published.Store(&snapshot{tree: tree, signed: signed})
	return tree, false, nil
}

func (l *Log) mustBeFresh() error {
	names, err := l.opts.Files.List("")
	if err != nil {
		return ioError(err)
	}
	for _, name := range names {
		if !isTemporary(name) && !under(name, journalDir) && name != secretsFile {
			return corrupt("there is %s and no checkpoint: %s", name, repairHint)
		}
	}
	return nil
}

func (l *Log) write(p publication) error {
	if err := l.publisher.publish(p, p.contents()); err != nil {
		return ioError(err)
	}
	return nil
}

// replay grows the tree from the newest checkpoint's last full bundle to the end of the journal, holds it against
// every checkpoint on the way, and writes again what became full.
func (l *Log) replay(h *history, tree tlog.Tree) error {
	e, err := loadEdge(l.opts.Files, h.first)
	if err != nil {
		return err
	}
	expected, err := l.expectations(tree, h.end())
	if err != nil {
		return err
	}
	var full []tileFile
	collect := func(t tlog.Tile, data []byte) { full = append(full, tileFile{t, append([]byte(nil), data...)}) }
	check := func() error {
		if want, ok := expected[e.size]; ok && want != e.root() {
			return corrupt("the log is not the one that was signed at size %d: %s", e.size, repairHint)
		}
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	for _, entry := range h.entries {
		e.push(entry, collect)
		if err := check(); err != nil {
			return err
		}
		p := publication{files: full}
		if e.size%EpochSize == 0 {
			p.tree, p.epoch = e.tree(), true
		}
		if err := l.write(p); err != nil {
			return err
		}
		full = full[:0]
	}
	l.sequencer.edge = e
	return nil
}

// expectations collects the roots that the log must have at sizes from the newest checkpoint's last bundle on.
func (l *Log) expectations(tree tlog.Tree, end int64) (map[int64]tlog.Hash, error) {
	expected := map[int64]tlog.Hash{}
	expect := func(what string, t tlog.Tree) error {
		if t.N > end {
			return corrupt("the log has %d entries and %s is of size %d: its tail was cut or an old copy put back: %s",
				end, what, t.N, repairHint)
		}
		if before, ok := expected[t.N]; ok && before != t.Hash {
			return corrupt("two histories are signed at size %d, one as %s: %s", t.N, what, repairHint)
		}
		expected[t.N] = t.Hash
		return nil
	}
	if err := expect("the newest checkpoint", tree); err != nil {
		return nil, err
	}
	for n := tree.N / EpochSize; ; n++ {
		signed, err := l.opts.Files.ReadFile(epochFile(n))
		if notExist(err) {
			break
		}
		if err != nil {
			return nil, ioError(err)
		}
		t, err := ReadCheckpoint(signed, l.opts.Origin, l.opts.Key)
		if err != nil || t.N != (n+1)*EpochSize {
			return nil, corrupt("%s: %v: %s", epochFile(n), err, repairHint)
		}
		if err := expect(epochFile(n), t); err != nil {
			return nil, err
		}
	}
	return expected, l.expectWitnessed(tree, expect)
}

// expectWitnessed adds the cosigned checkpoints. One below the newest checkpoint is held against its tree at once.
func (l *Log) expectWitnessed(tree tlog.Tree, expect func(string, tlog.Tree) error) error {
	if l.opts.Witness == nil {
		return nil
	}
	stored, err := l.opts.Files.ReadFile(witnessedFile)
	if err != nil && !notExist(err) {
		return ioError(err)
	}
	for what, signed := range map[string][]byte{witnessedFile: stored, "the witness' checkpoint": l.opts.Seen} {
		if signed == nil {
			continue
		}
		t, err := ReadCheckpoint(signed, l.opts.Origin, l.opts.Key, l.opts.Witness)
		if err != nil {
			return fmt.Errorf("%s: %w: %s", what, err, repairHint)
		}
		if t.N >= tree.N {
			if err := expect(what, t); err != nil {
				return err
			}
			continue
		}
		hash, err := tlog.TreeHash(t.N, tlog.TileHashReader(tree, diskTiles{l.opts.Files}))
		if err != nil || hash != t.Hash {
			return corrupt("the log is not a continuation of %s, of size %d: %s", what, t.N, repairHint)
		}
	}
	return nil
}

// restart starts a new segment with the entries that are in no full bundle, signs where the log stands and removes
// the segments before it. A crash between any two steps leaves something that Open reads again.
func (l *Log) restart(h *history) error {
	s := &l.sequencer
	s.end = s.edge.size
	first := s.edge.size / tileWidth * tileWidth
	if len(h.segments)+len(h.unused) > 0 {
		s.journal.number = h.last + 1
	}
	if err := s.journal.rotate(first); err != nil {
		return ioError(err)
	}
	if rest := h.entries[first-h.first:]; len(rest) > 0 {
		group := newGroup(nil)
		for _, entry := range rest {
			group = appendEntry(group, entry)
		}
		if err := s.journal.append(first, len(rest), group); err != nil {
			return ioError(err)
		}
	}
	if err := l.write(publication{tree: s.edge.tree(), files: s.edge.partials(), current: true}); err != nil {
		return err
	}
	s.requested = s.edge.size
	for _, name := range slices.Concat(h.segments, h.unused, []string{spareFile}) {
		if err := l.opts.Files.Remove(name); err != nil {
			return ioError(err)
		}
	}
	return l.sweep(h.first)
}

// sweep removes the partial files that a crash left of checkpoints before the newest, whose last bundle began at base.
func (l *Log) sweep(base int64) error {
	l.publisher.stale = nil
	base = max(0, base-staleEntries)
	keep := make(map[string]bool)
	for _, t := range partialTiles(l.sequencer.edge.size) {
		keep[tilePath(t)] = true
	}
	var tiles []tlog.Tile
	for level, from, to := 0, base, l.sequencer.edge.size; to > 0; level, from, to = level+1, from/tileWidth, to/tileWidth {
		for n := from / tileWidth; n <= to/tileWidth; n++ {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: n})
			if level == 0 {
				tiles = append(tiles, tlog.Tile{H: tileHeight, L: entriesLevel, N: n})
			}
		}
	}
	for _, t := range tiles {
		names, err := l.opts.Files.List(partialDir(t))
		if err != nil {
			return ioError(err)
		}
		for _, name := range names {
			if keep[name] {
				continue
			}
			if err := l.opts.Files.Remove(name); err != nil {
				return ioError(err)
			}
		}
	}
	return nil
}

// Witnessed keeps a checkpoint that the witness cosigned, if it is newer than the one kept: from then on the log does
// not open shorter than it: [zhenni.ErrCorrupt], [zhenni.ErrBadValue].
func (l *Log) Witnessed(cosigned []byte) error {
	if l.opts.Witness == nil {
		return badValue("the log has no witness")
	}
	keys := []note.Verifier{l.opts.Key, l.opts.Witness}
	tree, err := ReadCheckpoint(cosigned, l.opts.Origin, keys...)
	if err != nil {
		return err
	}
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if now := l.Tree(); tree.N > now.N {
		return corrupt("cosigned at size %d, and the log is of size %d", tree.N, now.N)
	}
	if hash, err := tlog.TreeHash(tree.N, l.hashes()); err != nil || hash != tree.Hash {
		return corrupt("cosigned is another log of size %d: %v", tree.N, err)
	}
	stored, err := l.opts.Files.ReadFile(witnessedFile)
	if err == nil {
		before, err := ReadCheckpoint(stored, l.opts.Origin, keys...)
		if err == nil && before.N >= tree.N {
			return nil
		}
	}
	if err := l.opts.Files.Write(Content{witnessedFile, cosigned}); err != nil {
		return ioError(err)
	}
	return nil
}
